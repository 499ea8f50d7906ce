#pragma once

#include <string>
#include <string_view>

#include "../io/atomic_file.hpp"

// Pictures written whole or not at all.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Writes the whole text or nothing: to a file beside it first, which then takes the name. A symbolic link stays one; a
/// device or pipe is written straight. Throws FileError naming path and reason; what was there is then unchanged.
inline void write_file(const std::string& path, std::string_view text) {
  eigengrad::write_file(path, text, Durable::no);
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
