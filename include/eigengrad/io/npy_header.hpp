#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/size.hpp"
#include "escaped.hpp"
#include "stored_numbers.hpp"

// The header of NumPy's .npy files, versions 1 to 3.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Reads the header's dictionary, of which it knows what numpy.save writes: three keys, a text, a truth value and a
/// tuple of whole numbers. Nothing is evaluated. `source` stands for the file in messages, `offset` for where it
/// begins.
EIGENGRAD_LAZY class BasicNpyDictionary {
 public:
  BasicNpyDictionary(std::string_view text, std::string_view source, std::size_t offset)
      : text_(text), source_(source), offset_(offset) {}

  StoredNumbers read() {
    expect('{', "where a dictionary begins");
    bool have_type = false, have_order = false, have_shape = false;
    while (peek() != '}') {
      const std::size_t key_at = at_;
      const std::string_view key = quoted();
      bool& have = key == "descr" ? have_type : key == "fortran_order" ? have_order : have_shape;
      if (key != "descr" && key != "fortran_order" && key != "shape")
        refuse_at(key_at, "has the key ", escaped(key), ", which an array does not have");
      if (have) refuse_at(key_at, "has the key ", escaped(key), " twice");
      have = true;
      expect(':', "after a key");
      if (key == "descr")
        read_type();
      else if (key == "fortran_order")
        result_.columns_first = truth();
      else
        read_shape();
      if (peek() == ',')
        ++at_;
      else
        break;
    }
    expect('}', "where the dictionary ends");
    peek();
    if (at_ != text_.size()) refuse_at(at_, "goes on behind its dictionary");
    if (!(have_type && have_order && have_shape))
      refuse_at(0, "lacks the key ", !have_type ? "descr" : !have_order ? "fortran_order" : "shape");
    return result_;
  }

 private:
  template <class... Words>
  [[noreturn]] EIGENGRAD_COLD void refuse_at(std::size_t at, const Words&... words) const {
    fail<FileError>("npy: ", escaped(source_, 400), ": the header, at byte ", offset_ + at, ", ", words...,
                    ": it is damaged, or was not written by NumPy");
  }
  /// What stands there is known, but no tensor.
  [[noreturn]] EIGENGRAD_COLD void refuse_type(std::string_view is, std::string_view remedy) const {
    fail<FileError>("npy: ", escaped(source_, 400), " holds ", is, ": ", remedy);
  }
  /// The next character that is no blank; NUL at the end.
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c, const char* where) {
    const char sign[] = {c, '\0'};
    if (peek() != c) refuse_at(at_, "has no ", sign, " ", where);
    ++at_;
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse_at(at_, "has no text in quotes");
    const std::size_t begin = at_ + 1, end = text_.find(quote, begin);
    if (end == std::string_view::npos) refuse_at(at_, "has a text without an end");
    const std::string_view result = text_.substr(begin, end - begin);
    if (result.find_first_of("\\\n") != std::string_view::npos) refuse_at(begin, "has an escaped text");
    at_ = end + 1;
    return result;
  }
  bool truth() {
    peek();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    refuse_at(at_, "is neither True nor False");
  }
  void read_shape() {
    expect('(', "where the shape begins");
    Index sizes[Shape::max_rank] = {}, rank = 0, product = 1;
    const std::size_t begin = at_;
    bool comma = true;
    while (peek() != ')') {
      if (!comma) refuse_at(at_, "has no comma between two sizes");
      if (rank == Shape::max_rank)
        refuse_type("an array of more than 8 axes", "merge some by numpy's reshape before it is saved");
      const Index size = whole_number();
      if (size > 0 && !multiply_sizes(product, size, product))
        refuse_at(begin, "announces more numbers than can be indexed");
      sizes[rank++] = size;
      comma = peek() == ',';
      if (comma) ++at_;
    }
    ++at_;
    if (rank == 1 && !comma) refuse_at(begin, "has a number in brackets, which is no tuple, as its shape");
    result_.shape = Shape(sizes, sizes + rank);
  }
  Index whole_number() {
    const std::size_t begin = at_;
    if (peek() == '-') refuse_at(at_, "has a negative size");
    Index number = 0;
    const char* const first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), number);
    if (error == std::errc::result_out_of_range) refuse_at(begin, "has a size that cannot be indexed");
    if (error != std::errc()) refuse_at(at_, "has something else than a size");
    if (*first == '0' && end - first > 1) refuse_at(at_, "has a size that begins by 0");
    at_ += static_cast<std::size_t>(end - first);
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote them
    return number;
  }

  void read_type() {
    if (peek() == '[' || peek() == '(')
      refuse_type("records of named fields (a structured array)", "save each field as an array of its own");
    const std::size_t begin = at_;
    std::string_view type = quoted();
    const std::string_view whole = type;
    char order = '=';
    if (!type.empty() && std::string_view("<>=|").find(type[0]) != std::string_view::npos) {
      order = type[0];
      type.remove_prefix(1);
    }
    const char kind = type.empty() ? '\0' : type[0];
    refuse_other_kinds(kind);
    constexpr struct {
      std::string_view name;
      NumberFormat format;
    } types[] = {{"b1", NumberFormat::boolean}, {"?", NumberFormat::boolean},  {"i1", NumberFormat::int8},
                 {"i2", NumberFormat::int16},   {"i4", NumberFormat::int32},   {"i8", NumberFormat::int64},
                 {"u1", NumberFormat::uint8},   {"u2", NumberFormat::uint16},  {"u4", NumberFormat::uint32},
                 {"u8", NumberFormat::uint64},  {"f2", NumberFormat::float16}, {"f4", NumberFormat::float32},
                 {"f8", NumberFormat::float64}};
    for (const auto& [name, format] : types)
      if (type == name) {
        result_.format = format;
        result_.swapped = traits_of(format).bytes > 1 && ((order == '<' && std::endian::native == std::endian::big) ||
                                                          (order == '>' && std::endian::native == std::endian::little));
        return;
      }
    if (kind == 'f' || kind == 'g') refuse_type("floats of more than 8 bytes", "save array.astype('float64')");
    refuse_at(begin, "names the unknown number type ", escaped(whole));
  }
  void refuse_other_kinds(char kind) const {
    if (kind == 'O')
      refuse_type("Python objects, which can run any program when they are read",
                  "save an array of numbers: numpy.save(path, array.astype('float64'))");
    if (kind == 'c') refuse_type("complex numbers", "save array.real and array.imag");
    if (kind == 'U' || kind == 'S' || kind == 'a') refuse_type("texts", "save numbers, or write the texts as CSV");
    if (kind == 'M' || kind == 'm') refuse_type("dates or times", "save array.astype('int64')");
    if (kind == 'V')
      refuse_type("raw records, or numbers that NumPy has no name for, as bfloat16", "save array.astype('float32')");
  }

  std::string_view text_, source_;
  std::size_t offset_, at_ = 0;
  StoredNumbers result_;
};

/// The header and the numbers of a .npy file in memory; `source` stands for the file in messages. Throws FileError for
/// what is none; the numbers are as many as there are bytes.
EIGENGRAD_LAZY StoredNumbers parse_npy_header(std::string_view bytes, std::string_view source) {
  const std::string name = escaped(source, 400);
  if (!bytes.starts_with("\x93NUMPY")) {
    const FileKind kind = file_kind(bytes.substr(0, 1024));
    fail<FileError>("npy: ", name, " is no NumPy array", kind.is.empty() ? "" : " but ", kind.is,
                    bytes.starts_with("PK") ? ": read it by load_npz (eigengrad/io/npz.hpp)" : ": check the path");
  }
  require<FileError>(bytes.size() >= 10, "npy: ", name, " ends inside its header: it is truncated");
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  const std::size_t version = byte(6);
  require<FileError>(version >= 1 && version <= 3 && byte(7) == 0, "npy: ", name, " is of version ", version, ".",
                     byte(7), " of the format, of which 1.0, 2.0 and 3.0 are known: save it by another NumPy");
  const std::size_t begin = version == 1 ? 10 : 12;
  require<FileError>(bytes.size() >= begin, "npy: ", name, " ends inside its header: it is truncated");
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  require<FileError>(length <= bytes.size() - begin, "npy: ", name, " announces a header of ", length,
                     " bytes, of which ", bytes.size() - begin, " are there: it is truncated or damaged");
  StoredNumbers result = BasicNpyDictionary<Lazy>(bytes.substr(begin, length), source, begin).read();
  const auto wanted = static_cast<std::uint64_t>(result.shape.size()) * traits_of(result.format).bytes;
  result.bytes = bytes.substr(begin + length);
  require<FileError>(result.bytes.size() >= wanted, "npy: ", name, " announces ", to_string(result.format), " ",
                     result.shape, ", ", wanted, " bytes, of which ", result.bytes.size(),
                     " are there: it is truncated");
  require<FileError>(result.bytes.size() == wanted, "npy: ", name, " goes on for ", result.bytes.size() - wanted,
                     " bytes behind its numbers ", result.shape,
                     ": it is damaged, or several arrays were written to it: save each in a file of its own, or "
                     "all by numpy.savez");
  return result;
}

/// What numpy.save writes before the numbers: version 1.0, as long as puts the numbers on a multiple of 64 bytes.
EIGENGRAD_LAZY std::string npy_header(NumberFormat format, const Shape& shape) {
  const NumberFormatTraits traits = traits_of(format);
  const char order[] = {traits.bytes == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>', '\0'};
  const char kind[] = {format == NumberFormat::boolean ? 'b'
                       : traits.is_float               ? 'f'
                       : traits.is_signed              ? 'i'
                                                       : 'u',
                       '\0'};
  std::string sizes;
  for (const Index size : shape) sizes += to_text(sizes.empty() ? "" : " ", size, ",");
  if (shape.rank() > 1) sizes.pop_back();
  std::string text =
      to_text("{'descr': '", order, kind, int{traits.bytes}, "', 'fortran_order': False, 'shape': (", sizes, "), }");
  // Room for the first size to grow in place.
  if (shape.rank() > 0) text.append(21 - to_text(shape[0]).size(), ' ');
  text.append(64 - (10 + text.size() + 1) % 64, ' ');
  text += '\n';
  std::string result = "\x93NUMPY";
  for (const std::size_t each : {std::size_t{1}, std::size_t{0}, text.size() & 255, text.size() >> 8})
    result += static_cast<char>(each);
  return result + text;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
