#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "../config.hpp"

// What is used of std::tuple, for less to compile.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// In place of a value that is not there.
struct Nothing {};

/// One of a pack's values.
template <std::size_t j, class A>
struct PackPart {
  [[no_unique_address]] A value;
};
template <class Indices, class... A>
struct PackOf;
template <std::size_t... j, class... A>
struct PackOf<std::index_sequence<j...>, A...> : PackPart<j, A>... {
  static constexpr bool is_pack = true;
};
/// Values of several types, as std::tuple, of which compilers make some twenty functions for each list of types.
template <class... A>
using Pack = PackOf<std::index_sequence_for<A...>, A...>;

template <std::size_t j, class A>
EIGENGRAD_INLINE A& part(PackPart<j, A>& pack) {
  return pack.value;
}
template <std::size_t j, class A>
EIGENGRAD_INLINE const A& part(const PackPart<j, A>& pack) {
  return pack.value;
}
template <std::size_t j, class... A>
using PackElement = std::remove_reference_t<decltype(part<j>(std::declval<Pack<A...>&>()))>;

}}  // namespace eigengrad::EIGENGRAD_ABI
