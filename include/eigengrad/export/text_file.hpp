#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "../core/error.hpp"
#include "../core/path.hpp"

// Files written whole or not at all.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Writes the text beside the path and renames it to it, so that what was there stays whole until all is written.
/// Throws FileError naming the path and the system's reason.
EIGENGRAD_LAZY void write_text_file(const std::string& path, std::string_view text) {
  require_whole_path(path);
  const std::string beside = path + ".part";
  std::FILE* const file = std::fopen(beside.c_str(), "wb");
  require<FileError>(file != nullptr, "cannot write '", path, "': ", std::generic_category().message(errno));
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  written = std::fclose(file) == 0 && written;
  written = written && std::rename(beside.c_str(), path.c_str()) == 0;
  if (written) return;
  const int reason = errno;
  std::remove(beside.c_str());
  fail<FileError>("cannot write '", path, "': ", std::generic_category().message(reason));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
