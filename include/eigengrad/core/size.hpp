#pragma once

#include <limits>

#include "error.hpp"

// All arithmetic on sizes that somebody else chose, bytes included. Sizes are not negative.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// As many elements as can be indexed and counted as bytes of numbers of 16 bytes.
inline constexpr Index largest_size = (std::numeric_limits<Index>::max)() / 16;

/// a * b into `result`; false when it is larger than largest_size.
EIGENGRAD_INLINE bool multiply_sizes(Index a, Index b, Index& result) {
#if defined(__GNUC__) || defined(__clang__)
  return !__builtin_mul_overflow(a, b, &result) && result <= largest_size;
#else
  if (b != 0 && a > largest_size / b) return false;
  result = a * b;
  return true;
#endif
}
/// a + b; throws ShapeError naming `operation` when it is larger than largest_size.
EIGENGRAD_INLINE Index add_sizes(Index a, Index b, const char* operation, const Location& where = {}) {
  require<ShapeError>(a <= largest_size && b <= largest_size - a, operation, ": sizes ", a, " and ", b,
                      " add up to more than can be indexed", where);
  return a + b;
}
/// The bytes of `count` numbers of `each` bytes; throws ShapeError when so many cannot be addressed.
EIGENGRAD_INLINE std::size_t bytes_of_numbers(Index count, std::size_t each) {
  constexpr std::size_t largest = (std::numeric_limits<std::size_t>::max)() / 2;
  require<ShapeError>(static_cast<std::size_t>(count) <= largest / each, "tensor: ", count, " numbers of ", each,
                      " bytes each are more than can be addressed");
  return static_cast<std::size_t>(count) * each;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
