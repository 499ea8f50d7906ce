#include "eigengrad/kernels/pooling/max_pool.hpp"

#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/kernels/pooling/positions.hpp"
#include "pooling_cases.hpp"

namespace eg = eigengrad;
namespace pooling = eigengrad::pooling;

using eg::Index;
using pooling_cases::at;

namespace {

template <class T>
void check_max(const pooling::Windows& w, Index planes, bool awkward) {
  const auto x = awkward ? pooling_cases::awkward_numbers<T>(planes * w.inputs(), 5)
                         : pooling_cases::numbers<T>(planes * w.inputs(), 6);
  const auto dy = pooling_cases::numbers<T>(planes * w.outputs(), 7);
  // Guards behind the results: nothing may be written there.
  std::vector<T> y(at(planes * w.outputs() + 40), T(77)), dx(at(planes * w.inputs() + 40), T(77));
  std::vector<std::int32_t> positions(at(planes * w.outputs() + 40), 77);
  pooling::MaxPool<T>::run(x.data(), planes, w, y.data(), positions.data());
  pooling::scatter_positions(dy.data(), positions.data(), planes, w.inputs(), w.outputs(), dx.data());
  std::vector<double> expected_dx(at(planes * w.inputs()), 0);
  for (Index p = 0, k = 0; p < planes; ++p)
    for (Index i = 0; i < w.rows.output; ++i)
      for (Index j = 0; j < w.columns.output; ++j, ++k) {
        T best = -std::numeric_limits<T>::infinity();
        Index place = -1;
        pooling_cases::for_each_tap(w, i, j, [&](Index r, Index c) {
          const T number = x[at(p * w.inputs() + r * w.columns.size + c)];
          if (place < 0 || number > best || number != number) {
            best = number;
            place = r * w.columns.size + c;
          }
        });
        ASSERT_TRUE(y[at(k)] == best || (best != best && y[at(k)] != y[at(k)]))
            << "row " << i << " column " << j << " gave " << y[at(k)] << ", not " << best;
        ASSERT_EQ(positions[at(k)], place) << "row " << i << " column " << j;
        expected_dx[at(p * w.inputs() + place)] += static_cast<double>(dy[at(k)]);
      }
  for (std::size_t i = 0; i < expected_dx.size(); ++i)
    ASSERT_NEAR(static_cast<double>(dx[i]), expected_dx[i], sizeof(T) == 4 ? 1e-5 : 1e-13);
  for (std::size_t i = 0; i < 40; ++i) {
    ASSERT_EQ(y[y.size() - 1 - i], T(77));
    ASSERT_EQ(dx[dx.size() - 1 - i], T(77));
    ASSERT_EQ(positions[positions.size() - 1 - i], 77);
  }
}

}  // namespace

TEST(MaxPool, AgreesWithTheWalkOverEveryWindow) {
  Index cases = 0;
  pooling_cases::for_each_windows(true, [&](const pooling::Windows& w) {
    SCOPED_TRACE(eg::to_text(w.rows.size, "x", w.columns.size, " kernel ", w.rows.kernel, "x", w.columns.kernel,
                             " stride ", w.rows.stride, ",", w.columns.stride, " padding ", w.rows.padding, ",",
                             w.columns.padding, " dilation ", w.columns.dilation));
    if (testing::Test::HasFatalFailure()) return;
    check_max<float>(w, 1 + cases % 3, cases % 2 == 0);
    check_max<double>(w, 1 + cases % 2, cases % 3 == 0);
    ++cases;
  });
  EXPECT_GT(cases, 1000);
}

TEST(MaxPool, NothingToDo) { check_max<float>({{4, 2, 2, 0, 1, 2}, {4, 2, 2, 0, 1, 2}}, 0, false); }

// F.max_pool1d(x, 3, 2, 1) of PyTorch 2.15, with its indices: the last NaN wins, and padding is nowhere.
TEST(MaxPool, TiesNanAndInfinityAsPyTorch) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const double x[] = {-inf, -inf, -inf, 2, 2, nan, nan, 1};
  pooling::Windows w;
  w.columns = pooling::windows_along("max_pool1d", "columns", 8, {3, 2, 1});
  double y[4];
  std::int32_t positions[4];
  pooling::MaxPool<double>::run(x, 1, w, y, positions);
  EXPECT_EQ(y[0], -inf);
  EXPECT_EQ(y[1], 2);
  EXPECT_TRUE(y[2] != y[2] && y[3] != y[3]);
  EXPECT_EQ(std::vector<std::int32_t>(positions, positions + 4), (std::vector<std::int32_t>{0, 3, 5, 6}));
}

TEST(MaxPool, DualNumbersCarryTheWinnersTangent) {
  using D = eg::Dual<double>;
  const std::vector<double> x = pooling_cases::numbers<double>(2 * 30, 3), t = pooling_cases::numbers<double>(60, 4);
  std::vector<D> duals(60);
  for (std::size_t i = 0; i < 60; ++i) duals[i] = D(x[i], t[i]);
  pooling::Windows w;
  w.rows = pooling::windows_along("max_pool2d", "rows", 5, {2, 2, 1});
  w.columns = pooling::windows_along("max_pool2d", "columns", 6, {3, 2, 1});
  std::vector<D> y(at(2 * w.outputs()));
  std::vector<double> plain(y.size());
  std::vector<std::int32_t> positions(y.size()), others(y.size());
  pooling::MaxPool<D>::run(duals.data(), 2, w, y.data(), positions.data());
  pooling::MaxPool<double>::run(x.data(), 2, w, plain.data(), others.data());
  EXPECT_EQ(positions, others);
  for (std::size_t i = 0; i < y.size(); ++i) {
    EXPECT_EQ(y[i].value, plain[i]);
    EXPECT_EQ(y[i].tangent, t[(i < y.size() / 2 ? 0 : 30) + static_cast<std::size_t>(positions[i])]);
  }
  std::vector<D> gathered(y.size()), scattered(60);
  pooling::gather_positions(duals.data(), positions.data(), 2, w.inputs(), w.outputs(), gathered.data());
  pooling::scatter_positions(y.data(), positions.data(), 2, w.inputs(), w.outputs(), scattered.data());
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(gathered[i].tangent, y[i].tangent);
}

TEST(Windows, RefusesWhatHasNoWindow) {
  const auto text = [](Index size, const pooling::WindowOptions& options) {
    try {
      pooling::windows_along("max_pool2d", "rows", size, options);
    } catch (const eg::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(text(3, {5, 1}).find("max_pool2d: no window of 5 with dilation 1 and stride 1 fits into 3 rows"),
            std::string::npos)
      << text(3, {5, 1});
  EXPECT_NE(text(3, {5, 1}).find("floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1 = 0"),
            std::string::npos);
  EXPECT_NE(text(9, {2, 1, 2}).find("padding 2 is more than half the window"), std::string::npos);
  EXPECT_NE(text(9, {0, 1}).find("must be at least 1"), std::string::npos);
  EXPECT_NE(text(9, {2, 0}).find("must be at least 1"), std::string::npos);
  EXPECT_NE(text(0, {1, 1}).find("no window"), std::string::npos);
  EXPECT_NE(text(1, {2, 1, 2, 3}).find("meets none of the 1 rows"), std::string::npos);
  EXPECT_NE(text(9, {Index{1} << 40, 1}).find("too large"), std::string::npos);
  EXPECT_EQ(text(1, {2, 1, 1}), "");
}
TEST(Windows, CeilModeBeginsInside) {
  const auto count = [](Index size, const pooling::WindowOptions& options) {
    return pooling::windows_along("pool", "rows", size, options).output;
  };
  EXPECT_EQ(count(5, {2, 2, 0, 1, false}), 2);
  EXPECT_EQ(count(5, {2, 2, 0, 1, true}), 3);
  EXPECT_EQ(count(4, {2, 2, 1, 1, true}), 3);  // the fourth would begin in the padding on the right
  EXPECT_EQ(count(5, {1, 3, 0, 1, true}), 2);
  EXPECT_EQ(count(6, {1, 3, 0, 1, true}), 2);
}
