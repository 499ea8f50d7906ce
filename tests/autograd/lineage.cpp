#include "eigengrad/autograd/engine/lineage.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/grad.hpp"
#include "support/close.hpp"

// A gradient that went to a copy, where the program meant the parameter itself; and copies that are meant as such.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;
using Net = eg::Sequential<double>;
using References = std::vector<eg::ParameterRef<double>>;
using support::close, support::mentions, support::message_of;

namespace {

Net one_neuron() { return Net(eg::Linear<double>(1, 1)); }
eg::Linear<double>& layer_of(Net& net, eg::Index i = 0) { return net.at<eg::Linear<double>>(i); }
template <class Loss>
void backward_of(const Loss& loss) {
  eg::Tape tape;
  tape.backward(loss());
}
void expect_told(const References& parameters, const std::vector<std::string>& parts) {
  for (const auto& parameter : parameters) {
    EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { parameter.grad(); }), parts));
    EXPECT_FALSE(parameter.has_grad());
  }
}

}  // namespace

// 64: copies, told of or meant.
TEST(Lineage, GradTellsThatACopyWasDifferentiated) {
  const Parameter w(Real{2}), named(Real{2}, "slope");
  const auto squared = [](auto v) { return v * v; };
  backward_of([&] { return sum(squared(w)); });
  expect_told({w}, {"grad: a parameter of shape [1]", "a copy of it was differentiated", "by reference", "[&]",
                    "ParameterRefs", "lineage.cpp:"});
  w.zero_grad();
  const auto model = [=](const Real& x) { return sum(w * x); };
  backward_of([&] { return model(Real{3}); });
  expect_told({w}, {"a copy of it"});
  const std::vector<Parameter> list{named};
  backward_of([&] { return sum(list[0] * 3); });
  expect_told({named}, {"parameter slope of shape [1]"});
  EXPECT_EQ(list[0].grad().item(), 3) << "the copy has it";

  const auto by_reference = [](const auto& v) { return v * v; };
  backward_of([&] { return sum(by_reference(w)); });
  EXPECT_EQ(w.grad().item(), 4);
}

TEST(Lineage, GradOfAParameterThatHasLearnedBeforeTellsToo) {
  const Parameter w(Real{2});
  backward_of([&] { return sum(w * w); });
  EXPECT_EQ(w.grad().item(), 4);
  w.zero_grad();
  backward_of([copy = w] { return sum(copy * copy); });
  expect_told({w}, {"a copy of it"});
  w.zero_grad();
  EXPECT_EQ(w.grad().item(), 0) << "what was before is forgotten";
}

TEST(Lineage, CopiesOfCopiesTellAllThatTheyComeFrom) {
  const Parameter w(Real{2});
  const auto made = [=] { return [=] { return [=] { return sum(w * w); }; }; };
  backward_of(made()());
  expect_told({w}, {"a copy of it"});
}

TEST(Lineage, StepTellsThatOnlyCopiesWereDifferentiated) {
  Net net = one_neuron();
  eg::SGD<double> optimizer(net.parameters(), {.learning_rate = 0.1});
  eg::Adam<double> another(net.parameters());
  auto loss = [net](const Real& x) mutable { return sum(net(x)); };
  backward_of([&] { return loss(Real{{1}}); });
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { optimizer.step(); }),
                       {"SGD: a parameter of shape [1, 1] has no gradient", "a copy of it"}));
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { another.step(); }), {"Adam: a parameter"}));
  EXPECT_EQ(optimizer.steps(), 0);
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { eg::clip_gradient_norm(net.parameters(), 1); }),
                       {"gradient_norm: a parameter of shape [1, 1]", "a copy of it"}));

  optimizer.zero_grad();
  backward_of([&] { return sum(net(Real{{1}})); });  // after it has learned, too
  optimizer.step();
  optimizer.zero_grad();
  backward_of([&] { return loss(Real{{1}}); });
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { optimizer.step(); }), {"a copy of it"}));
  EXPECT_EQ(optimizer.steps(), 1);
}

TEST(Lineage, ALayerHandedOverByCopyTells) {
  eg::Linear<double> layer(1, 1);
  Net net(layer);
  backward_of([&] { return sum(net(Real{{1}})); });
  expect_told(layer.parameters(), {"a copy of it"});
}

TEST(Lineage, GradientsOfListsTellToo) {
  const Parameter w(Real{2});
  const std::vector<Parameter> copies{w};
  eg::Tape tape;
  const Real loss = sum(copies[0] * 3);
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { tape.gradient(loss, w); }),
                       {"gradient: a parameter of shape [1] was not computed with", "a copy of it"}));
  EXPECT_EQ(tape.gradient(sum(copies[0] * w), w).item(), 2) << "beside its copy";
  EXPECT_EQ(tape.gradient(sum(copies[0] * 3), copies[0]).item(), 3);
  const auto f = [&] { return sum(copies[0] * 3); };
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { eg::grad(f, References{w}); }),
                       {"grad: parameter 0 of the list was not computed with", "a copy of it"}));
  const auto both = eg::grad(f, References{w, copies[0]});
  EXPECT_EQ(both[0].item(), 0) << "the copy is asked for as well";
  EXPECT_EQ(both[1].item(), 3);
  EXPECT_EQ(eg::grad([&] { return sum(copies[0] * w); }, References{w})[0].item(), 2);
}

TEST(Lineage, AModelAssignedAnewTellsAtStep) {
  Net model = one_neuron();
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
  const auto train = [&] {
    optimizer.zero_grad();
    backward_of([&] { return sum(model(Real{{1}})); });
    optimizer.step();
  };
  model = one_neuron();
  EXPECT_TRUE(mentions(
      message_of<eg::GradientError>(train),
      {"SGD: step: a parameter of shape [1, 1] (number 0) belongs to no model any more", "make the optimizer again"}));
  Net other = one_neuron();
  optimizer = eg::SGD<double>(other.parameters(), {.learning_rate = 0.1});
  model = std::move(other);
  train();
  Net last = one_neuron();  // after it has learned
  model = std::move(last);
  EXPECT_THROW(train(), eg::GradientError);
}

TEST(Lineage, ALayerAssignedAnewTellsAtStepThoughOthersLearn) {
  Net model(eg::Linear<double>(1, 1), eg::Linear<double>(1, 1));
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
  layer_of(model, 1) = eg::Linear<double>(1, 1);
  backward_of([&] { return sum(model(Real{{1}})); });
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { optimizer.step(); }), {"(number 2)", "assigned anew"}));
}

TEST(Lineage, AStepWithoutAnyGradientEverTells) {
  const Parameter w(Real{2}), frozen(Real{2});
  eg::SGD<double> optimizer({w});
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { optimizer.step(); }),
                       {"none of the 1 parameters has ever received a gradient", "tape.backward(loss)"}));
  frozen.set_requires_grad(false);
  eg::Adam<double> of_frozen({frozen});
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { of_frozen.step(); }), {"requires_grad is false", "frozen"}));
  backward_of([&] { return sum(w * w); });
  optimizer.step();
  optimizer.zero_grad();
  optimizer.step();  // nothing to do this time
  EXPECT_EQ(optimizer.steps(), 2);
}

// From here on: all is meant as it is, and nothing is said.

TEST(Lineage, AssigningACopySetsValuesAndKeepsIdentities) {
  Net model = one_neuron();
  layer_of(model).weight.set_value({{5}});
  const Net best = model;
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 1});
  const eg::ParameterRef<double> weight = layer_of(model).weight;
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    backward_of([&] { return sum(model(Real{{1}})); });
    optimizer.step();
    EXPECT_EQ(weight.value().item(), 4) << "the optimizer holds on to the model";
    model = best;
    EXPECT_TRUE(weight.same_as(layer_of(model).weight));
    EXPECT_EQ(weight.value().item(), 5);
    EXPECT_FALSE(weight.has_grad());
  }
  weight.set_requires_grad(false);
  model = best;
  EXPECT_FALSE(weight.requires_grad()) << "frozen as it was";
  model = Net(eg::Linear<double>(1, 1), eg::Linear<double>(1, 1));
  EXPECT_FALSE(weight.same_as(layer_of(model).weight)) << "another model";
  Parameter other(Real{1, 2, 3});
  other = layer_of(model).weight;
  EXPECT_EQ(other.shape(), (eg::Shape{1, 1})) << "of another shape: a new parameter";
}

TEST(Lineage, TargetNetworksAreSilent) {
  Net q = one_neuron();
  Net target = q;
  eg::SGD<double> optimizer(q.parameters(), {.learning_rate = 0.1});
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    Real goal;
    {
      const eg::NoGrad pause;
      goal = target(Real{{2}});
    }
    backward_of([&] { return sum(square(q(Real{{1}}) - goal)); });
    for (const auto& parameter : q.parameters()) EXPECT_TRUE(parameter.grad().size() == 1 && parameter.has_grad());
    optimizer.step();
    target = q;
  }
  for (const auto& parameter : target.parameters()) EXPECT_EQ(parameter.grad().item(), 0);
}

TEST(Lineage, EnsemblesAreSilent) {
  Net first = one_neuron();
  std::vector<Net> ensemble(3, first);
  ensemble.push_back(ensemble[0]);
  std::vector<eg::Adam<double>> optimizers;
  for (Net& net : ensemble) optimizers.emplace_back(net.parameters());
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (std::size_t i = 0; i < ensemble.size(); ++i) {
      backward_of([&] { return sum(ensemble[i](Real{{1}})); });
      optimizers[i].step();
      optimizers[i].zero_grad();
    }
    for (Net& net : ensemble)
      for (const auto& parameter : net.parameters()) EXPECT_EQ(parameter.grad().item(), 0);
  }
  EXPECT_EQ(optimizers[3].steps(), 3);
}

TEST(Lineage, BothOfTwoTwinsInOneLossAreSilent) {
  const Parameter w(Real{2});
  const Parameter copy = w;
  backward_of([&] { return sum(w * copy); });
  EXPECT_EQ(w.grad().item(), 2);
  EXPECT_EQ(copy.grad().item(), 2);
}

TEST(Lineage, ParametersHeldByReferencesAloneAreSilent) {
  References held;
  {
    const Parameter a(Real{1}), b(Real{1});
    held = {a, b};
  }
  eg::SGD<double> optimizer(held);
  backward_of([&] { return sum(held[0] * 2); });
  optimizer.step();
  optimizer.zero_grad();
  optimizer.step();
  EXPECT_EQ(optimizer.steps(), 2);
}

TEST(Lineage, ALongChainOfCopiesStaysShort) {
  Parameter w(Real{2});
  for (int i = 0; i < 1000; ++i) {
    const Parameter copy(w);
    w = Parameter(copy);
  }
  const Parameter last = w;
  backward_of([&] { return sum(last * 3); });
  expect_told({w}, {"a copy of it"});
}

TEST(Lineage, APartOfTheGradientThatIsLostTells) {
  const Parameter w(Real{2});
  eg::SGD<double> optimizer({w});
  const auto squared = [](auto v) { return v * v; };
  backward_of([&] { return sum(squared(w) + w); });
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { w.grad(); }), {"lacks a part of its gradient", "a copy"}));
  EXPECT_THROW(optimizer.step(), eg::GradientError);
  optimizer.zero_grad();
  backward_of([&] { return sum(w * w); });
  EXPECT_EQ(w.grad().item(), 4);
  optimizer.step();

  optimizer.zero_grad();
  {
    const Parameter probe = w;  // in a loss of its own
    backward_of([&] { return sum(probe * 3); });
  }
  backward_of([&] { return sum(w * 5); });
  EXPECT_EQ(w.grad().item(), 5);
}
