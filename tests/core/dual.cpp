#include "eigengrad/core/dual.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "eigengrad/core/dual_tensor.hpp"
#include "eigengrad/core/print.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Dual = eg::Dual<double>;
using support::close;

TEST(Dual, KnowsWhatIsReal) {
  EXPECT_TRUE(eg::is_real<double> && eg::is_real<Dual> && eg::is_real<eg::Dual<Dual>>);
  EXPECT_FALSE(eg::is_real<int> || eg::is_real<bool> || eg::is_real<eg::Dual<int>>);
  EXPECT_EQ(std::numeric_limits<Dual>::infinity(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::numeric_limits<eg::Dual<float>>::digits10, std::numeric_limits<float>::digits10);
  EXPECT_EQ(eg::plain_value(eg::Dual<Dual>(Dual(3, 4), Dual(5, 6))), 3);
}

TEST(Dual, LosesNoTangentUnseen) {
  const Dual x(8, 1);
  const auto message = support::message_of<eg::TangentError>([&] { return std::cbrt(x); });
  EXPECT_TRUE(support::mentions(message, {"dual", "tangent", "[](const auto& x)", "value_part(x)"}));
  EXPECT_THROW(static_cast<void>(static_cast<float>(x)), eg::TangentError);
  EXPECT_THROW(static_cast<void>(static_cast<int>(x)), eg::GradientError);              // it is one of these
  const auto positive = [](const auto& number, bool yes) { return yes ? number : 0; };  // not ambiguous
  EXPECT_EQ(positive(x, true).tangent, 1);
}

TEST(DualTensor, IsPutTogetherAndTakenApart) {
  const eg::Tensor<double> value = {{1, 2}, {3, 4}}, tangent = {{5, 6}, {7, 8}};
  const eg::Tensor<Dual> x = eg::make_dual(value, tangent);
  EXPECT_EQ(x(1, 0).tangent, 7);
  EXPECT_TRUE(close(eg::value_part(x), value));
  EXPECT_TRUE(close(eg::tangent_part(x), tangent));
  EXPECT_TRUE(close(eg::tangent_part(x.detach()), eg::Tensor<double>::zeros({2, 2})));
  EXPECT_TRUE(close(eg::tangent_part(kernel_access(x).unrecorded()), tangent));
  const auto message =
      support::message_of<eg::ShapeError>([&] { return eg::make_dual(value, eg::Tensor<double>{1, 2}); });
  EXPECT_TRUE(support::mentions(message, {"make_dual", "[2, 2]", "[2]", "value's shape"}));
}

TEST(DualTensor, ConvertsBothWaysAsFarAsItCan) {
  const eg::Tensor<Dual> constant = eg::Tensor<double>{1, 2};
  EXPECT_TRUE(close(eg::value_part(constant), {1, 2}));
  EXPECT_TRUE(close(eg::tangent_part(constant), {0, 0}));
  const auto message = support::message_of<eg::TangentError>([&] { eg::Tensor<double> lost = constant; });
  EXPECT_TRUE(support::mentions(message, {"tensor", "[2]", "tangents", "[](const auto& x)", "value_part(x)"}));
  EXPECT_THROW((eg::Tensor<double>{constant(0), constant(1)}), eg::TangentError);
  EXPECT_EQ((eg::Tensor<Dual>{Dual(1, 2), 3})(0).tangent, 2);
}

TEST(DualTensor, IsDrawnAsItsNumbersAre) {
  eg::Generator a(3), b(3);
  const auto plain = eg::Tensor<float>::rand({20}, a);
  const auto dual = eg::Tensor<eg::Dual<float>>::rand({20}, b);
  EXPECT_TRUE(close(eg::value_part(dual), plain, 0));
  EXPECT_TRUE(close(eg::tangent_part(dual), eg::Tensor<float>::zeros({20}), 0));
}

TEST(DualTensor, Prints) {
  std::ostringstream text;
  text << eg::make_dual<double>({{1, 2.5}, {3, 4}}, {{5, 0}, {-1.25, 8}}) << ' ' << Dual(0.5, -1);
  EXPECT_EQ(text.str(), "[[1.  +  5.e   2.5 +  0.e  ]\n [3.  + -1.25e 4.  +  8.e  ]] 0.5 + -1.0e");
  EXPECT_EQ(eg::to_text(Dual(1.5, 2)), "1.5 + 2e");
}
