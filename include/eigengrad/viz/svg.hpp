#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "../core/error.hpp"

// SVG text.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// A point in the data's units, or in pixels from the upper left.
struct Point {
  double x = 0, y = 0;
};

/// Appends a coordinate with at most two decimals. Never writes what is no number: NaN becomes 0, infinities a million.
inline void append_number(std::string& text, double value) {
  constexpr double limit = 1e6;
  if (std::isnan(value)) value = 0;
  value = value > limit ? limit : value < -limit ? -limit : value;
  auto hundredths = static_cast<std::int64_t>(std::llround(value * 100));
  if (hundredths < 0) {
    text += '-';
    hundredths = -hundredths;
  }
  append(text, hundredths / 100);
  const auto rest = hundredths % 100;
  if (rest == 0) return;
  text += '.';
  text += static_cast<char>('0' + rest / 10);
  if (rest % 10 != 0) text += static_cast<char>('0' + rest % 10);
}

/// The length in bytes of the UTF-8 character that `text` starts with; 0 when it is not one that XML allows.
inline std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = code < (length == 4 ? 0x10000u : length == 3 ? 0x800u : 0x80u);
  const bool forbidden =
      code < 0xa0 || (code >= 0xd800 && code <= 0xdfff) || (code & 0xfffeu) == 0xfffe || code > 0x10ffff;
  return overlong || forbidden ? 0 : length;
}

/// Appends any bytes as text that is safe in XML, within an element or a quoted attribute. White space becomes a space;
/// other control characters and broken UTF-8 become U+FFFD.
inline void append_escaped(std::string& target, std::string_view text) {
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = character_length(text);
    if (c == '&')
      target += "&amp;";
    else if (c == '<')
      target += "&lt;";
    else if (c == '>')
      target += "&gt;";
    else if (c == '"')
      target += "&quot;";
    else if (c == '\'')
      target += "&#39;";
    else if (c == '\n' || c == '\t' || c == '\r')
      target += ' ';
    else if (length == 0)
      target += "\xef\xbf\xbd";
    else
      target += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

/// About how many pixels wide the text is; a little too wide rather than too narrow (DejaVu Sans, the widest usual
/// font).
inline double text_width(std::string_view text, double size) {
  double ems = 0;
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = character_length(text);
    const std::string_view narrow = "iIjl.,:;'|!", slim = "ftr()[]/\\- \"{}", wide = "mwMW%@";
    if (length > 1)
      ems += length == 2 ? 0.66 : text.substr(0, 3) == "\xe2\x88\x92" ? 0.84 : 1;
    else if (narrow.find(c) != narrow.npos)
      ems += 0.32;
    else if (slim.find(c) != slim.npos)
      ems += 0.42;
    else if (wide.find(c) != wide.npos)
      ems += 0.95;
    else
      ems += c >= 'A' && c <= 'Z' ? 0.72 : 0.63;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return ems * size;
}

/// The text, cut with an ellipsis where it is wider than `width` pixels.
inline std::string shortened(std::string_view text, double size, double width) {
  // What could never fit is cut first, so that a hostile megabyte costs nothing.
  const bool hopeless = text.size() > 2000;
  if (hopeless) text = text.substr(0, 2000);
  if (!hopeless && text_width(text, size) <= width) return std::string(text);
  std::size_t kept = 0;
  double used = size;
  while (kept < text.size()) {
    const std::size_t length = character_length(text.substr(kept));
    const auto character = text.substr(kept, length == 0 ? 1 : length);
    used += text_width(character, size);
    if (used > width) break;
    kept += character.size();
  }
  return std::string(text.substr(0, kept)) + "\xe2\x80\xa6";
}

enum class Anchor { start, middle, end };

struct TextOptions {
  double size = 12;
  Anchor anchor = Anchor::start;
  bool bold = false;
  bool upwards = false;            // turned to be read from bottom to top
  std::string_view exponent = {};  // written small and raised after the text
};

/// Writes SVG elements one after another; every text and attribute is escaped, every number finite.
class Svg {
 public:
  Svg(double width, double height, std::string_view title) {
    open("svg", "xmlns", "http://www.w3.org/2000/svg", "width", width, "height", height, "viewBox",
         to_text("0 0 ", std::llround(width), " ", std::llround(height)), "role", "img", "font-family",
         "Helvetica, Arial, 'DejaVu Sans', sans-serif", "fill", "#222222");
    text_ += "<title>";
    append_escaped(text_, title);
    text_ += "</title>\n";
    element("rect", "width", width, "height", height, "fill", "#ffffff");
  }

  template <class... Attributes>
  void open(std::string_view tag, const Attributes&... attributes) {
    start(tag, attributes...);
    text_ += ">\n";
  }
  void close(std::string_view tag) { ((text_ += "</") += tag) += ">\n"; }
  /// One empty element; its attributes as name, value, name, value, ... An empty text leaves the attribute out.
  template <class... Attributes>
  void element(std::string_view tag, const Attributes&... attributes) {
    start(tag, attributes...);
    text_ += "/>\n";
  }
  void text(double x, double y, std::string_view content, const TextOptions& options = {}) {
    if (content.empty()) return;
    constexpr std::string_view anchors[] = {"", "middle", "end"};
    start("text", "x", x, "y", y, "font-size", options.size, "text-anchor", anchors[static_cast<int>(options.anchor)],
          "font-weight", options.bold ? "bold" : "");
    if (options.upwards) {
      text_ += " transform=\"rotate(-90 ";
      append_number(text_, x);
      text_ += ' ';
      append_number(text_, y);
      text_ += ")\"";
    }
    text_ += '>';
    append_escaped(text_, content);
    if (!options.exponent.empty()) {
      start("tspan", "dy", -0.4 * options.size, "font-size", 0.75 * options.size);
      text_ += '>';
      append_escaped(text_, options.exponent);
      text_ += "</tspan>";
    }
    text_ += "</text>\n";
  }
  std::string finish() && {
    close("svg");
    return std::move(text_);
  }

 private:
  template <class... Attributes>
  void start(std::string_view tag, const Attributes&... attributes) {
    (text_ += '<') += tag;
    write(attributes...);
  }
  void write() {}
  template <class Value, class... Rest>
  void write(std::string_view name, const Value& value, const Rest&... rest) {
    if constexpr (std::is_arithmetic_v<Value>) {
      ((text_ += ' ') += name) += "=\"";
      append_number(text_, static_cast<double>(value));
      text_ += '"';
    } else if (const std::string_view content = value; !content.empty()) {
      ((text_ += ' ') += name) += "=\"";
      append_escaped(text_, content);
      text_ += '"';
    }
    write(rest...);
  }

  std::string text_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
