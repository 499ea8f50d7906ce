#pragma once

#include "../core/loop.hpp"
#include "apply.hpp"
#include "block_operation.hpp"
#include "expression.hpp"
#include "traced.hpp"

// One element-wise operation over blocks of numbers, known at run time: what formulas are made of where they are
// evaluated by blocks (formula/blocks.hpp).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What an operation sees of a lane: masks are kept as lanes of their bits.
template <class T, bool masked>
EIGENGRAD_INLINE auto as_block_input(const lane_t<T>& lane) {
  if constexpr (!masked)
    return lane;
  else if constexpr (is_lane<lane_t<T>>)
    return mask_t<T>{math::to_bits(lane)};
  else
    return lane != T(0);
}

/// The loops of Op; `mask` says which inputs are masks.
template <class Op, class T, bool... mask>
struct BlockRule {
  static constexpr std::size_t arity = sizeof...(mask);
  static_assert(arity <= Traced<T>::max_inputs, "an element-wise operation of more than four inputs");
  using Indices = std::make_index_sequence<arity>;
  using L = lane_t<T>;

  static const Op& operation_of(const void* own) { return TracedRule<Op, T, mask...>::operation_of(own); }
  EIGENGRAD_KERNEL static void value(const void* own, const BlockOperand<T>* x, T* to, Index count);
  EIGENGRAD_KERNEL static void gradient(const void* own, const BlockOperand<T>& dy, const BlockOperand<T>& y,
                                        const BlockOperand<T>* x, T* const* to, Index count);
  template <bool masked>
  static auto as_traced(const Traced<T>& x) {
    if constexpr (masked)
      return TracedMask<T>{x};
    else
      return x;
  }
  EIGENGRAD_COLD static Traced<T> trace(const void* own, const Traced<T>* x);
  static const char* name(const void* own) { return operation_of(own).name; }
  static const void* copy(const void* own) { return new Op(*static_cast<const Op*>(own)); }
  static void destroy(const void* own) { delete static_cast<const Op*>(own); }

  static constexpr unsigned flows() {
    if constexpr (Predicate<Op>)
      return 0;
    else
      return []<std::size_t... k>(std::index_sequence<k...>) {
        using Gradients =
            decltype(gradients_of(std::declval<const Op&>(), std::declval<const L&>(), std::declval<const L&>(),
                                  as_block_input<T, mask>(std::declval<const L&>())...));
        return (0U | ... |
                (std::is_same_v<std::decay_t<decltype(part<k>(std::declval<const Gradients&>()))>, NoGradient>
                     ? 0U
                     : 1U << k));
      }(Indices());
  }
  static constexpr bool finds_from_result() {
    if constexpr (Predicate<Op> || requires { typename Op::Slope; })  // a slope needs x as well
      return false;
    else
      return requires(const Op& op, const L& dy) { op.gradient(dy, as_block_input<T, mask>(dy)..., dy); };
  }
  static constexpr BlockOperation<T> make() {
    BlockOperation<T> result{.arity = static_cast<int>(arity),
                             .cost = cost_of<Op>,
                             .is_predicate = Predicate<Op>,
                             .from_result = finds_from_result(),
                             .flows = 0,
                             .name = &name,
                             .value = &value,
                             .gradient = nullptr,
                             .trace = &trace};
    if constexpr (!Predicate<Op>) {
      result.flows = flows();
      result.gradient = &gradient;
    }
    if constexpr (!std::is_empty_v<Op>) {
      result.copy = &copy;
      result.destroy = &destroy;
    }
    return result;
  }
  static constexpr BlockOperation<T> operation = make();
};

// Not inside the class, where they would be inline, and compiled although the library has them.
template <class Op, class T, bool... mask>
void BlockRule<Op, T, mask...>::value(const void* own, const BlockOperand<T>* x, T* to, Index count) {
  [&]<std::size_t... k>(std::index_sequence<k...>) EIGENGRAD_INLINE_LAMBDA {
    const Op& op = operation_of(own);
    for (Index i = 0; i < count; i += lane_width<T>) {
      L kept;
      keep(kept, lift<L>(op.value(as_block_input<T, mask>(x[k].load(i))...)));
      lane::store<T>(to + i, kept);
    }
  }(Indices());
}
template <class Op, class T, bool... mask>
void BlockRule<Op, T, mask...>::gradient(const void* own, const BlockOperand<T>& dy, const BlockOperand<T>& y,
                                         const BlockOperand<T>* x, T* const* to, Index count) {
  if constexpr (!Predicate<Op>)
    [&]<std::size_t... k>(std::index_sequence<k...>) EIGENGRAD_INLINE_LAMBDA {
      const Op& op = operation_of(own);
      for (Index i = 0; i < count; i += lane_width<T>) {
        const auto gradients = gradients_of(op, dy.load(i), y.load(i), as_block_input<T, mask>(x[k].load(i))...);
        const auto keep_one = [&](T* place, const auto& from) EIGENGRAD_INLINE_LAMBDA {
          if constexpr (!std::is_same_v<std::decay_t<decltype(from)>, NoGradient>)
            if (place != nullptr) lane::store<T>(place + i, L(from));
        };
        (keep_one(to[k], part<k>(gradients)), ...);
      }
    }(Indices());
}
template <class Op, class T, bool... mask>
Traced<T> BlockRule<Op, T, mask...>::trace(const void* own, const Traced<T>* x) {
  return [&]<std::size_t... k>(std::index_sequence<k...>) {
    const auto result = apply_with(operation_of(own), as_traced<mask>(x[k])...);
    if constexpr (is_traced_mask<std::decay_t<decltype(result)>>)
      return result.numbers;
    else
      return Traced<T>(result);
  }(Indices());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
