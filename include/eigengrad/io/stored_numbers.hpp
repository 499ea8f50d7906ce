#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "../core/any_tensor.hpp"
#include "../core/tensor.hpp"
#include "half.hpp"
#include "number_format.hpp"

// Numbers as files hold them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A tensor's numbers as they lie in a file.
struct StoredNumbers {
  NumberFormat format = NumberFormat::float32;
  bool swapped = false;        // of the other byte order
  bool columns_first = false;  // the first axis runs fastest
  Shape shape = Shape::empty();
  std::string_view bytes = {};
  // How bytes are copied from where they lie; null: as memory.
  void (*copy)(const void* source, std::string_view bytes, void* to) = nullptr;
  const void* source = nullptr;
};

/// The bytes of a number in the other order.
template <class Bits>
constexpr Bits swapped_bytes(Bits bits) {
  Bits result = bits;
  for (std::size_t i = 1; i < sizeof(Bits); ++i) {
    bits = static_cast<Bits>(bits >> 8);
    result = static_cast<Bits>(result << 8 | (bits & 0xff));
  }
  return result;
}

/// Reads numbers one by one: Bits each, which decode turns into a T.
template <class T, class Bits, class Decode>
EIGENGRAD_OUTLINE void decode_numbers(T* to, const StoredNumbers& from, Decode decode) {
  const Shape& shape = from.shape;
  const Index size = shape.size();
  const char* const bytes = from.bytes.data();
  const auto number = [&](Index i) {
    Bits bits;
    std::memcpy(&bits, bytes + static_cast<std::size_t>(i) * sizeof(Bits), sizeof bits);
    return static_cast<T>(decode(from.swapped ? swapped_bytes(bits) : bits));
  };
  if (!from.columns_first || shape.rank() < 2) {
    for (Index i = 0; i < size; ++i) to[i] = number(i);
    return;
  }
  if (size == 0) return;
  Index stride[Shape::max_rank] = {1}, position[Shape::max_rank] = {};
  const Index last = shape.rank() - 1, row = shape[last];
  for (Index axis = 1; axis <= last; ++axis) stride[axis] = stride[axis - 1] * shape[axis - 1];
  Index first = 0;
  for (Index done = 0; done < size; done += row) {
    for (Index i = 0; i < row; ++i) to[done + i] = number(first + i * stride[last]);
    for (Index axis = last - 1; axis >= 0; --axis) {
      first += stride[axis];
      if (++position[axis] < shape[axis]) break;
      first -= stride[axis] * shape[axis];
      position[axis] = 0;
    }
  }
}

template <class Bits, class Number>
struct SameBits {
  Number operator()(Bits bits) const { return std::bit_cast<Number>(bits); }
};
template <NumberFormat format, class Bits, class T, class Decode>
void decode_if_held(T* to, const StoredNumbers& from, Decode decode) {
  if constexpr (holds_all<T>(format)) decode_numbers<T, Bits>(to, from, decode);
}
template <class T>
void decode_any(T* to, const StoredNumbers& from) {
  using enum NumberFormat;
  using U8 = std::uint8_t;
  using U16 = std::uint16_t;
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  switch (from.format) {
    case boolean:
      return decode_if_held<boolean, U8>(to, from, [](U8 bits) { return bits != 0; });
    case int8:
      return decode_if_held<int8, U8>(to, from, SameBits<U8, std::int8_t>());
    case int16:
      return decode_if_held<int16, U16>(to, from, SameBits<U16, std::int16_t>());
    case int32:
      return decode_if_held<int32, U32>(to, from, SameBits<U32, std::int32_t>());
    case int64:
      return decode_if_held<int64, U64>(to, from, SameBits<U64, std::int64_t>());
    case uint8:
      return decode_if_held<uint8, U8>(to, from, SameBits<U8, U8>());
    case uint16:
      return decode_if_held<uint16, U16>(to, from, SameBits<U16, U16>());
    case uint32:
      return decode_if_held<uint32, U32>(to, from, SameBits<U32, U32>());
    case uint64:
      return decode_if_held<uint64, U64>(to, from, SameBits<U64, U64>());
    case float16:
      return decode_if_held<float16, U16>(to, from, [](U16 bits) { return from_half(bits); });
    case bfloat16:
      return decode_if_held<bfloat16, U16>(to, from, [](U16 bits) { return from_bfloat16(bits); });
    case float32:
      return decode_if_held<float32, U32>(to, from, SameBits<U32, float>());
    case float64:
      return decode_if_held<float64, U64>(to, from, SameBits<U64, double>());
  }
}

/// The numbers as T, which must hold them all (holds_all); from.bytes are as many as the shape says.
template <class T>
Tensor<T> decoded(const StoredNumbers& from) {
  Tensor<T> result = Tensor<T>::empty(from.shape);
  T* const to = kernel_access(result).writable_numbers();
  const bool rows_first = !from.columns_first || from.shape.rank() < 2;
  if (std::is_same_v<T, bool> || from.format != format_of<T>() || from.swapped || !rows_first)
    decode_any(to, from);
  else if (from.copy != nullptr)
    from.copy(from.source, from.bytes, to);
  else if (!from.bytes.empty())
    std::memcpy(static_cast<void*>(to), from.bytes.data(), from.bytes.size());
  return result;
}

/// The numbers as a tensor of the type among those of a state that holds them all; throws FileError, beginning by
/// `where`, for uint64, which none does.
EIGENGRAD_LAZY AnyTensor decoded_as_found(const StoredNumbers& from, std::string_view where) {
  using enum NumberFormat;
  switch (from.format) {
    case boolean:
      return decoded<Delayed<bool, Lazy>>(from);
    case uint8:
      return decoded<Delayed<std::uint8_t, Lazy>>(from);
    case int8:
    case int16:
    case int32:
    case uint16:
      return decoded<Delayed<std::int32_t, Lazy>>(from);
    case int64:
    case uint32:
      return decoded<Delayed<std::int64_t, Lazy>>(from);
    case float16:
    case bfloat16:
    case float32:
      return decoded<Delayed<float, Lazy>>(from);
    case float64:
      return decoded<Delayed<double, Lazy>>(from);
    default:
      fail<FileError>(where, " holds uint64, which no tensor of a state can hold whole: store it as int64");
  }
}

/// How a tensor of any type is stored: its own numbers, not copied. Throws ValueError, beginning by `where`, for one
/// that holds nothing or what no file does.
EIGENGRAD_LAZY StoredNumbers stored(const AnyTensor& tensor, std::string_view where) {
  require<ValueError>(!tensor.empty(), where, ": there is a tensor that holds nothing: give it numbers, or erase it");
  StoredNumbers result;
  const auto is = [&]<class T>(T) {
    if (!tensor.holds<T>()) return false;
    result.format = format_of<T>();
    return true;
  };
  const bool known = is(float()) || is(double()) || is(std::int32_t()) || is(std::int64_t()) || is(std::uint8_t()) ||
                     is(bool()) || is(std::int8_t()) || is(std::int16_t()) || is(std::uint16_t()) ||
                     is(std::uint32_t()) || is(std::uint64_t());
  require<ValueError>(known, where, ": a tensor of ", tensor.place().operations->type_text,
                      " cannot be stored: cast it to float, double or a whole number");
  result.shape = tensor.shape();
  result.bytes = {static_cast<const char*>(tensor.place().block().data()),
                  bytes_of_numbers(tensor.size(), tensor.place().operations->number_bytes)};
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
