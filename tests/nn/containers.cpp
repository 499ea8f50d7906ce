#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/branches.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/layers/lambda.hpp"
#include "eigengrad/nn/module_list.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Linear = eg::Linear<double>;
using Model = eg::Sequential<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

const Real x = {{1, 2, -1}, {-0.5, 0.25, 3}};

std::vector<std::string> names_of(const eg::Module<double>& module) {
  std::vector<std::string> names;
  for (const auto& entry : module.state_dict()) names.emplace_back(entry.name);
  return names;
}

/// A module of one's own that has any number of others.
struct Tower : eg::Module<double> {
  Tower() {
    for (int i = 0; i < 3; ++i) floors.add(Linear(3, 3));
    heads.add("left", Linear(3, 1)).add("right", Model(Linear(3, 4), eg::Dropout<double>(0.5), Linear(4, 1)));
  }
  Real forward(const Real& input) override {
    Real y = input;
    for (eg::Module<double>& floor : floors) y = tanh(floor(y));
    return heads["left"](y) + heads["right"](y);
  }
  void members(eg::Members<double>& m) override {
    m("floors", floors);
    m("heads", heads);
  }
  eg::ModuleList<double> floors;
  eg::ModuleDict<double> heads;
};

/// Steps that are recorded and replayed give the same as those that are not.
template <class M>
void expect_replayed(M& model) {
  M other = model;
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.05}),
      plain(other.parameters(), {.learning_rate = 0.05});
  auto step = eg::compile([&](const Real& input) { return sum(square(model(input))); });
  for (int i = 0; i < 5; ++i) {
    const Real input = x * (1.0 + i);
    const auto random = eg::default_generator().state();
    const Real replayed = step(input);
    optimizer.step();
    optimizer.zero_grad();
    eg::default_generator().set_state(random);
    eg::Tape tape;
    const Real loss = sum(square(other(input)));
    tape.backward(loss);
    plain.step();
    plain.zero_grad();
    EXPECT_TRUE(same_bits(replayed, loss)) << i;
  }
  EXPECT_TRUE(same_bits(model.parameters()[0].value(), other.parameters()[0].value()));
}

}  // namespace

TEST(Residual, AddsWhatGoesAround) {
  eg::Residual<double> plain{Linear(3, 3)};
  EXPECT_TRUE(same_bits(plain(x), Real(x + plain.body()(x))));
  EXPECT_EQ(plain.shortcut(), nullptr);
  eg::Residual<double> bent(Model(Linear(3, 4), eg::Tanh<double>(), Linear(4, 2)), Linear(3, 2, {.bias = false}));
  EXPECT_TRUE(same_bits(bent(x), Real((*bent.shortcut())(x) + bent.body()(x))));
  EXPECT_EQ(names_of(bent), (std::vector<std::string>{"body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias",
                                                      "shortcut.weight"}));
  eg::Residual<double> wrong{Linear(3, 1)};
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { wrong(x); }),
                       {"Residual: the body makes [2, 1] of [2, 3]", "around it goes [2, 3]", "containers.cpp"}));
  expect_replayed(bent);
}

TEST(Residual, InASequentialIsALayer) {
  Model model(Linear(3, 3), eg::Residual<double>(Model(Linear(3, 3), eg::Dropout<double>(0.5))), eg::Tanh<double>());
  model.eval();
  const Real y = model(x);
  EXPECT_TRUE(same_bits(model(x), y)) << "the dropout inside is off";
  model.train();
  eg::manual_seed(1);
  EXPECT_FALSE(same_bits(model(x), y));
  Model broken(Linear(3, 3), eg::Residual<double>(Model(eg::Tanh<double>(), Linear(2, 3))));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { broken(x); }),
                       {"layer 1 (Residual), body (Sequential), layer 1 (Linear): linear: x is [2, 3]"}));
}

TEST(Parallel, AddsOrPutsTogether) {
  eg::Parallel<double> added(Linear(3, 2), Model(Linear(3, 2), eg::Tanh<double>()), Linear(3, 2));
  EXPECT_EQ(added.size(), 3);
  EXPECT_TRUE(close(added(x), Real(added[0](x) + added[1](x) + added[2](x))));
  EXPECT_EQ(names_of(added),
            (std::vector<std::string>{"0.weight", "0.bias", "1.0.weight", "1.0.bias", "2.weight", "2.bias"}));
  eg::Parallel<double> joined({.merge = eg::Merge::concatenate}, Linear(3, 2), eg::Identity<double>(), Linear(3, 1));
  const Real y = joined(x);
  EXPECT_EQ(y.shape(), (eg::Shape{2, 6}));
  EXPECT_TRUE(same_bits(slice(y, 1, 2, 5), x));
  EXPECT_EQ(joined.at<Linear>(2).weight.shape(), (eg::Shape{1, 3}));
  eg::Parallel<double> unequal(Linear(3, 2), Linear(3, 1));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { unequal(x); }), {"Parallel", "[2, 2]", "[2, 1]"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { unequal.at(2); }), {"Parallel: no module 2 of 2"}));
  Model broken(eg::Identity<double>(), eg::Parallel<double>(Linear(3, 1), Linear(4, 1)));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { broken(x); }), {"layer 1 (Parallel), layer 1 (Linear)"}));
  expect_replayed(joined);
}

TEST(Lambda, IsItsFunction) {
  Model model(Linear(3, 2), eg::Lambda<double>([](const Real& v) { return sin(v) * 2; }),
              eg::Lambda<double>([](const Real& v) { return transpose(v, 0, 1); }));
  EXPECT_TRUE(close(model(x), transpose(sin(model[0](x)) * 2, 0, 1)));
  double factor = 3;
  eg::Lambda<double> first([factor](const auto& v) mutable { return v * factor++; });
  eg::Lambda<double> second = first;
  EXPECT_TRUE(close(first(x), Real(x * 3)));
  EXPECT_TRUE(close(first(x), Real(x * 4)));
  EXPECT_TRUE(close(second(x), Real(x * 3))) << "a copy has its own";
  second = first;
  EXPECT_TRUE(close(second(x), Real(x * 5)));
  const auto formula = [](const Real& v) { return v + Real{{1, 2}}; };
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { Model(eg::Lambda<double>(formula))(x); }),
                       {"layer 0 (Lambda)", "[2, 3]", "[1, 2]"}));
}

TEST(Unflatten, IsTheWayBackFromFlatten) {
  const Real y = Real::arange(24);
  const Real flat = reshape(y, {2, 12});
  EXPECT_EQ(eg::Unflatten<double>(1, {3, 2, 2})(flat).shape(), (eg::Shape{2, 3, 2, 2}));
  EXPECT_EQ(eg::Unflatten<double>(-1, {4, -1})(flat).shape(), (eg::Shape{2, 4, 3}));
  EXPECT_EQ(eg::Unflatten<double>(0, {2, 1})(flat).shape(), (eg::Shape{2, 1, 12}));
  EXPECT_TRUE(same_bits(Model(eg::Unflatten<double>(1, {3, 4}), eg::Flatten<double>())(flat), flat));
  EXPECT_THROW(eg::Unflatten<double>(1, {5, -1})(flat), eg::ShapeError);
  EXPECT_THROW(eg::Unflatten<double>(2, {5, -1})(flat), eg::IndexError);
}

TEST(ModuleList, AndModuleDictAreMembers) {
  Tower tower;
  EXPECT_EQ(names_of(tower),
            (std::vector<std::string>{"floors.0.weight", "floors.0.bias", "floors.1.weight", "floors.1.bias",
                                      "floors.2.weight", "floors.2.bias", "heads.left.weight", "heads.left.bias",
                                      "heads.right.0.weight", "heads.right.0.bias", "heads.right.2.weight",
                                      "heads.right.2.bias"}));
  EXPECT_EQ(tower.floors.size(), 3);
  EXPECT_EQ(tower.heads.names(), (std::vector<std::string>{"left", "right"}));
  EXPECT_EQ(tower.floors.at<Linear>(1).weight.shape(), (eg::Shape{3, 3}));
  EXPECT_EQ(tower.heads.at<Linear>("left").weight.shape(), (eg::Shape{1, 3}));
  tower.eval();
  const Real y = tower(x);
  Tower copy = tower;
  EXPECT_TRUE(same_bits(copy(x), y)) << "also that it is in evaluation";
  copy.floors.at<Linear>(0).weight.set_value(Real::zeros({3, 3}));
  EXPECT_TRUE(same_bits(tower(x), y)) << "a copy is independent";
  const eg::ParameterRef<double> held = copy.parameters()[0];
  copy = tower;
  EXPECT_TRUE(copy.parameters()[0].same_as(held)) << "what an optimizer holds stays";
  EXPECT_TRUE(same_bits(copy(x), y));
  Tower loaded;
  loaded.eval();
  loaded.load_state_dict(tower.state_dict());
  EXPECT_TRUE(same_bits(loaded(x), y));
  const Tower moved = std::move(loaded);
  EXPECT_EQ(moved.parameter_count(), tower.parameter_count());
  expect_replayed(tower);
}

TEST(ModuleList, ErrorsNameTheModule) {
  Tower tower;
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { tower(Real{{1, 2}}); }), {"floors.0 (Linear): linear: x is [1, 2]"}));
  tower.heads.at<Model>("right").at<Linear>(2).weight.set_value(Real::zeros({1, 4}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { tower.floors[3]; }), {"ModuleList: no module 3 of 3"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { tower.floors.at<Model>(0); }), {"module 0 is a Linear"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { tower.heads.at("middle"); }),
                       {"there is no module 'middle', but 'left', 'right'", "containers.cpp"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ValueError>([&] { tower.heads.add("left", Linear(1, 1)); }), {"'left' is taken"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { tower.heads.add("a.b", Linear(1, 1)); }), {"'a.b'", "a dot"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { tower.heads.add("", Linear(1, 1)); }), {"empty"}));
  EXPECT_FALSE(tower.heads.contains("middle"));
  EXPECT_TRUE(tower.heads.contains("right"));
}

// Whichever of its arguments the compiler makes first.
TEST(ModuleList, DrawsInOrder) {
  eg::manual_seed(7);
  const Linear a(3, 2), b(3, 2);
  const Real first = a.weight.value(), second = b.weight.value();
  eg::manual_seed(7);
  eg::ModuleList<double> list(Linear(3, 2), Linear(3, 2));
  EXPECT_TRUE(same_bits(list.at<Linear>(0).weight.value(), first));
  EXPECT_TRUE(same_bits(list.at<Linear>(1).weight.value(), second));
  eg::manual_seed(7);
  eg::Residual<double> residual(Linear(3, 2), Linear(3, 2));
  EXPECT_TRUE(same_bits(residual.parameters()[0].value(), first));
}

// A step that was compiled notices that a list has other modules now.
TEST(ModuleList, AChangeIsNoticedByACompiledStep) {
  Tower tower;
  tower.eval();
  auto step = eg::compile([&](const Real& input) { return sum(tower(input)); });
  for (int i = 0; i < 3; ++i) step(x);
  tower.floors.add(Linear(3, 3));
  EXPECT_TRUE(same_bits(step(x), sum(tower(x))));
}
