#include <eigengrad/eigengrad.hpp>
#include <eigengrad/kernels/alignment/ctc.hpp>
#include <eigengrad/kernels/lookup/embedding_bag.hpp>
#include <eigengrad/kernels/normalization/batch_norm.hpp>
#include <eigengrad/kernels/normalization/group_norm.hpp>
#include <eigengrad/kernels/normalization/layer_norm.hpp>
#include <eigengrad/kernels/pooling/adaptive_pool.hpp>
#include <eigengrad/kernels/pooling/average_pool.hpp>
#include <eigengrad/kernels/pooling/max_pool.hpp>
#include <eigengrad/kernels/pooling/positions.hpp>
#include <eigengrad/kernels/pooling/unfold.hpp>
#include <eigengrad/kernels/pooling/upsample.hpp>

#include "bits.hpp"

namespace eg = eigengrad;
using eg::Index;
using eg::Tensor;

namespace {

template <class T>
Tensor<T> random(const eg::Shape& shape, std::uint64_t seed) {
  eg::Generator generator(seed);
  return Tensor<T>::randn(shape, generator);
}

template <class T>
support::Bits pooled(Index kernel, Index stride, Index padding) {
  namespace pooling = eg::pooling;
  const Index planes = 37, size = 53;
  const pooling::WindowAxis axis = pooling::windows_along("pool", "rows", size, {kernel, stride, padding, 1, true});
  const pooling::Windows w{axis, axis};
  const Tensor<T> x = random<T>({planes, size, size}, 1), dy = random<T>({planes, axis.output, axis.output}, 2);
  auto y = Tensor<T>::empty(dy.shape()), mean = Tensor<T>::empty(dy.shape());
  auto dx = Tensor<T>::empty(x.shape()), dmean = Tensor<T>::empty(x.shape()), folded = Tensor<T>::empty(x.shape());
  auto positions = Tensor<std::int32_t>::empty(dy.shape());
  auto unfolded = Tensor<T>::empty({planes, kernel * kernel, w.outputs()});
  pooling::MaxPool<T>::run(x.data(), planes, w, y.mutable_data(), positions.mutable_data());
  pooling::scatter_positions(dy.data(), positions.data(), planes, w.inputs(), w.outputs(), dx.mutable_data());
  pooling::AveragePool<T>::run(x.data(), planes, w, {false}, mean.mutable_data());
  pooling::AveragePool<T>::gradient(dy.data(), planes, w, {false}, dmean.mutable_data());
  pooling::unfold_planes(x.data(), planes, w, unfolded.mutable_data());
  pooling::fold_planes(unfolded.data(), planes, w, folded.mutable_data());
  const auto line = pooling::Interpolation<T>::linear(size, 80, false);
  auto stretched = Tensor<T>::empty({planes, 80, 80}), back = Tensor<T>::empty(x.shape());
  pooling::upsample(x.data(), planes, line, line, stretched.mutable_data());
  pooling::upsample_gradient(stretched.data(), planes, line, line, back.mutable_data());
  auto adaptive = Tensor<T>::empty({planes, 7, 7}), dadaptive = Tensor<T>::empty(x.shape());
  pooling::adaptive_average(x.data(), planes, {{size, 7}, {size, 7}}, adaptive.mutable_data());
  pooling::adaptive_average_gradient(adaptive.data(), planes, {{size, 7}, {size, 7}}, dadaptive.mutable_data());
  return support::Bits() << y << positions << dx << mean << dmean << unfolded << folded << stretched << back << adaptive
                         << dadaptive;
}

template <class T>
support::Bits normalized(Index batch, Index channels, Index size) {
  namespace normalization = eg::normalization;
  const Tensor<T> x = random<T>({batch, channels, size}, 1), dy = random<T>({batch, channels, size}, 2),
                  weight = random<T>({channels * size}, 3);
  support::Bits bits;
  for (const int norm : {0, 1, 2, 3}) {
    auto y = Tensor<T>::empty(x.shape()), dx = Tensor<T>::empty(x.shape());
    auto saved = Tensor<T>::zeros({4, batch * channels}), dweight = Tensor<T>::zeros({2, channels * size});
    T* const s = saved.mutable_data();
    const Index sets = batch * channels;
    const normalization::Statistics<T> statistics{s, s + sets, s + 2 * sets};
    T *dw = dweight.mutable_data(), *db = dw + channels * size;
    const T epsilon = static_cast<T>(1e-5);
    if (norm == 0) {
      normalization::batch_forward<T>(x.data(), {batch, channels, size}, weight.data(), weight.data(), epsilon,
                                      statistics, s + 3 * sets, y.mutable_data());
      normalization::batch_backward<T>(x.data(), dy.data(), {batch, channels, size}, weight.data(), statistics,
                                       dx.mutable_data(), dw, db);
    } else if (norm == 1) {
      normalization::group_forward<T>(x.data(), {batch, channels, size}, channels / 2, weight.data(), weight.data(),
                                      epsilon, statistics, y.mutable_data());
      normalization::group_backward<T>(x.data(), dy.data(), {batch, channels, size}, channels / 2, weight.data(),
                                       statistics, dx.mutable_data(), dw, db);
    } else {
      const Index rows = norm == 2 ? batch : batch * channels, row = x.size() / rows;
      normalization::layer_forward<T>(x.data(), rows, row, weight.data(), weight.data(), epsilon, statistics,
                                      y.mutable_data());
      normalization::layer_backward<T>(x.data(), dy.data(), rows, row, weight.data(), statistics, dx.mutable_data(), dw,
                                       db);
    }
    bits << y << dx << saved << dweight;
  }
  return bits;
}

template <class T>
support::Bits looked_up() {
  namespace lookup = eg::lookup;
  const Index rows = 300, size = 33, count = 20000, bags = 500;
  eg::Generator generator(4);
  const Tensor<std::int64_t> ids = Tensor<std::int64_t>::randint(0, rows, {count}, generator);
  auto offsets = Tensor<std::int64_t>::zeros({bags});
  for (Index b = 0; b < bags; ++b) offsets.mutable_data()[b] = b * count / bags;
  const Tensor<T> table = random<T>({rows, size}, 1), dy = random<T>({count, size}, 2);
  const lookup::Bags in_bags{ids.data(), offsets.data(), count, bags, 7};
  auto y = Tensor<T>::empty({count, size}), sums = Tensor<T>::empty({bags, size}),
       best = Tensor<T>::empty({bags, size});
  auto dtable = Tensor<T>::empty({3, rows, size});
  auto winners = Tensor<std::int64_t>::empty({bags, size});
  T* const d = dtable.mutable_data();
  lookup::gather_rows(table.data(), ids.data(), count, size, y.mutable_data());
  lookup::scatter_rows(dy.data(), ids.data(), count, rows, size, 5, d);
  lookup::sum_bags<T>(table.data(), in_bags, nullptr, true, size, sums.mutable_data());
  lookup::sum_bags_gradient<T>(dy.data(), in_bags, nullptr, true, rows, size, d + rows * size);
  lookup::max_bags(table.data(), in_bags, size, best.mutable_data(), winners.mutable_data());
  lookup::max_bags_gradient(dy.data(), winners.data(), bags, rows, size, d + 2 * rows * size);
  return support::Bits() << y << sums << best << winners << dtable;
}

}  // namespace

TEST(Kernels, PoolingHasTheSameBits) {
  support::expect_same_bits("pooling 2", [] { return pooled<float>(2, 2, 0); });
  support::expect_same_bits("pooling 3", [] { return pooled<float>(3, 2, 1); });
  support::expect_same_bits("pooling 5", [] { return pooled<double>(5, 3, 2); });
}
TEST(Kernels, NormsHaveTheSameBits) {
  support::expect_same_bits("norms of planes", [] { return normalized<float>(19, 6, 1000); });
  support::expect_same_bits("norms of doubles", [] { return normalized<double>(40, 12, 49); });
  support::expect_same_bits("norms of columns", [] { return normalized<float>(700, 70, 1); });
  support::expect_same_bits("norms of many rows", [] { return normalized<float>(5000, 4, 6); });
}
TEST(Kernels, LookupHasTheSameBits) {
  support::expect_same_bits("lookup of floats", [] { return looked_up<float>(); });
  support::expect_same_bits("lookup of doubles", [] { return looked_up<double>(); });
}
TEST(Kernels, CtcHasTheSameBits) {
  support::expect_same_bits("ctc", [] {
    const Index steps = 60, batch = 17, classes = 6;
    const Tensor<float> x = log_softmax(random<float>({steps, batch, classes}, 1), 2),
                        ones = Tensor<float>::ones({batch});
    eg::Generator generator(2);
    const auto targets = Tensor<std::int64_t>::randint(1, classes, {batch * 8}, generator);
    auto places = Tensor<std::int64_t>::zeros({3, batch});
    for (Index n = 0; n < batch; ++n) {
      places.at(0, n) = 8 * n;
      places.at(1, n) = n % 9;
      places.at(2, n) = steps - n;
    }
    const std::int64_t* const p = places.data();
    const eg::alignment::Sequences sequences{targets.data(), p, p + batch, p + 2 * batch, steps, batch, classes, 0};
    auto loss = Tensor<float>::empty({batch}), dx = Tensor<float>::empty(x.shape());
    eg::alignment::Ctc<float>::loss(x.data(), sequences, false, loss.mutable_data());
    eg::alignment::Ctc<float>::gradient(x.data(), sequences, false, ones.data(), dx.mutable_data());
    return support::Bits() << loss << dx;
  });
}
