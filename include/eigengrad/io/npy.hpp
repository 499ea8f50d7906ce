#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "../core/any_tensor.hpp"
#include "../core/tensor.hpp"
#include "atomic_file.hpp"
#include "mapped_file.hpp"
#include "npy_header.hpp"

// NumPy's .npy files: one array each.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The numbers of a .npy file as a Tensor<T>, or as an AnyTensor for T = void; see load_npy.
template <class T>
auto npy_tensor(const StoredNumbers& numbers, std::string_view name) {
  if constexpr (std::is_void_v<T>) {
    return decoded_as_found<T>(numbers, to_text("npy: ", escaped(name, 400)));
  } else {
    require<FileError>(holds_all<T>(numbers.format), "npy: ", escaped(name, 400), " holds ", to_string(numbers.format),
                       ", which ", to_string(format_of<T>()), " cannot hold whole: load it as load_npy<",
                       traits_of(numbers.format).type, ">(path), and cast<T>(tensor) that");
    return decoded<T>(numbers);
  }
}

/// As load_npy, of a file's bytes in memory; `name` stands for the file in messages.
template <class T = void>
auto parse_npy(std::string_view bytes, std::string_view name = "npy data") {
  return npy_tensor<T>(parse_npy_header(bytes, name), name);
}

/// Reads what numpy.save wrote, of either byte order and either order of axes: T is the type that was stored, or one
/// that holds all its numbers (float16 as float); without T the type is found: load_npy(path).as<float>(). Throws
/// FileError for another type, objects, texts, records, what is truncated or longer than it says; nothing is evaluated.
template <class T = void>
auto load_npy(const std::string& path) {
  const MappedFile file(path);
  StoredNumbers numbers = parse_npy_header(file.bytes(), path);
  numbers.copy = &MappedFile::copy_of;
  numbers.source = &file;
  return npy_tensor<T>(numbers, path);
}

/// Writes what numpy.load reads, the same bytes as numpy.save: the whole file or, when that fails, nothing (see
/// AtomicFile). Throws FileError, with the reason, then.
EIGENGRAD_LAZY void save_npy(const std::string& path, const AnyTensor& tensor, Durable durable = Durable::yes) {
  const StoredNumbers numbers = stored(tensor, "save_npy");
  AtomicFile file(path);
  file.write(npy_header(numbers.format, numbers.shape));
  file.write(numbers.bytes);
  file.commit(durable);
}
/// Of a parameter or a formula.
template <class E>
  requires requires(const E& e) {
    typename E::Element;
    e.to_tensor();
  }
void save_npy(const std::string& path, const E& tensor, Durable durable = Durable::yes) {
  save_npy(path, AnyTensor(tensor.to_tensor()), durable);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
