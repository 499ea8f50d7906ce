#pragma once

#include "../../core/buffer.hpp"
#include "../../core/threads.hpp"
#include "../sums.hpp"
#include "moments.hpp"

// Norms of rows, each number of which has a weight and a bias of its own: layer norm and RMS norm.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// The weights and biases of a row; a layer that has none gets ones and zeros, so that there is one loop.
template <class T>
class RowAffine {
 public:
  RowAffine(const T* weight, const T* bias, Index size) : weight_(weight), bias_(bias) {
    if (weight != nullptr && bias != nullptr) return;
    memory_ = Block(bytes_of_numbers(2 * size, sizeof(T)));
    T* const numbers = static_cast<T*>(memory_.data());
    std::fill_n(numbers, size, T(1));
    std::fill_n(numbers + size, size, T(0));
    if (weight == nullptr) weight_ = numbers;
    if (bias == nullptr) bias_ = numbers + size;
  }
  const T* weight() const { return weight_; }
  const T* bias() const { return bias_; }

 private:
  const T *weight_, *bias_;
  Block memory_;
};

/// y = ((x - center) * scale + shift) * weight + bias.
template <class T>
EIGENGRAD_OUTLINE void scale_row(const T* x, Index size, const T& center, const T& scale, const T& shift,
                                 const T* weight, const T* bias, T* y) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  Index i = 0;
  for (; i + width <= size; i += width) {
    const L normal = (lane::load(x + i) - L(center)) * L(scale) + L(shift);
    lane::store<T>(y + i, L(normal * lane::load(weight + i) + lane::load(bias + i)));
  }
  for (; i < size; ++i) y[i] = ((x[i] - center) * scale + shift) * weight[i] + bias[i];
}

/// The mean of the squares of a row, which have no mean taken off.
template <class T>
EIGENGRAD_OUTLINE Total<T> mean_square(const T* x, Index size) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, step = 4 * width;
  Total<T> total(0);
  for (Index begin = 0; begin < size; begin += piece_size<T>) {
    const Index end = (std::min)(size, begin + piece_size<T>);
    L sums[4] = {L(0), L(0), L(0), L(0)};
    Index i = begin;
    for (; i + step <= end; i += step)
      for_indices<4>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L numbers = lane::load(x + i + k * width);
        sums[k] = sums[k] + numbers * numbers;
      });
    T sum = lane::sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; i < end; ++i) sum = sum + x[i] * x[i];
    total = total + Total<T>(sum);
  }
  return total / Total<T>(static_cast<plain_t<Total<T>>>(size));
}

inline Index rows_per_piece(Index size) { return (std::max)(Index{1}, (Index{1} << 15) / (std::max)(Index{1}, size)); }

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias with each row's mean and biased variance, of [rows, size];
/// weight and bias [size] may be null. `statistics` [rows] is for the way back.
template <class T>
void layer_forward(const T* x, Index rows, Index size, const std::type_identity_t<T>* weight,
                   const std::type_identity_t<T>* bias, plain_t<T> epsilon, const Statistics<T>& statistics, T* y) {
  if (rows == 0 || size == 0) return;
  const RowAffine<T> affine(weight, bias, size);
  parallel_ranges(rows, 1, rows_per_piece(size), [&](Index from, Index to) {
    for (Index r = from; r < to; ++r) {
      const T* const row = x + r * size;
      statistics.set(r, moments_of<T>(row, size, row + size, y + r * size), epsilon);
      const T scale = statistics.scale[r];
      scale_row(row, size, statistics.center[r], scale, T(T(0) - statistics.rest[r] * scale), affine.weight(),
                affine.bias(), y + r * size);
    }
  });
}
/// y = x / sqrt(mean(x^2) + epsilon) * weight of [rows, size]; weight [size] may be null. `scale` [rows] is for the way
/// back. Zhang, Sennrich: Root mean square layer normalization, 2019.
template <class T>
void rms_forward(const T* x, Index rows, Index size, const std::type_identity_t<T>* weight, plain_t<T> epsilon,
                 T* scale, T* y) {
  if (rows == 0 || size == 0) return;
  const RowAffine<T> affine(weight, nullptr, size);
  parallel_ranges(rows, 1, rows_per_piece(size), [&](Index from, Index to) {
    for (Index r = from; r < to; ++r) {
      const T* const row = x + r * size;
      scale[r] = static_cast<T>(Total<T>(1) / root<Total<T>>(mean_square(row, size) + Total<T>(epsilon)));
      scale_row(row, size, T(0), scale[r], T(0), affine.weight(), affine.bias(), y + r * size);
    }
  });
}

/// The gradient of rows' norms. The sums over rows are made in blocks of rows that depend on the shape alone.
template <class T>
class RowNormGradient {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;
  static constexpr Index run = 32;     // rows whose sums are made in T
  static constexpr Index blocks = 64;  // at most
  // The size of rows of which two go together, to add less often to the sums over rows. Of longer ones, which may lie
  // whole pages apart, too many lines would share places in the first cache.
  static constexpr Index two_at_once = 512;

 public:
  /// dy, x [rows, size] -> dx like x; dweight, dbias [size]. Each may be null. `statistics` of RMS norm have no center
  /// (null) and no rest.
  static void compute(const T* x, const T* dy, Index rows, Index size, const T* weight, const Statistics<T>& statistics,
                      T* dx, T* dweight, T* dbias) {
    const RowAffine<T> affine(weight, nullptr, size);
    const Index runs = (rows + run - 1) / run, block = (runs + blocks - 1) / blocks * run;  // rows of a block
    const Index count = block == 0 ? 0 : (rows + block - 1) / block;
    const Block memory(bytes_of_numbers(count * 2 * size, sizeof(Total<T>)));
    Total<T>* const totals = static_cast<Total<T>*>(memory.data());
    const auto body = [&](Index b) {
      const Block room(bytes_of_numbers(2 * size, sizeof(T)));
      T* const sums = static_cast<T*>(room.data());
      for (Index r = b * block, end = (std::min)(rows, r + block); r < end; r += run)
        rows_of_run(x, dy, r, (std::min)(end, r + run), size, affine.weight(), statistics, dx, sums,
                    totals + b * 2 * size, r == b * block);
    };
    parallel_for(count, rows * size >= Index{1} << 16 ? team_size() : 1, body);
    if (dweight != nullptr) add_blocks(totals, count, size, dweight);
    if (dbias != nullptr) add_blocks(totals + size, count, size, dbias);
  }

 private:
  static void rows_of_run(const T* x, const T* dy, Index from, Index to, Index size, const T* weight,
                          const Statistics<T>& statistics, T* dx, T* sums, Total<T>* totals, bool first) {
    std::fill_n(sums, 2 * size, T(0));
    const auto some = [&]<int count>(std::integral_constant<int, count>, Index r) {
      Row rows[extent(count)];
      for (int k = 0; k < count; ++k)
        rows[k] = row_of(x + (r + k) * size, dy + (r + k) * size, size, statistics, r + k, weight,
                         (dx == nullptr ? dy : dx) + (r + k) * size);
      gradients_of_rows<count>(x + r * size, dy + r * size, size, rows, weight, sums,
                               dx == nullptr ? nullptr : dx + r * size);
    };
    Index r = from;
    for (; size <= two_at_once && r + 2 <= to; r += 2) some(std::integral_constant<int, 2>(), r);
    for (; r < to; ++r) some(std::integral_constant<int, 1>(), r);
    for (Index i = 0; i < 2 * size; ++i) totals[i] = first ? Total<T>(sums[i]) : totals[i] + Total<T>(sums[i]);
  }
  static void add_blocks(const Total<T>* totals, Index count, Index size, T* to) {
    for (Index i = 0; i < size; ++i) {
      Total<T> sum(0);
      for (Index b = 0; b < count; ++b) sum = sum + totals[b * 2 * size + i];
      to[i] = static_cast<T>(sum);
    }
  }

  /// What a row was normalised by, and what is taken off its gradient: mean and slope times what it was normalised to.
  struct Row {
    T center, scale, shift, mean, slope;
  };
  static Row row_of(const T* x, const T* dy, Index size, const Statistics<T>& statistics, Index r, const T* weight,
                    const T* target) {
    const bool centered = statistics.center != nullptr;
    const T center = centered ? statistics.center[r] : T(0), scale = statistics.scale[r];
    const T shift = centered ? T(T(0) - statistics.rest[r] * scale) : T(0);
    const Total<T> count(static_cast<plain_t<Total<T>>>(size));
    const Sums sums = sums_of_row(x, dy, size, center, weight, target);
    const Total<T> product = sums.product * Total<T>(scale) + sums.gradient * Total<T>(shift);
    return {center, scale, shift, centered ? static_cast<T>(sums.gradient / count * Total<T>(scale)) : T(0),
            static_cast<T>(product / count * Total<T>(scale))};
  }
  struct Sums {
    Total<T> gradient, product;
  };
  /// The sums of dy * weight, and of that times x - center.
  EIGENGRAD_OUTLINE static Sums sums_of_row(const T* x, const T* dy, Index size, const T& center, const T* weight,
                                            const T* target) {
    L gradients[2] = {L(0), L(0)}, products[2] = {L(0), L(0)};
    const auto add = [&](Index i, int k) EIGENGRAD_INLINE_LAMBDA {
      const L gradient = lane::load(dy + i) * lane::load(weight + i);
      gradients[k] = gradients[k] + gradient;
      products[k] = products[k] + gradient * (lane::load(x + i) - L(center));
      ask_for<1>(target + i);
    };
    Index i = 0;
    for (; i + 2 * width <= size; i += 2 * width) {
      add(i, 0);
      add(i + width, 1);
    }
    for (; i + width <= size; i += width) add(i, 0);
    Sums result{Total<T>(lane::sum<T>(gradients[0] + gradients[1])), Total<T>(lane::sum<T>(products[0] + products[1]))};
    for (; i < size; ++i) {
      const T gradient = dy[i] * weight[i];
      result.gradient = result.gradient + Total<T>(gradient);
      result.product = result.product + Total<T>(gradient * (x[i] - center));
    }
    return result;
  }
  /// dx = dy * weight * scale - mean - normal * slope of `count` rows, where it is wanted. dy * normal and dy are added
  /// to the sums over the rows. Meanwhile the next rows are fetched.
  template <int count>
  EIGENGRAD_OUTLINE static void gradients_of_rows(const T* x, const T* dy, Index size, const Row* rows, const T* weight,
                                                  T* sums, T* dx) {
    L center[extent(count)], scale[extent(count)], shift[extent(count)], mean[extent(count)], slope[extent(count)];
    for_indices<count>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      center[k] = L(rows[k].center);
      scale[k] = L(rows[k].scale);
      shift[k] = L(rows[k].shift);
      mean[k] = L(rows[k].mean);
      slope[k] = L(rows[k].slope);
    });
    Index i = 0;
    for (; i + width <= size; i += width) {
      const L factor = lane::load(weight + i);
      L products = lane::load(sums + i), upstreams = lane::load(sums + size + i);
      for_indices<count>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const Index here = k * size + i;
        const L upstream = lane::load(dy + here), normal = (lane::load(x + here) - center[k]) * scale[k] + shift[k];
        products = products + upstream * normal;
        upstreams = upstreams + upstream;
        if (dx != nullptr) lane::store<T>(dx + here, L((upstream * factor * scale[k] - mean[k]) - normal * slope[k]));
        ask_for(x + here + count * size);
        ask_for(dy + here + count * size);
      });
      lane::store<T>(sums + i, products);
      lane::store<T>(sums + size + i, upstreams);
    }
    for (; i < size; ++i)
      for (int k = 0; k < count; ++k) {
        const Row& row = rows[k];
        const Index here = k * size + i;
        const T upstream = dy[here], normal = (x[here] - row.center) * row.scale + row.shift;
        sums[i] = sums[i] + upstream * normal;
        sums[size + i] = sums[size + i] + upstream;
        if (dx != nullptr) dx[here] = (upstream * weight[i] * row.scale - row.mean) - normal * row.slope;
      }
  }
};

/// The gradients of layer_forward: dx like x; dweight, dbias [size]. Each may be null.
template <class T>
void layer_backward(const T* x, const T* dy, Index rows, Index size, const std::type_identity_t<T>* weight,
                    const Statistics<T>& statistics, std::type_identity_t<T>* dx, std::type_identity_t<T>* dweight,
                    std::type_identity_t<T>* dbias) {
  RowNormGradient<T>::compute(x, dy, rows, size, weight, statistics, dx, dweight, dbias);
}
/// The gradients of rms_forward: dx like x; dweight [size]. Each may be null.
template <class T>
void rms_backward(const T* x, const T* dy, Index rows, Index size, const std::type_identity_t<T>* weight,
                  const T* scale, std::type_identity_t<T>* dx, std::type_identity_t<T>* dweight) {
  Statistics<T> statistics{nullptr, nullptr, const_cast<T*>(scale)};
  RowNormGradient<T>::compute(x, dy, rows, size, weight, statistics, dx, dweight, nullptr);
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
