#include "eigengrad/core/create.hpp"
#include "support/message.hpp"

#include <gtest/gtest.h>

#include <span>

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

std::vector<double> numbers(const Tensor& t) { return {t.begin(), t.end()}; }

}  // namespace

TEST(Create, Constant) {
  EXPECT_EQ(numbers(Tensor::zeros({2, 1})), (std::vector<double>{0, 0}));
  EXPECT_EQ(numbers(Tensor::ones({1, 2})), (std::vector<double>{1, 1}));
  EXPECT_EQ(numbers(Tensor::full({3}, 2.5)), (std::vector<double>{2.5, 2.5, 2.5}));
  EXPECT_EQ(Tensor::empty({4, 5}).shape(), (eg::Shape{4, 5}));
  EXPECT_EQ(numbers(Tensor::eye(2)), (std::vector<double>{1, 0, 0, 1}));
  EXPECT_EQ(numbers(Tensor::eye(2, 3)), (std::vector<double>{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(Tensor::eye(0).size(), 0);
  EXPECT_THROW(Tensor::eye(2, -2), eg::ShapeError);
}

TEST(Create, Arange) {
  EXPECT_EQ(numbers(Tensor::arange(3)), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(numbers(Tensor::arange(1, 2, 0.25)), (std::vector<double>{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(numbers(Tensor::arange(3, 0, -1)), (std::vector<double>{3, 2, 1}));
  EXPECT_EQ(Tensor::arange(3, 0).size(), 0);
  EXPECT_THROW(Tensor::arange(0, 1, 0), eg::ValueError);
  EXPECT_THROW(Tensor::arange(0, 1e300, 1), eg::ValueError);
  EXPECT_THROW(Tensor::arange(0, std::nan(""), 1), eg::ValueError);
  EXPECT_EQ(eg::Tensor<std::int64_t>::arange(5)(4), 4);
}

TEST(Create, Linspace) {
  EXPECT_EQ(numbers(Tensor::linspace(0, 1, 5)), (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(numbers(Tensor::linspace(-4, 4, 9))[4], 0);
  EXPECT_EQ(numbers(Tensor::linspace(2, 3, 1)), (std::vector<double>{2}));
  EXPECT_EQ(Tensor::linspace(0, 0.1, 101)(100), 0.1);
  EXPECT_EQ(Tensor::linspace(0, 1, 0).size(), 0);
  EXPECT_THROW(Tensor::linspace(0, 1, -1), eg::ShapeError);
}

TEST(Create, FromASpan) {
  const std::vector<double> values = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(Tensor::from(values, {2, 3})(1, 0), 4);
  const std::string text = support::message_of<eg::ShapeError>([&] { Tensor::from(values, {2, 2}); });
  EXPECT_NE(text.find("from: 6 values do not fill shape [2, 2]"), std::string::npos) << text;
}

// Line 21 of the reliability list: the same seed, the same bits.
TEST(Create, RandomBySeed) {
  const auto draw = [] {
    eg::manual_seed(21);
    std::vector<double> all = numbers(Tensor::rand({5}));
    for (const double number : numbers(Tensor::randn({5}))) all.push_back(number);
    for (const double number : numbers(Tensor::randint(-3, 3, {5}))) all.push_back(number);
    return all;
  };
  EXPECT_EQ(draw(), draw());
}

TEST(Create, RandomRanges) {
  eg::Generator generator(1);
  const auto uniform = eg::Tensor<float>::rand({100'000}, generator);
  EXPECT_TRUE((uniform.array() >= 0).all() && (uniform.array() < 1).all());
  EXPECT_NEAR(uniform.array().cast<double>().mean(), 0.5, 0.005);
  const auto normal = Tensor::randn({100'000}, generator);
  EXPECT_NEAR(normal.array().mean(), 0, 0.01);
  EXPECT_NEAR(normal.array().square().mean(), 1, 0.02);
  const auto whole = eg::Tensor<std::int64_t>::randint(-2, 3, {100'000}, generator);
  for (std::int64_t value = -2; value < 3; ++value)
    EXPECT_NEAR(static_cast<double>((whole.array() == value).count()), 20'000, 600);
  EXPECT_THROW(Tensor::randint(3, 3, {1}), eg::ValueError);
  EXPECT_EQ(eg::Tensor<std::int64_t>::randint(std::numeric_limits<std::int64_t>::min(),
                                              std::numeric_limits<std::int64_t>::max(), {3})
                .size(),
            3);
}
