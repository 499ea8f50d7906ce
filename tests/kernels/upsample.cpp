#include "eigengrad/kernels/pooling/upsample.hpp"

#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/kernels/pooling/unfold.hpp"
#include "pooling_cases.hpp"

namespace eg = eigengrad;
namespace pooling = eigengrad::pooling;

using eg::Index;
using pooling_cases::at;

namespace {

/// <map x, y> = <x, gradient y>: what a linear map and its gradient have in common.
template <class T>
double product(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
void check_sizes(Index rows, Index columns, Index to_rows, Index to_columns, Index planes) {
  SCOPED_TRACE(eg::to_text(rows, "x", columns, " to ", to_rows, "x", to_columns));
  const double allowed = sizeof(T) == 4 ? 1e-4 : 1e-12;
  const auto x = pooling_cases::numbers<T>(planes * rows * columns, 1);
  const auto dy = pooling_cases::numbers<T>(planes * to_rows * to_columns, 2);
  for (const int mode : {0, 1, 2}) {
    const auto axis = [&](Index size, Index output) {
      return mode == 0 ? pooling::Interpolation<T>::nearest(size, output)
                       : pooling::Interpolation<T>::linear(size, output, mode == 2);
    };
    const pooling::Interpolation<T> r = axis(rows, to_rows), c = axis(columns, to_columns);
    std::vector<T> y(dy.size() + 40, T(77)), dx(x.size() + 40, T(77));
    pooling::upsample(x.data(), planes, r, c, y.data());
    pooling::upsample_gradient(dy.data(), planes, r, c, dx.data());
    for (std::size_t i = 0; i < 40; ++i) ASSERT_TRUE(y[y.size() - 1 - i] == T(77) && dx[dx.size() - 1 - i] == T(77));
    y.resize(dy.size());
    dx.resize(x.size());
    ASSERT_NEAR(product(y, dy), product(x, dx), allowed * (1 + static_cast<double>(y.size())));
    const auto place = [&](Index i, Index size, Index output) -> double {
      const double step = static_cast<double>(size) / static_cast<double>(output);
      if (mode == 0) return static_cast<double>(i * size / output);
      if (mode == 1) return std::max(0.0, (static_cast<double>(i) + 0.5) * step - 0.5);
      return output == 1 ? 0 : static_cast<double>(i * (size - 1)) / static_cast<double>(output - 1);
    };
    for (Index p = 0, k = 0; p < planes; ++p)
      for (Index i = 0; i < to_rows; ++i)
        for (Index j = 0; j < to_columns; ++j, ++k) {
          const double v = place(i, rows, to_rows), h = place(j, columns, to_columns);
          double expected = 0;
          for (Index a = 0; a < rows; ++a)
            for (Index b = 0; b < columns; ++b) {
              // The last one reaches on to where there is none.
              const auto weight = [](double from, Index to, Index size) {
                return std::max(0.0,
                                1 - std::abs(std::min(from, static_cast<double>(size - 1)) - static_cast<double>(to)));
              };
              expected +=
                  weight(v, a, rows) * weight(h, b, columns) * static_cast<double>(x[at((p * rows + a) * columns + b)]);
            }
          ASSERT_NEAR(static_cast<double>(y[at(k)]), expected, allowed) << "mode " << mode << " at " << i << ", " << j;
        }
  }
}

}  // namespace

TEST(Upsample, AgreesWithTheDefinition) {
  for (const Index columns : {1, 2, 5, 17})
    for (const Index to_columns : {1, 2, 3, 10, 34}) {
      check_sizes<double>(1, columns, 1, to_columns, 2);
      check_sizes<double>(3, columns, 7, to_columns, 2);
      check_sizes<float>(4, columns, 8, to_columns, 1);
      check_sizes<float>(6, columns, 2, to_columns, 3);
      check_sizes<double>(4, columns, 1, to_columns, 0);
      if (testing::Test::HasFatalFailure()) return;
    }
}

// F.interpolate of PyTorch 2.15 with scale_factor = 1.7, recompute_scale_factor left off.
TEST(Upsample, ScaleAsGiven) {
  const double x[] = {1, 2, 4, 8};
  double y[6];
  const auto one = pooling::Interpolation<double>::nearest(1, 1);
  pooling::upsample(x, 1, one, pooling::Interpolation<double>::nearest(4, 6, 1.7), y);
  EXPECT_EQ(std::vector<double>(y, y + 6), (std::vector<double>{1, 1, 2, 2, 4, 4}));
  pooling::upsample(x, 1, one, pooling::Interpolation<double>::linear(4, 6, false, 1.7), y);
  const double expected[] = {
      1, 1.3823529411764706, 1.9705882352941178, 3.1176470588235294, 4.5882352941176467, 6.9411764705882355};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(y[i], expected[i], 1e-14);
}

TEST(Upsample, DualNumbers) {
  using D = eg::Dual<double>;
  const auto x = pooling_cases::numbers<double>(12, 3), t = pooling_cases::numbers<double>(12, 4);
  std::vector<D> duals(12), y(35), back(12);
  for (std::size_t i = 0; i < 12; ++i) duals[i] = D(x[i], t[i]);
  std::vector<double> tangents(35), down(12);
  using DualLine = pooling::Interpolation<D>;
  using Line = pooling::Interpolation<double>;
  pooling::upsample(duals.data(), 1, DualLine::linear(3, 5, false), DualLine::linear(4, 7, true), y.data());
  pooling::upsample(t.data(), 1, Line::linear(3, 5, false), Line::linear(4, 7, true), tangents.data());
  for (std::size_t i = 0; i < 35; ++i) EXPECT_NEAR(y[i].tangent, tangents[i], 1e-15);
  pooling::upsample_gradient(y.data(), 1, DualLine::linear(3, 5, false), DualLine::linear(4, 7, true), back.data());
  pooling::upsample_gradient(tangents.data(), 1, Line::linear(3, 5, false), Line::linear(4, 7, true), down.data());
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(back[i].tangent, down[i], 1e-15);
}

TEST(Unfold, AgreesWithTheWalkOverEveryWindow) {
  Index cases = 0;
  pooling_cases::for_each_windows(true, [&](const pooling::Windows& w) {
    if (testing::Test::HasFatalFailure() || ++cases % 3 != 0) return;
    SCOPED_TRACE(eg::to_text(w.rows.size, "x", w.columns.size, " kernel ", w.rows.kernel, "x", w.columns.kernel,
                             " stride ", w.rows.stride, ",", w.columns.stride, " padding ", w.rows.padding, ",",
                             w.columns.padding, " dilation ", w.columns.dilation));
    const Index planes = cases % 4, taps = w.rows.kernel * w.columns.kernel;
    const auto x = pooling_cases::numbers<double>(planes * w.inputs(), 1);
    const auto z = pooling_cases::numbers<double>(planes * taps * w.outputs(), 2);
    std::vector<double> y(z.size() + 20, 77), folded(x.size() + 20, 77), expected(x.size(), 0);
    pooling::unfold_planes(x.data(), planes, w, y.data());
    pooling::fold_planes(z.data(), planes, w, folded.data());
    std::size_t k = 0;
    for (Index p = 0; p < planes; ++p)
      for (Index t = 0; t < w.rows.kernel; ++t)
        for (Index u = 0; u < w.columns.kernel; ++u)
          for (Index i = 0; i < w.rows.output; ++i)
            for (Index j = 0; j < w.columns.output; ++j, ++k) {
              const Index r = w.rows.begin(i) + t * w.rows.dilation, c = w.columns.begin(j) + u * w.columns.dilation;
              const bool inside = r >= 0 && r < w.rows.size && c >= 0 && c < w.columns.size;
              const std::size_t place = at(p * w.inputs() + r * w.columns.size + c);
              ASSERT_EQ(y[k], inside ? x[place] : 0) << "tap " << t << ", " << u << " of window " << i << ", " << j;
              if (inside) expected[place] += z[k];
            }
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(folded[i], expected[i], 1e-13);
    for (std::size_t i = 0; i < 20; ++i) ASSERT_TRUE(y[y.size() - 1 - i] == 77 && folded[folded.size() - 1 - i] == 77);
  });
}
