#pragma once

#include "../core/shape.hpp"
#include "axes.hpp"
#include "numbers.hpp"
#include "png.hpp"

// Matrices as images: a colour for each number.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Matrices to show, copied as double from a tensor or a formula [rows, columns] or [..., rows, columns]; the first row
/// is the upper one.
class Images {
 public:
  template <class Source>
  requires(!std::same_as<Source, Images>) && (
                                                 requires(const Source& s) { double(*s.data()), s.shape(); } ||
                                                 requires(const Source& s) { s.to_tensor(); })
  Images(const Source& source) {
    if constexpr (requires { double(*source.data()), source.shape(); })
      numbers_ = source, shape_ = source.shape();
    else {
      const auto tensor = source.to_tensor();
      numbers_ = tensor, shape_ = tensor.shape();
    }
  }

  // Throws ShapeError unless there is at least one matrix and each has 1 to 5000 rows and columns.
  void validate(std::string_view operation) const {
    require<ShapeError>(shape_.rank() >= 2, operation, ": ", shape_,
                        " is no matrix: give [rows, columns] or [n, rows, columns]");
    require<ShapeError>(
        rows() >= 1 && columns() >= 1 && rows() <= 5000 && columns() <= 5000 && count() >= 1, operation, ": ", shape_,
        " cannot be shown: give at least one image [rows, columns] with 1 to 5000 of each, in the last two dimensions");
  }

  const Shape& shape() const { return shape_; }
  Index rows() const { return shape_[shape_.rank() - 2]; }
  Index columns() const { return shape_[shape_.rank() - 1]; }
  Index count() const { return static_cast<Index>(numbers_.size()) / (std::max)(rows() * columns(), Index{1}); }
  /// All numbers, matrix by matrix and row by row.
  std::span<const double> numbers() const { return {numbers_.begin(), numbers_.end()}; }
  /// The i-th matrix alone. Throws ShapeError when there is none.
  Images operator[](Index i) const {
    validate("images");
    require<ShapeError>(i >= 0 && i < count(), "images: there is no image ", i, " in ", shape_,
                        ": they count from 0 to ", count() - 1);
    const auto start = numbers_.begin() + i * rows() * columns();
    Images result;
    result.numbers_ = std::vector<double>(start, start + rows() * columns());
    result.shape_ = {rows(), columns()};
    return result;
  }

 private:
  Images() = default;

  Numbers numbers_;
  Shape shape_;
};

/// The colour of NaN in images, a pink that no map holds. Infinities take the colours of the map's ends.
inline constexpr Colour missing_colour = 0xe6007e;

/// The numbers at the ends of a map: the lowest and the highest that are finite; with blue_orange, as far below 0 as
/// above it.
inline Range image_range(ColourMap map, std::span<const double> values) {
  Extent extent;
  for (const double value : values) extent.see(value);
  if (map != ColourMap::blue_orange) return padded(extent, Scale::linear, 0);
  const double reach = extent.empty() ? 0 : (std::max)(std::abs(extent.low), std::abs(extent.high));
  return reach < 1e-280 ? Range{-1, 1} : Range{-(std::min)(reach, 1e299), (std::min)(reach, 1e299)};
}

// So many colours from the map's low end to its high one: an odd number has the middle.
inline std::vector<Colour> map_colours(ColourMap map, std::size_t count) {
  std::vector<Colour> result(count);
  for (std::size_t i = 0; i < count; ++i)
    result[i] = map_colour(map, static_cast<double>(i) / static_cast<double>(count - 1));
  return result;
}

// How many colours of a map an image has at most: few enough for a short palette, too many to be told apart.
inline constexpr std::size_t image_colours = 127;

// The address of the PNG image of a matrix. Its palette holds only colours that occur, as it is most of a small image.
// Each number is repeated across and down while the image has at most `side` pixels: some readers blur what they
// enlarge, and blur less so.
inline std::string image_address(const Images& matrix, ColourMap map, const Range& range, Index side) {
  const std::span<const double> values = matrix.numbers();
  const bool missing = std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
  const bool plain = map == ColourMap::grey && !missing;
  const std::size_t levels = plain ? 256 : map == ColourMap::grey ? 255 : image_colours;
  const double last = static_cast<double>(levels - 1);
  std::vector<std::size_t> places(values.size());
  std::array<bool, 257> used{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double share = (values[i] - range.low) / (range.high - range.low);
    places[i] =
        std::isnan(values[i]) ? levels : static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * last));
    used[places[i]] = true;
  }
  std::vector<Colour> colours;
  std::array<std::size_t, 257> entries{};
  for (std::size_t i = 0; i <= levels; ++i) {
    entries[i] = plain ? i : colours.size();
    if (!plain && used[i])
      colours.push_back(i == levels ? missing_colour : map_colour(map, static_cast<double>(i) / last));
  }
  const auto rows = static_cast<std::size_t>(matrix.rows()), columns = static_cast<std::size_t>(matrix.columns());
  const std::size_t times = (std::max)(
      std::size_t{1}, static_cast<std::size_t>(std::clamp(side, Index{1}, Index{1000})) / (std::max)(rows, columns));
  std::string pixels;
  pixels.reserve(values.size() * times * times);
  for (std::size_t row = 0; row < rows * times; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      pixels.append(times, static_cast<char>(entries[places[row / times * columns + column]]));
  return png_address(png_image(columns * times, pixels, colours));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
