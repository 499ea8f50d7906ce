#include <eigengrad/data/standardizer.hpp>

#include "files.hpp"

namespace eg = eigengrad;

TEST(Standardizer, BringsColumnsToMeanZeroAndDeviationOne) {
  const eg::Tensor<double> inputs = {{1, 100}, {3, 300}, {5, 500}, {7, 700}};
  const eg::Standardizer<double> standardize(inputs);
  EXPECT_DOUBLE_EQ(standardize.mean()(0), 4);
  EXPECT_DOUBLE_EQ(standardize.deviation()(1), std::sqrt(50000.0));
  const auto scaled = standardize(inputs);
  for (eg::Index column = 0; column < 2; ++column) {
    EXPECT_NEAR(scaled.matrix().col(column).mean(), 0, 1e-15);
    EXPECT_NEAR(scaled.matrix().col(column).squaredNorm() / 4, 1, 1e-15);
  }
  EXPECT_LT((standardize.inverse(scaled).array() - inputs.array()).abs().sum(), 1e-12);
  const auto fresh = standardize.transform(eg::Tensor<double>{{4, 400}});
  EXPECT_DOUBLE_EQ(fresh(0, 1), 0) << "scaled by what was fitted";
}

TEST(Standardizer, AConstantColumnIsOnlyShifted) {
  // 0.1f summed a thousand times: rounding must not pass for a spread.
  eg::Tensor<float> inputs = eg::Tensor<float>::full({1000, 2}, 0.1f);
  for (eg::Index i = 0; i < 1000; ++i) inputs.at(i, 1) = 1e-42f;
  const eg::Standardizer<float> standardize(inputs);
  const auto scaled = standardize(inputs);
  EXPECT_TRUE(scaled.array().isFinite().all());
  for (const float value : scaled) EXPECT_LT(std::abs(value), 1e-7f);
}

TEST(Standardizer, RefusesWhatDoesNotFit) {
  EXPECT_THROW(eg::Standardizer<float>(eg::Tensor<float>::zeros({0, 3})), eg::ValueError);
  EXPECT_THROW(eg::Standardizer<float>(eg::Tensor<float>::zeros({3})), eg::ShapeError);
  const eg::Standardizer<float> standardize(eg::Tensor<float>::zeros({2, 3}));
  const auto message = message_of<eg::ShapeError>([&] { standardize(eg::Tensor<float>::zeros({2, 4})); });
  expect_contains(message, "[2, 4]");
  expect_contains(message, "[3]");
  EXPECT_THROW(eg::Standardizer<float>()(eg::Tensor<float>::zeros({2, 4})), eg::ShapeError);
  EXPECT_EQ(standardize(eg::Tensor<float>::zeros({0, 3})).shape(), (eg::Shape{0, 3}));
}

TEST(Standardizer, NanStaysNan) {
  const eg::Tensor<float> inputs = {{1, std::nanf("")}, {2, 0}};
  const auto scaled = eg::Standardizer<float>(inputs)(inputs);
  EXPECT_FLOAT_EQ(scaled(1, 0), 1);
  EXPECT_TRUE(std::isnan(scaled(0, 1)));
}

TEST(Standardizer, IsMadeAgainFromItsMeanAndDeviation) {
  const eg::Tensor<double> inputs = {{1, 100, 5}, {3, 300, 5}, {8, 500, 5}};
  const eg::Standardizer<double> fitted(inputs), again(fitted.mean(), fitted.deviation());
  const auto expected = fitted(inputs), scaled = again(inputs);
  EXPECT_TRUE((scaled.array() == expected.array()).all());
  EXPECT_EQ(again.inverse(scaled).shape(), inputs.shape());
  const eg::Standardizer<float> known({1, 2}, {2, 4});
  EXPECT_EQ(known(eg::Tensor<float>{{5, 2}})(0, 0), 2);
  EXPECT_EQ(known(eg::Tensor<float>{{5, 10}})(0, 1), 2);
}

TEST(Standardizer, RefusesMeansAndDeviationsThatDoNotFit) {
  using Tensor = eg::Tensor<double>;
  const auto message = [](const Tensor& mean, const Tensor& deviation) {
    return message_of<eg::ShapeError>([&] { eg::Standardizer<double>(mean, deviation); });
  };
  expect_contains(message({1, 2}, {1, 2, 3}), "standardizer: the mean is [2], the deviation [3]: give one of each");
  expect_contains(message(Tensor::full({}, 1), Tensor::full({}, 2)), "the mean is []");
  for (const double bad : {0.0, -1.0, double(INFINITY)})
    expect_contains(message_of<eg::ValueError>([&] { eg::Standardizer<double>({1, 2}, {1, bad}); }),
                    "standardizer: the deviation of column 1 is");
}
