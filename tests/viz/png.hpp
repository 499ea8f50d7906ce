#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <eigengrad/viz/style.hpp>

// PNG images read back, as far as our writer goes; each length and checksum is looked at.

/// What an address of a PNG image holds: the colour of each pixel.
struct Decoded {
  std::size_t width = 0, height = 0;
  std::vector<eigengrad::viz::Colour> pixels;
};

inline std::string bytes_of(std::string_view address) {
  const std::string_view head = "data:image/png;base64,";
  EXPECT_TRUE(address.starts_with(head)) << address;
  address.remove_prefix(head.size());
  std::string result;
  unsigned bits = 0, held = 0;
  for (const char c : address) {
    if (c == '=') break;
    const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits = (bits << 6 | static_cast<unsigned>(digits.find(c))) & 0xffffu;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    result += static_cast<char>((bits >> held) & 255u);
  }
  return result;
}

inline std::size_t byte(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

/// A checksum bit by bit, as the specification words it.
inline std::size_t slow_checksum(std::string_view bytes) {
  std::uint32_t sum = 0xffffffffu;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum ^= static_cast<std::uint32_t>(byte(bytes, i));
    for (int k = 0; k < 8; ++k) sum = (sum & 1u) != 0 ? (sum >> 1) ^ 0xedb88320u : sum >> 1;
  }
  return sum ^ 0xffffffffu;
}

/// The bytes of stored blocks; every length and checksum is looked at.
inline std::string unpacked(std::string_view stream) {
  EXPECT_EQ((byte(stream, 0) * 256 + byte(stream, 1)) % 31, 0u);
  EXPECT_EQ(byte(stream, 0), 0x78u);
  std::string result;
  std::size_t at = 2;
  for (bool last = false; !last;) {
    last = byte(stream, at) == 1;
    EXPECT_LE(byte(stream, at), 1u) << "a stored block";
    const std::size_t length = byte(stream, at + 1) + 256 * byte(stream, at + 2);
    EXPECT_EQ(length ^ 0xffffu, byte(stream, at + 3) + 256 * byte(stream, at + 4));
    result += stream.substr(at + 5, length);
    at += 5 + length;
  }
  std::size_t a = 1, b = 0, sum = 0;
  for (std::size_t i = 0; i < result.size(); ++i) a = (a + byte(result, i)) % 65521, b = (b + a) % 65521;
  for (std::size_t i = 0; i < 4; ++i) sum = sum << 8 | byte(stream, at + i);
  EXPECT_EQ(sum, b << 16 | a);
  EXPECT_EQ(stream.size(), at + 4);
  return result;
}

inline Decoded decoded(std::string_view address) {
  const std::string bytes = bytes_of(address);
  Decoded result;
  const auto number = [&](std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | byte(bytes, at + i);
    return value;
  };
  EXPECT_TRUE(bytes.starts_with("\x89PNG\r\n\x1a\n"));
  std::string kinds, colours;
  std::size_t type = 0;
  for (std::size_t at = 8; at < bytes.size();) {
    const std::size_t length = number(at);
    const std::string kind = bytes.substr(at + 4, 4), content = bytes.substr(at + 8, length);
    EXPECT_EQ(number(at + 8 + length), slow_checksum(kind + content)) << kind;
    kinds += kind;
    if (kind == "IHDR") {
      result.width = number(at + 8), result.height = number(at + 12);
      EXPECT_EQ(byte(content, 8), 8u);
      type = byte(content, 9);
    }
    if (kind == "PLTE") colours = content;
    if (kind == "IDAT") {
      const std::string lines = unpacked(content);
      EXPECT_EQ(lines.size(), result.height * (result.width + 1));
      for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::size_t value = byte(lines, i);
        if (i % (result.width + 1) == 0)
          EXPECT_EQ(value, 0u);
        else if (type == 0)
          result.pixels.push_back(static_cast<eigengrad::viz::Colour>(value * 0x10101));
        else if (3 * value + 2 < colours.size())
          result.pixels.push_back(static_cast<eigengrad::viz::Colour>(
              byte(colours, 3 * value) << 16 | byte(colours, 3 * value + 1) << 8 | byte(colours, 3 * value + 2)));
        else
          ADD_FAILURE() << "a colour that is not listed";
      }
    }
    at += 12 + length;
  }
  EXPECT_EQ(kinds, type == 0 ? "IHDRIDATIEND" : "IHDRPLTEIDATIEND");
  return result;
}

/// All images of a picture, in order.
inline std::vector<Decoded> images_of(const std::string& svg) {
  std::vector<Decoded> result;
  const std::string_view mark = "href=\"";
  for (std::size_t at = svg.find(mark); at != svg.npos; at = svg.find(mark, at)) {
    at += mark.size();
    result.push_back(decoded(std::string_view(svg).substr(at, svg.find('"', at) - at)));
  }
  return result;
}

/// The colour of each number of an image so many numbers wide, which repeats it in a square of pixels.
inline std::vector<eigengrad::viz::Colour> numbers_of(const Decoded& image, std::size_t columns) {
  const std::size_t times = image.width / columns;
  EXPECT_EQ(image.width % columns + image.height % times, 0u);
  std::vector<eigengrad::viz::Colour> result;
  for (std::size_t row = 0; row < image.height; ++row)
    for (std::size_t column = 0; column < image.width; ++column) {
      const eigengrad::viz::Colour colour = image.pixels[row * image.width + column];
      if (row % times + column % times == 0) result.push_back(colour);
      EXPECT_EQ(colour, result[row / times * columns + column / times]);
    }
  return result;
}
