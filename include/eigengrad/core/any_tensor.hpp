#pragma once

#include <cstring>
#include <new>

#include "replay.hpp"
#include "tensor.hpp"

// A tensor of a number type known at run time.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What numbers a tensor of a state has. `other` is what no file holds, as dual numbers.
enum class DType : std::uint8_t { float32, float64, int32, int64, uint8, boolean, other };
constexpr const char* to_string(DType type) {
  constexpr const char* names[] = {"float32", "float64", "int32", "int64", "uint8", "bool", "another type"};
  return names[static_cast<int>(type)];
}
template <class T>
inline constexpr DType dtype_of = std::is_same_v<T, float>          ? DType::float32
                                  : std::is_same_v<T, double>       ? DType::float64
                                  : std::is_same_v<T, std::int32_t> ? DType::int32
                                  : std::is_same_v<T, std::int64_t> ? DType::int64
                                  : std::is_same_v<T, std::uint8_t> ? DType::uint8
                                  : std::is_same_v<T, bool>         ? DType::boolean
                                                                    : DType::other;

/// What can be done with a tensor without knowing its number type.
struct TensorOperations {
  DType dtype;
  const char* type_text;
  std::size_t number_bytes;
  void (*copy)(void* to, const void* from);       // makes a copy at `to`
  void (*assign)(void* to, const void* from);     // of a tensor of the same type that is there
  void (*duplicate)(void* to, const void* from);  // assigns one with numbers of its own
  void (*destroy)(void* tensor);
  const Block& (*block)(const void* tensor);
};
template <class T>
struct TensorOperationsOf {
  EIGENGRAD_COLD static void copy(void* to, const void* from) {
    new (to) Tensor<T>(*static_cast<const Tensor<T>*>(from));
  }
  EIGENGRAD_COLD static void assign(void* to, const void* from) {
    *static_cast<Tensor<T>*>(to) = *static_cast<const Tensor<T>*>(from);
  }
  EIGENGRAD_COLD static void duplicate(void* to, const void* from) {
    const auto* original = static_cast<const Tensor<T>*>(from);
    *static_cast<Tensor<T>*>(to) = Tensor<T>::from(kernel_access(*original).number_span(), original->shape());
  }
  EIGENGRAD_COLD static void destroy(void* tensor) { static_cast<Tensor<T>*>(tensor)->~Tensor(); }
  static const Block& block(const void* tensor) {
    return kernel_access(*static_cast<const Tensor<T>*>(tensor)).block();
  }
  static constexpr TensorOperations table{
      dtype_of<T>, number_type_in_text<T>(), sizeof(T), &copy, &assign, &duplicate, &destroy, &block};
};

/// Refers to a tensor of any number type: a module's buffer.
struct TensorPlace {
  void* tensor = nullptr;
  const TensorOperations* operations = nullptr;

  TensorPlace() = default;
  template <class T>
  explicit TensorPlace(Tensor<T>& place) : tensor(&place), operations(&TensorOperationsOf<T>::table) {}
  const Block& block() const { return operations->block(tensor); }
  const Shape& shape() const { return block()->shape; }
  explicit operator bool() const { return tensor != nullptr; }
};

/// A tensor whose number type is known at run time. A value, as Tensor is; not recorded.
class AnyTensor {
 public:
  AnyTensor() = default;
  template <class T>
  AnyTensor(const Tensor<T>& tensor) {
    const Tensor<T> constant = kernel_access(tensor).unrecorded();
    take(&TensorOperationsOf<T>::table, &constant);
  }
  explicit AnyTensor(const TensorPlace& place) { take(place.operations, place.tensor); }
  /// What is there, not recorded and with numbers of its own.
  static AnyTensor duplicate_of(const TensorPlace& place) {
    AnyTensor result(place);
    place.operations->duplicate(result.storage_, place.tensor);
    return result;
  }
  AnyTensor(const AnyTensor& other) { take(other.operations_, other.storage_); }
  AnyTensor& operator=(const AnyTensor& other) {
    if (this == &other) return *this;
    drop();
    take(other.operations_, other.storage_);
    return *this;
  }
  ~AnyTensor() { drop(); }

  bool empty() const { return operations_ == nullptr; }
  DType dtype() const { return operations_ == nullptr ? DType::other : operations_->dtype; }
  /// [0] of one that holds nothing.
  Shape shape() const { return operations_ == nullptr ? Shape::empty() : place().shape(); }
  Index size() const { return shape().size(); }
  Index rank() const { return shape().rank(); }
  /// The tensor; throws ValueError when its numbers are of another type.
  template <class T>
  const Tensor<T>& as() const {
    return const_cast<AnyTensor*>(this)->as<T>();
  }
  template <class T>
  Tensor<T>& as() {
    if (!holds<T>()) refuse(to_string(dtype_of<T>));
    return *std::launder(reinterpret_cast<Tensor<T>*>(storage_));
  }
  template <class T>
  bool holds() const {
    return operations_ != nullptr && std::strcmp(operations_->type_text, number_type_in_text<T>()) == 0;
  }
  template <class T>
  operator const Tensor<T>&() const {
    return as<T>();
  }
  /// Its place, for who does not know the type.
  TensorPlace place() const {
    TensorPlace result;
    if (operations_ != nullptr) result.tensor = const_cast<std::byte*>(storage_);
    result.operations = operations_;
    return result;
  }

 private:
  EIGENGRAD_COLD void take(const TensorOperations* operations, const void* from) {
    if (operations != nullptr) operations->copy(storage_, from);
    operations_ = operations;
  }
  EIGENGRAD_COLD void drop() {
    if (operations_ != nullptr) operations_->destroy(storage_);
    operations_ = nullptr;
  }
  [[noreturn]] EIGENGRAD_COLD void refuse(const char* asked) const {
    require<ValueError>(operations_ != nullptr, "as: a tensor that holds nothing was asked for as ", asked,
                        ": look with empty() before, or give it a tensor");
    fail<ValueError>("as: a tensor of ", to_string(dtype()), ", of shape ", shape(), ", was asked for as ", asked,
                     ": ask for the type that it has, and cast<T>(tensor) that");
  }

  alignas(Tensor<float>) std::byte storage_[sizeof(Tensor<float>)];
  const TensorOperations* operations_ = nullptr;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
