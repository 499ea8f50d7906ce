#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "../data/files.hpp"
#include "support/source_dir.hpp"

/// A file that NumPy or safetensors wrote (tests/fixtures/files.py).
inline std::string stored_file(const std::string& name) {
  return support::source_dir() + "/tests/fixtures/files/" + name;
}
inline std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
/// The text with one part in place of another, which is there.
inline std::string with(std::string text, const std::string& part, const std::string& other) {
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return at == std::string::npos ? text : text.replace(at, part.size(), other);
}
inline std::size_t files_in(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}
/// A little-endian number of `count` bytes.
inline std::string little(std::uint64_t number, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += static_cast<char>(number >> (8 * i) & 0xff);
  return result;
}
