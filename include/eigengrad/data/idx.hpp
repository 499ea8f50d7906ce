#pragma once

#include <bit>
#include <span>

#include "../core/tensor.hpp"
#include "../io/file.hpp"
#include "../io/file_kind.hpp"
#include "dataset.hpp"

// IDX files, as those of MNIST.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Bytes in memory as a source for parse_idx; `name` stands for the file in messages.
class MemorySource {
 public:
  MemorySource(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}
  const std::string& path() const { return name_; }
  std::uint64_t most() const { return bytes_.size(); }
  std::size_t read(char* target, std::size_t count) {
    count = bytes_.copy(target, count, at_);
    at_ += count;
    return count;
  }

 private:
  std::string_view bytes_;
  std::string name_;
  std::size_t at_ = 0;
};

enum class IdxType : unsigned char { u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e };

struct IdxHeader {
  IdxType type = IdxType::u8;
  Shape shape;
  std::uint64_t bytes = 0;  // of the elements that follow
};

inline std::uint64_t size_of(IdxType type) {
  switch (type) {
    case IdxType::u8:
    case IdxType::i8:
      return 1;
    case IdxType::i16:
      return 2;
    case IdxType::i32:
    case IdxType::f32:
      return 4;
    default:
      return 8;
  }
}

/// Reads and checks an IDX header: two zero bytes, the element type, the number of axes, their sizes (big-endian).
/// Throws FileError before anything is allocated when it announces more than the source can hold.
template <class Source>
IdxHeader read_idx_header(Source& source) {
  unsigned char magic[4] = {};
  const std::size_t have = source.read(reinterpret_cast<char*>(magic), 4);
  require<FileError>(have < 2 || magic[0] != 0x1f || magic[1] != 0x8b, "idx: '", source.path(),
                     "' is gzip-compressed: read it by read_idx_gz or load_idx_images_and_labels_gz ",
                     "(eigengrad/data/idx_gz.hpp), or gunzip it");
  require<FileError>(have == 4, "idx: '", source.path(), "' ends inside its magic number, after ", have,
                     " bytes: it is truncated");
  const std::string_view beginning(reinterpret_cast<const char*>(magic), 4);
  std::string_view is = magic[0] == '<' ? "HTML or XML" : file_kind(beginning).is;
  if (is.empty()) is = "another kind of file";
  const unsigned type = magic[2];
  require<FileError>(magic[0] == 0 && magic[1] == 0 && type >= 0x08 && type <= 0x0e && type != 0x0a, "idx: '",
                     source.path(), "' begins with bytes ", unsigned{magic[0]}, " ", unsigned{magic[1]}, " ", type, " ",
                     unsigned{magic[3]}, ", which is no IDX magic number (0 0 type axes): it is ", is);
  require<FileError>(magic[3] <= Shape::max_rank, "idx: '", source.path(), "' has ", unsigned{magic[3]},
                     " axes: at most ", Shape::max_rank, " can be read");
  const Index axes = magic[3];
  Index sizes[Shape::max_rank] = {};
  bool empty = false;
  for (Index axis = 0; axis < axes; ++axis) {
    unsigned char digits[4];
    require<FileError>(source.read(reinterpret_cast<char*>(digits), 4) == 4, "idx: '", source.path(),
                       "' ends inside its header, at the size of axis ", axis, ": it is truncated");
    sizes[axis] = Index{digits[0]} << 24 | Index{digits[1]} << 16 | Index{digits[2]} << 8 | Index{digits[3]};
    empty = empty || sizes[axis] == 0;
  }
  // By division, as the product of hostile sizes would overflow; other sizes beside a 0 must still make a shape.
  const std::uint64_t header_bytes = 4 + 4 * static_cast<std::uint64_t>(axes);
  const std::uint64_t most = std::uint64_t{1} << 58, held = source.most() - (std::min)(source.most(), header_bytes);
  std::uint64_t limit = empty ? most : (std::min)(most, held);
  const std::uint64_t element = size_of(static_cast<IdxType>(type));
  limit /= element;
  for (Index axis = 0; axis < axes; ++axis) {
    const auto size = static_cast<std::uint64_t>(std::max<Index>(sizes[axis], 1));
    require<FileError>(size <= limit, "idx: '", source.path(), "' announces more elements than its ", source.most(),
                       " bytes can hold (axis ", axis, " has ", size, "): it is truncated or damaged");
    limit /= size;
  }
  const Shape shape(sizes, sizes + axes);
  return {static_cast<IdxType>(type), shape, element * static_cast<std::uint64_t>(shape.size())};
}

/// Reads the elements that a header announced, as numbers of type T, and checks that nothing follows them.
/// A whole-number T must be able to hold every value of the file's type: float files are refused, and i32 as u8.
template <class T, class Source>
Tensor<T> read_idx_elements(Source& source, const IdxHeader& header) {
  const auto read_as = [&]<class Bits, class Element>(Bits, Element) {
    using To = std::numeric_limits<T>;
    using From = std::numeric_limits<Element>;
    require<FileError>(
        !To::is_integer || (From::is_integer && To::digits >= From::digits && (To::is_signed || !From::is_signed)),
        "idx: '", source.path(), "' holds elements (type ", static_cast<int>(header.type),
        ") that the number type asked for cannot: read it as double or std::int64_t");
    Tensor<T> result = Tensor<T>::empty(header.shape);
    T* out = result.writable_numbers();
    unsigned char part[1 << 13];
    for (std::uint64_t left = header.bytes; left > 0;) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, sizeof part));
      const std::size_t have = source.read(reinterpret_cast<char*>(part), count);
      require<FileError>(have == count, "idx: '", source.path(), "' ends ", left - have, " of ", header.bytes,
                         " bytes before its elements ", header.shape, " are complete: it is truncated");
      for (std::size_t i = 0; i < count; i += sizeof(Bits)) {
        Bits bits = part[i];
        for (std::size_t byte = 1; byte < sizeof(Bits); ++byte) bits = static_cast<Bits>(bits << 8 | part[i + byte]);
        *out++ = static_cast<T>(std::bit_cast<Element>(bits));
      }
      left -= count;
    }
    char beyond = 0;
    require<FileError>(source.read(&beyond, 1) == 0, "idx: '", source.path(), "' goes on after its elements ",
                       header.shape, ": its header or its end is damaged");
    return result;
  };
  switch (header.type) {
    case IdxType::u8:
      return read_as(std::uint8_t{}, std::uint8_t{});
    case IdxType::i8:
      return read_as(std::uint8_t{}, std::int8_t{});
    case IdxType::i16:
      return read_as(std::uint16_t{}, std::int16_t{});
    case IdxType::i32:
      return read_as(std::uint32_t{}, std::int32_t{});
    case IdxType::f32:
      return read_as(std::uint32_t{}, float{});
    default:
      return read_as(std::uint64_t{}, double{});
  }
}

/// Reads an IDX file (the format of MNIST), of any element type, as a tensor of its shape.
/// Source is what reads the file: FileSource, or GzipSource from eigengrad::io for compressed files.
template <class T, class Source = FileSource>
Tensor<T> read_idx(const std::string& path) {
  Source source(path);
  const IdxHeader header = read_idx_header(source);
  return read_idx_elements<T>(source, header);
}
/// As read_idx, from bytes in memory.
template <class T>
Tensor<T> parse_idx(std::string_view bytes, std::string name = "idx data") {
  MemorySource source(bytes, std::move(name));
  const IdxHeader header = read_idx_header(source);
  return read_idx_elements<T>(source, header);
}

/// Images and their labels, as of MNIST: inputs [n, pixels] scaled from 0..255 to [0, 1], labels [n].
/// Throws FileError when the files do not hold bytes, or not as many labels as images.
template <class T, class Source = FileSource>
Dataset<T, std::int64_t> load_idx_images_and_labels(const std::string& images_path, const std::string& labels_path) {
  Source images(images_path), labels(labels_path);
  const IdxHeader image = read_idx_header(images), label = read_idx_header(labels);
  require<FileError>(image.type == IdxType::u8 && image.shape.rank() >= 2, "idx: '", images_path, "' holds ",
                     image.shape, " of type ", static_cast<int>(image.type), ", not images: bytes [n, height, width]");
  require<FileError>(label.type == IdxType::u8 && label.shape.rank() == 1, "idx: '", labels_path, "' holds ",
                     label.shape, " of type ", static_cast<int>(label.type), ", not labels: bytes [n]");
  require<FileError>(image.shape[0] == label.shape[0], "idx: '", images_path, "' has ", image.shape[0],
                     " images, but '", labels_path, "' has ", label.shape[0], " labels: they do not belong together");
  Tensor<std::int64_t> classes = read_idx_elements<std::int64_t>(labels, label);
  Tensor<T> pixels = read_idx_elements<T>(images, image);
  T* pixel = pixels.writable_numbers();
  for (Index i = 0; i < pixels.size(); ++i) pixel[i] /= T(255);
  return {pixels.alias({image.shape[0], image.shape.without(0).size()}), std::move(classes)};
}

}}  // namespace eigengrad::EIGENGRAD_ABI
