#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "style.hpp"

// PNG images without a library: stored, not compressed.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

// The CRC-32 that ends a chunk. Source: PNG specification, annex D.
inline std::uint32_t chunk_checksum(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> result{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      result[i] = i;
      for (int k = 0; k < 8; ++k) result[i] = (result[i] >> 1) ^ ((result[i] & 1u) != 0 ? 0xedb88320u : 0u);
    }
    return result;
  }();
  std::uint32_t sum = 0xffffffffu;
  for (const char c : bytes) sum = (sum >> 8) ^ table[(sum ^ static_cast<unsigned char>(c)) & 255u];
  return ~sum;
}

// The Adler-32 that ends a zlib stream. Source: RFC 1950.
inline std::uint32_t stream_checksum(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521u;
    b = (b + a) % 65521u;
  }
  return b << 16 | a;
}

inline void append_big_endian(std::string& target, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) target += static_cast<char>((value >> shift) & 255u);
}

// A zlib stream that holds the bytes as they are, in blocks of at most 65535. Source: RFC 1950 and 1951.
inline std::string stored_stream(std::string_view bytes) {
  std::string result = "\x78\x01";
  std::string_view rest = bytes;
  do {
    const std::string_view block = rest.substr(0, 65535);
    rest.remove_prefix(block.size());
    result += static_cast<char>(rest.empty() ? 1 : 0);
    for (const std::size_t length : {block.size(), ~block.size()}) {
      result += static_cast<char>(length & 255u);
      result += static_cast<char>((length >> 8) & 255u);
    }
    result += block;
  } while (!rest.empty());
  append_big_endian(result, stream_checksum(bytes));
  return result;
}

// A PNG image of one byte for each pixel, row by row from the top: its place among the colours (at most 256)
// or, where there are none, its grey from black (0) to white (255).
inline std::string png_image(std::size_t width, std::string_view pixels, std::span<const Colour> colours = {}) {
  const std::size_t height = pixels.size() / width;
  std::string image = "\x89PNG\r\n\x1a\n";
  const auto chunk = [&](std::string_view kind, std::string_view content) {
    append_big_endian(image, static_cast<std::uint32_t>(content.size()));
    const std::size_t start = image.size();
    (image += kind) += content;
    append_big_endian(image, chunk_checksum(std::string_view(image).substr(start)));
  };
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(width));
  append_big_endian(header, static_cast<std::uint32_t>(height));
  header += '\x08';
  header += static_cast<char>(colours.empty() ? 0 : 3);
  header.append(3, '\0');
  chunk("IHDR", header);
  std::string entries;
  for (const Colour colour : colours)
    for (int shift = 16; shift >= 0; shift -= 8) entries += static_cast<char>((colour >> shift) & 255u);
  if (!colours.empty()) chunk("PLTE", entries);
  std::string lines;
  lines.reserve(pixels.size() + height);
  for (std::size_t row = 0; row < height; ++row) {
    lines += '\0';  // no filter
    lines += pixels.substr(row * width, width);
  }
  chunk("IDAT", stored_stream(lines));
  chunk("IEND", {});
  return image;
}

// The PNG image as an address that holds it. Source: RFC 2397 and 4648.
inline std::string png_address(std::string_view image) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result = "data:image/png;base64,";
  result.reserve(result.size() + image.size() / 3 * 4 + 4);
  for (std::size_t i = 0; i < image.size(); i += 3) {
    const std::size_t count = (std::min)(image.size() - i, std::size_t{3});
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < count ? static_cast<unsigned char>(image[i + k]) : std::uint32_t{0});
    for (std::size_t k = 0; k < 4; ++k) result += k <= count ? digits[(bits >> (18 - 6 * k)) & 63u] : '=';
  }
  return result;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
