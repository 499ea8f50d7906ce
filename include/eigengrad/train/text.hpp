#pragma once

#include <charconv>
#include <string>

#include "../core/error.hpp"

// Numbers as progress lines and reports show them; a decimal point in every locale.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace report {

/// Four digits, or as many as asked for: 0.03142, 1.2e-07, nan.
EIGENGRAD_LAZY std::string short_number(double value, int digits = 4) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr};
}
/// With so many digits after the point: 12.30.
EIGENGRAD_LAZY std::string fixed(double value, int decimals) {
  char text[400];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals).ptr};
}
/// A share as 97.1 %.
EIGENGRAD_LAZY std::string percent(double share, int decimals = 1) { return fixed(100 * share, decimals) + " %"; }

EIGENGRAD_LAZY std::string left_padded(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}
EIGENGRAD_LAZY std::string right_padded(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::report
