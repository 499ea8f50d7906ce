#pragma once

#include <string>
#include <string_view>

#include "file_kind.hpp"

// Names that others chose, in messages.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A name from a file in quotes, at most `most` characters of it: what a terminal would obey, what turns the direction
/// of writing and what is no UTF-8 stands as \xNN.
EIGENGRAD_LAZY std::string escaped(std::string_view name, std::size_t most = 80) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string result = "'";
  std::size_t at = 0;
  for (std::size_t count = 0; at < name.size() && count < most; ++count) {
    const auto first = static_cast<unsigned char>(name[at]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const std::string_view character = name.substr(at, length);
    bool shown = first >= 0x20 && first != 0x7f && first != '\'' && first != '\\' && character.size() == length &&
                 utf8_length(character) == length;
    shown = shown && !(first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);  // controls of Latin-1
    for (const std::string_view turns : {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
                                         "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6",
                                         "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xef\xbb\xbf"})
      shown = shown && character != turns;
    if (shown) {
      result += character;
      at += length;
      continue;
    }
    if (first == '\'' || first == '\\') {
      result += '\\';
      result += name[at];
    } else {
      result += "\\x";
      result += digits[first >> 4];
      result += digits[first & 15];
    }
    ++at;
  }
  result += at < name.size() ? "...'" : "'";
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
