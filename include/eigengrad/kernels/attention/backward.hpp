#pragma once

#include "../../core/threads.hpp"
#include "../lane_tile.hpp"
#include "scores.hpp"

// The way back through attention: blocks of weights are computed again from the scores and the kept sums. A head is
// one thread's, and adds up its blocks in one order.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What the forward pass had and gave, and the gradient of its output.
template <class T>
struct AttentionRun {
  AttentionRows<const T> q, k, v, output, doutput;
  const T* log_sums = nullptr;
};

template <class T>
class AttentionBackward {
  using Blocks = AttentionBlocks<T>;
  using Tile = LaneTile<T>;
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>, large = Index{1} << 16;

 public:
  /// The gradients of q, k and v, written over what is there.
  static void run(const AttentionSizes<T>& sizes, const AttentionRun<T>& ran, const AttentionRows<T>& dq,
                  const AttentionRows<T>& dk, const AttentionRows<T>& dv) {
    const Index heads = sizes.all_heads();
    const int threads = heads * sizes.queries * sizes.keys >= large ? team_size() : 1;
    parallel_for(heads, threads, [&](Index head) { AttentionBackward(sizes, ran, head).run(dq, dk, dv); });
  }

 private:
  AttentionBackward(const AttentionSizes<T>& sizes, const AttentionRun<T>& ran, Index head)
      : s_(sizes),
        ran_(ran),
        number_(head),
        element_(head / sizes.heads),
        head_(head % sizes.heads),
        size_(Tile::padded(sizes.size)),
        values_(Tile::padded(sizes.value_size)),
        q_(ran.q.head(element_, head_)),
        doutput_(ran.doutput.head(element_, head_)) {}

  EIGENGRAD_OUTLINE void run(const AttentionRows<T>& dq, const AttentionRows<T>& dk, const AttentionRows<T>& dv) {
    const Index keys = s_.keys, queries = s_.queries, all = Blocks::most_queries * Blocks::keys_back;
    const Index q_room = WholeRows<T>::room(queries, s_.size, ran_.q.row_step),
                k_room = WholeRows<T>::room(keys, s_.size, ran_.k.row_step),
                doutput_room = WholeRows<T>::room(queries, s_.value_size, ran_.doutput.row_step);
    AttentionScratch<T> scratch(q_room + k_room + doutput_room + (queries + Blocks::keys_back) * size_ +
                                Blocks::keys_back * values_ + Blocks::keys_back * (s_.size + s_.value_size) + queries +
                                2 * all + Blocks::keys_back);
    const WholeRows<T> q(q_, ran_.q.row_step, queries, s_.size, scratch.next(q_room));
    const WholeRows<T> k(ran_.k.head(element_, head_), ran_.k.row_step, keys, s_.size, scratch.next(k_room));
    const WholeRows<T> doutput(doutput_, ran_.doutput.row_step, queries, s_.value_size, scratch.next(doutput_room));
    T *const dqs = scratch.next(queries * size_), *const dks = scratch.next(Blocks::keys_back * size_),
             *const dvs = scratch.next(Blocks::keys_back * values_),
             *const k_columns = scratch.next(Blocks::keys_back * s_.size),
             *const v_columns = scratch.next(Blocks::keys_back * s_.value_size);
    dots_ = scratch.next(queries);
    weights_ = scratch.next(all);
    dscores_ = scratch.next(all);
    factors_ = scratch.next(Blocks::keys_back);
    dot_rows();
    std::fill_n(dqs, queries * size_, T(0));
    const Index step = Blocks::queries(s_), v_step = ran_.v.row_step;
    const T* const v = ran_.v.head(element_, head_);
    for (Index key = 0; key < keys; key += Blocks::keys_back) {
      const Index count = (std::min)(Blocks::keys_back, keys - key);
      Blocks::pack(count, s_.size, k.data + key * k.step, k.step, k_columns);
      Blocks::pack(count, s_.value_size, v + key * v_step, v_step, v_columns);
      std::fill_n(dks, count * size_, T(0));
      std::fill_n(dvs, count * values_, T(0));
      for (Index query = s_.causal ? key / step * step : 0; query < queries; query += step) {
        const Index rows = (std::min)(step, queries - query),
                    some = (std::min)(count, s_.keys_until(query + rows - 1) - key), packed = Tile::padded(count);
        Tile::product_of_rows(rows, some, s_.size, q.data + query * q.step, q.step, k_columns, packed, weights_,
                              Blocks::keys_back);
        const T* const dout = doutput.data + query * doutput.step;
        Tile::product_of_rows(rows, some, s_.value_size, dout, doutput.step, v_columns, packed, dscores_,
                              Blocks::keys_back);
        gradients(query, rows, key, some);
        Tile::add_product_of_rows(some, s_.value_size, rows, weights_, 1, Blocks::keys_back, dout, doutput.step, dvs,
                                  values_);
        Tile::add_product_of_rows(some, s_.size, rows, dscores_, 1, Blocks::keys_back, q.data + query * q.step, q.step,
                                  dks, size_);
        Tile::add_product_of_rows(rows, s_.size, some, dscores_, Blocks::keys_back, 1, k.data + key * k.step, k.step,
                                  dqs + query * size_, size_);
      }
      write(count, s_.size, dks, size_, dk, key);
      write(count, s_.value_size, dvs, values_, dv, key);
    }
    write(queries, s_.size, dqs, size_, dq, 0);
  }

  /// What the gradients of a row's weights have on average: the product of its output and that one's gradient.
  EIGENGRAD_OUTLINE void dot_rows() const {
    for (Index i = 0; i < s_.queries; ++i) {
      const T *const y = ran_.output.head(element_, head_) + i * ran_.output.row_step, *const dy =
                                                                                           doutput_ +
                                                                                           i * ran_.doutput.row_step;
      L sums(0);
      Index j = 0;
      for (; j + width <= s_.value_size; j += width) sums = sums + lane::load(y + j) * lane::load(dy + j);
      T sum = lane::sum<T>(sums);
      for (; j < s_.value_size; ++j) sum = sum + y[j] * dy[j];
      dots_[i] = sum;
    }
  }

  /// A block's weights from its scores, and the gradients of its scores from those of its weights.
  EIGENGRAD_OUTLINE void gradients(Index query, Index rows, Index key, Index count) const {
    T *weights = weights_, *dscores = dscores_;
    for (Index i = 0; i < rows; ++i, weights += Blocks::keys_back, dscores += Blocks::keys_back) {
      const L by(Blocks::finish_row(s_, element_, head_, query + i, key, count, weights)),
          shift(ran_.log_sums[number_ * s_.queries + query + i]), dot(dots_[query + i]), scale(s_.scale);
      if (s_.dropout > 0) {
        AttentionDropout<T>(s_).factors(number_, query + i, key, count, factors_);
        for (Index j = 0; j < count; j += width) {
          const L weight = Blocks::exponential(lane::load(weights + j) * by - shift), factor = lane::load(factors_ + j);
          lane::store<T>(dscores + j, weight * (lane::load(dscores + j) * factor - dot) * scale);
          lane::store<T>(weights + j, weight * factor);
        }
        continue;
      }
      for (Index j = 0; j < count; j += width) {
        const L weight = Blocks::exponential(lane::load(weights + j) * by - shift);
        lane::store<T>(weights + j, weight);
        lane::store<T>(dscores + j, weight * (lane::load(dscores + j) - dot) * scale);
      }
    }
  }

  void write(Index rows, Index columns, const T* from, Index step, const AttentionRows<T>& to, Index first) const {
    T* row = to.head(element_, head_) + first * to.row_step;
    for (Index i = 0; i < rows; ++i, from += step, row += to.row_step) std::copy_n(from, columns, row);
  }

  const AttentionSizes<T>& s_;
  const AttentionRun<T>& ran_;
  Index number_, element_, head_, size_, values_;
  const T *q_, *doutput_;
  T *dots_ = nullptr, *weights_ = nullptr, *dscores_ = nullptr, *factors_ = nullptr;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
