#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "../autograd/engine/compute.hpp"
#include "../autograd/engine/joint.hpp"
#include "../core/random.hpp"
#include "../core/tensor.hpp"
#include "../kernels/attention/backward.hpp"
#include "../kernels/attention/forward.hpp"
#include "../kernels/attention/sizes.hpp"
#include "arithmetic.hpp"
#include "matmul.hpp"
#include "reduce.hpp"
#include "shape.hpp"
#include "softmax.hpp"
#include "where.hpp"

// Attention over heads that lie anywhere: in tensors of their own, or as slices of the rows of one product.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where the rows of every head lie within a tensor.
struct HeadsPlace {
  Index offset = 0, batch_step = 0, head_step = 0, row_step = 0;

  template <class T>
  AttentionRows<T> rows(T* numbers) const {
    return {numbers != nullptr ? numbers + offset : nullptr, batch_step, head_step, row_step};
  }
  /// body(offset in the tensor, offset in [batch, heads, rows, size]) for every row.
  template <class Body>
  void for_each_row(const Shape& heads, Body body) const {
    Index packed = 0;
    for (Index b = 0; b < heads[0]; ++b)
      for (Index h = 0; h < heads[1]; ++h)
        for (Index r = 0; r < heads[2]; ++r, packed += heads[3])
          body(offset + b * batch_step + h * head_step + r * row_step, packed);
  }
};

template <class T>
Tensor<T> heads_to(const Tensor<T>& heads, const HeadsPlace& at, const Shape& whole);

/// Heads as a tensor [batch, heads, rows, size] of their own. Gradient: put back where they were.
template <class T>
Tensor<T> heads_of(const Tensor<T>& x, const HeadsPlace& at, const Shape& heads) {
  const auto run = [=](T* to, const Tensor<T>& from) {
    const T* const numbers = kernel_access(from).numbers();
    at.for_each_row(heads, [&](Index in_x, Index packed) { std::copy_n(numbers + in_x, heads[3], to + packed); });
  };
  return compute<T>("heads_of", heads, run,
                    with_respect_to(
                        x, [at, whole = x.shape()](const auto& dy) { return heads_to(dy, at, whole); },
                        [at, heads](const auto& again) { return heads_of(again, at, heads); }));
}
/// A tensor of shape `whole` that has the heads in their places, added where places meet, and 0 elsewhere.
template <class T>
Tensor<T> heads_to(const Tensor<T>& heads, const HeadsPlace& at, const Shape& whole) {
  const Shape& shape = heads.shape();
  const auto run = [=](T* to, const Tensor<T>& from) {
    const T* const numbers = kernel_access(from).numbers();
    std::fill_n(to, whole.size(), T(0));
    at.for_each_row(shape, [&](Index in_x, Index packed) {
      for (Index j = 0; j < shape[3]; ++j) to[in_x + j] = to[in_x + j] + numbers[packed + j];
    });
  };
  return compute<T>("heads_to", whole, run,
                    with_respect_to(
                        heads, [at, shape](const auto& dy) { return heads_of(dy, at, shape); },
                        [at, whole](const auto& again) { return heads_to(again, at, whole); }));
}

/// What attends to what: [batch or 1, heads or 1, queries or 1, keys or 1], of which either may be left out.
template <class T>
struct AttentionMasks4 {
  Tensor<bool> chosen;  // true = attend
  Tensor<T> added;      // to the scores
};
template <class U>
AttentionMatrix<U> attention_matrix(const Tensor<U>& mask) {
  if (mask.size() == 0) return {};
  const Shape& s = mask.shape();
  return {kernel_access(mask).numbers(), s[0] == 1 ? 0 : s[1] * s[2] * s[3], s[1] == 1 ? 0 : s[2] * s[3],
          s[2] == 1 ? 0 : s[3], s[3] == 1 ? 0 : 1};
}

/// An attention's sizes, and where its heads lie: of up to three operands, q in the first.
template <class T>
struct AttentionForm {
  static constexpr const char* name = "scaled_dot_product_attention";
  using Operands = std::array<Tensor<T>, 3>;
  using Given = std::span<const Tensor<T>>;

  AttentionSizes<T> sizes;  // without the numbers of its masks
  std::size_t k_operand = 1, v_operand = 2;
  HeadsPlace q, k, v, output, dq, dk, dv;
  Shape shape;                           // of the result
  std::array<Shape, 3> gradient_shapes;  // those of the operands, or what they are stretched to

  Shape heads(Index rows, Index size) const { return {sizes.batch, sizes.heads, rows, size}; }
  AttentionSizes<T> masked(const Tensor<bool>& chosen, const Tensor<T>& added, const std::int64_t* seed) const {
    AttentionSizes<T> result = sizes;
    result.mask = attention_matrix(chosen);
    result.bias = attention_matrix(added);
    if (seed != nullptr) result.seed = static_cast<std::uint64_t>(*seed);
    return result;
  }
  AttentionRows<const T> rows_of_q(Given in) const { return q.rows(kernel_access(in[0]).numbers()); }
  AttentionRows<const T> rows_of_k(Given in) const { return k.rows(kernel_access(in[k_operand]).numbers()); }
  AttentionRows<const T> rows_of_v(Given in) const { return v.rows(kernel_access(in[v_operand]).numbers()); }
};

/// A seed for what is dropped, drawn anew whenever the step is replayed; empty where nothing is.
template <class T>
Tensor<std::int64_t> attention_seed(const AttentionSizes<T>& sizes) {
  return Tensor<std::int64_t>::empty(sizes.dropout > 0 ? Shape{1} : Shape::empty());
}
inline void draw_seed(std::int64_t* to) { *to = static_cast<std::int64_t>(default_generator().next()); }

/// The weights [batch, heads, queries, keys] by recorded operations, before anything is dropped.
template <class T>
Tensor<T> attention_weights(const AttentionForm<T>& form, std::span<const Tensor<T>> in,
                            const AttentionMasks4<T>& masks) {
  const AttentionSizes<T>& s = form.sizes;
  constexpr plain_t<T> none = -std::numeric_limits<plain_t<T>>::infinity();
  const Tensor<T> q = heads_of(in[0], form.q, form.heads(s.queries, s.size)),
                  k = heads_of(in[form.k_operand], form.k, form.heads(s.keys, s.size));
  Tensor<T> scores = matmul(q * s.scale, transpose(k));
  if (scores.size() == 0) return scores;
  if (masks.added.size() > 0) scores = scores + masks.added;
  if (masks.chosen.size() > 0) scores = where(masks.chosen, scores, none);
  if (s.causal) {
    const auto fill = [queries = s.queries, keys = s.keys](bool* to) {
      for (Index i = 0; i < queries; ++i)
        for (Index j = 0; j < keys; ++j) *to++ = j <= i;
    };
    scores = where(compute_values<bool>(form.name, {s.queries, s.keys}, fill), scores, none);
  }
  if (masks.added.size() == 0 && masks.chosen.size() == 0) return softmax(scores);
  const Tensor<bool> nothing = (max)(scores.detach(), -1, true) == none;
  return where(nothing, 0, softmax(where(nothing, 0, scores)));
}
/// The same, dropped by the seed.
template <class T>
Tensor<T> dropped_weights(const AttentionForm<T>& form, const Tensor<T>& weights, const Tensor<std::int64_t>& seed) {
  if (seed.size() == 0 || weights.size() == 0) return weights;
  const auto fill = [s = form.sizes](T* to, const Tensor<std::int64_t>& drawn) {
    AttentionSizes<T> sizes = s;
    sizes.seed = static_cast<std::uint64_t>(kernel_access(drawn).numbers()[0]);
    const AttentionDropout<T> dropout(sizes);
    for (Index head = 0; head < s.all_heads(); ++head)
      for (Index i = 0; i < s.queries; ++i, to += s.keys) dropout.factors(head, i, 0, s.keys, to);
  };
  return weights * compute_values<T>(form.name, weights.shape(), fill, seed);
}
/// The weights' sums of v in the form's output.
template <class T>
Tensor<T> weighted_values(const AttentionForm<T>& form, std::span<const Tensor<T>> in, const Tensor<T>& weights) {
  const Tensor<T> v = heads_of(in[form.v_operand], form.v, form.heads(form.sizes.keys, form.sizes.value_size));
  return heads_to(Tensor<T>(matmul(weights, v)), form.output, form.shape);
}

/// Attention by blocks, which keeps of the weights but the logarithms of their sums; its gradients of all operands come
/// in one pass. By recorded operations where the added mask has a gradient.
template <class T>
Tensor<T> attend(const AttentionForm<T>& form, const std::array<Tensor<T>, 3>& operands,
                 const AttentionMasks4<T>& masks, const Location& where) {
  using Given = std::span<const Tensor<T>>;
  using Seed = Tensor<std::int64_t>;
  const Seed seed = attention_seed(form.sizes);
  const auto composed = [form, masks, seed](Given in) {
    return weighted_values(form, in, dropped_weights(form, attention_weights(form, in, masks), seed));
  };
  if (records(form.name, masks.added)) {
    if (seed.size() > 0) draw_seed(kernel_access(seed).shared_data());
    return composed(Given(operands));
  }
  const Tensor<T> log_sums = Tensor<T>::empty(records(form.name, operands[0], operands[1], operands[2])
                                                  ? Shape{form.sizes.batch, form.sizes.heads, form.sizes.queries}
                                                  : Shape::empty());
  const auto run = [form](T* to, Given in, const Tensor<bool>& chosen, const Tensor<T>& added, T* sums,
                          std::int64_t* drawn) {
    if (drawn != nullptr) draw_seed(drawn);
    AttentionForward<T>::run(form.masked(chosen, added, drawn), form.rows_of_q(in), form.rows_of_k(in),
                             form.rows_of_v(in), form.output.rows(to), sums);
  };
  const auto rule = [form, operands, masks, log_sums, seed](const Tensor<T>& dy, const Tensor<T>& y,
                                                            const std::array<bool, 3>&) {
    std::array<Tensor<T>, 3> gradients;
    for (std::size_t i = 1; i < 3; ++i)
      if (!is_left_out(operands[i])) gradients[i] = Tensor<T>::empty(form.gradient_shapes[i]);
    const auto back = [form](T* first, Given in, const Tensor<T>& upstream, const Tensor<T>& value,
                             const Tensor<T>& sums, const Tensor<bool>& chosen, const Tensor<T>& added,
                             const Seed& drawn, T* second, T* third) {
      T* const to[3] = {first, second, third};
      AttentionRun<T> ran;
      ran.q = form.rows_of_q(in);
      ran.k = form.rows_of_k(in);
      ran.v = form.rows_of_v(in);
      ran.output = form.output.rows(kernel_access(value).numbers());
      ran.doutput = form.output.rows(kernel_access(upstream).numbers());
      ran.log_sums = kernel_access(sums).numbers();
      const std::int64_t* const seed_of = drawn.size() > 0 ? kernel_access(drawn).numbers() : nullptr;
      AttentionBackward<T>::run(form.masked(chosen, added, seed_of), ran, form.dq.rows(to[0]),
                                form.dk.rows(to[form.k_operand]), form.dv.rows(to[form.v_operand]));
    };
    gradients[0] =
        compute_values<T>(form.name, form.gradient_shapes[0], back, Given(operands), dy, y, log_sums, masks.chosen,
                          masks.added, seed, extra_output(gradients[1]), extra_output(gradients[2]));
    return gradients;
  };
  return compute<T>({form.name, where}, form.shape, run, with_respect_to_all(operands, rule, composed), masks.chosen,
                    masks.added, extra_output(log_sums), extra_output(seed));
}

// Compiled: Tensor<T> attention_weights(const AttentionForm<T>&, std::span<const Tensor<T>>, const
//   AttentionMasks4<T>&)
// Compiled: Tensor<T> attend(const AttentionForm<T>&, const std::array<Tensor<T>, 3>&, const AttentionMasks4<T>&,
//   const Location&)
// Compiled: Tensor<T> heads_of(const Tensor<T>&, const HeadsPlace&, const Shape&)
// Compiled: Tensor<T> heads_to(const Tensor<T>&, const HeadsPlace&, const Shape&)
}}  // namespace eigengrad::EIGENGRAD_ABI
