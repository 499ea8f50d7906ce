#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/close.hpp"

// C++ lets each compiler choose which argument of a call it makes first: g++ begins with the last, clang with the
// first. Initial parameters depend on the seed and on the order of layers alone. Braces are made from left to right by
// every compiler, so they tell here what is right; tests/packaging/initial_parameters.cpp compares the compilers.
namespace eg = eigengrad;
using Model = eg::Sequential<float>;
using Linear = eg::Linear<float>;
using Tensor = eg::Tensor<float>;
using support::same_bits;

namespace {

template <class Make>
eg::StateDict<float> state_of(const Make& make, std::uint64_t seed = 7) {
  eg::manual_seed(seed);
  auto model = make();
  return model.state_dict();
}

testing::AssertionResult same(const eg::StateDict<float>& a, const eg::StateDict<float>& b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << a.size() << " and " << b.size() << " tensors";
  for (const auto& [name, tensor] : a) {
    if (!b.contains(name)) return testing::AssertionFailure() << name << " is missing";
    if (!same_bits(tensor.as<float>(), b.at(name))) return testing::AssertionFailure() << name << " differs";
  }
  return testing::AssertionSuccess();
}

/// y = x + second(first(x)), of layers it is given.
struct Residual : eg::Module<float> {
  Residual(Linear a, Linear b) : first(std::move(a)), second(std::move(b)) {}
  Tensor forward(const Tensor& x) override { return x + second(first(x)); }
  void members(eg::Members<float>& m) override {
    m("first", first);
    m("second", second);
  }
  Linear first, second;
};

/// A module whose layers are made with it, and which draws a parameter of its own.
struct Scaled : eg::Module<float> {
  explicit Scaled(eg::Index features) : inner(features, features) {
    scale.initialize_as({features}, {[](const eg::Shape& shape, double gain, eg::Generator& generator) {
                                       return eg::init::normal<float>(shape, 1, gain, generator);
                                     },
                                     0.1});
  }
  Tensor forward(const Tensor& x) override { return inner(x) * scale; }
  void members(eg::Members<float>& m) override {
    m("scale", scale);
    m("inner", inner);
  }
  eg::Parameter<float> scale;
  Linear inner;
};

}  // namespace

// 70: however they are written.
TEST(InitialParameters, AreTheSameInParenthesesInBracesAndAdded) {
  const auto in_braces =
      state_of([] { return Model{Linear(2, 8), eg::Tanh<float>(), Linear(8, 8), eg::ReLU<float>(), Linear(8, 1)}; });
  EXPECT_TRUE(same(in_braces, state_of([] {
                     return Model(Linear(2, 8), eg::Tanh<float>(), Linear(8, 8), eg::ReLU<float>(), Linear(8, 1));
                   })));
  EXPECT_TRUE(same(in_braces, state_of([] {
                     Model model;
                     model.add(Linear(2, 8)).add(eg::Tanh<float>()).add(Linear(8, 8));
                     model.add(eg::ReLU<float>());
                     model.add(Linear(8, 1));
                     return model;
                   })));
  EXPECT_TRUE(same(in_braces, state_of([] {
                     Linear first(2, 8), second(8, 8), third(8, 1);
                     return Model(std::move(first), eg::Tanh<float>(), second, eg::ReLU<float>(), std::move(third));
                   })));
  EXPECT_FALSE(same(
      in_braces,
      state_of([] { return Model(Linear(2, 8), eg::Tanh<float>(), Linear(8, 8), eg::ReLU<float>(), Linear(8, 1)); },
               8)))
      << "another seed";
}

// The numbers themselves, as a few lines of Python compute them, so that no compiler, flag or system has others.
TEST(InitialParameters, AreTheseBits) {
  const auto state =
      state_of([] { return Model(Linear(2, 8), eg::Tanh<float>(), Linear(8, 1), eg::Sigmoid<float>()); });
  EXPECT_EQ(state.at("0.weight")(0, 0), 0x1.30a0dep-1f);
  EXPECT_EQ(state.at("0.bias")(0), -0x1.14e88cp-1f);
  EXPECT_EQ(state.at("2.weight")(0, 0), 0x1.cdbbdp-2f);
  EXPECT_EQ(state.at("2.bias")(0), -0x1.0ee9b4p-2f);
  eg::manual_seed(7);
  EXPECT_EQ(eg::Tensor<double>::randn({3})(2), 0x1.117279b9c2ee5p+1);
  EXPECT_EQ(eg::init::orthogonal<double>({3, 3})(0, 0), 0x1.aea4d37c60daap-2);
  EXPECT_EQ(eg::init::uniform<double>({3}, -0.3, 0.7)(2), -0x1.094d09558afb1p-2);
}

TEST(InitialParameters, OfNestedOnesAndOfDoubles) {
  const auto block = [](eg::Index in, eg::Index out) { return Model(Linear(in, out), eg::LeakyReLU<float>(0.2)); };
  EXPECT_TRUE(same(state_of([&] {
                     return Model{Model{block(2, 4), Linear(4, 4)}, eg::ELU<float>(), Model{block(4, 4), block(4, 1)}};
                   }),
                   state_of([&] {
                     return Model(Model(block(2, 4), Linear(4, 4)), eg::ELU<float>(), Model(block(4, 4), block(4, 1)));
                   })));

  eg::manual_seed(1);
  eg::Sequential<double> braces{eg::Linear<double>(2, 3), eg::Maxout<double>(3, 2, 2), eg::Linear<double>(2, 1)};
  eg::manual_seed(1);
  eg::Sequential<double> call(eg::Linear<double>(2, 3), eg::Maxout<double>(3, 2, 2), eg::Linear<double>(2, 1));
  for (const auto& [name, tensor] : braces.state_dict())
    EXPECT_TRUE(same_bits(tensor.as<double>(), call.state_dict().at(name))) << name;
}

TEST(InitialParameters, OfModulesOfOnesOwn) {
  EXPECT_TRUE(same(state_of([] {
                     return Model{Residual{Linear(4, 8), Linear(8, 4)}, Scaled(4), eg::Dropout<float>(), Scaled(4),
                                  Residual{Linear(4, 2), Linear(2, 4)}};
                   }),
                   state_of([] {
                     return Model(Residual(Linear(4, 8), Linear(8, 4)), Scaled(4), eg::Dropout<float>(), Scaled(4),
                                  Residual(Linear(4, 2), Linear(2, 4)));
                   })));
  EXPECT_TRUE(same(state_of([] {
                     Model model;
                     model.add(Residual{Linear(4, 8), Linear(8, 4)}).add(Scaled(4));
                     return model;
                   }),
                   state_of([] {
                     Model model;
                     model.add(Residual(Linear(4, 8), Linear(8, 4))).add(Scaled(4));
                     return model;
                   })));
}

TEST(InitialParameters, LeaveWhatIsDrawnLaterAlone) {
  const auto later = [](const auto& make) {
    eg::manual_seed(3);
    auto model = make();
    return std::pair(Tensor::rand({4}), Linear(3, 3).weight.value());
  };
  const auto [numbers, weights] = later([] { return Model(Linear(2, 5), eg::Tanh<float>(), Linear(5, 1)); });
  const auto [same_numbers, same_weights] = later([] { return Model{Linear(2, 5), eg::ReLU<float>(), Linear(5, 1)}; });
  EXPECT_TRUE(same_bits(numbers, same_numbers) && same_bits(weights, same_weights));
  const auto [of_none, other_weights] = later([] { return Model(); });
  EXPECT_TRUE(same_bits(numbers, of_none)) << "layers draw from streams of their own";
  EXPECT_FALSE(same_bits(weights, other_weights));
}

TEST(InitialParameters, DoNotDependOnOtherDraws) {
  const auto model = [] { return Model(Linear(2, 3), eg::Tanh<float>(), Linear(3, 1)); };
  EXPECT_TRUE(same(state_of(model), state_of([&] {
                     Tensor::randn({17});
                     return model();
                   })));
}

TEST(InitialParameters, OfNamedLayersAreTheirs) {
  Linear last(3, 1), first(2, 3);  // in another order than in the model
  const Tensor of_first = first.weight.value(), of_last = last.weight.value();
  Model model(first, eg::Dropout<float>(), last);
  EXPECT_TRUE(same_bits(model.at<Linear>(0).weight.value(), of_first));
  EXPECT_TRUE(same_bits(model.at<Linear>(2).weight.value(), of_last));
  EXPECT_TRUE(same_bits(first.weight.value(), of_first));
}

TEST(InitialParameters, ThatWereTrainedOrSetAreNotDrawnAgain) {
  Linear trained(1, 1), set(1, 1);
  eg::SGD<float> optimizer(trained.parameters(), {.learning_rate = 0.5f});
  eg::Tape tape;
  tape.backward(sum(trained(Tensor{{1}})));
  optimizer.step();
  set.weight.set_value({{2}});
  const Tensor weight = trained.weight.value();
  Model model(Linear(1, 1), std::move(set), std::move(trained), eg::ReLU<float>());
  EXPECT_TRUE(same_bits(model.at<Linear>(2).weight.value(), weight));
  EXPECT_EQ(model.at<Linear>(1).weight.value().item(), 2);
}

TEST(InitialParameters, OfGeneratorsOfOnesOwn) {
  const auto state = [](auto make) {
    eg::Generator first(1), second(2);
    return make(first, second).state_dict();
  };
  EXPECT_TRUE(same(
      state([](auto& a, auto& b) { return Model{Linear(2, 3, {}, a), Linear(3, 3, {}, b), Linear(3, 2, {}, a)}; }),
      state([](auto& a, auto& b) { return Model(Linear(2, 3, {}, a), Linear(3, 3, {}, b), Linear(3, 2, {}, a)); })));
}

TEST(InitialParameters, SavedStateOfTheGeneratorGivesThemAgain) {
  eg::manual_seed(9);
  Linear(2, 2);
  const eg::Generator::State state = eg::default_generator().state();
  const Tensor weight = Linear(4, 3).weight.value();
  eg::default_generator().set_state(state);
  EXPECT_TRUE(same_bits(Linear(4, 3).weight.value(), weight));
}
