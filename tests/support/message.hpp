#pragma once

#include <string>

/// The message of the E that `function` throws; "nothing was thrown" otherwise.
template <class E>
std::string message_of(const auto& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}
