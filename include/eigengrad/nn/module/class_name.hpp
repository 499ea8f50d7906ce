#pragma once

#include <string>
#ifdef __cpp_rtti
#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>
#endif

#include "../../config.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The class of an object whose type has virtual functions, to print: the most derived one, "Net"; "a class of this
/// program" without RTTI.
template <class M>
EIGENGRAD_COLD std::string class_name([[maybe_unused]] const M& object) {
#ifdef __cpp_rtti
  const char* const name = typeid(object).name();
  int status = 0;
  char* const readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = readable != nullptr ? readable : name;
  std::free(readable);
  return result;
#else
  return "a class of this program";
#endif
}

}}  // namespace eigengrad::EIGENGRAD_ABI
