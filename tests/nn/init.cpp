#include "eigengrad/nn/module/init.hpp"

#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

static const eg::Shape shape = {300, 200};  // fan_out 300, fan_in 200: 60,000 numbers

// Mean and variance of `numbers` lie within five standard deviations of what U(-bound, bound) has, the bound is kept
// and nearly reached, and the distribution is flat (chi-square of 20 bins).
static void expect_uniform(const Real& numbers, double bound) {
  const auto x = numbers.array();
  const auto n = static_cast<double>(numbers.size());
  EXPECT_LE(x.abs().maxCoeff(), bound);
  EXPECT_GT(x.abs().maxCoeff(), 0.999 * bound);
  EXPECT_NEAR(x.mean(), 0, 5 * bound / std::sqrt(3 * n));
  EXPECT_NEAR(x.square().mean(), bound * bound / 3, 5 * bound * bound * std::sqrt(4.0 / 45 / n));
  double bins[20] = {}, chi_square = 0;
  for (const double number : numbers) ++bins[std::min(19, static_cast<int>((number / bound + 1) * 10))];
  for (const double bin : bins) chi_square += (bin - n / 20) * (bin - n / 20) / (n / 20);
  EXPECT_LT(chi_square, 50) << "19 degrees of freedom: 1 in 8,000";
}

// Mean, variance, skewness and kurtosis are those of N(0, deviation^2), within five standard deviations.
static void expect_normal(const Real& numbers, double deviation) {
  const Eigen::ArrayXd x = numbers.array() / deviation;
  const auto n = static_cast<double>(numbers.size());
  EXPECT_NEAR(x.mean(), 0, 5 / std::sqrt(n));
  EXPECT_NEAR(x.square().mean(), 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(x.cube().mean(), 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(x.square().square().mean(), 3, 5 * std::sqrt(96 / n));
}

// 46: mean, variance, bounds and distribution of each.
TEST(Init, ZerosAndConstants) {
  EXPECT_TRUE(close(eg::init::zeros<double>({2, 2}), {0, 0, 0, 0}));
  EXPECT_TRUE(close(eg::init::constant<float>({3}, 0.5f), {0.5, 0.5, 0.5}));
}

TEST(Init, UniformAndNormal) {
  eg::Generator generator(1);
  expect_uniform(eg::init::uniform<double>(shape, -0.25, 0.25, generator), 0.25);
  expect_uniform(Real::from_eigen(eg::init::uniform<double>(shape, 1, 3, generator).array() - 2), 1);
  expect_normal(eg::init::normal<double>(shape, 0, 0.1, generator), 0.1);
  expect_normal(Real::from_eigen(eg::init::normal<double>(shape, 5, 2, generator).array() - 5), 2);
}

TEST(Init, XavierUsesBothFans) {
  eg::Generator generator(2);
  expect_uniform(eg::init::xavier_uniform<double>(shape, 1, generator), std::sqrt(6.0 / 500));
  expect_uniform(eg::init::xavier_uniform<double>(shape, 3, generator), 3 * std::sqrt(6.0 / 500));
  expect_normal(eg::init::xavier_normal<double>(shape, 1, generator), std::sqrt(2.0 / 500));
}

TEST(Init, KaimingAndLeCunUseTheFanIn) {
  eg::Generator generator(3);
  expect_uniform(eg::init::kaiming_uniform<double>(shape, std::sqrt(2.0), generator), std::sqrt(6.0 / 200));
  expect_normal(eg::init::kaiming_normal<double>(shape, std::sqrt(2.0), generator), std::sqrt(2.0 / 200));
  expect_uniform(eg::init::lecun_uniform<double>(shape, 1, generator), std::sqrt(3.0 / 200));
  expect_normal(eg::init::lecun_normal<double>(shape, 1, generator), std::sqrt(1.0 / 200));
}

TEST(Init, FurtherAxesBelongToTheFans) {
  eg::Generator generator(4);
  expect_uniform(eg::init::kaiming_uniform<double>({60, 20, 5, 10}, std::sqrt(2.0), generator), std::sqrt(6.0 / 1000));
  expect_uniform(eg::init::xavier_uniform<double>({60, 20, 5, 10}, 1, generator), std::sqrt(6.0 / (1000 + 3000)));
}

TEST(Init, OrthogonalHasOrthonormalRowsOrColumns) {
  eg::Generator generator(5);
  for (const eg::Shape& size : {eg::Shape{5, 5}, {3, 8}, {8, 3}, {1, 4}, {50, 40}, {4, 3, 2}}) {
    const Real w = eg::init::orthogonal<double>(size, 2, generator);
    const eg::Index rows = size[0], columns = size.size() / rows;
    const Real flat = kernel_access(w).alias({rows, columns});
    const Eigen::MatrixXd m = flat.matrix();
    const Eigen::MatrixXd product =
        rows <= columns ? Eigen::MatrixXd(m * m.transpose()) : Eigen::MatrixXd(m.transpose() * m);
    EXPECT_LT((product - 4 * Eigen::MatrixXd::Identity(product.rows(), product.cols())).cwiseAbs().maxCoeff(), 1e-12);
  }
  const eg::Tensor<float> w = eg::init::orthogonal<float>({20, 20}, 1, generator);
  EXPECT_LT((w.matrix() * w.matrix().transpose() - Eigen::MatrixXf::Identity(20, 20)).cwiseAbs().maxCoeff(), 1e-6f);
}

TEST(Init, ASeedFixesTheBits) {
  const auto draw = [](auto initializer) {
    eg::Generator one(7), same(7), other(8);
    const Real first = initializer(one);
    EXPECT_TRUE(same_bits(first, initializer(same)));
    EXPECT_FALSE(same_bits(first, initializer(other)));
    EXPECT_FALSE(same_bits(first, initializer(one))) << "the generator moves on";
    eg::manual_seed(7);
    EXPECT_TRUE(same_bits(first, initializer(eg::default_generator())));
  };
  draw([](eg::Generator& g) { return eg::init::uniform<double>({3, 4}, -1, 1, g); });
  draw([](eg::Generator& g) { return eg::init::normal<double>({3, 4}, 0, 1, g); });
  draw([](eg::Generator& g) { return eg::init::xavier_uniform<double>({3, 4}, 1, g); });
  draw([](eg::Generator& g) { return eg::init::xavier_normal<double>({3, 4}, 1, g); });
  draw([](eg::Generator& g) { return eg::init::kaiming_uniform<double>({3, 4}, 1, g); });
  draw([](eg::Generator& g) { return eg::init::kaiming_normal<double>({3, 4}, 1, g); });
  draw([](eg::Generator& g) { return eg::init::orthogonal<double>({3, 4}, 1, g); });
}

TEST(Init, EmptyShapes) {
  EXPECT_EQ(eg::init::xavier_uniform<double>({0, 3}).size(), 0);
  EXPECT_EQ(eg::init::kaiming_normal<double>({3, 0}).size(), 0);
  EXPECT_EQ(eg::init::orthogonal<double>({0, 3}).shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(eg::init::orthogonal<double>({3, 0}).shape(), (eg::Shape{3, 0}));
}

TEST(Init, Errors) {
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::init::xavier_uniform<double>({5}); }),
                       {"[5]", "fan-in", "[out, in]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::init::orthogonal<double>({5}); }), {"orthogonal", "[5]"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ValueError>([] { eg::init::uniform<double>({5}, 1, 0); }), {"uniform", "1", "0"}));
  EXPECT_THROW(eg::init::normal<double>({5}, 0, -1), eg::ValueError);
}
