// A gzip file of any bytes is inflated up to its limit, or refused by a FileError; see csv.cpp.
#include <unistd.h>
#include <eigengrad/data/csv_gz.hpp>
#include <eigengrad/data/idx_gz.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

static void write_file(const std::string& path, const std::uint8_t* data, std::size_t size) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(data, 1, size, file) != size || std::fclose(file) != 0) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = [] {
    const char* folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    return std::string(folder) + "/eigengrad_fuzz_" + std::to_string(getpid());
  }();
  static const bool cleans_up = std::atexit([] { std::remove(path.c_str()); }) == 0;
  static_cast<void>(cleans_up);
  write_file(path, data, size);
  constexpr std::size_t limit = 1 << 20;
  try {
    const std::string bytes = eg::read_gzip(path, {.limit = limit});
    if (bytes.size() > limit) std::abort();
  } catch (const eg::FileError&) {
    return 0;
  }
  try {
    eg::read_csv_gz(path, {.empty_as_nan = true}).numbers<float>();
  } catch (const eg::FileError&) {
  }
  try {
    eg::read_idx_gz<float>(path);
  } catch (const eg::FileError&) {
  }
  return 0;
}
