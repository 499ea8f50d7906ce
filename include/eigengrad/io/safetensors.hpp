#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/named_tensors.hpp"
#include "../core/state_check.hpp"
#include "atomic_file.hpp"
#include "mapped_file.hpp"
#include "renamed.hpp"
#include "safetensors_header.hpp"

// safetensors files: tensors under names, as PyTorch's users exchange them (target eigengrad::safetensors, needs
// RapidJSON).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A safetensors file opened for reading: what is in it is known and checked, and tensors are read when asked for,
/// which a large file of which few are wanted is for. Throws FileError for what is damaged, before anything is
/// allocated.
EIGENGRAD_LAZY class BasicSafetensorsFile {
 public:
  explicit BasicSafetensorsFile(const std::string& path) : file_(path) {
    begin_ = read_safetensors_header(file_.bytes(), path, header_);
  }

  /// Names, shapes and number formats, in the header's order.
  const std::vector<SafetensorsEntry>& entries() const& { return header_.entries; }
  std::vector<SafetensorsEntry> entries() && { return std::move(header_.entries); }
  /// The texts that the file has besides.
  const FileMetadata& metadata() const& { return header_.metadata; }
  FileMetadata metadata() && { return std::move(header_.metadata); }
  /// A tensor, of float where it is stored as F16 or BF16; throws IndexError where there is none of that name.
  AnyTensor tensor(std::string_view name) const {
    for (const SafetensorsEntry& entry : header_.entries)
      if (entry.name == name) return read(entry);
    fail<IndexError>("safetensors: ", escaped(file_.path(), 400), " has no tensor named ", escaped(name), " among its ",
                     header_.entries.size(), ": look into entries()");
  }
  /// All of them, in the header's order.
  NamedTensors tensors() const {
    typename BasicNamedTensors<Lazy>::Entries result;
    result.reserve(header_.entries.size());
    for (const SafetensorsEntry& entry : header_.entries) result.push_back({entry.name, read(entry)});
    return NamedTensors(std::move(result));
  }

 private:
  AnyTensor read(const SafetensorsEntry& entry) const {
    StoredNumbers numbers{entry.format,
                          std::endian::native == std::endian::big,
                          false,
                          entry.shape,
                          file_.bytes().substr(begin_ + entry.begin, entry.end - entry.begin),
                          &BasicMappedFile<Lazy>::copy_of,
                          &file_};
    AnyTensor result = decoded_as_found<Lazy>(
        numbers, to_text("safetensors: ", escaped(file_.path(), 400), ": the entry ", escaped(entry.name)));
    file_.forget(numbers.bytes);
    return result;
  }

  BasicMappedFile<Lazy> file_;
  SafetensorsHeader header_;
  std::uint64_t begin_ = 0;
};
using SafetensorsFile = BasicSafetensorsFile<>;

/// All tensors of a safetensors file, F16 and BF16 as float: load_safetensors(path).at<float>("0.weight"). Throws
/// FileError for a file that is damaged in any way or holds other number types; memory is the file's size.
EIGENGRAD_LAZY NamedTensors load_safetensors(const std::string& path) { return SafetensorsFile(path).tensors(); }

/// Settings of save.
struct SaveOptions {
  NumberFormat floats = NumberFormat::float32;  // or float16 or bfloat16, to which tensors of float are rounded
  Durable durable = Durable::yes;
};

/// Writes a tensor's numbers, in safetensors' byte order, rounded to 16 bits where the entry says so.
EIGENGRAD_LAZY void write_numbers(AtomicFile& file, const SafetensorsEntry& entry, const StoredNumbers& numbers) {
  const bool shortened = entry.format != numbers.format;
  if (!shortened && std::endian::native == std::endian::little) return file.write(numbers.bytes);
  const std::size_t from = traits_of(numbers.format).bytes, to = traits_of(entry.format).bytes;
  std::string part;
  for (std::size_t at = 0; at < numbers.bytes.size(); at += from) {
    char bytes[8];
    std::copy_n(numbers.bytes.data() + at, from, bytes);
    if (shortened) {
      const float number = *reinterpret_cast<const float*>(numbers.bytes.data() + at);
      const bool half = entry.format == NumberFormat::float16;
      const std::uint16_t bits = half ? to_half(number) : to_bfloat16(number);
      require<ValueError>(!std::isfinite(number) || std::isfinite(half ? from_half(bits) : from_bfloat16(bits)),
                          "save: ", escaped(entry.name), " holds ", number, ", which is too large for ",
                          to_string(entry.format), ": save it as float32", half ? " or bfloat16" : "");
      std::memcpy(bytes, &bits, sizeof bits);
    }
    if (std::endian::native == std::endian::big) std::reverse(bytes, bytes + to);
    part.append(bytes, to);
    if (part.size() < (std::size_t{1} << 16)) continue;
    file.write(part);
    part.clear();
  }
  file.write(part);
}

/// Writes tensors under their names, and texts besides, to a safetensors file: the whole file or, when that fails,
/// nothing (see AtomicFile). Throws FileError with the reason then, ValueError for what such a file cannot hold.
EIGENGRAD_LAZY void save(const std::string& path, const NamedTensors& tensors, const FileMetadata& metadata = {},
                         SaveOptions options = {}) {
  using enum NumberFormat;
  require<ValueError>(options.floats == float32 || options.floats == float16 || options.floats == bfloat16,
                      "save: .floats is ", to_string(options.floats), ": choose float32, float16 or bfloat16");
  SafetensorsHeader header;
  header.metadata = metadata;
  std::vector<StoredNumbers> numbers;
  for (const auto& [name, tensor] : tensors) {
    numbers.push_back(stored(tensor, to_text("save: ", escaped(name))));
    const NumberFormat format = numbers.back().format == float32 ? options.floats : numbers.back().format;
    header.entries.push_back({name, format, numbers.back().shape});
  }
  for (auto each = metadata.begin(); each != metadata.end(); ++each)
    for (auto other = metadata.begin(); other != each; ++other)
      require<ValueError>(other->first != each->first, "save: there are two texts named ", escaped(each->first),
                          " among the metadata: give one another name");
  std::string beginning;
  const std::vector<std::size_t> order = write_safetensors_header(header, beginning);
  AtomicFile file(path);
  file.write(beginning);
  for (const std::size_t i : order) write_numbers(file, header.entries[i], numbers[i]);
  file.commit(options.durable);
}

/// What has a state: a module, an optimizer, a loader, a generator.
template <class Model>
concept HasState = requires(const Model& model) {
  { model.state_dict() } -> std::convertible_to<const NamedTensors&>;
};

/// Writes a model's state_dict(), as above.
template <HasState Model>
void save(const std::string& path, const Model& model, const FileMetadata& metadata = {}, SaveOptions options = {}) {
  save(path, static_cast<const NamedTensors&>(model.state_dict()), metadata, options);
}

/// Gives a model what save wrote, or another program under these names, and says what was missing and unexpected.
/// Throws FileError for a damaged file, ShapeError listing all that is missing, unexpected, or of another shape or
/// number type; the model is unchanged then.
template <HasState Model>
auto load(const std::string& path, Model& model, const LoadFileOptions& options = {},
          Location where = Location::current()) {
  NamedTensors tensors = load_safetensors(path);
  try {
    if (!options.rename.empty()) tensors = renamed(tensors, options.rename);
    if constexpr (requires { model.load_state_dict(tensors, LoadOptions{}, where); })
      return model.load_state_dict(tensors, LoadOptions{.strict = options.strict}, where);
    else
      return model.load_state_dict(tensors, where);
  } catch (const ShapeError& error) {
    fail<ShapeError>("load: ", escaped(path, 400), ": ", std::string_view(error.what()));
  } catch (const ValueError& error) {
    fail<ValueError>("load: ", escaped(path, 400), ": ", std::string_view(error.what()));
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
