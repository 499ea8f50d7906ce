#include "eigengrad/kernels/pooling/average_pool.hpp"

#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/kernels/pooling/adaptive_pool.hpp"
#include "eigengrad/kernels/pooling/positions.hpp"
#include "pooling_cases.hpp"

namespace eg = eigengrad;
namespace pooling = eigengrad::pooling;

using eg::Index;
using pooling_cases::at;

namespace {

template <class T>
constexpr double allowed = sizeof(T) == 4 ? 2e-5 : 1e-13;

/// As PyTorch's avg_pool2d counts: the padding if asked for, but never what lies beyond it.
double divisor_of(const pooling::Windows& w, Index i, Index j, const pooling::AverageOptions& options) {
  if (options.divisor != 0) return static_cast<double>(options.divisor);
  const auto along = [&](const pooling::WindowAxis& axis, Index window) {
    Index from = window * axis.stride - axis.padding, to = std::min(from + axis.kernel, axis.size + axis.padding);
    if (!options.count_include_pad) {
      from = std::max<Index>(from, 0);
      to = std::min(to, axis.size);
    }
    return static_cast<double>(to - from);
  };
  return along(w.rows, i) * along(w.columns, j);
}

template <class T>
void check_average(const pooling::Windows& w, Index planes, const pooling::AverageOptions& options) {
  const auto x = pooling_cases::numbers<T>(planes * w.inputs(), 1);
  const auto dy = pooling_cases::numbers<T>(planes * w.outputs(), 2);
  std::vector<T> y(at(planes * w.outputs() + 40), T(77)), dx(at(planes * w.inputs() + 40), T(77));
  pooling::AveragePool<T>::run(x.data(), planes, w, options, y.data());
  pooling::AveragePool<T>::gradient(dy.data(), planes, w, options, dx.data());
  std::vector<double> expected(at(planes * w.inputs()), 0);
  for (Index p = 0, k = 0; p < planes; ++p)
    for (Index i = 0; i < w.rows.output; ++i)
      for (Index j = 0; j < w.columns.output; ++j, ++k) {
        const double divisor = divisor_of(w, i, j, options);
        double sum = 0;
        pooling_cases::for_each_tap(w, i, j, [&](Index r, Index c) {
          const std::size_t place = at(p * w.inputs() + r * w.columns.size + c);
          sum += static_cast<double>(x[place]);
          expected[place] += static_cast<double>(dy[at(k)]) / divisor;
        });
        ASSERT_NEAR(static_cast<double>(y[at(k)]), sum / divisor, allowed<T>) << "row " << i << " column " << j;
      }
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(static_cast<double>(dx[i]), expected[i], allowed<T>) << "gradient at " << i;
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_EQ(y[y.size() - 1 - i], T(77));
    ASSERT_EQ(dx[dx.size() - 1 - i], T(77));
  }
}

template <class T>
void check_adaptive(const pooling::AdaptiveWindows& w, Index planes) {
  const auto x = pooling_cases::awkward_numbers<T>(planes * w.inputs(), 3);
  auto finite = pooling_cases::numbers<T>(planes * w.inputs(), 4);
  const auto dy = pooling_cases::numbers<T>(planes * w.outputs(), 5);
  std::vector<T> y(at(planes * w.outputs())), means(y.size()), dx(finite.size()), dmax(finite.size());
  std::vector<std::int32_t> positions(y.size());
  pooling::AdaptiveMax<T>::run(x.data(), planes, w, y.data(), positions.data());
  pooling::adaptive_average(finite.data(), planes, w, means.data());
  pooling::adaptive_average_gradient(dy.data(), planes, w, dx.data());
  std::vector<double> expected(dx.size(), 0);
  for (Index p = 0, k = 0; p < planes; ++p)
    for (Index i = 0; i < w.rows.output; ++i)
      for (Index j = 0; j < w.columns.output; ++j, ++k) {
        const auto from = [](const pooling::AdaptiveAxis& a, Index o) {
          return static_cast<Index>(std::floor(static_cast<double>(o * a.size) / static_cast<double>(a.output)));
        };
        const auto to = [](const pooling::AdaptiveAxis& a, Index o) {
          return static_cast<Index>(std::ceil(static_cast<double>((o + 1) * a.size) / static_cast<double>(a.output)));
        };
        const Index r0 = from(w.rows, i), r1 = to(w.rows, i), c0 = from(w.columns, j), c1 = to(w.columns, j);
        T best = -std::numeric_limits<T>::infinity();
        Index place = -1;
        double sum = 0;
        for (Index r = r0; r < r1; ++r)
          for (Index c = c0; c < c1; ++c) {
            const std::size_t here = at(p * w.inputs() + r * w.columns.size + c);
            sum += static_cast<double>(finite[here]);
            expected[here] += static_cast<double>(dy[at(k)]) / static_cast<double>((r1 - r0) * (c1 - c0));
            if (place < 0 || x[here] > best || x[here] != x[here]) {
              best = x[here];
              place = r * w.columns.size + c;
            }
          }
        ASSERT_NEAR(static_cast<double>(means[at(k)]), sum / static_cast<double>((r1 - r0) * (c1 - c0)), allowed<T>);
        ASSERT_TRUE(y[at(k)] == best || (best != best && y[at(k)] != y[at(k)]));
        ASSERT_EQ(positions[at(k)], place);
      }
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(static_cast<double>(dx[i]), expected[i], allowed<T>);
}

}  // namespace

TEST(AveragePool, AgreesWithTheWalkOverEveryWindow) {
  Index cases = 0;
  pooling_cases::for_each_windows(false, [&](const pooling::Windows& w) {
    SCOPED_TRACE(eg::to_text(w.rows.size, "x", w.columns.size, " kernel ", w.rows.kernel, "x", w.columns.kernel,
                             " stride ", w.rows.stride, ",", w.columns.stride, " padding ", w.rows.padding, ",",
                             w.columns.padding));
    if (testing::Test::HasFatalFailure()) return;
    for (const pooling::AverageOptions& options : {pooling::AverageOptions{true, 0}, {false, 0}, {true, 7}}) {
      check_average<float>(w, cases % 3, options);
      check_average<double>(w, 1 + cases % 2, options);
    }
    ++cases;
  });
  EXPECT_GT(cases, 400);
}

TEST(AveragePool, DualNumbers) {
  using D = eg::Dual<double>;
  const auto x = pooling_cases::numbers<double>(30, 3), t = pooling_cases::numbers<double>(30, 4);
  std::vector<D> duals(30);
  for (std::size_t i = 0; i < 30; ++i) duals[i] = D(x[i], t[i]);
  pooling::Windows w;
  w.rows = pooling::windows_along("avg_pool2d", "rows", 5, {3, 2, 1});
  w.columns = pooling::windows_along("avg_pool2d", "columns", 6, {2, 1, 1});
  std::vector<D> y(at(w.outputs())), back(30), small(4);
  std::vector<double> values(y.size()), tangents(y.size()), means(4);
  pooling::AveragePool<D>::run(duals.data(), 1, w, {}, y.data());
  pooling::AveragePool<D>::gradient(y.data(), 1, w, {}, back.data());
  pooling::AveragePool<double>::run(x.data(), 1, w, {}, values.data());
  pooling::AveragePool<double>::run(t.data(), 1, w, {}, tangents.data());
  for (std::size_t i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y[i].value, values[i], 1e-15);
    EXPECT_NEAR(y[i].tangent, tangents[i], 1e-15);
  }
  pooling::adaptive_average(duals.data(), 1, {{5, 2}, {6, 2}}, small.data());
  pooling::adaptive_average(t.data(), 1, {{5, 2}, {6, 2}}, means.data());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(small[i].tangent, means[i], 1e-15);
  pooling::adaptive_average(duals.data(), 1, {{5, 1}, {6, 1}}, small.data());
  pooling::adaptive_average(t.data(), 1, {{5, 1}, {6, 1}}, means.data());
  EXPECT_NEAR(small[0].tangent, means[0], 1e-15);
}

TEST(AdaptivePool, AgreesWithTheWalkOverEveryWindow) {
  for (const Index rows : {1, 4, 7})
    for (const Index row_outputs : {1, 2, 3, 7, 9})
      for (const Index columns : {1, 5, 16, 33})
        for (const Index column_outputs : {1, 2, 5, 12}) {
          SCOPED_TRACE(eg::to_text(rows, "x", columns, " to ", row_outputs, "x", column_outputs));
          check_adaptive<float>({{rows, row_outputs}, {columns, column_outputs}}, 2);
          check_adaptive<double>({{rows, row_outputs}, {columns, column_outputs}}, 3);
          check_adaptive<double>({{rows, row_outputs}, {columns, column_outputs}}, 0);
          if (testing::Test::HasFatalFailure()) return;
        }
}

// A mean of very many floats keeps its digits.
TEST(AdaptivePool, GlobalMeanOfManyFloats) {
  const std::vector<float> x(at(1 << 22), 0.1f);
  float y = 0;
  pooling::adaptive_average(x.data(), 1, {{2048, 1}, {2048, 1}}, &y);
  EXPECT_EQ(y, 0.1f);
}
