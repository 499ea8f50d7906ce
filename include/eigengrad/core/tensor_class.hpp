#pragma once

#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "buffer.hpp"
#include "dual.hpp"
#include "element_access.hpp"
#include "host_access.hpp"
#include "kernel_access.hpp"
#include "nested.hpp"
#include "random.hpp"
#include "replay.hpp"
#include "shape.hpp"

// Tensors: values, row-major, copied on write.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What becomes a Tensor<T> when one is needed: a formula or a parameter.
template <class E, class T>
concept ConvertsToTensor = requires(const E& e) {
  requires std::same_as<typename E::Element, T>;
  { e.to_tensor() };
};

/// The expression's tensor; a formula hears which line of the user's it becomes one in.
template <class E>
EIGENGRAD_INLINE decltype(auto) evaluated(const E& expression, const Location& where) {
  if constexpr (requires { expression.to_tensor(where); })
    return expression.to_tensor(where);
  else
    return expression.to_tensor();
}

/// What becomes a Tensor<T> although its numbers are not T: plain ones where T is dual, dual ones where T is plain.
template <class E, class T>
concept ConvertsDuals = requires(const E& e) {
  requires std::same_as<plain_t<typename E::Element>, plain_t<T>> && !std::same_as<typename E::Element, T>;
  { e.to_tensor() };
};

/// A value: a shape and contiguous row-major numbers in a shared, 64-byte aligned buffer, copied on write.
/// Copying is O(1), but for a tensor that was written to by at() or mutable_data(): who has kept the reference may
/// write again, so copies and records of it get numbers of their own. Writing through one tensor never changes another.
/// Const access from several threads is safe. T is float or double to be differentiated, an integer for labels and
/// positions, bool for masks.
template <class T>
class Tensor : private KernelAccess<T>, public ToWriteAnElementSay_at<T, Tensor<T>> {
  static_assert(std::is_trivially_copyable_v<T>, "Tensor<T>: T must be a plain number");

 public:
  using Element = T;
  using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ColumnArray = Eigen::Array<T, Eigen::Dynamic, 1>;

  /// An empty tensor of shape [0].
  Tensor() = default;
  EIGENGRAD_INLINE Tensor(const Tensor& other) : KernelAccess<T>(other.block_) {
    if (block_.leaked()) [[unlikely]]
      this->part_from_leaked();
  }
  Tensor(Tensor&&) noexcept = default;
  EIGENGRAD_INLINE Tensor& operator=(const Tensor& other) {
    if (other.block_.leaked()) [[unlikely]]
      return assign_leaked(other);
    block_ = other.block_;
    return *this;
  }
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor() = default;
  /// Values in nested braces: {{1, 2}, {3, 4}} has shape [2, 2]. Throws ShapeError when the rows differ in length.
  Tensor(std::initializer_list<Nested<T>> values) : Tensor(empty(nested_shape(values))) {
    T* next = own();
    for (const Nested<T>& part : values) part.copy_to(next);
    tell_literal(block_);
  }
  /// Evaluates a formula, or takes a parameter's value; recorded when a tape is recording.
  template <class E>
    requires ConvertsToTensor<E, T>
  Tensor(const E& expression, Location where = Location::current()) : Tensor(eigengrad::evaluated(expression, where)) {}
  /// Plain numbers as dual ones, constants with tangent 0. The other way round the tangents would be lost: that
  /// compiles, but throws TangentError.
  template <class E>
    requires ConvertsDuals<E, T>
  Tensor(const E& expression);

  // What does not convert, told with the way out: compilers print these lines.
  template <class D>
  Tensor(const Eigen::DenseBase<D>&) = delete;  // of an Eigen matrix or array: Tensor<T>::from_eigen(matrix)
  template <class Number, class Allocator>
  Tensor(const std::vector<Number, Allocator>&) = delete;  // of a vector: Tensor<T>::from(vector, {rows, columns})
  operator T() const = delete;  // its number: t.item(); one of them: t(i, j); a condition: all(t).item()
  template <class S, int r, int c, int o, int mr, int mc>
  operator Eigen::Matrix<S, r, c, o, mr, mc>() const = delete;  // as Eigen's: t.matrix()
  template <class S, int r, int c, int o, int mr, int mc>
  operator Eigen::Array<S, r, c, o, mr, mc>() const = delete;  // as Eigen's: t.array()
  void operator[](Index) const = delete;                       // an element: t(i, j); a part: select(t, axis, i)
  void backward() const = delete;                              // ask the tape that recorded it: tape.backward(loss)

  /// Uninitialised numbers.
  EIGENGRAD_OUTLINE static Tensor empty(const Shape& shape) {
    return KernelAccess<T>::in_block(bytes_of_numbers(shape.size(), sizeof(T)), shape);
  }
  static Tensor full(const Shape& shape, T value) {
    Tensor result = empty(shape);
    std::fill_n(result.own(), shape.size(), value);
    tell_literal(result.block_);
    return result;
  }
  static Tensor zeros(const Shape& shape) {
    if (bytes_of_numbers(shape.size(), sizeof(T)) > 64) return full(shape, T(0));
    Tensor result = empty(shape);  // one cache line, set to 0
    tell_literal(result.block_);
    return result;
  }
  static Tensor ones(const Shape& shape) { return full(shape, T(1)); }
  /// start, start + step, ... up to but without stop. Whole numbers are counted as such; throws ValueError for those
  /// that T does not have, for a step of 0 or one that rounding loses.
  template <Number Start, Number Stop, Number Step = int>
  static Tensor arange(Start start, Stop stop, Step step = 1);
  template <Number Stop>
  static Tensor arange(Stop stop) {
    return arange(0, stop);
  }
  /// Of dual numbers.
  static Tensor arange(T start, T stop, T step = T(1))
    requires is_dual<T>;
  /// `count` evenly spaced numbers from start to stop, both included; integers are rounded down. Throws ValueError for
  /// whole bounds that T does not have.
  template <Number Start, Number Stop>
  static Tensor linspace(Start start, Stop stop, Index count);
  static Tensor linspace(T start, T stop, Index count)
    requires is_dual<T>;
  /// The identity matrix, [rows, columns].
  static Tensor eye(Index rows, Index columns = -1);
  /// Uniform in [0, 1).
  static Tensor rand(const Shape& shape, Generator& generator = default_generator());
  /// Standard normal.
  static Tensor randn(const Shape& shape, Generator& generator = default_generator());
  /// Uniform integers in [low, high). Throws ValueError where T does not have them all.
  static Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
                        Generator& generator = default_generator());
  /// Copies `values`, row-major, into the given shape; throws ShapeError when their number differs.
  static Tensor from(std::span<const T> values, const Shape& shape, Location where = Location::current()) {
    require<ShapeError>(static_cast<Index>(values.size()) == shape.size(), "from: ", values.size(),
                        " values do not fill shape ", shape, where);
    Tensor result = empty(shape);
    std::copy(values.begin(), values.end(), result.own());
    tell_literal(result.block_);
    return result;
  }
  /// Copies an Eigen matrix, array or expression of any storage order: a vector gives [n], else [rows, columns].
  template <class Derived>
  static Tensor from_eigen(const Eigen::DenseBase<Derived>& source);
  /// Reads numbers it does not own, without a copy; they must stay alive and unchanged. Writing copies first.
  static Tensor view(const T* values, const Shape& shape) {
    Tensor result(Block().view());
    result.block_->data = const_cast<T*>(values);
    result.block_->shape = shape;
    tell_literal(result.block_);
    return result;
  }
  /// Views a row-major Eigen matrix or map, [rows, columns], without a copy.
  template <class Derived>
    requires(bool(Derived::IsRowMajor) && std::same_as<typename Derived::Scalar, T>)
  static Tensor view(const Eigen::PlainObjectBase<Derived>& source) {
    return view(source.derived().data(), {source.rows(), source.cols()});
  }
  template <class Plain, int options>
    requires(bool(Plain::IsRowMajor) && std::same_as<typename Plain::Scalar, T>)
  static Tensor view(const Eigen::Map<Plain, options>& source) {
    return view(source.data(), {source.rows(), source.cols()});
  }

  const Shape& shape() const { return block_->shape; }
  Index rank() const { return shape().rank(); }
  Index size() const { return shape().size(); }
  Index size(Index axis) const { return shape().at(axis); }
  const T* data(Location where = Location::current()) const { return read("data", where); }
  const T* begin(Location where = Location::current()) const { return read("begin", where); }
  const T* end() const { return own() + size(); }

  /// The numbers to write to: copied first when another tensor or a tape shares them. The result is a new value,
  /// no longer connected to the tape.
  EIGENGRAD_INLINE T* mutable_data(Location where = Location::current()) { return write("mutable_data", where); }

  /// The only element; throws ShapeError when there is not exactly one.
  T item(Location where = Location::current()) const {
    require<ShapeError>(size() == 1, "item: shape ", shape(), " has ", size(),
                        " elements, not one: pick one as t(i, j), or reduce by sum or mean", where);
    return *read("item", where);
  }
  /// One element, as t(i, j) gives it; `how` it was asked for.
  const T& element_at(const char* how, const Location& where, std::initializer_list<Index> positions) const {
    return read(how, where)[offset(positions)];
  }
  /// One element to write to; see mutable_data.
  template <std::integral... Rest>
  T& at(Position first, Rest... rest) {
    const Index place = offset({first.index, static_cast<Index>(rest)...});
    return write("at", first.where)[place];
  }
  T& at(Location where = Location::current()) {
    const Index place = offset({});
    return write("at", where)[place];
  }

  /// The same numbers as a row-major Eigen matrix: [n, m] as it is, a vector as one column, more axes with the
  /// leading ones merged.
  Eigen::Map<const RowMajorMatrix> matrix(Location where = Location::current()) const {
    return {read("matrix", where), rows(), columns()};
  }
  Eigen::Map<RowMajorMatrix> mutable_matrix(Location where = Location::current()) {
    return {write("mutable_matrix", where), rows(), columns()};
  }
  /// All numbers, flat, as an Eigen array.
  Eigen::Map<const ColumnArray> array(Location where = Location::current()) const {
    return {read("array", where), size()};
  }
  Eigen::Map<ColumnArray> mutable_array(Location where = Location::current()) {
    return {write("mutable_array", where), size()};
  }

  /// The same value without its connection to a tape, and of dual numbers without their tangents: a constant.
  Tensor detach() const {
    Tensor result = this->unrecorded();
    if constexpr (is_dual<T>) drop_tangents(*this, result);
    return result;
  }

  const Tensor& to_tensor() const { return *this; }

 private:
  friend class KernelAccess<T>;
  template <class U>
  friend const KernelAccess<U>& kernel_access(const Tensor<U>& tensor);
  template <class U>
  friend KernelAccess<U>& kernel_access(Tensor<U>& tensor);
  using KernelAccess<T>::block_;
  using KernelAccess<T>::own;

  explicit Tensor(Block block) : KernelAccess<T>(std::move(block)) {}

  EIGENGRAD_INLINE const T* read(const char* how, const Location& where) const {
    if (thread_state().host_access != nullptr) [[unlikely]]
      tell_read(how, block_->link, where);
    return own();
  }
  EIGENGRAD_INLINE T* write(const char* how, const Location& where) {
    if (thread_state().host_access != nullptr) [[unlikely]]
      tell_write(how, block_->link, where);
    T* const numbers = kernel_access(*this).writable_numbers();
    block_.leak();
    return numbers;
  }
  EIGENGRAD_COLD Tensor& assign_leaked(const Tensor& other) {
    if (this != &other) *this = Tensor(other);
    return *this;
  }

  static void drop_tangents(const Tensor& from, Tensor& result) {
    result = empty(from.shape());
    const auto run = [from, result] {
      std::transform(kernel_access(from).numbers(), from.end(), kernel_access(result).shared_data(),
                     [](const T& number) { return T(plain_value(number)); });
    };
    run();
    on_replay("detach", reads(from), writes(result), [&] { return run; });
  }

  Index columns() const { return rank() == 0 ? 1 : rank() == 1 ? 1 : shape().back(); }
  Index rows() const { return rank() < 2 ? size() : columns() == 0 ? shape()[0] : size() / columns(); }

  Index offset(std::initializer_list<Index> positions) const {
    require<IndexError>(static_cast<Index>(positions.size()) == rank(), "element: ", positions.size(),
                        " positions for shape ", shape(), ", which has ", rank(), " axes");
    Index result = 0, axis = 0;
    for (Index position : positions) {
      require<IndexError>(position >= 0 && position < shape()[axis], "element: position ", position, " on axis ", axis,
                          " is outside shape ", shape());
      result = result * shape()[axis++] + position;
    }
    return result;
  }
};

template <class T>
template <class E>
  requires ConvertsDuals<E, T>
Tensor<T>::Tensor(const E& expression) {
  const auto& from = expression.to_tensor();
  if constexpr (dual_depth<T> < dual_depth<typename E::Element>)
    fail<TangentError>("tensor: dual numbers of shape ", from.shape(),
                       " became plain ones, which have no tangents: write the function for tensors of any number type, "
                       "as in [](const auto& x), or say value_part(x) where the derivative is not wanted");
  else {
    *this = empty(from.shape());
    const auto run = [from, result = *this] {
      std::copy(kernel_access(from).numbers(), from.end(), kernel_access(result).shared_data());
    };
    run();
    on_replay("tensor", reads(from), writes(*this), [&] { return run; });
  }
}

// Compiled: class Tensor<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
