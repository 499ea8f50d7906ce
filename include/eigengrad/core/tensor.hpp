#pragma once

#include <cstring>
#include <span>
#include <type_traits>

#include "buffer.hpp"
#include "nested.hpp"
#include "random.hpp"
#include "shape.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Which record of which tape computed a tensor, if any. Means nothing to the core; the tape reads and writes it.
struct TapeLink {
  void* tape = nullptr;
  std::uint64_t serial = 0;
  void* node = nullptr;
};

/// What becomes a Tensor<T> when one is needed: a formula or a parameter.
template <class E, class T>
concept ConvertsToTensor = requires(const E& e) {
  requires std::same_as<typename E::Element, T>;
  {e.to_tensor()};
};

/// A value: a shape and contiguous row-major numbers in a shared, 64-byte aligned buffer, copied on write.
/// Copying is O(1); writing through one tensor never changes another. Const access from several threads is safe.
/// T is float or double to be differentiated, an integer for labels and positions, bool for masks.
template <class T>
class Tensor {
  static_assert(std::is_trivially_copyable_v<T>, "Tensor<T>: T must be a plain number");

 public:
  using Element = T;
  using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ColumnArray = Eigen::Array<T, Eigen::Dynamic, 1>;

  /// An empty tensor of shape [0].
  Tensor() : shape_(Shape::empty()) {}
  /// Values in nested braces: {{1, 2}, {3, 4}} has shape [2, 2]. Throws ShapeError when the rows differ in length.
  Tensor(std::initializer_list<Nested<T>> values) : Tensor(empty(nested_shape(values))) {
    T* next = mutable_data();
    for (const Nested<T>& part : values) part.copy_to(next);
  }
  /// Evaluates a formula, or takes a parameter's value; recorded when a tape is recording.
  template <class E>
  requires ConvertsToTensor<E, T> Tensor(const E& expression, Location where = Location::current())
      : Tensor(evaluated(expression, where)) {}

  /// Uninitialised numbers.
  static Tensor empty(const Shape& shape) {
    Tensor result(shape, Block(static_cast<std::size_t>(shape.size()) * sizeof(T)));
    result.data_ = static_cast<T*>(result.block_.data());
    // What lies between the last number and the end of its cache line is computed with, though never looked at.
    const std::size_t bytes = static_cast<std::size_t>(shape.size()) * sizeof(T),
                      line = bytes == 0 ? 0 : (bytes - 1) / 64 * 64;
    std::memset(static_cast<void*>(reinterpret_cast<std::byte*>(result.data_) + line), 0, 64);
    return result;
  }
  static Tensor full(const Shape& shape, T value) {
    Tensor result = empty(shape);
    std::fill_n(result.data_, shape.size(), value);
    return result;
  }
  static Tensor zeros(const Shape& shape) { return full(shape, T(0)); }
  static Tensor ones(const Shape& shape) { return full(shape, T(1)); }
  /// start, start + step, ... up to but without stop.
  static Tensor arange(T start, T stop, T step = T(1));
  static Tensor arange(T stop) { return arange(T(0), stop); }
  /// `count` evenly spaced numbers from start to stop, both included.
  static Tensor linspace(T start, T stop, Index count);
  /// The identity matrix, [rows, columns].
  static Tensor eye(Index rows, Index columns = -1);
  /// Uniform in [0, 1).
  static Tensor rand(const Shape& shape, Generator& generator = default_generator());
  /// Standard normal.
  static Tensor randn(const Shape& shape, Generator& generator = default_generator());
  /// Uniform integers in [low, high).
  static Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
                        Generator& generator = default_generator());
  /// Copies `values`, row-major, into the given shape; throws ShapeError when their number differs.
  static Tensor from(std::span<const T> values, const Shape& shape, Location where = Location::current()) {
    require<ShapeError>(static_cast<Index>(values.size()) == shape.size(), "from: ", values.size(),
                        " values do not fill shape ", shape, where);
    Tensor result = empty(shape);
    std::copy(values.begin(), values.end(), result.data_);
    return result;
  }
  /// Copies an Eigen matrix, array or expression of any storage order: a vector gives [n], else [rows, columns].
  template <class Derived>
  static Tensor from_eigen(const Eigen::DenseBase<Derived>& source);
  /// Reads numbers it does not own, without a copy; they must stay alive and unchanged. Writing copies first.
  static Tensor view(const T* values, const Shape& shape) {
    Tensor result(shape, Block());
    result.data_ = const_cast<T*>(values);
    return result;
  }
  /// Views a row-major Eigen matrix or map, [rows, columns], without a copy.
  template <class Derived>
  requires(bool(Derived::IsRowMajor) && std::same_as<typename Derived::Scalar, T>) static Tensor
      view(const Eigen::PlainObjectBase<Derived>& source) {
    return view(source.derived().data(), {source.rows(), source.cols()});
  }
  template <class Plain, int options>
  requires(bool(Plain::IsRowMajor) && std::same_as<typename Plain::Scalar, T>) static Tensor
      view(const Eigen::Map<Plain, options>& source) {
    return view(source.data(), {source.rows(), source.cols()});
  }

  const Shape& shape() const { return shape_; }
  Index rank() const { return shape_.rank(); }
  Index size() const { return shape_.size(); }
  Index size(Index axis) const { return shape_.at(axis); }
  const T* data() const { return data_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size(); }

  /// The numbers to write to: copied first when another tensor or a tape shares them. The result is a new value,
  /// no longer connected to the tape.
  T* mutable_data() {
    link_ = {};
    if (!block_.unshared()) [[unlikely]]
      unshare();
    return data_;
  }

  /// The only element; throws ShapeError when there is not exactly one.
  T item(Location where = Location::current()) const {
    require<ShapeError>(size() == 1, "item: shape ", shape_, " has ", size(),
                        " elements, not one: pick one as t(i, j), or reduce by sum or mean", where);
    return *data_;
  }
  /// One element, by its position; throws IndexError outside the shape.
  template <std::integral... Positions>
  T operator()(Positions... positions) const {
    return data_[offset({static_cast<Index>(positions)...})];
  }
  /// One element to write to; see mutable_data.
  template <std::integral... Positions>
  T& at(Positions... positions) {
    const Index place = offset({static_cast<Index>(positions)...});
    return mutable_data()[place];
  }

  /// The same numbers as a row-major Eigen matrix: [n, m] as it is, a vector as one column, more axes with the
  /// leading ones merged.
  Eigen::Map<const RowMajorMatrix> matrix() const { return {data_, rows(), columns()}; }
  Eigen::Map<RowMajorMatrix> mutable_matrix() { return {mutable_data(), rows(), columns()}; }
  /// All numbers, flat, as an Eigen array.
  Eigen::Map<const ColumnArray> array() const { return {data_, size()}; }
  Eigen::Map<ColumnArray> mutable_array() { return {mutable_data(), size()}; }

  /// The same value without its connection to a tape: a constant.
  Tensor detach() const {
    Tensor result = *this;
    result.link_ = {};
    return result;
  }

  // For the tape and the operations' kernels.
  /// The expression's tensor; a formula hears which line of the user's it becomes one in.
  template <class E>
  EIGENGRAD_INLINE static decltype(auto) evaluated(const E& expression, const Location& where) {
    if constexpr (requires { expression.to_tensor(where); })
      return expression.to_tensor(where);
    else
      return expression.to_tensor();
  }
  void release() { block_ = Block(); }
  const TapeLink& link() const { return link_; }
  void set_link(const TapeLink& link) { link_ = link; }
  bool unshared() const { return block_.unshared(); }
  /// Whether whole cache lines can be read at its end: memory of our own is rounded up to them.
  bool padded() const {
    const auto from = reinterpret_cast<const std::byte*>(data_) - static_cast<const std::byte*>(block_.data());
    return block_ && static_cast<std::size_t>(from) + (static_cast<std::size_t>(size()) * sizeof(T) + 63) / 64 * 64 <=
                         block_.bytes();
  }
  /// The same buffer seen from element `first` on under another shape of at most as many elements; not recorded.
  Tensor alias(const Shape& shape, Index first = 0) const {
    Tensor result(shape, block_);
    result.data_ = data_ + first;
    return result;
  }

  const Tensor& to_tensor() const { return *this; }

 private:
  Tensor(const Shape& shape, Block block) : block_(std::move(block)), shape_(shape) {}

  Index columns() const { return rank() == 0 ? 1 : rank() == 1 ? 1 : shape_.back(); }
  Index rows() const { return rank() < 2 ? size() : columns() == 0 ? shape_[0] : size() / columns(); }

  EIGENGRAD_COLD void unshare() {
    Tensor copy = empty(shape_);
    if (size() > 0) std::memcpy(copy.data_, data_, static_cast<std::size_t>(size()) * sizeof(T));
    *this = std::move(copy);
  }
  Index offset(std::initializer_list<Index> positions) const {
    require<IndexError>(static_cast<Index>(positions.size()) == rank(), "element: ", positions.size(),
                        " positions for shape ", shape_, ", which has ", rank(), " axes");
    Index result = 0, axis = 0;
    for (Index position : positions) {
      require<IndexError>(position >= 0 && position < shape_[axis], "element: position ", position, " on axis ", axis,
                          " is outside shape ", shape_);
      result = result * shape_[axis++] + position;
    }
    return result;
  }

  Block block_;
  T* data_ = nullptr;
  Shape shape_;
  TapeLink link_;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI

#include "create.hpp"
