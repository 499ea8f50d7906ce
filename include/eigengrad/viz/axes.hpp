#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "svg.hpp"

// Ranges, scales, and round numbers on axes.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// How an axis is divided.
enum class Scale { linear, log };

/// What an axis shows; {} leaves it to the data.
struct Range {
  double low = 0, high = 0;
  bool given() const { return !(low == 0 && high == 0); }
};

/// Throws ValueError unless the range rises, is finite and, on a log axis, positive.
inline void check_range(const Range& range, Scale scale, std::string_view operation) {
  if (!range.given()) return;
  const double largest = (std::max)(std::abs(range.low), std::abs(range.high));
  require<ValueError>(largest <= 1e300 && range.high - range.low >= (std::max)(1e-11 * largest, 1e-290), operation,
                      ": range ", range.low, " to ", range.high,
                      ": give two different finite numbers, the lower first, or {} to take the data's");
  require<ValueError>(scale == Scale::linear || range.low > 0, operation, ": a log axis cannot show ", range.low,
                      ": start the range above 0, or use Scale::linear");
}

/// The smallest range that holds the numbers seen; skips what the scale cannot show.
struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void see(double value, Scale scale = Scale::linear) {
    if (!std::isfinite(value) || (scale == Scale::log && value <= 0)) return;
    low = (std::min)(low, value);
    high = (std::max)(high, value);
  }
  bool empty() const { return low > high; }
};

/// A range to draw that holds the extent with `padding` (a share of its length) on both sides and never has length 0.
inline Range padded(const Extent& extent, Scale scale, double padding) {
  if (extent.empty()) return scale == Scale::log ? Range{1, 10} : Range{0, 1};
  if (scale == Scale::log) {
    double low = std::log10(std::clamp(extent.low, 1e-290, 1e290)),
           high = std::log10(std::clamp(extent.high, 1e-290, 1e290));
    const double pad = high - low < 1e-9 ? 0.3 : padding * (high - low);
    return {std::pow(10, (std::max)(low - pad, -299.0)), std::pow(10, (std::min)(high + pad, 299.0))};
  }
  const double low = std::clamp(extent.low, -1e299, 1e299), high = std::clamp(extent.high, -1e299, 1e299);
  const double largest = (std::max)(std::abs(low), std::abs(high)), length = high - low;
  const bool constant = length <= 1e-11 * largest || length < 1e-290;
  const double pad = !constant ? padding * length : largest < 1e-280 ? 1 : 0.1 * largest;
  return {low - pad, high + pad};
}

/// A mark on an axis; minor ones carry no text. `exponent` is written raised: 10 with -3.
struct Tick {
  double value = 0;
  std::string text = {}, exponent = {};
  bool is_minor = false;

  double width(double size) const { return text_width(text, size) + text_width(exponent, 0.75 * size); }
};

/// A number with so many decimals, independent of the locale, with a true minus sign.
inline std::string decimal(double value, int decimals) {
  char digits[400];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, std::abs(value), std::chars_format::fixed, decimals).ptr;
  const std::string text(digits, end);
  return value < 0 && text.find_first_of("123456789") != text.npos ? "\xe2\x88\x92" + text : text;
}

/// The label of a multiple of `step` on an axis whose largest number is `largest`: plain, or as 2x10 with an exponent.
inline Tick labelled(double value, double step, double largest) {
  const auto decimals = [](double of) { return (std::max)(0, static_cast<int>(std::ceil(-std::log10(of) - 1e-9))); };
  const bool plain = largest < 1e6 && largest >= 1e-3;
  if (std::abs(value) < 1e-6 * step) return {0, plain ? decimal(0, decimals(step)) : "0"};
  if (plain) return {value, decimal(value, decimals(step))};
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  const double unit = std::pow(10, exponent);
  std::string digits = decimal(value / unit, decimals(step / unit));
  if (digits.find('.') != digits.npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return {value,
          digits +
              "\xc3\x97"
              "10",
          decimal(exponent, 0)};
}

/// The multiple of 1, 2 or 5 times a power of ten nearest to a length.
inline double round_step(double length) {
  const double power = std::pow(10, std::floor(std::log10(length))), share = length / power;
  return power * (share < 1.42 ? 1 : share < 3.16 ? 2 : share < 7.08 ? 5 : 10);
}

/// About `count` round numbers (multiples of 1, 2 or 5 times a power of ten) within the range, ascending.
/// Source: Heckbert, Nice numbers for graph labels, Graphics Gems (1990).
inline std::vector<Tick> linear_ticks(const Range& range, double count) {
  const double step = round_step((range.high - range.low) / (std::max)(count, 1.0));
  const double largest = (std::max)(std::abs(range.low), std::abs(range.high));
  std::vector<Tick> result;
  const double first = std::ceil(range.low / step - 1e-6), last = std::floor(range.high / step + 1e-6);
  for (double i = 0; i <= last - first && i < 1000; ++i) result.push_back(labelled((first + i) * step, step, largest));
  return result;
}

/// Powers of ten within the range, with minor ticks between; on a short range 1, 2 and 5 times them, or round numbers.
inline std::vector<Tick> log_ticks(const Range& range, double count) {
  const int first = static_cast<int>(std::ceil(std::log10(range.low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(range.high) + 1e-9));
  const auto shown = [&](double value) { return value >= range.low * (1 - 1e-9) && value <= range.high * (1 + 1e-9); };
  std::vector<Tick> result;
  if (last - first < 1) {
    for (int power = first - 1; power <= last; ++power)
      for (const int digit : {1, 2, 5})
        if (const double value = digit * std::pow(10, power); shown(value))
          result.push_back(labelled(value, std::pow(10, power), value));
    return result.size() >= 2 ? result : linear_ticks(range, (std::min)(count, 4.0));
  }
  const int stride = (std::max)(1, static_cast<int>(std::ceil((last - first + 1) / (std::max)(count, 1.0))));
  for (int power = first - 1; power <= last; ++power) {
    const double unit = std::pow(10, power);
    if (power >= first) result.push_back({unit, "10", decimal(power, 0), false});
    if (power >= first && (power - first) % stride != 0) result.back() = {unit, {}, {}, true};
    for (int digit = 2; stride == 1 && last - first < 8 && digit < 10; ++digit)
      if (shown(digit * unit)) result.push_back({digit * unit, {}, {}, true});
  }
  return result;
}

/// Maps values to pixels along an axis: from 0 at the range's low end to `pixels`, or from `pixels` down to 0.
class Axis {
 public:
  Axis(Range range, Scale scale, double pixels, bool upwards)
      : range_(range), scale_(scale), pixels_(pixels), upwards_(upwards) {}

  const Range& range() const { return range_; }
  Scale scale() const { return scale_; }
  /// NaN for what the axis cannot show; far outside the frame it stops where renderers still compute well.
  double position(double value) const {
    if (!std::isfinite(value) || (scale_ == Scale::log && value <= 0)) return std::numeric_limits<double>::quiet_NaN();
    const double low = scaled(range_.low), share = (scaled(value) - low) / (scaled(range_.high) - low);
    const double place = std::clamp(share * pixels_, -2e4, 2e4);
    return upwards_ ? pixels_ - place : place;
  }
  /// As many ticks as there is room for, their labels `size` pixels high.
  std::vector<Tick> ticks(double size) const {
    for (double count = pixels_ / (upwards_ && scale_ == Scale::log ? 32 : 55);; count *= 0.75) {
      auto result = scale_ == Scale::log ? log_ticks(range_, count) : linear_ticks(range_, count);
      double widest = 0;
      Index labels = 0;
      for (const Tick& tick : result) {
        widest = (std::max)(widest, upwards_ ? size : tick.width(size));
        labels += !tick.is_minor;
      }
      if (count < 1.5 || (widest + 10) * static_cast<double>(labels - 1) <= pixels_) return result;
    }
  }

 private:
  double scaled(double value) const { return scale_ == Scale::log ? std::log(value) : value; }

  Range range_;
  Scale scale_;
  double pixels_;
  bool upwards_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
