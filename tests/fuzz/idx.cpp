// An IDX file of any bytes is read, or refused by a FileError; see csv.cpp.
#include <eigengrad/data/idx.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

template <class T>
static void read_as(std::string_view bytes) {
  try {
    const eg::Tensor<T> tensor = eg::parse_idx<T>(bytes);
    if (static_cast<std::size_t>(tensor.size()) > bytes.size()) std::abort();
  } catch (const eg::FileError&) {
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_as<float>(bytes);
  read_as<double>(bytes);
  read_as<std::int64_t>(bytes);
  read_as<std::uint8_t>(bytes);
  return 0;
}
