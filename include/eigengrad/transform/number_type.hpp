#pragma once

#include <cstring>

#include "../core/error.hpp"
#include "../core/replay.hpp"

// Number types by name.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Calls `visit` with a pointer to the number type of that name: T, float or double. Throws GradientError naming
/// `operation` for another.
template <class T, class Visit>
void for_number_type(const char* name, const char* operation, const Visit& visit) {
  const auto tried = [&]<class U>(U* type) {
    if (std::strcmp(name, number_type_in_text<U>()) != 0) return false;
    visit(type);
    return true;
  };
  if (tried(static_cast<T*>(nullptr)) || tried(static_cast<float*>(nullptr)) || tried(static_cast<double*>(nullptr)))
    return;
  fail<GradientError>(operation, ": it cannot follow a parameter or module of these numbers: ", name,
                      ": use float, double, or the number type of the result");
}

}}  // namespace eigengrad::EIGENGRAD_ABI
