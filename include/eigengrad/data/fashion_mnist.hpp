#pragma once

#include "idx_gz.hpp"

// Fashion-MNIST, from Debian's package (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

inline constexpr const char* fashion_mnist_directory = "/usr/share/datasets/fashion-mnist";

/// Whether load_fashion_mnist would find its files.
inline bool has_fashion_mnist(const std::string& directory = fashion_mnist_directory) {
  for (const char* file :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"})
    if (!file_exists(directory + "/" + file + ".gz") && !file_exists(directory + "/" + file)) return false;
  return true;
}

/// Zalando's Fashion-MNIST, (train, test): inputs [60000, 784] and [10000, 784] in [0, 1], labels 0 to 9.
/// Throws FileError, saying which package to install, when the four files (.gz or not) are absent.
template <class T>
std::pair<Dataset<T, std::int64_t>, Dataset<T, std::int64_t>> load_fashion_mnist(
    const std::string& directory = fashion_mnist_directory) {
  require<FileError>(has_fashion_mnist(directory), "fashion_mnist: '", directory,
                     "' lacks train-images-idx3-ubyte.gz or one of the three files beside it: ",
                     "apt-get install dataset-fashion-mnist, or pass the directory that holds them");
  const auto load = [&](const std::string& part) {
    const auto path = [&](const char* kind) {
      const std::string plain = directory + "/" + part + kind;
      return file_exists(plain + ".gz") ? plain + ".gz" : plain;
    };
    auto result = load_idx_images_and_labels_gz<T>(path("-images-idx3-ubyte"), path("-labels-idx1-ubyte"));
    result.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    return result;
  };
  return {load("train"), load("t10k")};
}

}}  // namespace eigengrad::EIGENGRAD_ABI
