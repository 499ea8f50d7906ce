#pragma once

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/size.hpp"
#include "escaped.hpp"
#include "stored_numbers.hpp"

// The JSON in a safetensors file's header. The one place that sees RapidJSON (Debian: rapidjson-dev).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Texts under names, in order.
using FileMetadata = std::vector<std::pair<std::string, std::string>>;

/// What a safetensors file says of one tensor: its bytes are those from begin to end behind the header.
struct SafetensorsEntry {
  std::string name;
  NumberFormat format = NumberFormat::float32;
  Shape shape = {};
  std::uint64_t begin = 0, end = 0;

  std::uint64_t wanted_bytes() const { return static_cast<std::uint64_t>(shape.size()) * traits_of(format).bytes; }
};
struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  FileMetadata metadata;
};

/// safetensors' names of number types.
struct SafetensorsType {
  std::string_view name;
  NumberFormat format;
};
inline constexpr SafetensorsType safetensors_types[] = {
    {"F32", NumberFormat::float32}, {"F64", NumberFormat::float64},   {"I32", NumberFormat::int32},
    {"I64", NumberFormat::int64},   {"U8", NumberFormat::uint8},      {"BOOL", NumberFormat::boolean},
    {"F16", NumberFormat::float16}, {"BF16", NumberFormat::bfloat16}, {"I8", NumberFormat::int8},
    {"I16", NumberFormat::int16},   {"U16", NumberFormat::uint16},    {"U32", NumberFormat::uint32},
    {"U64", NumberFormat::uint64}};

/// Whether a text is UTF-8; unlike utf8_length, it may hold NUL characters.
inline bool is_utf8(std::string_view text) {
  while (true) {
    const std::size_t good = utf8_length(text);
    if (good == text.size()) return true;
    if (text[good] != '\0') return false;
    text.remove_prefix(good + 1);
  }
}

/// Is told by RapidJSON what it reads, and stops it where a header has something else.
EIGENGRAD_LAZY class BasicSafetensorsHandler
    : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, BasicSafetensorsHandler<Lazy>> {
 public:
  using Size = rapidjson::SizeType;

  // null, true and false; numbers come as texts.
  bool Default() { return unexpected("null or a truth value"); }
  bool StartObject() {
    if (at_ == At::beginning) return go(At::name);
    if (at_ == At::metadata) return go(At::metadata_name);
    if (at_ == At::entry) return go(At::field);
    return unexpected("an object");
  }
  bool Key(const char* text, Size size, bool) {
    const std::string_view key(text, size);
    if (!is_utf8(key)) return refuse("the name ", escaped(key), " is not UTF-8");
    if (at_ == At::metadata_name) {
      header_.metadata.push_back({std::string(key), {}});
      return go(At::metadata_text);
    }
    if (at_ == At::field) return begin_field(key);
    if (key == "__metadata__") {
      if (std::exchange(have_metadata_, true)) return refuse("there is __metadata__ twice");
      return go(At::metadata);
    }
    header_.entries.push_back({std::string(key)});
    fields_ = 0;
    return go(At::entry);
  }
  bool EndObject(Size) {
    if (at_ == At::metadata_name) return go(At::name);
    if (at_ == At::name) return go(At::end);
    for (unsigned i = 0; i < 3; ++i)
      if ((fields_ & 1u << i) == 0) return refuse("the entry ", name(), " lacks ", field_names[i]);
    return go(At::name);
  }
  bool StartArray() {
    if (at_ == At::shape) return go(At::size);
    if (at_ == At::offsets) return go(At::begin);
    return unexpected("an array");
  }
  bool EndArray(Size) {
    if (at_ == At::size || at_ == At::both_offsets) return go(At::field);
    return refuse("the entry ", name(), " has fewer than two data_offsets");
  }
  bool String(const char* text, Size size, bool) {
    const std::string_view value(text, size);
    if (at_ == At::metadata_text) {
      if (!is_utf8(value)) return refuse("a text of __metadata__ is not UTF-8");
      header_.metadata.back().second = value;
      return go(At::metadata_name);
    }
    if (at_ != At::type) return unexpected("a text");
    for (const SafetensorsType& type : safetensors_types)
      if (value == type.name) {
        header_.entries.back().format = type.format;
        return go(At::field);
      }
    return refuse("the entry ", name(), " is of the number type ", escaped(value),
                  ", which is none of F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8 and BOOL: convert it");
  }
  bool RawNumber(const char* text, Size size, bool) {
    if (at_ != At::size && at_ != At::begin && at_ != At::offset_end)
      return at_ == At::both_offsets ? refuse("the entry ", name(), " has more than two data_offsets")
                                     : unexpected("a number");
    const std::string_view digits(text, size);
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text, text + size, number);
    if (digits.find_first_not_of("0123456789") != std::string_view::npos || stop != text + size)
      return refuse("the entry ", name(), " has ", escaped(digits, 24), " where a whole number from 0 should be");
    if (error != std::errc()) return refuse("the entry ", name(), " has a number beyond 2^64: ", escaped(digits, 24));
    SafetensorsEntry& entry = header_.entries.back();
    if (at_ == At::size) return add_size(number);
    (at_ == At::begin ? entry.begin : entry.end) = number;
    return go(at_ == At::begin ? At::offset_end : At::both_offsets);
  }

  SafetensorsHeader& header() { return header_; }
  const std::string& refusal() const { return refusal_; }

 private:
  enum class At {
    beginning,
    name,
    metadata,
    metadata_name,
    metadata_text,
    entry,
    field,
    type,
    shape,
    size,
    offsets,
    begin,
    offset_end,
    both_offsets,
    end
  };
  static constexpr const char* field_names[] = {"dtype", "shape", "data_offsets"};

  bool go(At to) {
    at_ = to;
    return true;
  }
  template <class... Words>
  EIGENGRAD_COLD bool refuse(const Words&... words) {
    refusal_ = to_text(words...);
    return false;
  }
  std::string name() const { return escaped(header_.entries.back().name); }
  EIGENGRAD_COLD bool unexpected(const char* found) {
    const char* const wanted = at_ == At::beginning || at_ == At::metadata || at_ == At::entry ? "an object"
                               : at_ == At::metadata_text || at_ == At::type                   ? "a text"
                               : at_ == At::shape || at_ == At::offsets                        ? "an array"
                                                                                               : "a whole number";
    return refuse("there is ", found, " where ", wanted, " should be");
  }
  bool begin_field(std::string_view key) {
    for (unsigned i = 0; i < 3; ++i)
      if (key == field_names[i]) {
        if ((fields_ & 1u << i) != 0) return refuse("the entry ", name(), " has ", field_names[i], " twice");
        fields_ |= 1u << i;
        sizes_ = 0;
        product_ = 1;
        return go(i == 0 ? At::type : i == 1 ? At::shape : At::offsets);
      }
    return refuse("the entry ", name(), " has the unknown field ", escaped(key));
  }
  bool add_size(std::uint64_t number) {
    if (sizes_++ == Shape::max_rank)
      return refuse("the entry ", name(), " has more than ", Shape::max_rank, " axes: merge some by reshape");
    const bool fits = number <= static_cast<std::uint64_t>(largest_size);
    if (!fits || (number > 0 && !multiply_sizes(product_, static_cast<Index>(number), product_)))
      return refuse("the entry ", name(), " has a shape of more numbers than can be indexed");
    header_.entries.back().shape.push_back(static_cast<Index>(number));
    return true;
  }

  SafetensorsHeader header_;
  std::string refusal_;
  At at_ = At::beginning;
  unsigned fields_ = 0;  // of an entry, those that were there
  Index sizes_ = 0, product_ = 1;
  bool have_metadata_ = false;
};

/// Reads a header's JSON, of which only what a safetensors file has is taken: each name once, three fields each, whole
/// numbers. `where` begins the message of the FileError for all else.
EIGENGRAD_LAZY SafetensorsHeader read_safetensors_json(std::string_view text, std::string_view where) {
  const std::size_t good = utf8_length(text);
  require<FileError>(good == text.size(), where, " is not UTF-8, or holds a NUL, at its byte ", good,
                     ": it is damaged, or no safetensors file");
  BasicSafetensorsHandler<Lazy> handler;
  // Parsed in place, as RapidJSON 1.1 counts on from a null pointer where it keeps texts on a stack of its own.
  std::string copy(text);
  rapidjson::InsituStringStream stream(copy.data());
  rapidjson::Reader reader;
  reader.Parse<rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag |
               rapidjson::kParseValidateEncodingFlag>(stream, handler);
  if (reader.HasParseError()) {
    std::string reason = handler.refusal();
    if (reason.empty()) reason = rapidjson::GetParseError_En(reader.GetParseErrorCode());
    fail<FileError>(where, ", at its byte ", reader.GetErrorOffset(), ": ", reason, ": it is damaged, or was not ",
                    "written by a safetensors library");
  }
  SafetensorsHeader& header = handler.header();
  const auto require_once = [&](const auto& list, const auto& name_of, const char* what) {
    std::vector<std::string_view> names;
    names.reserve(list.size());
    for (const auto& each : list) names.push_back(name_of(each));
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
      fail<FileError>(where, " has the ", what, " ", escaped(*twice), " twice: one of them would be lost");
  };
  require_once(header.entries, [](const SafetensorsEntry& each) { return std::string_view(each.name); }, "name");
  require_once(header.metadata, [](const auto& each) { return std::string_view(each.first); }, "metadata");
  return std::move(header);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
