// A .npz archive of any bytes is read up to its limit, or refused by a FileError; see csv.cpp.
#include <eigengrad/io/npz.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t limit = 1 << 20;
  try {
    std::size_t numbers = 0;
    for (const auto& [name, tensor] : eg::parse_npz(bytes, "fuzz", {.limit = limit}))
      numbers += static_cast<std::size_t>(tensor.size());
    if (numbers > limit + bytes.size()) std::abort();
  } catch (const eg::FileError&) {
  }
  return 0;
}
