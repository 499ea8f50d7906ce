#pragma once

#include "../autograd/engine/record.hpp"
#include "../core/dual_tensor.hpp"
#include "../core/loop.hpp"
#include "../core/pack.hpp"
#include "apply.hpp"
#include "cursor.hpp"
#include "traced.hpp"

// Formulas: element-wise computations that are not done yet.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

// Values are kept as lanes; a mask is kept as a lane of its bits.
template <class L>
EIGENGRAD_INLINE L keep(L& place, const L& value) {
  return place = value;
}
template <class L, class M>
  requires(is_mask<M> && !is_mask<L>)
EIGENGRAD_INLINE M keep(L& place, const M& value) {
  if constexpr (is_lane<L>)
    place = math::from_bits<typename L::Element>(value.bits);
  else
    place = L(value ? 1 : 0);
  return value;
}
template <class Argument, class T>
EIGENGRAD_INLINE auto kept(const lane_t<T>& value) {
  if constexpr (!std::is_same_v<typename Argument::Element, bool> || std::is_same_v<T, bool>)
    return value;
  else if constexpr (is_lane<lane_t<T>>)
    return mask_t<T>{math::to_bits(value)};
  else
    return value_part(value) != 0;
}

/// A tensor in a formula.
template <class E>
struct Leaf {
  using Element = E;
  using Scalar = E;
  static constexpr int leaves = 1;
  static constexpr int nodes = 1;
  static constexpr int cost = 0;

  Tensor<E> tensor;

  const Shape& shape() const { return tensor.shape(); }
  template <int k, class Visitor>
  EIGENGRAD_INLINE void for_each_leaf(Visitor&& visit) const {
    visit(std::integral_constant<int, k>(), tensor);
  }

  template <class Target>
  void describe(Steps& steps, Target*& next) const {
    steps.operand(*next++, AnyNumbers::of(tensor));
  }
  template <class T>
  auto trace() const {
    if constexpr (std::is_same_v<E, T>)
      return Traced<T>(tensor);
    else
      return TracedMask<T>{Traced<T>(numbers_of<T>(tensor))};
  }
  template <class T, int k, int n>
  EIGENGRAD_INLINE auto forward(const Cursor* cursors, Index i, bool, lane_t<T>* values) const {
    if constexpr (std::is_same_v<E, T>)
      return keep(values[n], cursors[k].load<T>(i));
    else
      return keep(values[n], cursors[k].load_mask<T>(i));
  }
  template <class T, int k, int n>
  EIGENGRAD_INLINE void reverse(const lane_t<T>*, const lane_t<T>& dy, lane_t<T>* adjoints) const {
    adjoints[k] = dy;
  }
};

/// A plain number in a formula.
template <class T>
struct Constant {
  using Element = T;
  using Scalar = T;
  static constexpr int leaves = 0;
  static constexpr int nodes = 1;
  static constexpr int cost = 0;

  T number;

  Shape shape() const { return {}; }
  template <int k, class Visitor>
  void for_each_leaf(Visitor&&) const {}
  template <class Target>
  void describe(Steps& steps, Target*&) const {
    steps.operand(nullptr, AnyNumbers::of_number(number));
  }
  template <class U>
  T trace() const {
    return number;
  }
  template <class U, int k, int n>
  EIGENGRAD_INLINE auto forward(const Cursor*, Index, bool, lane_t<U>* values) const {
    return keep(values[n], lane_t<U>(number));
  }
  template <class U, int k, int n>
  EIGENGRAD_INLINE void reverse(const lane_t<U>*, const lane_t<U>&, lane_t<U>*) const {}
};

template <class Op>
inline constexpr int cost_of = 1;
template <class Op>
  requires requires { Op::cost; }
inline constexpr int cost_of<Op> = Op::cost;

/// In place of a Block, in formulas of one operand.
struct NoBlock {};
/// The shape two operands stretch each other to, kept in a block.
EIGENGRAD_COLD inline const Shape* stretch(const Shape& a, const Shape& b, const char* operation, Block& block) {
  Block stretched(0);
  stretched->shape = broadcast(a, b, operation);
  block = std::move(stretched);
  return &block->shape;
}

/// An element-wise computation not done yet; holds its operands by value, so keeping it is safe. It becomes a tensor,
/// in one pass and with one record, when it is assigned to one, passed to what needs one, printed, or eval()-ed. Shapes
/// broadcast as NumPy's; the gradient of a stretched operand is summed back. Throws ShapeError when made.
template <class Op, class... Arguments>
class Formula {
 public:
  static constexpr int leaves = (Arguments::leaves + ...);
  static constexpr int nodes = 1 + (Arguments::nodes + ...);
  static constexpr std::size_t arity = sizeof...(Arguments);
  static constexpr int inner_cost = (Arguments::cost + ...);
  static constexpr int cost = cost_of<Op> + inner_cost;
  using Scalar = typename PackElement<arity - 1, Arguments...>::Scalar;
  using Element = std::conditional_t<Predicate<Op>, bool, Scalar>;
  static_assert(leaves <= Loop::max_operands - 3, "a formula of more than 21 operands: split it by eval()");

  EIGENGRAD_INLINE explicit Formula(const Op& op, Arguments... arguments)
      : op_(op), arguments_{{std::move(arguments)}...} {
    with_indices([&]<std::size_t... j>(std::index_sequence<j...>) { (join(part<j>(arguments_)), ...); });
  }

  const Shape& shape() const { return *shape_; }
  Index size() const { return shape().size(); }
  Index rank() const { return shape().rank(); }
  const char* name() const { return op_.name; }
  /// The tensor, computed now.
  Tensor<Element> eval(Location where = Location::current()) const { return to_tensor(where); }
  Tensor<Element> to_tensor(Location where = {}) const;
  Element item() const { return to_tensor().item(); }
  operator Element() const = delete;  // its number: x.item(); a condition: all(x).item() or any(x).item()
  /// Evaluates into a tensor of the same shape, adding to what is there or not; not recorded.
  void write_to(Tensor<Element>& target, bool add) const;

  /// visit(index, tensor) for every operand, left to right.
  template <int k, class Visitor>
  EIGENGRAD_INLINE void for_each_leaf(Visitor&& visit) const {
    with_indices([&]<std::size_t... j>(std::index_sequence<j...>) EIGENGRAD_INLINE_LAMBDA {
      (part<j>(arguments_).template for_each_leaf<k + leaf(j)>(visit), ...);
    });
  }

  /// Writes its steps; `next` points to the records of its leaves.
  template <class Target>
  EIGENGRAD_COLD void describe(Steps& steps, Target*& next) const {
    with_indices(
        [&]<std::size_t... j>(std::index_sequence<j...>) { (part<j>(arguments_).describe(steps, next), ...); });
    steps.operation(op_.name, arity);
  }

  /// The formula carried out operation by operation, each recorded by itself.
  template <class T>
  auto trace() const {
    return with_indices([&]<std::size_t... j>(std::index_sequence<j...>) {
      return apply_with(op_, part<j>(arguments_).template trace<T>()...);
    });
  }

  // Whether it is computed for a row's first lane alone where its operand is stretched along the row, as a deviation
  // is, by which each number of the row is divided. Asked of what one slow instruction does; others are rarely
  // stretched.
  static constexpr bool is_computed_once = arity == 1 && leaves == 1 && cost_of<Op> >= 5 && cost_of<Op> < 8 &&
                                           is_real<Scalar> && std::is_same_v<Element, Scalar>;

  // One lane forward, keeping the values in between, and backward through them. Leaf k and node n are known to the
  // compiler, so the arrays live in registers. `values` of the row's `first` lane are there for the next ones.
  template <class T, int k, int n>
  EIGENGRAD_INLINE auto forward(const Cursor* cursors, Index i, bool first, lane_t<T>* values) const {
    if constexpr (n > 0 && is_computed_once)
      if (cursors[k].step == 0 && !first) return values[n];
    return with_indices([&]<std::size_t... j>(std::index_sequence<j...>) EIGENGRAD_INLINE_LAMBDA {
      return keep(
          values[n],
          call(part<j>(arguments_).template forward<T, k + leaf(j), n + node(j)>(cursors, i, first, values)...));
    });
  }
  template <class T, int k, int n>
  EIGENGRAD_INLINE void reverse(const lane_t<T>* values, const lane_t<T>& dy, lane_t<T>* adjoints) const {
    if constexpr (!Predicate<Op>)
      with_indices([&]<std::size_t... j>(std::index_sequence<j...>) EIGENGRAD_INLINE_LAMBDA {
        const auto gradients = gradients_of(op_, dy, values[n], kept<Arguments, T>(values[n + node(j)])...);
        (reverse_one<T, k + leaf(j), n + node(j)>(part<j>(arguments_), values, part<j>(gradients), adjoints), ...);
      });
  }

 private:
  template <class Body>
  EIGENGRAD_INLINE static constexpr auto with_indices(Body&& body) {
    return body(std::index_sequence_for<Arguments...>());
  }
  // How many leaves, and nodes, stand before argument j; this node itself comes first.
  static constexpr int leaf(std::size_t j) {
    constexpr int counts[] = {Arguments::leaves...};
    int result = 0;
    for (std::size_t before = 0; before < j; ++before) result += counts[before];
    return result;
  }
  static constexpr int node(std::size_t j) {
    constexpr int counts[] = {Arguments::nodes...};
    int result = 1;
    for (std::size_t before = 0; before < j; ++before) result += counts[before];
    return result;
  }
  template <class... X>
  EIGENGRAD_INLINE auto call(const X&... x) const {
    using L = typename LiftedTo<X...>::type;
    if constexpr (is_dual<L> && !Predicate<Op>)
      return L(apply_with(op_, x...));  // the operation's own derivative, not that of how it is computed
    else if constexpr (is_dual<L>)
      return apply_with(op_, x...);
    else
      return lift<L>(op_.value(x...));
  }
  template <class T, int k, int n, class Argument, class Gradient>
  EIGENGRAD_INLINE static void reverse_one(const Argument& argument, const lane_t<T>* values, const Gradient& gradient,
                                           lane_t<T>* adjoints) {
    if constexpr (!std::is_same_v<Gradient, NoGradient> && Argument::leaves > 0)
      argument.template reverse<T, k, n>(values, lane_t<T>(gradient), adjoints);
  }
  template <class Argument>
  EIGENGRAD_INLINE void join(const Argument& argument) {
    if constexpr (Argument::leaves > 0) {
      if (shape_ == nullptr)
        shape_ = &argument.shape();
      else if constexpr (arity > 1)
        if (!(argument.shape() == *shape_)) [[unlikely]]
          shape_ = stretch(*shape_, argument.shape(), op_.name, stretched_);
    }
  }

  [[no_unique_address]] Op op_;
  Pack<Arguments...> arguments_;
  // An operand's shape, which lies in its block and so stays where it is when the formula is copied; or, where operands
  // stretch each other, that of a block of our own.
  const Shape* shape_ = nullptr;
  [[no_unique_address]] std::conditional_t<(arity > 1), Block, NoBlock> stretched_;
};

template <class Op, class... Arguments>
  requires(!Predicate<Op> && !requires { typename Op::Slope; })  // a slope needs x as well
inline constexpr bool from_result<Formula<Op, Arguments...>> = [] {
  using T = typename Formula<Op, Arguments...>::Scalar;
  using L = lane_t<T>;
  return requires(const Op& op, const L& dy,
                  const std::conditional_t<std::is_same_v<typename Arguments::Element, T>, L, mask_t<T>>&... x) {
    op.gradient(dy, x..., dy);
  };
}();

template <class X>
inline constexpr bool is_formula = false;
template <class Op, class... Arguments>
inline constexpr bool is_formula<Formula<Op, Arguments...>> = true;
/// A formula of which nothing but its number type is known to the compiler (formula/blocks.hpp).
template <class T, class E>
class BlockFormula;
template <class T, class E>
inline constexpr bool is_formula<BlockFormula<T, E>> = true;

/// Stands for a tensor where it is asked which operation a function applies to it.
template <class T>
struct OperationProbe {
  using Element = T;
  using Probed = void;
  Tensor<T> to_tensor() const;
};
/// The answer; void where it is more than one.
template <class Op, class T>
struct ProbedOperation {
  using Element = T;
  using Probed = Op;
  Tensor<T> to_tensor() const;
};
template <class X>
concept Probe = requires { typename X::Probed; };

template <class X>
struct ElementIn {
  using type = X;
};
template <Expression X>
struct ElementIn<X> {
  using type = typename X::Element;
};

// The number type of a formula over X...: of the first operand that is not a mask, or of dual numbers where there are.
template <class... X>
struct ScalarOf {
  using type = bool;
};
template <Number First, class... Rest>
struct ScalarOf<First, Rest...> : ScalarOf<Rest...> {};
template <class First, class... Rest>
  requires(Expression<First> || is_dual<First>)
struct ScalarOf<First, Rest...> {
  using Own = typename ElementIn<First>::type;
  using Other = typename ScalarOf<Rest...>::type;
  using type = std::conditional_t<std::is_same_v<Own, bool> || (dual_depth<Other> > dual_depth<Own>), Other, Own>;
};
/// The number type in which operands X... meet: plain numbers are constants beside dual ones.
template <class... X>
using scalar_of = typename ScalarOf<X...>::type;
/// An operand as a tensor of T.
template <class T, Expression X>
EIGENGRAD_INLINE decltype(auto) tensor_of(const X& x) {
  if constexpr (dual_depth<typename X::Element> < dual_depth<T>)
    return Tensor<T>(x);
  else
    return x.to_tensor();
}

template <class T, class X>
EIGENGRAD_INLINE auto to_operand(const X& x) {
  if constexpr (Number<X>) {
    static_assert(!(std::is_floating_point_v<X> && std::is_integral_v<T>),
                  "a floating-point number in a formula of integers: cast<float>(tensor) first");
    if constexpr (is_whole_type<X> && std::is_arithmetic_v<T>)
      return Constant<T>{exactly<T>(x, "a whole number beside a tensor")};
    else
      return Constant<T>{static_cast<T>(x)};
  } else if constexpr (is_dual<X>) {
    return Constant<T>{T(x)};
  } else if constexpr (dual_depth<typename X::Element> < dual_depth<T> && !std::is_same_v<typename X::Element, bool>) {
    static_assert(std::is_same_v<plain_t<typename X::Element>, plain_t<T>>,
                  "tensors of two number types in one formula: cast<T>(tensor) one of them");
    return Leaf<T>{Tensor<T>(x)};
  } else {
    using E = typename X::Element;
    static_assert(std::is_same_v<E, T> || std::is_same_v<E, bool>,
                  "tensors of two number types in one formula: cast<T>(tensor) one of them");
    if constexpr (!is_formula<X>)
      return Leaf<E>{x.to_tensor()};
    else if constexpr (std::is_same_v<typename X::Scalar, T>)
      return x;
    else
      return Leaf<E>{x.eval()};  // a comparison of other numbers
  }
}

template <class T, class Op, class... Operand>
auto make_block_formula(const Op& op, const Operand&... operands);  // formula/blocks.hpp

template <class Op, class... X>
auto make_formula(const Op& op, const X&... x) {
  using T = typename ScalarOf<X...>::type;
  if constexpr ((Probe<X> || ...))
    return ProbedOperation<std::conditional_t<(std::is_same_v<X, OperationProbe<T>> && ...), Op, void>, T>();
  else if constexpr (formulas_by_blocks && std::is_floating_point_v<T>)
    return make_block_formula<T>(op, to_operand<T>(x)...);
  else
    return Formula<Op, decltype(to_operand<T>(x))...>(op, to_operand<T>(x)...);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
