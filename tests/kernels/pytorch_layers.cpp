#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "eigengrad/kernels/alignment/ctc.hpp"
#include "eigengrad/kernels/lookup/embedding_bag.hpp"
#include "eigengrad/kernels/normalization/batch_norm.hpp"
#include "eigengrad/kernels/normalization/group_norm.hpp"
#include "eigengrad/kernels/normalization/layer_norm.hpp"
#include "eigengrad/kernels/pooling/adaptive_pool.hpp"
#include "eigengrad/kernels/pooling/average_pool.hpp"
#include "eigengrad/kernels/pooling/max_pool.hpp"
#include "eigengrad/kernels/pooling/positions.hpp"
#include "eigengrad/kernels/pooling/unfold.hpp"
#include "eigengrad/kernels/pooling/upsample.hpp"
#include "fixtures/kernel_numbers.hpp"

namespace eg = eigengrad;
namespace normalization = eigengrad::normalization;
namespace pooling = eigengrad::pooling;

using eg::Index;
using Numbers = std::vector<double>;

namespace {

/// The same as in tests/fixtures/kernels.py.
Numbers numbers(Index count, Index start = 0) {
  Numbers result;
  for (Index i = 0; i < count; ++i) result.push_back(static_cast<double>(((i + start) * 37 + 11) % 23 - 11) / 8);
  return result;
}
Numbers upstream(const Numbers& output) { return numbers(static_cast<Index>(output.size()), 5); }
void expect_near(const Numbers& actual, const Numbers& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    EXPECT_NEAR(actual[i], expected[i], 1e-12 * (1 + std::abs(expected[i]))) << i;
}

}  // namespace

TEST(PyTorch, Pooling) {
  const Numbers x = numbers(70);
  Numbers y(24), dx(70);
  std::vector<std::int32_t> places(24);
  pooling::Windows w{pooling::windows_along("pool", "rows", 5, {3, 2, 1, 1, true}),
                     pooling::windows_along("pool", "columns", 7, {2, 2, 1, 2, true})};
  ASSERT_EQ(w.outputs(), 12);
  pooling::MaxPool<double>::run(x.data(), 2, w, y.data(), places.data());
  pooling::scatter_positions(upstream(y).data(), places.data(), 2, 35, 12, dx.data());
  EXPECT_EQ(std::vector<int>(places.begin(), places.end()), pytorch::max_pool_places);
  EXPECT_EQ(y, pytorch::max_pool);
  expect_near(dx, pytorch::max_pool_dx);

  w.columns = pooling::windows_along("pool", "columns", 7, {3, 2, 1, 1, true});
  for (const bool include : {true, false}) {
    pooling::AveragePool<double>::run(x.data(), 2, w, {include, 0}, y.data());
    pooling::AveragePool<double>::gradient(upstream(y).data(), 2, w, {include, 0}, dx.data());
    expect_near(y, include ? pytorch::average_with_padding : pytorch::average_without_padding);
    expect_near(dx, include ? pytorch::average_with_padding_dx : pytorch::average_without_padding_dx);
  }
  pooling::adaptive_average(x.data(), 2, {{5, 3}, {7, 4}}, y.data());
  pooling::adaptive_average_gradient(upstream(y).data(), 2, {{5, 3}, {7, 4}}, dx.data());
  expect_near(y, pytorch::adaptive_average);
  expect_near(dx, pytorch::adaptive_average_dx);
}

TEST(PyTorch, UpsampleAndUnfold) {
  const Numbers x = numbers(24);
  for (const bool align : {false, true}) {
    Numbers y(60), dx(24);
    const auto rows = pooling::Interpolation<double>::linear(3, 5, align);
    const auto columns = pooling::Interpolation<double>::linear(4, 6, align);
    pooling::upsample(x.data(), 2, rows, columns, y.data());
    pooling::upsample_gradient(upstream(y).data(), 2, rows, columns, dx.data());
    expect_near(y, align ? pytorch::bilinear_aligned : pytorch::bilinear);
    expect_near(dx, align ? pytorch::bilinear_aligned_dx : pytorch::bilinear_dx);
  }
  const pooling::Windows w{pooling::windows_along("unfold", "rows", 5, {2, 2, 0}),
                           pooling::windows_along("unfold", "columns", 7, {3, 2, 1, 2})};
  Numbers y(static_cast<std::size_t>(12 * w.outputs())), sums(12, 0);
  pooling::unfold_planes(numbers(70).data(), 2, w, y.data());
  for (std::size_t i = 0; i < y.size(); ++i) sums[i / static_cast<std::size_t>(w.outputs())] += y[i];
  expect_near(sums, pytorch::unfold);
}

TEST(PyTorch, Norms) {
  Numbers center(6), rest(6), scale(6), unbiased(4), y(24), dx(24), dw(4), db(4);
  const normalization::Statistics<double> statistics{center.data(), rest.data(), scale.data()};
  const Numbers x = numbers(24), w = numbers(4, 3), b = numbers(4, 9);
  normalization::batch_forward(x.data(), {3, 4, 2}, w.data(), b.data(), 1e-5, statistics, unbiased.data(), y.data());
  normalization::batch_backward(x.data(), upstream(y).data(), {3, 4, 2}, w.data(), statistics, dx.data(), dw.data(),
                                db.data());
  expect_near(y, pytorch::batch_norm);
  expect_near(dx, pytorch::batch_norm_dx);
  expect_near(dw, pytorch::batch_norm_dw);
  expect_near(db, pytorch::batch_norm_db);
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_NEAR(0.1 * center[c], pytorch::batch_norm_running_mean[c], 1e-14);
    EXPECT_NEAR(0.9 + 0.1 * unbiased[c], pytorch::batch_norm_running_variance[c], 1e-14);
  }
  normalization::group_forward(x.data(), {3, 4, 2}, 2, w.data(), b.data(), 1e-5, statistics, y.data());
  normalization::group_backward(x.data(), upstream(y).data(), {3, 4, 2}, 2, w.data(), statistics, dx.data(), dw.data(),
                                db.data());
  expect_near(y, pytorch::group_norm);
  expect_near(dx, pytorch::group_norm_dx);
  expect_near(dw, pytorch::group_norm_dw);
  expect_near(db, pytorch::group_norm_db);

  const Numbers row = numbers(15), v = numbers(5, 3), c = numbers(5, 9);
  Numbers normal(15), drow(15), dv(5), dc(5);
  normalization::layer_forward(row.data(), 3, 5, v.data(), c.data(), 1e-5, statistics, normal.data());
  normalization::layer_backward(row.data(), upstream(normal).data(), 3, 5, v.data(), statistics, drow.data(), dv.data(),
                                dc.data());
  expect_near(normal, pytorch::layer_norm);
  expect_near(drow, pytorch::layer_norm_dx);
  expect_near(dv, pytorch::layer_norm_dw);
  expect_near(dc, pytorch::layer_norm_db);
  normalization::rms_forward(row.data(), 3, 5, v.data(), std::numeric_limits<double>::epsilon(), scale.data(),
                             normal.data());
  normalization::rms_backward(row.data(), upstream(normal).data(), 3, 5, v.data(), scale.data(), drow.data(),
                              dv.data());
  expect_near(normal, pytorch::rms_norm);
  expect_near(drow, pytorch::rms_norm_dx);
  expect_near(dv, pytorch::rms_norm_dw);
}

TEST(PyTorch, Bags) {
  const std::int64_t ids[] = {1, 0, 3, 3, 2, 1, 0}, offsets[] = {0, 3, 3, 6};
  const eg::lookup::Bags bags{ids, offsets, 7, 4, 0};
  const Numbers table = numbers(12);
  Numbers y(12), dtable(12);
  for (const bool mean : {false, true}) {
    eg::lookup::sum_bags(table.data(), bags, nullptr, mean, 3, y.data());
    eg::lookup::sum_bags_gradient(upstream(y).data(), bags, nullptr, mean, 4, 3, dtable.data());
    expect_near(y, mean ? pytorch::bag_mean : pytorch::bag_sum);
    expect_near(dtable, mean ? pytorch::bag_mean_dt : pytorch::bag_sum_dt);
  }
  std::vector<std::int64_t> winners(12);
  eg::lookup::max_bags(table.data(), bags, 3, y.data(), winners.data());
  eg::lookup::max_bags_gradient(upstream(y).data(), winners.data(), 4, 4, 3, dtable.data());
  expect_near(y, pytorch::bag_max);
  expect_near(dtable, pytorch::bag_max_dt);
}

// PyTorch's gradient is that of logits, as it takes its input to come from log_softmax.
TEST(PyTorch, Ctc) {
  Numbers x = numbers(48), loss(2), dlog(48);
  for (std::size_t r = 0; r < 12; ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < 4; ++c) sum += std::exp(x[4 * r + c]);
    for (std::size_t c = 0; c < 4; ++c) x[4 * r + c] -= std::log(sum);
  }
  const std::int64_t targets[] = {1, 1, 2, 3}, offsets[] = {0, 2}, lengths[] = {2, 2}, steps[] = {6, 5};
  const eg::alignment::Sequences sequences{targets, offsets, lengths, steps, 6, 2, 4, 0};
  eg::alignment::Ctc<double>::loss(x.data(), sequences, false, loss.data());
  eg::alignment::Ctc<double>::gradient(x.data(), sequences, false, upstream(loss).data(), dlog.data());
  expect_near(loss, pytorch::ctc);
  for (std::size_t r = 0; r < 12; ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < 4; ++c) sum += dlog[4 * r + c];
    for (std::size_t c = 0; c < 4; ++c) dlog[4 * r + c] -= std::exp(x[4 * r + c]) * sum;
  }
  expect_near(dlog, pytorch::ctc_dx);
}
