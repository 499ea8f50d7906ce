#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "../core/named_tensors.hpp"
#include "mapped_file.hpp"
#include "npy.hpp"
#include "zip_reader.hpp"
#include "zip_writer.hpp"

// NumPy's .npz archives: arrays under names (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of load_npz.
struct LoadNpzOptions {
  std::uint64_t limit = std::uint64_t{4} << 30;  // more inflated bytes than this, of all entries, are refused
};
/// Settings of save_npz.
struct SaveNpzOptions {
  bool compress = false;
  Durable durable = Durable::yes;
};

/// The bytes of an entry of a zip archive that is deflated. Throws FileError when they are not what the archive says.
EIGENGRAD_LAZY std::string inflate_entry(const ZipEntry& entry, std::string_view source) {
  std::string result(entry.size, '\0');
  z_stream stream{};
  require<Error>(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "load_npz: zlib has no memory to inflate with");
  const struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } end{stream};
  std::size_t in = 0, out = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    Bytef nothing = 0;
    const auto part_in = static_cast<uInt>((std::min)(entry.data.size() - in, std::size_t{1} << 30)),
               part_out = static_cast<uInt>((std::min)(result.size() - out, std::size_t{1} << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(entry.data.data())) + in;
    stream.avail_in = part_in;
    stream.next_out = result.size() == out ? &nothing : reinterpret_cast<Bytef*>(result.data()) + out;
    stream.avail_out = part_out;
    status = inflate(&stream, Z_NO_FLUSH);
    in += part_in - stream.avail_in;
    out += part_out - stream.avail_out;
  }
  require<FileError>(status == Z_STREAM_END && in == entry.data.size() && out == result.size(),
                     "npz: ", escaped(source, 400), ": the entry ", escaped(entry.name), " is damaged after ", out,
                     " inflated bytes: get the file again");
  return result;
}

/// A .npz archive's bytes in memory, as load_npz reads them; `name` stands for the file in messages.
EIGENGRAD_LAZY NamedTensors parse_npz(std::string_view bytes, std::string_view name = "npz data",
                                      LoadNpzOptions options = {}) {
  const BasicZipReader<Lazy> archive(bytes, name);
  std::uint64_t left = options.limit;
  for (const ZipEntry& entry : archive.entries()) {
    require<FileError>(entry.name.ends_with(".npy"), "npz: ", escaped(name, 400), " holds ", escaped(entry.name),
                       ", which is no array (.npy): it was not written by numpy.savez; unzip it");
    if (!entry.deflated) continue;
    require<FileError>(entry.size <= left, "npz: ", escaped(name, 400), " inflates to more than the limit of ",
                       options.limit, " bytes: raise LoadNpzOptions::limit if that is right");
    left -= entry.size;
  }
  typename BasicNamedTensors<Lazy>::Entries tensors;
  for (const ZipEntry& entry : archive.entries()) {
    std::string inflated;
    if (entry.deflated) inflated = inflate_entry(entry, name);
    const std::string_view array = entry.deflated ? std::string_view(inflated) : entry.data;
    require<FileError>(crc_of(array) == entry.crc, "npz: ", escaped(name, 400), ": the entry ", escaped(entry.name),
                       " has another check sum than it should: it is damaged: get the file again");
    const std::string where = to_text(name, "/", entry.name);
    tensors.push_back({std::string(entry.name.substr(0, entry.name.size() - 4)), parse_npy<Lazy>(array, where)});
  }
  return NamedTensors(std::move(tensors));
}

/// Reads what numpy.savez and savez_compressed wrote, as tensors of the types found: load_npz(path).at<float>("x").
/// Names are names only, whatever path they look like. Throws FileError for what is damaged, and for more inflated
/// bytes than the limit, before they are inflated; each array as load_npy does.
EIGENGRAD_LAZY NamedTensors load_npz(const std::string& path, LoadNpzOptions options = {}) {
  const MappedFile file(path);
  return parse_npz(file.bytes(), path, options);
}

/// Writes what numpy.load reads, stored or (.compress = true) deflated: the whole file or, when that fails, nothing.
EIGENGRAD_LAZY void save_npz(const std::string& path, const NamedTensors& tensors, SaveNpzOptions options = {}) {
  for (const auto& [name, tensor] : tensors) stored(tensor, to_text("save_npz: ", escaped(name)));
  AtomicFile file(path);
  BasicZipWriter<Lazy> archive(file);
  for (const auto& [name, tensor] : tensors) {
    const StoredNumbers numbers = stored(tensor, "save_npz");
    archive.add(name + ".npy", npy_header(numbers.format, numbers.shape), numbers.bytes, options.compress);
  }
  archive.finish();
  file.commit(options.durable);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
