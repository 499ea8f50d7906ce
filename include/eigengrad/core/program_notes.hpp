#pragma once

#include <sys/auxv.h>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "../config.hpp"

// What a program and the libraries it loads have in common.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

// What <elf.h> calls Elf64_Phdr and Elf32_Phdr; the header itself would bring a thousand macros.
#if UINTPTR_MAX > 0xffffffffu
struct ProgramHeader {
  std::uint32_t type, flags;
  std::uint64_t offset, address, physical_address, file_size, memory_size, alignment;
};
#else
struct ProgramHeader {
  std::uint32_t type, offset, address, physical_address, file_size, memory_size, flags, alignment;
};
#endif

/// Where the note `name` of the running program points to whose text is `text`; null when it has none. Its contents are
/// a 32-bit distance from themselves, and the text.
inline const void* find_program_note(std::string_view name, std::string_view text) noexcept {
  constexpr std::uint32_t notes = 4, itself = 6;                               // PT_NOTE, PT_PHDR
  constexpr unsigned long headers_at = 3, header_bytes = 4, header_count = 5;  // AT_PHDR, AT_PHENT, AT_PHNUM
  const auto* const headers = reinterpret_cast<const ProgramHeader*>(getauxval(headers_at));
  const unsigned long count = getauxval(header_count);
  if (headers == nullptr || getauxval(header_bytes) != sizeof(ProgramHeader)) return nullptr;
  std::uintptr_t moved_by = 0;
  for (unsigned long i = 0; i < count; ++i)
    if (headers[i].type == itself) moved_by = reinterpret_cast<std::uintptr_t>(headers) - headers[i].address;
  for (unsigned long i = 0; i < count; ++i) {
    if (headers[i].type != notes) continue;
    const std::uintptr_t alignment = headers[i].alignment == 8 ? 8 : 4;
    const auto up = [alignment](std::uintptr_t place) { return (place + alignment - 1) / alignment * alignment; };
    std::uintptr_t at = moved_by + headers[i].address;
    const std::uintptr_t end = at + headers[i].memory_size;
    while (at + 12 <= end) {
      std::uint32_t sizes[3];  // of the name and of the contents; the type
      std::memcpy(sizes, reinterpret_cast<const void*>(at), sizeof sizes);
      const std::uintptr_t name_at = at + 12, contents = up(name_at + sizes[0]);
      at = up(contents + sizes[1]);
      if (sizes[0] <= name.size() || sizes[1] < 4 + text.size() || contents + sizes[1] > end) continue;
      if (name != reinterpret_cast<const char*>(name_at) || text != reinterpret_cast<const char*>(contents + 4))
        continue;
      std::int32_t distance;
      std::memcpy(&distance, reinterpret_cast<const void*>(contents), sizeof distance);
      return reinterpret_cast<const void*>(contents +
                                           static_cast<std::uintptr_t>(static_cast<std::intptr_t>(distance)));
    }
  }
  return nullptr;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
