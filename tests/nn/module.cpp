#include "eigengrad/nn/module/module.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

// A module of one's own, with a buffer, inner modules, and a dropout to tell training from evaluation.
struct Net : eg::Module<double> {
  eg::Linear<double> first{2, 3}, second{3, 1};
  eg::Dropout<double> dropout{0.5};
  eg::Parameter<double> scale{Real{1, 2, 3}};
  Real offset = {0.5, 0.5, 0.5};

  void members(eg::Members<double>& m) override {
    m("first", first);
    m("dropout", dropout);
    m("second", second);
    m("scale", scale);
    m("offset", offset);
  }
  Real forward(const Real& x) override { return second(dropout(tanh(first(x)) * scale + offset)); }
};

static const Real inputs = {{1, 2}, {-0.5, 0.25}};

static std::vector<std::string> names_of(eg::Module<double>& module) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : module.named_parameters()) names.push_back(name);
  return names;
}

TEST(Module, NamesItsParametersInTheOrderOfMembers) {
  Net net;
  EXPECT_EQ(names_of(net),
            (std::vector<std::string>{"first.weight", "first.bias", "second.weight", "second.bias", "scale"}));
  EXPECT_EQ(net.parameters().size(), 5u);
  EXPECT_EQ(net.parameter_count(), 6 + 3 + 3 + 1 + 3);
  EXPECT_TRUE(net.parameters()[4].same_as(net.scale));
}

TEST(Module, TrainAndEvalReachInnerModules) {
  eg::Sequential<double> model(Net{}, eg::Sequential<double>(eg::Dropout<double>(0.5)));
  EXPECT_TRUE(model.is_training());
  model.eval();
  EXPECT_FALSE(model.at<Net>(0).dropout.is_training());
  EXPECT_FALSE(model.at<eg::Sequential<double>>(1)[0].is_training());
  EXPECT_TRUE(same_bits(model(inputs), model(inputs))) << "nothing random";
  model.train();
  EXPECT_TRUE(model.at<Net>(0).dropout.is_training());
  model.train(false);
  EXPECT_FALSE(model.is_training());
  eg::Sequential<double> copy = model;
  EXPECT_FALSE(copy.at<Net>(0).dropout.is_training()) << "a copy is in the mode of the original";
}

TEST(Module, ACopyHasParametersOfItsOwn) {
  Net net;
  net.eval();
  Net copy = net;
  EXPECT_TRUE(same_bits(copy(inputs), net(inputs)));
  const Real before = net(inputs);
  copy.first.weight.set_value(Real::ones({3, 2}));
  copy.offset.at(0) = 7;
  EXPECT_TRUE(same_bits(net(inputs), before));

  eg::Tape tape;
  tape.backward(sum(net(inputs)));
  EXPECT_TRUE(net.scale.has_grad());
  EXPECT_FALSE(copy.scale.has_grad());
  const Net another = net;
  EXPECT_FALSE(another.scale.has_grad()) << "gradients are not copied";
  net.zero_grad();
  EXPECT_FALSE(net.scale.has_grad());

  copy = net;
  EXPECT_TRUE(same_bits(copy(inputs), before));
  EXPECT_FALSE(copy.scale.same_as(net.scale));
}

TEST(Module, AMoveKeepsTheParameters) {
  Net net;
  net.eval();
  const Real before = net(inputs);
  const auto parameters = net.parameters();
  Net moved = std::move(net);
  EXPECT_TRUE(same_bits(moved(inputs), before));
  for (std::size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(parameters[i].same_as(moved.parameters()[i]));
  const std::string message = message_of<eg::GradientError>([&] { net(inputs); });
  EXPECT_TRUE(mentions(message, {"moved from"}));
  EXPECT_THROW(net.parameters(), eg::GradientError);
  net = moved;
  EXPECT_TRUE(same_bits(net(inputs), before)) << "assigning revives it";
}

TEST(Module, IsSafeInAVectorThatGrows) {
  std::vector<Net> nets;
  std::vector<Real> outputs;
  for (int i = 0; i < 9; ++i) {
    nets.emplace_back();
    nets.back().eval();
    outputs.push_back(nets.back()(inputs));
  }
  nets.erase(nets.begin());
  outputs.erase(outputs.begin());
  std::swap(nets[0], nets[5]);
  std::swap(outputs[0], outputs[5]);
  for (std::size_t i = 0; i < nets.size(); ++i) {
    EXPECT_TRUE(same_bits(nets[i](inputs), outputs[i]));
    EXPECT_TRUE(nets[i].parameters()[0].same_as(nets[i].first.weight));
  }
}

TEST(Module, StateGoesOutAndIn) {
  Net net, other;
  net.offset = Real{1, 2, 3};
  const eg::StateDict<double> state = net.state_dict();
  ASSERT_EQ(state.size(), 6u);
  EXPECT_TRUE(same_bits(state.at("offset"), net.offset));
  const auto identity = other.parameters();
  other.load_state_dict(state);
  for (const auto& [name, tensor] : other.state_dict())
    EXPECT_TRUE(same_bits(tensor.as<double>(), state.at(name))) << name;
  EXPECT_TRUE(identity[0].same_as(other.first.weight)) << "an optimizer still holds the loaded parameters";

  other.first.weight.set_value(Real::zeros({3, 2}));
  other.offset.at(1) = 9;
  EXPECT_TRUE(same_bits(state.at("first.weight"), net.first.weight.value())) << "the state is a value";
  EXPECT_TRUE(same_bits(state.at("offset"), Real{1, 2, 3}));
}

TEST(Module, AStateThatDoesNotFitIsRefusedWithAllFaultsAndChangesNothing) {
  Net net;
  const eg::StateDict<double> before = net.state_dict();
  eg::StateDict<double> wrong = Net().state_dict();
  wrong.erase("first.bias");
  wrong.at("second.weight") = Real::zeros({2, 3});
  wrong.at("offset") = Real::zeros({4});
  wrong["third.weight"] = Real::zeros({1});
  const std::string message = message_of<eg::ShapeError>([&] { net.load_state_dict(wrong); });
  EXPECT_TRUE(
      mentions(message, {"load_state_dict", "first.bias is missing", "second.weight is [2, 3], the module's is [1, 3]",
                         "offset is [4], the module's is [3]", "third.weight is not in the module", "module.cpp"}));
  for (const auto& [name, tensor] : net.state_dict())
    EXPECT_TRUE(same_bits(tensor.as<double>(), before.at(name))) << name;

  eg::StateDict<double> surplus = before;
  surplus["more"] = Real{1};
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { net.load_state_dict(surplus); }), {"more is not in the module"}));
  EXPECT_THROW(net.load_state_dict({}), eg::ShapeError);
}

namespace {
/// Counts its calls in a buffer of whole numbers, as a BatchNorm does.
struct Counting : eg::Module<double> {
  void members(eg::Members<double>& m) override {
    m("inner", inner);
    m("calls", calls);
  }
  Real forward(const Real& x) override {
    calls = (calls + 1).eval();
    return inner(x);
  }

  eg::Linear<double> inner{2, 2};
  eg::Tensor<std::int64_t> calls = eg::Tensor<std::int64_t>::zeros({});
};
}  // namespace

TEST(Module, BuffersMayBeOfAnyNumberType) {
  Counting module, other;
  for (int i = 0; i < 3; ++i) module(inputs);
  const eg::NamedTensors state = module.state_dict();
  EXPECT_EQ(state.at<std::int64_t>("calls").item(), 3);
  other.load_state_dict(state);
  EXPECT_EQ(other.calls.item(), 3);
  module(inputs);
  EXPECT_EQ(other.calls.item(), 3) << "a buffer that was loaded has its own numbers";
  eg::NamedTensors wrong = state;
  wrong["calls"] = Real::full({}, 9);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { other.load_state_dict(wrong); }),
                       {"calls holds float64, the module's is int64"}));
  EXPECT_EQ(other.calls.item(), 3);
}

TEST(Module, LoadsWhatThereIsWhereThatIsAskedFor) {
  Counting module;
  const Real bias = module.inner.bias.value();
  const eg::LoadResult result =
      module.load_state_dict({{"inner.weight", Real::ones({2, 2})}, {"head.weight", {{1}}}}, {.strict = false});
  EXPECT_EQ(result.missing, (std::vector<std::string>{"inner.bias", "calls"}));
  EXPECT_EQ(result.unexpected, std::vector<std::string>{"head.weight"});
  EXPECT_TRUE(same_bits(module.inner.weight.value(), Real::ones({2, 2})));
  EXPECT_TRUE(same_bits(module.inner.bias.value(), bias));
  EXPECT_THROW(module.load_state_dict({{"inner.weight", Real::ones({2, 3})}}, {.strict = false}), eg::ShapeError);
}

TEST(Module, AConstOneTellsItsMembers) {
  const Counting module;
  EXPECT_EQ(module.state_dict().size(), 3u);
  EXPECT_EQ(module.parameters().size(), 2u);
  EXPECT_EQ(module.named_parameters()[1].first, "inner.bias");
  EXPECT_EQ(module.parameter_count(), 6);
}

namespace {
struct NamedTwice : eg::Module<double> {
  void members(eg::Members<double>& m) override {
    m("same", first);
    m("same", second);
  }
  Real forward(const Real& x) override { return x; }

  Real first{1}, second{2};
};
/// Keeps what it was called with, recorded as it was.
struct Keeping : eg::Module<double> {
  void members(eg::Members<double>& m) override { m("kept", kept); }
  Real forward(const Real& x) override { return kept = x; }

  Real kept;
};
}  // namespace

TEST(Module, TwoMembersOfOneNameAreAnError) {
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { NamedTwice().state_dict(); }), {"a tensor named same already"}));
}

TEST(Module, AStateIsNotRecorded) {
  const eg::Parameter<double> w(inputs);
  Keeping module;
  eg::Tape tape;
  module(w * w);
  EXPECT_TRUE(eg::is_recorded(module.kept));
  EXPECT_FALSE(eg::is_recorded(module.state_dict().at("kept")));
}

TEST(Module, StateIsInTheOrderOfMembers) {
  eg::Sequential<double> model;
  for (int i = 0; i < 11; ++i) model.add(eg::Linear<double>(1, 1, {.bias = false}));
  std::string names;
  for (const auto& [name, tensor] : model.state_dict()) names += name + " ";
  EXPECT_NE(names.find("2.weight 3.weight"), std::string::npos);
  EXPECT_NE(names.find("9.weight 10.weight"), std::string::npos);
}

TEST(Module, FrozenParametersAreConstants) {
  Net net;
  net.eval();
  net.first.weight.set_requires_grad(false);
  eg::Tape tape;
  tape.backward(sum(net(inputs)));
  EXPECT_FALSE(net.first.weight.has_grad());
  EXPECT_TRUE(net.first.bias.has_grad());
  const Net copy = net;
  EXPECT_FALSE(copy.first.weight.requires_grad()) << "a copy is frozen too";
}

TEST(Module, KindNamesIt) {
  EXPECT_EQ(Net().kind(), "Module");
  EXPECT_EQ(eg::Dropout<double>().kind(), "Dropout");
}

namespace {
struct Ring : eg::Module<float> {
  void members(eg::Members<float>& m) override {
    m("inner", inner);
    if (next != nullptr) m("next", *next);
  }
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return inner(x); }
  std::string kind() const override { return "Ring"; }

  eg::Linear<float> inner{1, 1};
  Ring* next = nullptr;
};
}  // namespace

// A module among its own members would be visited without end.
TEST(Module, ThatNamesItselfIsAnError) {
  Ring a, b;
  a.next = &a;
  EXPECT_NE(message_of<eg::ValueError>([&] {
              a.parameters();
            }).find("members: Ring 'next.' is named inside itself: name only what a module is made of"),
            std::string::npos);
  a.next = &b;
  EXPECT_EQ(a.parameters().size(), 4u);
  b.next = &a;
  EXPECT_THROW(a.eval(), eg::ValueError);
  EXPECT_THROW(b.state_dict(), eg::ValueError);
}
