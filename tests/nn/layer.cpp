#include "eigengrad/nn/module/layer.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Model = eg::Sequential<double>;
using Linear = eg::Linear<double>;
using Function = eg::Pointwise<double>;
using Names = std::vector<std::string>;
using support::mentions, support::message_of, support::same_bits;

namespace {

/// A layer of one's own that takes a function along: what a program writes that knows a quicker way than both by turns.
struct Halved : eg::Layer<double> {
  static inline int taken = 0;  // how often a function was

  Tensor forward(const Tensor& x) override { return inner(x) * 0.5; }
  Tensor forward_then(const Tensor& x, const Function& then) override {
    ++taken;
    return apply_pointwise(then, forward(x), eg::calling_line());
  }
  void members(eg::Members<double>& m) override { m("inner", inner); }
  std::string kind() const override { return "Halved"; }

  Linear inner{3, 3};
};
/// Hands the function on to the layer inside.
struct Wrapped : eg::Layer<double> {
  Tensor forward(const Tensor& x) override { return inner.forward(x); }
  Tensor forward_then(const Tensor& x, const Function& then) override { return inner.forward_then(x, then); }
  void members(eg::Members<double>& m) override { m("inner", inner); }

  Linear inner{3, 3};
};
/// As it was written before there was Layer.
struct Plain : eg::Module<double> {
  Tensor forward(const Tensor& x) override { return x * 3; }
};
struct OnlyForward : eg::Layer<double> {
  Tensor forward(const Tensor& x) override { return x * 3; }
};

// Linear layers that somebody built on.
struct Named : Linear {
  using Linear::Linear;
  std::string kind() const override { return "Named"; }
};
struct Shifted : Linear {
  using Linear::Linear;
  Tensor forward(const Tensor& x) override { return Linear::forward(x) + 1; }
};
struct ShiftedHidden : Linear {
  using Linear::Linear;

 private:
  Tensor forward(const Tensor& x) override { return Linear::forward(x) + 1; }
};
struct ShiftedOverloaded : Linear {
  using Linear::Linear;
  Tensor forward(const Tensor& x) override { return Linear::forward(x) + 1; }
  Tensor forward(const Tensor& x, double by) { return Linear::forward(x) + by; }
};
struct ShiftedTwice : Shifted {
  using Shifted::Shifted;
};
struct ShiftedBoth : Linear {
  using Linear::Linear;
  Tensor forward(const Tensor& x) override { return Linear::forward(x) + 1; }
  Tensor forward_then(const Tensor& x, const Function& then) override {
    return apply_pointwise(then, forward(x), eg::calling_line());
  }
};
struct NotLinearAnyMore : ShiftedBoth {
  using ShiftedBoth::ShiftedBoth;
  Tensor forward(const Tensor& x) override { return 2 * x; }
};

// And activations.
struct Renamed : eg::Tanh<double> {
  std::string kind() const override { return "Renamed"; }
};
struct Doubled : eg::Tanh<double> {
  Tensor forward(const Tensor& x) override { return 2 * tanh(x); }
};
struct ChosenFunction : eg::Layer<double> {
  eg::Sigmoid<double> sigmoid;
  eg::Tanh<double> tanh;
  bool chosen = false;

  Tensor forward(const Tensor& x) override { return chosen ? tanh.forward(x) : sigmoid.forward(x); }
  const Function* pointwise() const override { return chosen ? tanh.pointwise() : sigmoid.pointwise(); }
};

const Tensor inputs = {{0.5, -1, 2}, {-0.25, 0.125, 1}};

Tensor one_by_one(Model& model, Tensor x) {
  for (eg::Index i = 0; i < model.size(); ++i) x = model[i](x);
  return x;
}
/// What is recorded of a model, after its values and gradients were found to be those of its layers by turns.
Names records_of(Model model) {
  const auto parameters = model.parameters();
  eg::Tape apart;
  const Tensor expected = one_by_one(model, inputs);
  const auto expected_gradients = apart.gradient(sum(square(expected)), parameters);
  eg::Tape tape;
  const Tensor y = model(inputs);
  const Names result = tape.operations();
  EXPECT_TRUE(same_bits(y, expected));
  const auto gradients = tape.gradient(sum(square(y)), parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(same_bits(gradients[i], expected_gradients[i])) << i;
  return result;
}

}  // namespace

TEST(Layer, OfOnesOwnTakesTheNextFunctionAlong) {
  Halved::taken = 0;
  records_of(Model(Halved(), eg::Tanh<double>(), Halved(), eg::GELU<double>(), Halved()));
  EXPECT_EQ(Halved::taken, 1) << "GELU is no such function, and after the last there is none";
  EXPECT_EQ(records_of(Model(Wrapped(), eg::Sigmoid<double>())), (Names{"linear"})) << "both in one record";
  Model model{Halved(), eg::ReLU<double>()};
  eg::gradcheck([&](const Tensor& x) { return sum(square(model(x))); }, inputs);
}

TEST(Layer, WithoutAWayOfItsOwnIsFollowedByTheFunction) {
  const eg::Tanh<double> tanh;
  EXPECT_EQ(records_of(Model(Linear(3, 3), OnlyForward(), tanh, Plain(), tanh)).size(), 5u);
  OnlyForward layer;
  eg::Layer<double>& any = layer;
  const eg::Parameter<double> x(inputs);
  eg::Tape tape;
  const Tensor y = any.forward_then(x.to_tensor(), *tanh.pointwise());
  EXPECT_TRUE(same_bits(y, eg::Tanh<double>()(layer(inputs))));
  EXPECT_EQ(tape.operations().back(), "tanh");
}

TEST(Layer, TellsWhichFunctionItIs) {
  EXPECT_EQ(eg::Tanh<double>().pointwise(), Renamed().pointwise());
  EXPECT_STREQ(eg::ReLU<double>().pointwise()->name, "relu");
  EXPECT_EQ(eg::GELU<double>().pointwise(), nullptr);
  EXPECT_EQ(eg::Identity<double>().pointwise(), nullptr);
  EXPECT_EQ(Linear(3, 3).pointwise(), nullptr);
}

TEST(Layer, OneThatIsBuiltOnALinearIsNotPassedOver) {
  EXPECT_EQ(records_of(Model(Named(3, 3), eg::Tanh<double>())), (Names{"linear"})) << "its forward is Linear's";
  const eg::Tanh<double> tanh;
  EXPECT_EQ(records_of(Model(Shifted(3, 3), tanh)).back(), "tanh");
  EXPECT_EQ(records_of(Model(ShiftedTwice(3, 3), tanh)).back(), "tanh");
  EXPECT_EQ(records_of(Model(ShiftedBoth(3, 3), tanh)).back(), "tanh");
  EXPECT_EQ(records_of(Model(ShiftedOverloaded(3, 3), tanh)).back(), "tanh");
  EXPECT_EQ(records_of(Model(ShiftedHidden(3, 3), tanh)).back(), "tanh");
  Model doubled(NotLinearAnyMore(3, 3), tanh);
  EXPECT_TRUE(same_bits(doubled(inputs), eg::Tanh<double>()(2 * inputs)));
}

TEST(Layer, OneThatIsBuiltOnAnActivationIsNotPassedOver) {
  EXPECT_EQ(records_of(Model(Linear(3, 3), Renamed())), (Names{"linear"})) << "its forward is Tanh's";
  EXPECT_GT(records_of(Model(Linear(3, 3), Doubled())).size(), 1u);
}

TEST(Layer, IsAskedEachTimeForItsFunction) {
  Model model(Linear(3, 3), ChosenFunction()), other = model;
  EXPECT_TRUE(same_bits(model(inputs), one_by_one(model, inputs)));
  model.at<ChosenFunction>(1).chosen = true;
  EXPECT_TRUE(same_bits(model(inputs), one_by_one(model, inputs)));
  other = model;
  EXPECT_TRUE(same_bits(other(inputs), model(inputs)));
}

TEST(Layer, NestedCopiedAndMovedModelsTakeFunctionsAlong) {
  Model inner(Halved(), eg::Tanh<double>(), Linear(3, 3));
  Model model(inner, eg::Sigmoid<double>(), Model(Linear(3, 3), eg::ReLU<double>()), Model());
  const Names names = records_of(model);
  EXPECT_EQ(std::count(names.begin(), names.end(), "linear"), 3);
  EXPECT_EQ(std::count(names.begin(), names.end(), "relu"), 0) << "within an inner one";
  EXPECT_EQ(std::count(names.begin(), names.end(), "sigmoid"), 1) << "not from an inner one's end to the outside";
  const Tensor y = model(inputs);
  Model moved = std::move(model);
  EXPECT_TRUE(same_bits(moved(inputs), y));
  model = moved;
  moved.at<Model>(0).at<Halved>(0).inner.weight.set_value(Tensor::zeros({3, 3}));
  EXPECT_TRUE(same_bits(model(inputs), y));
  EXPECT_FALSE(same_bits(moved(inputs), y));
  EXPECT_EQ(records_of(std::move(model)), names);
}

TEST(Layer, ReplaysWithTheFunctionAlong) {
  Model model(Halved(), eg::Tanh<double>(), Wrapped(), eg::ReLU<double>(), Named(3, 2), Renamed());
  const auto parameters = model.parameters();
  auto step = eg::compile([&](const auto& x) { return sum(square(model(x))); });
  for (int i = 0; i < 6; ++i) {
    const Tensor x = (1 + 0.1 * i) * inputs;
    const Tensor loss = step(x);
    std::vector<Tensor> replayed;
    for (const auto& parameter : parameters) replayed.push_back(parameter.grad());
    model.zero_grad();
    eg::Tape tape;
    const Tensor expected = sum(square(model(x)));
    const auto gradients = tape.gradient(expected, parameters);
    EXPECT_TRUE(same_bits(loss, expected)) << i;
    for (std::size_t k = 0; k < gradients.size(); ++k) EXPECT_TRUE(same_bits(replayed[k], gradients[k])) << k;
    for (const auto& parameter : parameters) parameter.set_value(0.9 * parameter.value());
  }
}

namespace {

/// Rows of a table by their positions: whole numbers in, so its signature is its own.
struct Lookup : eg::Module<double> {
  Tensor operator()(const eg::Tensor<std::int64_t>& positions, eg::Location where = eg::Location::current()) {
    return called_from(where, [&] { return eg::index_select(table, 0, positions, eg::calling_line()); });
  }
  void members(eg::Members<double>& m) override { m("table", table); }

  eg::Parameter<double> table{{{1, 2}, {3, 4}, {5, 6}}};
};
/// Two tensors in, two out.
struct Pair : eg::Module<double> {
  std::pair<Tensor, Tensor> operator()(const Tensor& a, const Tensor& b, eg::Location where = eg::Location::current()) {
    return called_from(where, [&] { return std::pair(inner(a + b), Tensor(a - b)); });
  }
  void members(eg::Members<double>& m) override { m("inner", inner); }
  std::string kind() const override { return "Pair"; }

  Linear inner{2, 1};
};
struct Reader : eg::Module<double> {
  Lookup lookup;
  Pair pair;

  Tensor operator()(const eg::Tensor<std::int64_t>& positions, eg::Location where = eg::Location::current()) {
    return called_from(where, [&] {
      const Tensor rows = lookup(positions);
      return pair(rows, rows).first;
    });
  }
  void members(eg::Members<double>& m) override {
    m("lookup", lookup);
    m("pair", pair);
  }
};
struct Forgotten : eg::Module<float> {};

template <class M>
constexpr bool fits = requires(Model model, M module) { Model(module, module); };

}  // namespace

TEST(Module, MayHaveASignatureOfItsOwn) {
  Reader reader;
  const auto parameters = reader.parameters();
  EXPECT_EQ(parameters.size(), 3u);
  eg::Tape tape;
  const Tensor y = reader({0, 2});
  EXPECT_EQ(y.shape(), (eg::Shape{2, 1}));
  tape.backward(sum(y));
  EXPECT_TRUE(same_bits(select(reader.lookup.table.grad(), 0, 1), {0, 0}));
  EXPECT_NE(reader.lookup.table.grad()(2, 0), 0);
  reader.eval();
  EXPECT_FALSE(reader.pair.inner.is_training());
}

TEST(Module, OfASignatureOfItsOwnSaysWhereAnErrorCameFrom) {
  Reader reader;
  const std::string text = message_of<eg::IndexError>([&] { reader({0, 7}); });
  EXPECT_TRUE(text.starts_with("lookup (Module): index_select: ")) << text;
  reader.pair.inner = Linear(3, 1);
  const std::string shapes = message_of<eg::ShapeError>([&] { reader({0, 1}); });
  EXPECT_TRUE(shapes.starts_with("pair (Pair), inner (Linear): linear: x is [2, 2]")) << shapes;
}

TEST(Module, WithoutForwardSaysSo) {
  Forgotten forgotten;
  const std::string text = message_of<eg::ValueError>([&] { forgotten(eg::Tensor<float>::ones({2, 3})); });
  EXPECT_TRUE(mentions(
      text, {"forward: Module (", "Forgotten", "tensor [2, 3]", "override it, as eg::Layer<T> demands", "(layer.cpp:"}))
      << text;
  Pair pair;
  eg::Module<double>& module = pair;
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { module(inputs); }),
                       {"forward: Pair (", "has no forward(x)", "call what it has instead"}));
  EXPECT_FALSE(fits<Pair>) << "a Sequential would not know what to give it";
  EXPECT_FALSE(fits<Lookup>);
  EXPECT_TRUE(fits<Plain> && fits<ShiftedHidden> && fits<ShiftedOverloaded> && fits<Named>);
  EXPECT_TRUE(std::is_abstract_v<eg::Layer<float>>);
}

TEST(Module, AConstOneNamesItsModules) {
  const Reader reader;
  const std::vector<const eg::Module<double>*> modules = reader.modules();
  ASSERT_EQ(modules.size(), 4u);
  EXPECT_EQ(modules[0], &reader);
  EXPECT_EQ(modules[1], &reader.lookup);
  EXPECT_EQ(modules[3], &reader.pair.inner);
  EXPECT_TRUE(modules[1]->parameters()[0].same_as(reader.lookup.table));
}
