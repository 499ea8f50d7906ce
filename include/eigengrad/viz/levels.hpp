#pragma once

#include "grid.hpp"

// The levels of contours and fields.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// How far apart a field's levels lie. `automatic` takes `log` when all values are positive and most are small beside
/// the largest, as around a narrow minimum.
enum class Spacing { automatic, linear, log };

/// Throws ValueError unless the levels are finite, ascending and at least `least` in number.
inline void check_levels(const std::vector<double>& levels, std::size_t least, std::string_view operation) {
  require<ValueError>(levels.size() >= least, operation, ": ", levels.size(), " levels: give at least ", least);
  for (std::size_t i = 0; i < levels.size(); ++i)
    require<ValueError>(std::isfinite(levels[i]) && (i == 0 || levels[i] > levels[i - 1]), operation, ": level ",
                        levels[i], " at position ", i, ": give finite levels in ascending order");
}

/// About `bands` + 1 round levels that hold the grid's values between them; a log spacing may leave the lowest below.
inline std::vector<double> chosen_levels(const Grid& grid, Spacing spacing, double bands) {
  bands = std::clamp(bands, 1.0, 100.0);
  Extent extent = grid.extent();
  if (spacing != Spacing::linear && extent.low >= 0 && extent.high >= 1e-280 && !extent.empty()) {
    std::vector<double> sorted;
    for (const double value : grid.values())
      if (std::isfinite(value)) sorted.push_back(value);
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    if (spacing == Spacing::log || *middle < extent.high / 6) {
      // 1, 3, 10, 30, ... downwards from the first that is not below the largest value.
      std::vector<double> levels;
      int power = static_cast<int>(std::ceil(std::log10(extent.high) - 1e-9));
      bool three = 3 * std::pow(10, power - 1) >= extent.high;
      if (three) --power;
      while (static_cast<double>(levels.size()) <= 0.8 * bands && (levels.empty() || levels.front() > extent.low) &&
             power > -290) {
        levels.insert(levels.begin(), (three ? 3 : 1) * std::pow(10, power));
        if (!three) --power;
        three = !three;
      }
      if (levels.size() >= 2) return levels;
    }
  }
  const Range range = padded(extent, Scale::linear, 0);
  const auto ticks = linear_ticks(range, bands);
  std::vector<double> levels;
  levels.reserve(ticks.size());
  for (const Tick& tick : ticks) levels.push_back(tick.value);
  if (levels.size() < 2) return {range.low, range.high};
  const double step = levels[1] - levels[0];
  if (levels.front() > range.low + 1e-9 * step) levels.insert(levels.begin(), levels.front() - step);
  if (levels.back() < range.high - 1e-9 * step) levels.push_back(levels.back() + step);
  return levels;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
