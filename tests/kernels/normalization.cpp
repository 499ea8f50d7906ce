#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/kernels/normalization/batch_norm.hpp"
#include "eigengrad/kernels/normalization/group_norm.hpp"
#include "eigengrad/kernels/normalization/layer_norm.hpp"
#include "normalization_cases.hpp"

namespace eg = eigengrad;
namespace normalization = eigengrad::normalization;

using eg::Index;
using norm_cases::at;

namespace {

template <class T>
struct Saved {
  explicit Saved(Index sets) : center(at(sets)), rest(at(sets)), scale(at(sets)) {}
  std::vector<T> center, rest, scale;
  normalization::Statistics<T> statistics() { return {center.data(), rest.data(), scale.data()}; }
};

/// Within so many units in the last place of the largest number expected.
template <class T>
void expect_close(const std::vector<T>& actual, const std::vector<double>& expected, double units, const char* what) {
  double largest = 1;
  for (const double number : expected) largest = std::max(largest, std::abs(number));
  ASSERT_GE(actual.size(), expected.size());
  const double allowed = units * largest * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto number = static_cast<double>(actual[i]);
    if (std::abs(number - expected[i]) <= allowed) continue;
    FAIL() << what << " at " << i << " is " << number << ", not " << expected[i] << " within " << allowed;
  }
  for (std::size_t i = expected.size(); i < actual.size(); ++i) ASSERT_EQ(actual[i], T(77)) << "behind " << what;
}

enum class Norm { layer, rms, batch, group };

/// One norm, forward and back, with a guard behind every result.
template <class T>
void check_norm(Norm norm, const norm_cases::Layout& layout, Index batch, Index channels, Index size, Index groups,
                bool affine, double mean, double units) {
  SCOPED_TRACE(eg::to_text("norm ", static_cast<int>(norm), " of ", batch, " x ", channels, " x ", size, " groups ",
                           groups, " affine ", affine, " mean ", mean, " of ", sizeof(T), " bytes"));
  const double epsilon = 1e-5;
  const auto x = norm_cases::numbers<T>(layout.count, 1, mean), dy = norm_cases::numbers<T>(layout.count, 2, 0.3);
  const auto weights = norm_cases::numbers<T>(layout.weights, 3, 1), biases = norm_cases::numbers<T>(layout.weights, 4);
  const T* const weight = affine ? weights.data() : nullptr;
  const T* const bias = affine && norm != Norm::rms ? biases.data() : nullptr;
  const auto e = norm_cases::naive<T>(layout, x, dy, weight, bias, epsilon, norm != Norm::rms);
  std::vector<T> y(x.size() + 20, T(77)), dx(x.size() + 20, T(77)), dweight(weights.size() + 20, T(77)),
      dbias(weights.size() + 20, T(77)), unbiased(at(layout.sets) + 20, T(77));
  Saved<T> saved(layout.sets);
  const auto statistics = saved.statistics();
  const normalization::Planes planes{batch, channels, size};
  const T eps = static_cast<T>(epsilon);
  switch (norm) {
    case Norm::layer:
      normalization::layer_forward<T>(x.data(), batch, size, weight, bias, eps, statistics, y.data());
      normalization::layer_backward<T>(x.data(), dy.data(), batch, size, weight, statistics, dx.data(), dweight.data(),
                                       dbias.data());
      break;
    case Norm::rms:
      normalization::rms_forward<T>(x.data(), batch, size, weight, eps, statistics.scale, y.data());
      normalization::rms_backward<T>(x.data(), dy.data(), batch, size, weight, statistics.scale, dx.data(),
                                     dweight.data());
      break;
    case Norm::batch:
      normalization::batch_forward<T>(x.data(), planes, weight, bias, eps, statistics, unbiased.data(), y.data());
      normalization::batch_backward<T>(x.data(), dy.data(), planes, weight, statistics, dx.data(), dweight.data(),
                                       dbias.data());
      break;
    case Norm::group:
      normalization::group_forward<T>(x.data(), planes, groups, weight, bias, eps, statistics, y.data());
      normalization::group_backward<T>(x.data(), dy.data(), planes, groups, weight, statistics, dx.data(),
                                       dweight.data(), dbias.data());
      break;
  }
  expect_close(y, e.y, units, "y");
  expect_close(dx, e.dx, 2 * units * e.largest_scale, "dx");
  expect_close(dweight, e.dweight, 4 * units, "dweight");
  if (norm != Norm::rms) {
    expect_close(dbias, e.dbias, 4 * units, "dbias");
    expect_close(saved.center, e.mean, 2, "mean");
  }
  if (norm == Norm::batch) {
    std::vector<double> expected = e.variance;
    const auto count = static_cast<double>(batch * size);
    for (double& v : expected) v *= count / (count - 1);
    expect_close(unbiased, expected, 64, "unbiased variance");
  }
}

template <class T>
void check_all(double mean, double units) {
  for (const Index size : {1, 2, 3, 10, 16, 31, 64, 130, 3000})
    for (const Index rows : {1, 2, 33, 70})
      for (const bool affine : {true, false}) {
        if (size == 3000 && rows > 33) continue;
        if (size > 1) check_norm<T>(Norm::layer, norm_cases::rows(rows, size), rows, 1, size, 1, affine, mean, units);
        if (mean == 0) check_norm<T>(Norm::rms, norm_cases::rows(rows, size), rows, 1, size, 1, affine, mean, units);
        if (testing::Test::HasFatalFailure()) return;
      }
  for (const Index batch : {1, 2, 5, 300})
    for (const Index channels : {1, 4, 6, 18, 35})
      for (const Index size : {1, 2, 9, 49, 256, 2500}) {
        if (batch == 300 && size > 9) continue;
        const bool affine = (batch + channels + size) % 3 != 0;
        if (batch * size > 1)
          check_norm<T>(Norm::batch, norm_cases::planes(batch, channels, size, 0), batch, channels, size, 0, affine,
                        mean, units);
        for (const Index groups : {Index{1}, Index{2}, channels})
          if (channels % groups == 0 && channels / groups * size > 1)
            check_norm<T>(Norm::group, norm_cases::planes(batch, channels, size, groups), batch, channels, size, groups,
                          affine, mean, units);
        if (testing::Test::HasFatalFailure()) return;
      }
}

}  // namespace

TEST(Normalization, AgreesWithPlainLoops) {
  check_all<double>(0, 64);
  check_all<float>(0, 32);
}
// A variance found as mean(x^2) - mean(x)^2, or a mean kept in one float, would leave two digits of these.
TEST(Normalization, KeepsTheDigitsOfNumbersFarFromZero) {
  check_all<float>(1e4, 32);
  check_all<double>(1e8, 256);
}

TEST(Normalization, EqualNumbersGiveTheBias) {
  for (const float number : {0.1f, -3e4f, 7e-20f}) {
    const std::vector<float> x(100, number);
    std::vector<float> y(100);
    Saved<float> saved(1);
    normalization::layer_forward<float>(x.data(), 1, 100, nullptr, nullptr, 1e-5f, saved.statistics(), y.data());
    for (const float each : y) EXPECT_NEAR(each, 0, 1e-6);
    EXPECT_EQ(saved.center[0], number);
  }
}

TEST(Normalization, NanStaysInItsSet) {
  std::vector<double> x = norm_cases::numbers<double>(60, 1), y(60);
  x[25] = std::numeric_limits<double>::quiet_NaN();
  x[45] = std::numeric_limits<double>::infinity();
  Saved<double> saved(3);
  normalization::layer_forward<double>(x.data(), 3, 20, nullptr, nullptr, 1e-5, saved.statistics(), y.data());
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(y[i] != y[i], i >= 20) << i;
}

TEST(Normalization, GivenStatistics) {
  for (const Index size : {1, 5, 40}) {
    const Index n = 3, c = 71, count = n * c * size;
    const auto x = norm_cases::numbers<double>(count, 1, 5), dy = norm_cases::numbers<double>(count, 2);
    const auto mean = norm_cases::numbers<double>(c, 3, 5), weight = norm_cases::numbers<double>(c, 4),
               bias = norm_cases::numbers<double>(c, 5);
    std::vector<double> variance = norm_cases::numbers<double>(c, 6), y(x.size()), dx(x.size()), dweight(at(c)),
                        dbias(at(c)), expected_dweight(at(c), 0), expected_dbias(at(c), 0);
    for (double& v : variance) v = 0.1 + v * v;
    normalization::batch_forward_given<double>(x.data(), {n, c, size}, mean.data(), variance.data(), weight.data(),
                                               bias.data(), 1e-5, y.data());
    normalization::batch_backward_given<double>(x.data(), dy.data(), {n, c, size}, mean.data(), variance.data(),
                                                weight.data(), 1e-5, dx.data(), dweight.data(), dbias.data());
    for (Index i = 0; i < count; ++i) {
      const std::size_t k = at(i / size % c), here = at(i);
      const double scale = 1 / std::sqrt(variance[k] + 1e-5), normal = (x[here] - mean[k]) * scale;
      EXPECT_NEAR(y[here], normal * weight[k] + bias[k], 1e-12);
      EXPECT_NEAR(dx[here], dy[here] * scale * weight[k], 1e-13);
      expected_dweight[k] += dy[here] * normal;
      expected_dbias[k] += dy[here];
    }
    expect_close(dweight, expected_dweight, 100, "dweight");
    expect_close(dbias, expected_dbias, 100, "dbias");
  }
}

TEST(Normalization, NothingAndOneNumber) {
  Saved<double> saved(4);
  std::vector<double> unbiased(4, 3), dweight(4, 1), dbias(4, 1);
  double none = 0;
  normalization::batch_forward<double>(&none, {0, 4, 9}, nullptr, nullptr, 1e-5, saved.statistics(), unbiased.data(),
                                       &none);
  normalization::batch_backward<double>(&none, &none, {0, 4, 9}, nullptr, saved.statistics(), &none, dweight.data(),
                                        dbias.data());
  EXPECT_EQ(unbiased, std::vector<double>(4, 3));
  EXPECT_EQ(dweight, std::vector<double>(4, 0));
  EXPECT_EQ(dbias, std::vector<double>(4, 0));
  dweight.assign(4, 1);
  normalization::group_backward<double>(&none, &none, {0, 4, 9}, 2, nullptr, saved.statistics(), &none, dweight.data(),
                                        dbias.data());
  EXPECT_EQ(dweight, std::vector<double>(4, 0));
  dweight.assign(4, 1);
  normalization::layer_forward<double>(&none, 0, 4, nullptr, nullptr, 1e-5, saved.statistics(), &none);
  normalization::layer_backward<double>(&none, &none, 0, 4, nullptr, saved.statistics(), &none, dweight.data(),
                                        dbias.data());
  EXPECT_EQ(dweight, std::vector<double>(4, 0));
  try {
    normalization::batch_forward<double>(&none, {1, 1, 1}, nullptr, nullptr, 1e-5, saved.statistics(), unbiased.data(),
                                         &none);
    FAIL();
  } catch (const eg::ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "batch_norm: shape [1, 1, 1] has one number per channel, whose variance is 0: train with larger "
                 "batches, or call eval() first");
  }
}

// The tangent of a norm, beside the difference of two.
TEST(Normalization, DualNumbers) {
  using D = eg::Dual<double>;
  const Index n = 2, c = 4, s = 3, count = n * c * s;
  const auto x = norm_cases::numbers<double>(count, 1), t = norm_cases::numbers<double>(count, 2),
             dy = norm_cases::numbers<double>(count, 3), w = norm_cases::numbers<double>(count, 4, 1);
  for (const int norm : {0, 1, 2, 3, 4}) {
    const auto run = [&]<class T>(const std::vector<T>& in, const std::vector<T>& weight, const std::vector<T>& up) {
      std::vector<T> result(at(2 * count)), dweight(at(count)), dbias(at(count)), unbiased(at(count));
      Saved<T> saved(count);
      T *y = result.data(), *dx = y + count;
      const normalization::Planes planes{n, c, s}, flat{n * s, c, 1};
      if (norm < 2) {
        const normalization::Planes& p = norm == 0 ? planes : flat;
        normalization::batch_forward<T>(in.data(), p, weight.data(), nullptr, 1e-5, saved.statistics(), unbiased.data(),
                                        y);
        normalization::batch_backward<T>(in.data(), up.data(), p, weight.data(), saved.statistics(), dx, dweight.data(),
                                         dbias.data());
      } else if (norm == 2) {
        normalization::group_forward<T>(in.data(), planes, 2, weight.data(), nullptr, 1e-5, saved.statistics(), y);
        normalization::group_backward<T>(in.data(), up.data(), planes, 2, weight.data(), saved.statistics(), dx,
                                         dweight.data(), dbias.data());
      } else if (norm == 3) {
        normalization::layer_forward<T>(in.data(), n, c * s, weight.data(), nullptr, 1e-5, saved.statistics(), y);
        normalization::layer_backward<T>(in.data(), up.data(), n, c * s, weight.data(), saved.statistics(), dx,
                                         dweight.data(), dbias.data());
      } else {
        normalization::rms_forward<T>(in.data(), n, c * s, weight.data(), 1e-5, saved.scale.data(), y);
        normalization::rms_backward<T>(in.data(), up.data(), n, c * s, weight.data(), saved.scale.data(), dx,
                                       dweight.data());
      }
      result.insert(result.end(), dweight.begin(), dweight.begin() + c);
      return result;
    };
    std::vector<D> duals(x.size()), weights(x.size()), ups(x.size());
    std::vector<double> above = x, below = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
      duals[i] = D(x[i], t[i]);
      weights[i] = D(w[i]);
      ups[i] = D(dy[i]);
      above[i] += 1e-5 * t[i];
      below[i] -= 1e-5 * t[i];
    }
    const auto all = run(duals, weights, ups);
    const auto plain = run(x, w, dy), more = run(above, w, dy), less = run(below, w, dy);
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_NEAR(all[i].value, plain[i], 1e-12) << "norm " << norm << " at " << i;
      EXPECT_NEAR(all[i].tangent, (more[i] - less[i]) / 2e-5, 1e-7) << "norm " << norm << " at " << i;
    }
  }
}

// Of floats, whose sums are dual numbers of doubles, and of dual numbers.
TEST(Normalization, DualNumbersOfOtherNumbers) {
  const auto run = [](auto one) {
    using T = decltype(one);
    const auto x = norm_cases::numbers<double>(24, 1), t = norm_cases::numbers<double>(24, 2);
    std::vector<T> duals, result(72), dweight(12), dbias(12), unbiased(12);
    for (std::size_t i = 0; i < 24; ++i) {
      if constexpr (std::is_same_v<T, eg::Dual<float>>)
        duals.emplace_back(static_cast<float>(x[i]), static_cast<float>(t[i]));
      else
        duals.emplace_back(eg::Dual<double>(x[i], t[i]), eg::Dual<double>(0));
    }
    Saved<T> saved(12);
    const eg::plain_t<T> epsilon(1e-5f);
    normalization::batch_forward<T>(duals.data(), {4, 6, 1}, nullptr, nullptr, epsilon, saved.statistics(),
                                    unbiased.data(), result.data());
    normalization::group_forward<T>(duals.data(), {2, 4, 3}, 2, nullptr, nullptr, epsilon, saved.statistics(),
                                    result.data() + 24);
    normalization::layer_forward<T>(duals.data(), 2, 12, nullptr, nullptr, epsilon, saved.statistics(),
                                    result.data() + 48);
    normalization::layer_backward<T>(duals.data(), duals.data(), 2, 12, nullptr, saved.statistics(), nullptr,
                                     dweight.data(), dbias.data());
    result.insert(result.end(), dweight.begin(), dweight.end());
    return result;
  };
  const auto floats = run(eg::Dual<float>());
  const auto nested = run(eg::Dual<eg::Dual<double>>());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(floats[i].value), nested[i].value.value, 1e-4) << i;
    EXPECT_NEAR(static_cast<double>(floats[i].tangent), nested[i].value.tangent, 1e-3) << i;
  }
}
