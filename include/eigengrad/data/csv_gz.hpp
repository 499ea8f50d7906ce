#pragma once

#include "../io/csv_options.hpp"
#include "../io/gzip.hpp"
#include "csv.hpp"

// Compressed tables (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// As read_csv, for a file that may be compressed (.csv.gz) or plain.
EIGENGRAD_LAZY CsvTable read_csv_gz(const std::string& path, CsvOptions options = {}, GzipOptions gzip = {}) {
  return CsvTable(read_gzip(path, gzip), std::move(options), path);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
