#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <vector>

namespace support {

/// The message of the E that `run` throws; a failed test and "" when it throws none, or another error.
template <class E>
std::string message_of(const auto& run) {
  try {
    run();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error was thrown: " << error.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// Whether `text` holds all the parts, in any order.
inline testing::AssertionResult mentions(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    if (text.find(part) == std::string::npos)
      return testing::AssertionFailure() << "\"" << part << "\" is not in: " << text;
  return testing::AssertionSuccess();
}

}  // namespace support
