#pragma once

#include <algorithm>
#include <iterator>
#include <numbers>
#include <span>

#include "svg.hpp"

// Dashes, markers, colours.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// A colour as 0xRRGGBB.
using Colour = std::uint32_t;

/// Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow, too pale for a line.
inline constexpr Colour palette[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000};

inline Colour palette_colour(std::size_t i) { return palette[i % std::size(palette)]; }

/// "#rrggbb".
inline std::string to_hex(Colour colour) {
  std::string text = "#000000";
  for (std::size_t i = 6; i > 0; --i, colour >>= 4) text[i] = "0123456789abcdef"[colour & 15];
  return text;
}

/// From a (share 0) to b (share 1).
inline Colour blend(Colour a, Colour b, double share) {
  Colour result = 0;
  for (int shift = 0; shift < 24; shift += 8) {
    const double from = (a >> shift) & 255, to = (b >> shift) & 255;
    result |= static_cast<Colour>(std::lround(from + (to - from) * share)) << shift;
  }
  return result;
}

/// Maps for fields and images: viridis and cividis rise in lightness for every reader, as grey does from black to
/// white; blue_orange has a neutral middle.
enum class ColourMap { viridis, cividis, blue_orange, grey };

/// The colour at `share` in [0, 1] of the map.
inline Colour map_colour(ColourMap map, double share) {
  static constexpr Colour viridis[] = {0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c,
                                       0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725};
  static constexpr Colour cividis[] = {0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173,
                                       0x8a8678, 0xa59c74, 0xc3b369, 0xe1cc55, 0xfee838};
  static constexpr Colour blue_orange[] = {0x3a8cc4, 0x83bbde, 0xc3ddee, 0xf6f6f4, 0xfdd9b5, 0xfbae6c, 0xee7f2d};
  static constexpr Colour grey[] = {0x000000, 0xffffff};
  const std::span<const Colour> stops = map == ColourMap::viridis   ? std::span<const Colour>(viridis)
                                        : map == ColourMap::cividis ? std::span<const Colour>(cividis)
                                        : map == ColourMap::grey    ? std::span<const Colour>(grey)
                                                                    : std::span<const Colour>(blue_orange);
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const auto below = (std::min)(static_cast<std::size_t>(place), stops.size() - 2);
  return blend(stops[below], stops[below + 1], place - static_cast<double>(below));
}

/// How a line is broken. `automatic` gives each line of a panel the next pattern.
enum class Dash { automatic, solid, dashed, dash_dot, dotted };

inline std::string_view dash_pattern(Dash dash) {
  constexpr std::string_view patterns[] = {"", "", "7 4", "9 3 2 3", "2 3"};
  return patterns[static_cast<int>(dash)];
}
inline Dash numbered_dash(std::size_t i) { return static_cast<Dash>(1 + i % 4); }

/// The shape of a point. `automatic` gives each point cloud of a panel the next one.
enum class Marker { automatic, none, circle, triangle, square, diamond, down_triangle, plus, star };

inline Marker numbered_marker(std::size_t i) { return static_cast<Marker>(2 + i % 7); }

/// The outline of a marker around `centre`, as the `d` attribute of a path.
inline std::string marker_path(Marker marker, Point centre, double radius) {
  std::string d;
  const auto corner = [&](double x, double y) {
    d += d.empty() ? 'M' : 'L';
    append_number(d, centre.x + x * radius);
    d += ' ';
    append_number(d, centre.y + y * radius);
  };
  const auto corners = [&](std::initializer_list<Point> points) {
    for (const Point& p : points) corner(p.x, p.y);
  };
  switch (marker) {
    case Marker::automatic:
    case Marker::none:
      return {};
    case Marker::circle: {
      d = "M";
      append_number(d, centre.x - radius);
      d += ' ';
      append_number(d, centre.y);
      std::string size, across;
      append_number(size, radius);
      append_number(across, 2 * radius);
      return d + to_text("a", size, " ", size, " 0 1 0 ", across, " 0a", size, " ", size, " 0 1 0 -", across, " 0z");
    }
    case Marker::triangle:
      corners({{0, -1.25}, {1.15, 0.8}, {-1.15, 0.8}});
      break;
    case Marker::square:
      corners({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}});
      break;
    case Marker::diamond:
      corners({{0, -1.3}, {1.1, 0}, {0, 1.3}, {-1.1, 0}});
      break;
    case Marker::down_triangle:
      corners({{0, 1.25}, {1.15, -0.8}, {-1.15, -0.8}});
      break;
    case Marker::plus:
      corners({{-0.4, -1.2},
               {0.4, -1.2},
               {0.4, -0.4},
               {1.2, -0.4},
               {1.2, 0.4},
               {0.4, 0.4},
               {0.4, 1.2},
               {-0.4, 1.2},
               {-0.4, 0.4},
               {-1.2, 0.4},
               {-1.2, -0.4},
               {-0.4, -0.4}});
      break;
    case Marker::star:
      for (int i = 0; i < 10; ++i) {
        const double angle = i * std::numbers::pi / 5, reach = i % 2 == 0 ? 1.45 : 0.62;
        corner(reach * std::sin(angle), -reach * std::cos(angle));
      }
      break;
  }
  return d + "z";
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
