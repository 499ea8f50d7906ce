#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "safetensors_json.hpp"

// What stands before the numbers in a safetensors file.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// More bytes than these a header may not have.
inline constexpr std::uint64_t most_safetensors_header = 100'000'000;

/// Reads and checks the header of a safetensors file in memory: its tensors fill what follows without a hole, an
/// overlap or a rest, and each is as long as its shape and type say. Gives where the tensors' bytes begin. Throws
/// FileError, before anything is allocated for them.
EIGENGRAD_LAZY std::uint64_t read_safetensors_header(std::string_view bytes, std::string_view source,
                                                     SafetensorsHeader& header) {
  const std::string name = escaped(source, 400);
  require<FileError>(bytes.size() >= 8, "safetensors: '", source, "' has ", bytes.size(),
                     " bytes, where its header's length takes 8: it is truncated or no safetensors file");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  if (length > most_safetensors_header) {
    const FileKind kind = file_kind(bytes.substr(0, 1024));
    require<FileError>(kind.is.empty(), "safetensors: ", name, " is ", kind.is,
                       bytes.starts_with("PK")
                           ? "; as torch.save writes them, too: write it by safetensors.torch.save_file"
                           : ": check the path");
    fail<FileError>("safetensors: ", name, " announces a header of ", length, " bytes, where ", most_safetensors_header,
                    " are the most: it is damaged or no safetensors file");
  }
  require<FileError>(length <= bytes.size() - 8, "safetensors: ", name, " announces a header of ", length,
                     " bytes, of which ", bytes.size() - 8, " are there: it is truncated or no safetensors file");
  const std::string_view text = bytes.substr(8, length);
  require<FileError>(text.starts_with('{'), "safetensors: ", name,
                     " has a header that does not begin by {: it is damaged or no safetensors file");
  header = read_safetensors_json<Lazy>(text, to_text("safetensors: the header of ", name));

  const std::vector<SafetensorsEntry>& entries = header.entries;
  const std::uint64_t size = bytes.size() - 8 - length;
  // Messages are put together where they are needed only: there may be a million entries.
  for (const SafetensorsEntry& entry : entries) {
    const bool in_order = entry.begin <= entry.end, inside = entry.end <= size;
    if (!in_order || !inside)
      fail<FileError>("safetensors: ", name, ": the entry ", escaped(entry.name), ", bytes ", entry.begin, " to ",
                      entry.end, " of ", size, ", ", in_order ? "goes beyond the file's end" : "ends before it begins",
                      ": the file is truncated or damaged");
    if (entry.end - entry.begin != entry.wanted_bytes())
      fail<FileError>("safetensors: ", name, ": the entry ", escaped(entry.name), " has ", entry.end - entry.begin,
                      " bytes, where ", to_string(entry.format), " ", entry.shape, " takes ", entry.wanted_bytes(),
                      ": the file is damaged");
  }
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(entries[a].begin, entries[a].end) < std::pair(entries[b].begin, entries[b].end);
  });
  std::uint64_t at = 0;
  for (const std::uint32_t i : order) {
    const SafetensorsEntry& entry = entries[i];
    if (entry.begin != at)
      fail<FileError>("safetensors: ", name, ": the entry ", escaped(entry.name), " begins at byte ", entry.begin,
                      ", where the one before ends at ", at, entry.begin < at ? ": they overlap" : ": there is a hole",
                      ": the file is damaged");
    at = entry.end;
  }
  require<FileError>(at == size, "safetensors: ", name, " goes on for ", size - at,
                     " bytes behind its last tensor: it is damaged");
  return 8 + length;
}

/// A text in JSON's quotes. Throws ValueError, beginning by `where`, for what is not UTF-8.
EIGENGRAD_LAZY void append_json(std::string& to, std::string_view text, const char* where) {
  static constexpr char digits[] = "0123456789abcdef";
  require<ValueError>(is_utf8(text), where, ": the name or text ", escaped(text),
                      " is not UTF-8, which safetensors files are written in: convert it");
  to += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') to += '\\';
    if (code >= 0x20) {
      to += c;
    } else {
      to += "\\u00";
      to += digits[code >> 4];
      to += digits[code & 15];
    }
  }
  to += '"';
}

/// The header of these entries, whose places it sets: wide numbers first, so that all are aligned. In the order in
/// which the entries are written, gives their positions.
EIGENGRAD_LAZY std::vector<std::size_t> write_safetensors_header(SafetensorsHeader& header, std::string& result) {
  std::vector<SafetensorsEntry>& entries = header.entries;
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return traits_of(entries[a].format).bytes > traits_of(entries[b].format).bytes;
  });
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    entries[i].begin = at;
    entries[i].end = at += entries[i].wanted_bytes();
  }
  std::string text = "{";
  if (!header.metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : header.metadata) {
      if (text.back() != '{') text += ',';
      append_json(text, key, "save");
      text += ':';
      append_json(text, value, "save");
    }
    text += '}';
  }
  for (const SafetensorsEntry& entry : entries) {
    require<ValueError>(entry.name != "__metadata__",
                        "save: a tensor is named __metadata__, which safetensors files keep for texts: rename it");
    if (text.size() > 1) text += ',';
    append_json(text, entry.name, "save");
    const auto* const type = std::find_if(std::begin(safetensors_types), std::end(safetensors_types),
                                          [&](const SafetensorsType& each) { return each.format == entry.format; });
    std::string sizes;
    for (const Index each : entry.shape) append(sizes, to_text(sizes.empty() ? "" : ",", each));
    append(text, to_text(":{\"dtype\":\"", type->name, "\",\"shape\":[", sizes, "],\"data_offsets\":[", entry.begin,
                         ",", entry.end, "]}"));
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  require<ValueError>(text.size() <= most_safetensors_header, "save: the header takes ", text.size(), " bytes, where ",
                      most_safetensors_header,
                      " are the most that a safetensors file has: save fewer tensors in a file");
  const std::uint64_t length = text.size();
  for (int i = 0; i < 8; ++i) result += static_cast<char>(length >> (8 * i) & 0xff);
  result += text;
  return order;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
