// A .npy file of any bytes is read, or refused by a FileError; see csv.cpp.
#include <eigengrad/io/npy.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

template <class T>
static void read_as(std::string_view bytes) {
  try {
    const eg::Tensor<T> tensor = eg::parse_npy<T>(bytes, "fuzz");
    if (static_cast<std::size_t>(tensor.size()) > bytes.size()) std::abort();
  } catch (const eg::FileError&) {
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const eg::AnyTensor found = eg::parse_npy(bytes, "fuzz");
    if (static_cast<std::size_t>(found.size()) > bytes.size()) std::abort();
  } catch (const eg::FileError&) {
  }
  read_as<float>(bytes);
  read_as<double>(bytes);
  read_as<std::int64_t>(bytes);
  read_as<std::uint64_t>(bytes);
  read_as<bool>(bytes);
  return 0;
}
