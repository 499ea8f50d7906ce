#pragma once

#include <cstdlib>

#include "../io/csv_options.hpp"
#include "csv.hpp"

// The data sets that are shipped. Found beside the headers, or by eigengrad::data, or by EIGENGRAD_DATA_DIR.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The data folder that came with this header, in the source tree or in an installed one, wherever that was moved to;
/// "data" when there is none.
EIGENGRAD_LAZY std::string data_beside_header() {
  const std::string header = __FILE__;
  const std::string root = header.substr(0, header.find_last_of("/\\") + 1) + "../../../";
  for (const char* folder : {"data", "share/eigengrad/data"})
    if (file_exists(root + folder + "/iris.csv")) return root + folder;
  return "data";
}

/// Where the shipped data sets are looked for: the environment variable EIGENGRAD_DATA_DIR, else the macro of that
/// name (set by eigengrad::data), else the folder that came with the header, else "data".
EIGENGRAD_LAZY std::string data_directory() {
  if (const char* directory = std::getenv("EIGENGRAD_DATA_DIR"); directory != nullptr && *directory != '\0')
    return directory;
#if defined(EIGENGRAD_DATA_DIR)
  return EIGENGRAD_DATA_DIR;
#else
  return data_beside_header();
#endif
}

/// Reads one of the shipped tables; throws FileError saying where it was looked for.
EIGENGRAD_LAZY CsvTable read_shipped_csv(const std::string& file, const std::string& directory) {
  const std::string path = directory + "/" + file;
  require<FileError>(file_exists(path), "data sets: there is no '", path, "': pass the path of eigengrad's data ",
                     "folder, or set the environment variable EIGENGRAD_DATA_DIR to it");
  CsvOptions options;  // a variable, as g++ 12 under -Wuseless-cast does not survive a brace here
  options.header = CsvHeader::yes;
  return read_csv(path, std::move(options));
}

/// Fisher's irises: inputs [150, 4] in cm, labels 0 to 2 (setosa, versicolor, virginica).
template <class T>
Dataset<T, std::int64_t> load_iris(const std::string& directory = data_directory()) {
  return read_shipped_csv("iris.csv", directory).classification<T>("species", {"setosa", "versicolor", "virginica"});
}

/// Chemical analyses of wines: inputs [178, 13] of very different scales (see Standardizer), labels 0 to 2.
template <class T>
Dataset<T, std::int64_t> load_wine(const std::string& directory = data_directory()) {
  return read_shipped_csv("wine.csv", directory).classification<T>("cultivar", {"class_0", "class_1", "class_2"});
}

/// Handwritten digits of 8x8 pixels: inputs [1797, 64] scaled from 0..16 to [0, 1], labels 0 to 9.
template <class T>
Dataset<T, std::int64_t> load_digits(const std::string& directory = data_directory()) {
  Dataset<T, std::int64_t> result = read_shipped_csv("digits.csv", directory)
                                        .classification<T>("digit", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
  T* pixel = kernel_access(result.inputs).writable_numbers();
  for (Index i = 0; i < result.inputs.size(); ++i) pixel[i] /= T(16);
  return result;
}

/// Breast cancer (Wisconsin, diagnostic): inputs [569, 30], labels 0 (malignant) and 1 (benign), as in scikit-learn.
template <class T>
Dataset<T, std::int64_t> load_breast_cancer(const std::string& directory = data_directory()) {
  return read_shipped_csv("breast_cancer.csv", directory).classification<T>("diagnosis", {"malignant", "benign"});
}

// Compiled: Dataset<T, std::int64_t> load_digits<T>(const std::string&)
}}  // namespace eigengrad::EIGENGRAD_ABI
