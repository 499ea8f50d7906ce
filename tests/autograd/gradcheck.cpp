#include "eigengrad/autograd/gradcheck.hpp"

#include <gtest/gtest.h>

#include "eigengrad/ops/sum.hpp"

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;

namespace {

/// The identity, with a gradient that is wrong by `error` in element (1, 2).
Tensor wrong(const Tensor& x, double error) {
  return eg::record("wrong", x, eg::wrt(x, [error](const Tensor& dy) {
                      Tensor dx = dy;
                      dx.at(1, 2) *= 1 + error;
                      return dx;
                    }));
}
const Tensor x = Tensor{{1, 2, 3}, {4, 5, 6}};

}  // namespace

TEST(Gradcheck, PassesWhatIsRight) {
  eg::gradcheck([](const auto& t) { return sum(exp(0.1 * t) * t); }, x);
  eg::gradcheck([](const auto& t) { return t * t; }, x);  // a formula of any shape
  eg::gradcheck([](const auto& a, const auto& b) { return a / b; }, x, Tensor{1, 2, 4});
  eg::gradcheck([](const auto& a, const auto& b, const auto& c) { return where(a > b, a * c, b); }, x, Tensor{{2.5}},
                Tensor{{1}, {2}});
  eg::gradcheck([](const std::vector<Tensor>& all) { return all[0] * all[1] * all[2] * all[3]; }, {x, x, x, x});
  eg::gradcheck([](const auto& t) { return t * 2.0; }, Tensor::zeros({0, 3}));
}

TEST(Gradcheck, TakesParametersAndLeavesThemAlone) {
  const eg::Parameter<double> p(x);
  eg::gradcheck([](const auto& t) { return t * t; }, p);
  EXPECT_FALSE(p.has_grad());
  EXPECT_EQ(p.value()(1, 2), 6);
}

TEST(Gradcheck, NamesOperationInputElementAndBothValues) {
  const std::string text = message_of<eg::GradientError>(
      [] { eg::gradcheck([](const auto& a, const auto& b) { return a * wrong(b, 1); }, Tensor::ones({2, 3}), x); });
  EXPECT_NE(text.find("gradcheck: the gradient of (wrong, multiply) is wrong: input 1 of shape [2, 3], element (1, 2): "
                      "the rules give"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("differences give"), std::string::npos) << text;
  EXPECT_NE(text.find("(gradcheck.cpp:"), std::string::npos) << text;
}

TEST(Gradcheck, FindsOneWrongElementAmongMany) {
  EXPECT_THROW(eg::gradcheck([](const auto& t) { return wrong(t, 0.1); }, Tensor::ones({32, 64})), eg::GradientError);
}

TEST(Gradcheck, TakesOptions) {
  const auto f = [](const auto& t) { return wrong(t, 0.01); };
  EXPECT_THROW(eg::gradcheck(f, x), eg::GradientError);
  EXPECT_NO_THROW(eg::gradcheck(f, x, {.relative = 0.1}));
  EXPECT_NO_THROW(eg::gradcheck([](const auto& t) { return t * t; }, x, {.epsilon = 1e-4}));
}

TEST(Gradcheck, RefusesNanAndWhatDoesNotDependOnItsInput) {
  EXPECT_THROW(eg::gradcheck([](const auto& t) { return log(t); }, Tensor{-1.0, 2.0}), eg::GradientError);
  EXPECT_THROW(eg::gradcheck([](const auto& t) { return t.detach() * 2.0; }, x), eg::GradientError);
}

TEST(Gradcheck, WorksUnderATapeAndNoGrad) {
  const eg::Tape tape;
  const eg::NoGrad pause;
  eg::gradcheck([](const auto& t) { return t * t; }, x);
  EXPECT_EQ(tape.size(), 0);
}
