#pragma once

#include <string>

#include "error.hpp"

// Paths that end at a NUL byte.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Throws FileError for a path that holds a NUL byte: the system ends a path there, and would open another file.
EIGENGRAD_LAZY void require_whole_path(const std::string& path) {
  const std::size_t place = path.find('\0');
  require<FileError>(place == std::string::npos, "path '", path.substr(0, place), "': a NUL byte follows at position ",
                     place, ", where the system would end the path: remove it");
}

}}  // namespace eigengrad::EIGENGRAD_ABI
