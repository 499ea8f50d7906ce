#include "eigengrad/nn/sequential.hpp"

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Model = eg::Sequential<double>;
using Linear = eg::Linear<double>;
using support::mentions, support::message_of, support::same_bits;

static const Real inputs = {{1, 2}, {-0.5, 0.25}};

static Model two_layers() { return Model(Linear(2, 8), eg::Tanh<double>(), Linear(8, 1), eg::Sigmoid<double>()); }

TEST(Sequential, RunsItsModulesOneAfterAnother) {
  Model model = two_layers();
  EXPECT_EQ(model.size(), 4);
  const Real expected = sigmoid(model[2](tanh(model[0](inputs))));
  EXPECT_TRUE(same_bits(model(inputs), expected));
  EXPECT_TRUE(same_bits(Model()(inputs), inputs)) << "none: the identity";
}

TEST(Sequential, NamesParametersAsPyTorchDoes) {
  Model model(Linear(2, 3), eg::Tanh<double>(), Model(eg::ReLU<double>(), Linear(3, 1, {.bias = false})));
  std::vector<std::string> names;
  for (const auto& [name, parameter] : model.named_parameters()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "2.1.weight"}));
  EXPECT_EQ(model.state_dict().count("2.1.weight"), 1u);
}

TEST(Sequential, GivesItsModulesBackByTheirType) {
  Model model = two_layers();
  model.at<Linear>(0).bias.set_value(Real::zeros({8}));
  EXPECT_EQ(model[0].kind(), "Linear");
  EXPECT_EQ(model.at(3).kind(), "Sigmoid");
  EXPECT_TRUE(
      mentions(message_of<eg::ValueError>([&] { model.at<Linear>(1); }), {"module 1", "Tanh", "sequential.cpp"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { model.at(4); }), {"no module 4 of 4", "sequential.cpp"}));
  EXPECT_THROW(model.at<Linear>(-1), eg::IndexError);
}

TEST(Sequential, OwnsCopiesOfWhatItIsGiven) {
  Linear layer(2, 1);
  Model model(layer);
  EXPECT_TRUE(same_bits(model(inputs), layer(inputs)));
  layer.weight.set_value(Real::zeros({1, 2}));
  EXPECT_FALSE(same_bits(model(inputs), layer(inputs)));

  Linear moved(2, 1);
  const eg::ParameterRef<double> weight = moved.weight;
  EXPECT_TRUE(Model(std::move(moved)).parameters()[0].same_as(weight)) << "what is moved in keeps its identity";
}

TEST(Sequential, ACopyIsIndependent) {
  Model model = two_layers();
  const Real before = model(inputs);
  Model copy = model;
  EXPECT_TRUE(same_bits(copy(inputs), before));
  copy.at<Linear>(0).weight.set_value(Real::zeros({8, 2}));
  EXPECT_TRUE(same_bits(model(inputs), before));
  copy = model;
  EXPECT_TRUE(same_bits(copy(inputs), before));
  Model& self = copy;
  copy = self;
  EXPECT_TRUE(same_bits(copy(inputs), before)) << "assigned to itself";
  EXPECT_FALSE(copy.parameters()[0].same_as(model.parameters()[0]));
}

TEST(Sequential, AMoveKeepsTheParameters) {
  Model model = two_layers();
  const Real before = model(inputs);
  const auto parameters = model.parameters();
  Model moved = std::move(model);
  EXPECT_TRUE(same_bits(moved(inputs), before));
  EXPECT_TRUE(moved.parameters()[0].same_as(parameters[0]));
  std::vector<Model> models;
  models.push_back(std::move(moved));
  for (int i = 0; i < 8; ++i) models.push_back(two_layers());
  EXPECT_TRUE(same_bits(models[0](inputs), before));
}

TEST(Sequential, InASequentialIsOneModuleNotACopyOfItsParts) {
  Model inner = two_layers();
  Model copied(inner);
  EXPECT_EQ(copied.size(), 4) << "a Sequential alone is copied";
  Model outer(inner, eg::Identity<double>());
  EXPECT_EQ(outer.size(), 2);
  EXPECT_TRUE(same_bits(outer(inputs), inner(inputs)));
}

TEST(Sequential, AddPutsModulesAtTheEnd) {
  Model model;
  model.add(Linear(2, 3)).add(eg::ReLU<double>());
  EXPECT_EQ(model.size(), 2);
  EXPECT_EQ(model(inputs).shape(), (eg::Shape{2, 3}));
}

static double largest_weight(Model& model) { return model.parameters()[0].value().array().abs().maxCoeff(); }

TEST(Sequential, FreshWeightsStartAsTheActivationAfterThemPrefers) {
  eg::manual_seed(1);
  Model none(Linear(200, 100)), sigmoid(Linear(200, 100), eg::Sigmoid<double>()),
      tanh(Linear(200, 100), eg::Tanh<double>()), relu(Linear(200, 100), eg::ReLU<double>()),
      leaky(Linear(200, 100), eg::LeakyReLU<double>(0.5));
  EXPECT_NEAR(largest_weight(none), 1 / std::sqrt(200.0), 1e-4);
  EXPECT_NEAR(largest_weight(sigmoid), std::sqrt(6.0 / 300), 1e-4);
  EXPECT_NEAR(largest_weight(tanh), 5.0 / 3 * std::sqrt(6.0 / 300), 1e-4);
  EXPECT_NEAR(largest_weight(relu), std::sqrt(6.0 / 200), 1e-4);
  EXPECT_NEAR(largest_weight(leaky), std::sqrt(2 / 1.25) * std::sqrt(3.0 / 200), 1e-4);
}

TEST(Sequential, FreshWeightsLookIntoNestedOnes) {
  eg::manual_seed(2);
  Model before(Linear(200, 100), Model(eg::Tanh<double>(), Linear(100, 1)));
  Model after(Model(eg::Identity<double>(), Linear(200, 100)), eg::Tanh<double>());
  EXPECT_NEAR(largest_weight(before), 5.0 / 3 * std::sqrt(6.0 / 300), 1e-4);
  EXPECT_NEAR(largest_weight(after), 5.0 / 3 * std::sqrt(6.0 / 300), 1e-4);
  EXPECT_EQ(Model().preferred_initializer().draw, nullptr);
}

TEST(Sequential, WeightsThatSomebodyHasSetStay) {
  Linear layer(2, 3);
  const Real mine = {{1, 2}, {3, 4}, {5, 6}};
  layer.weight.set_value(mine);
  Model model(layer, eg::ReLU<double>());
  EXPECT_TRUE(same_bits(model.parameters()[0].value(), mine));

  Model source(Linear(2, 3)), loaded(Linear(2, 3));
  loaded.load_state_dict(source.state_dict());
  loaded.add(eg::ReLU<double>());
  EXPECT_TRUE(same_bits(loaded.parameters()[0].value(), source.parameters()[0].value()));
}

TEST(Sequential, ASeedFixesItsBits) {
  eg::manual_seed(3);
  Model first = two_layers();
  eg::manual_seed(3);
  Model second = two_layers();
  for (const auto& [name, tensor] : first.state_dict())
    EXPECT_TRUE(same_bits(tensor.as<double>(), second.state_dict().at(name))) << name;
}
