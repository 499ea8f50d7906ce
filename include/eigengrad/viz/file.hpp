#pragma once

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "../core/path.hpp"

// Files written whole or not at all.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Writes the whole text or nothing: to a file beside it first, which then takes the name. A symbolic link stays one; a
/// device or pipe is written straight. Throws FileError naming path and reason; what was there is then unchanged.
inline void write_file(const std::string& path, std::string_view text) {
  namespace fs = std::filesystem;
  const auto fail_with = [&](std::error_code reason) {
    fail<FileError>("save: ", path, ": ", reason.message(),
                    ": choose a folder that exists, may be written and has room");
  };
  const auto last_error = [] { return std::error_code(errno, std::generic_category()); };
  const auto put = [&](std::FILE* file) {
    std::error_code problem;
    if (std::fwrite(text.data(), 1, text.size(), file) != text.size()) problem = last_error();
    if (std::fclose(file) != 0 && !problem) problem = last_error();
    return problem;
  };

  require_whole_path(path);
  std::error_code ignored;
  fs::path target = path;
  const fs::file_status old = fs::status(target, ignored);
  if (fs::exists(old) && !fs::is_regular_file(old)) {
    std::FILE* device = std::fopen(path.c_str(), "wb");
    if (device == nullptr) fail_with(last_error());
    if (const auto problem = put(device)) fail_with(problem);
    return;
  }
  // A link that points nowhere yet is followed too.
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(target, ignored)); ++links)
    target = target.parent_path() / fs::read_symlink(target, ignored);

  if (fs::is_symlink(fs::symlink_status(target, ignored)))
    fail_with(std::make_error_code(std::errc::too_many_symbolic_link_levels));

  fs::path temporary;
  std::FILE* file = nullptr;
  for (int attempt = 0; file == nullptr && attempt < 100; ++attempt) {
    temporary = target;
    temporary += to_text(".part", attempt);
    file = std::fopen(temporary.c_str(), "wbx");
    if (file == nullptr && errno != EEXIST) fail_with(last_error());
  }
  if (file == nullptr) fail_with(std::make_error_code(std::errc::file_exists));
  std::error_code problem = put(file);
  if (!problem && fs::exists(old)) fs::permissions(temporary, old.permissions(), ignored);
  if (!problem) fs::rename(temporary, target, problem);
  if (problem) {
    fs::remove(temporary, ignored);
    fail_with(problem);
  }
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
