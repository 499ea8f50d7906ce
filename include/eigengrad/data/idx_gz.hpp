#pragma once

#include "../core/tensor.hpp"
#include "../io/gzip.hpp"
#include "idx.hpp"

// Compressed IDX files (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// As read_idx, for a file that may be compressed (.gz) or plain.
template <class T>
Tensor<T> read_idx_gz(const std::string& path) {
  return read_idx<T, GzipSource>(path);
}

/// As load_idx_images_and_labels, for files that may be compressed (.gz) or plain.
template <class T>
Dataset<T, std::int64_t> load_idx_images_and_labels_gz(const std::string& images_path, const std::string& labels_path) {
  return load_idx_images_and_labels<T, GzipSource>(images_path, labels_path);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
