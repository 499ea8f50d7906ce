// A safetensors file of any bytes is read, or refused by a FileError; what was read is written and read again. See
// csv.cpp.
#include <unistd.h>
#include <eigengrad/io/safetensors.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

static void write_file(const std::string& path, const std::uint8_t* data, std::size_t size) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(data, 1, size, file) != size || std::fclose(file) != 0) std::abort();
}
static bool same(const eg::NamedTensors& a, const eg::NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    const eg::StoredNumbers mine = eg::stored(x->tensor, "fuzz"), others = eg::stored(y->tensor, "fuzz");
    if (x->name != y->name || mine.format != others.format || mine.shape != others.shape || mine.bytes != others.bytes)
      return false;
  }
  return true;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = [] {
    const char* folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    return std::string(folder) + "/eigengrad_fuzz_safetensors_" + std::to_string(getpid());
  }();
  static const bool cleans_up = std::atexit([] { std::remove(path.c_str()); }) == 0;
  static_cast<void>(cleans_up);
  write_file(path, data, size);
  try {
    const eg::SafetensorsFile file(path);
    const eg::NamedTensors tensors = file.tensors();
    std::size_t bytes = 0;
    for (const auto& entry : file.entries()) bytes += entry.wanted_bytes();
    if (bytes > size) std::abort();
    const eg::FileMetadata metadata = file.metadata();
    eg::save(path, tensors, metadata, {.durable = eg::Durable::no});
    const eg::SafetensorsFile again(path);
    if (again.metadata() != metadata || !same(again.tensors(), tensors)) std::abort();
  } catch (const eg::FileError&) {
  }
  return 0;
}
