#pragma once

#include <array>

#include "../../core/buffer.hpp"
#include "../sums.hpp"
#include "planes.hpp"

// Batch norm of a matrix [batch, channels]: a channel is a column, so a lane of channels is done at a time, its rows
// copied together.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// Some rows of one lane of columns. Places of columns that do not exist hold 0.
template <class T>
class ColumnPiece {
 public:
  static constexpr Index width = lane_width<T>, rows = piece_size<T> / lane_width<T>;

  ColumnPiece() : memory_(bytes_of_numbers(rows * width, sizeof(T))) {}

  EIGENGRAD_INLINE lane_t<T> operator[](Index row) const { return lane::load(numbers() + row * width); }
  EIGENGRAD_OUTLINE void read(const T* from, Index step, Index count, Index columns) const {
    T* to = numbers();
    for (Index n = 0; n < count; ++n, from += step, to += width)
      if (columns == width)
        lane::store<T>(to, lane::load(from));
      else
        std::fill(std::copy_n(from, columns, to), to + width, T(0));
  }
  /// Writes the rows to where they came from.
  EIGENGRAD_OUTLINE void write(T* to, Index step, Index count, Index columns) const {
    const T* from = numbers();
    for (Index n = 0; n < count; ++n, from += width, to += step)
      if (columns == width)
        lane::store<T>(to, lane::load(from));
      else
        std::copy_n(from, columns, to);
  }
  EIGENGRAD_INLINE void set(Index row, const lane_t<T>& numbers_of_row) const {
    lane::store<T>(numbers() + row * width, numbers_of_row);
  }

 private:
  T* numbers() const { return static_cast<T*>(memory_.data()); }
  Block memory_;
};

template <class T>
inline constexpr std::size_t columns_at_once = extent(lane_width<T>);
/// Something for each column of a lane.
template <class X, class T>
using ForColumns = std::array<X, columns_at_once<T>>;

/// The moments of a lane of columns.
template <class T>
EIGENGRAD_OUTLINE void add_column_moments(const ColumnPiece<T>& piece, Index rows, ForColumns<Moments<T>, T>& result) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  L sum = L(0), rest = L(0), squares = L(0);
  for (Index n = 0; n < rows; ++n) sum = sum + piece[n];
  const L center = sum / L(T(static_cast<plain_t<T>>(rows)));
  for (Index n = 0; n < rows; ++n) {
    const L distance = piece[n] - center;
    rest = rest + distance;
    squares = squares + distance * distance;
  }
  T centers[columns_at_once<T>], rests[columns_at_once<T>], square[columns_at_once<T>];
  lane::store<T>(centers, center);
  lane::store<T>(rests, rest);
  lane::store<T>(square, squares);
  for (Index c = 0; c < width; ++c) {
    Moments<T> moments;
    const Total<T> total(rests[c]), offset = total / Total<T>(static_cast<plain_t<Total<T>>>(rows));
    moments.mean = Total<T>(centers[c]) + offset;
    moments.squares = Total<T>(square[c]) - total * offset;
    if (plain_value(moments.squares) < 0) moments.squares = Total<T>(0);
    moments.count = rows;
    result[static_cast<std::size_t>(c)].add(moments);
  }
}

/// body(first column, how many, piece) for every lane of columns.
template <class T, class Body>
void for_each_lane_of_columns(const Planes& planes, const Body& body) {
  constexpr Index width = lane_width<T>;
  const Index lanes = (planes.channels + width - 1) / width;
  parallel_ranges(lanes, 1, planes_per_piece(planes.batch * width), [&](Index from, Index to) {
    const ColumnPiece<T> piece;
    for (Index l = from; l < to; ++l) body(l * width, (std::min)(width, planes.channels - l * width), piece);
  });
}

/// batch_forward of planes of one number.
template <class T>
void batch_columns_forward(const T* x, const Planes& planes, const std::type_identity_t<T>* weight,
                           const std::type_identity_t<T>* bias, plain_t<T> epsilon, const Statistics<T>& statistics,
                           T* unbiased, T* y) {
  using L = lane_t<T>;
  constexpr Index rows = ColumnPiece<T>::rows;
  for_each_lane_of_columns<T>(planes, [&](Index first, Index columns, const ColumnPiece<T>& piece) {
    ForColumns<Moments<T>, T> moments;
    for (Index n = 0; n < planes.batch; n += rows) {
      const Index count = (std::min)(rows, planes.batch - n);
      piece.read(x + n * planes.channels + first, planes.channels, count, columns);
      add_column_moments(piece, count, moments);
    }
    T centers[columns_at_once<T>] = {}, scales[columns_at_once<T>] = {}, shifts[columns_at_once<T>] = {};
    for (Index j = 0; j < columns; ++j) {
      const Index c = first + j;
      statistics.set(c, moments[static_cast<std::size_t>(j)], epsilon);
      unbiased[c] = static_cast<T>(moments[static_cast<std::size_t>(j)].variance(1));
      centers[j] = statistics.center[c];
      scales[j] = statistics.scale[c] * number_or(weight, c, 1);
      shifts[j] = number_or(bias, c, 0) - statistics.rest[c] * scales[j];
    }
    const L center = lane::load(centers), scale = lane::load(scales), shift = lane::load(shifts);
    for (Index n = 0; n < planes.batch; n += rows) {
      const Index count = (std::min)(rows, planes.batch - n);
      // Of few rows the piece still holds all.
      if (planes.batch > rows) piece.read(x + n * planes.channels + first, planes.channels, count, columns);
      for (Index r = 0; r < count; ++r) piece.set(r, (piece[r] - center) * scale + shift);
      piece.write(y + n * planes.channels + first, planes.channels, count, columns);
    }
  });
}

/// batch_backward of planes of one number.
template <class T>
void batch_columns_backward(const T* x, const T* dy, const Planes& planes, const std::type_identity_t<T>* weight,
                            const Statistics<T>& statistics, std::type_identity_t<T>* dx,
                            std::type_identity_t<T>* dweight, std::type_identity_t<T>* dbias) {
  using L = lane_t<T>;
  constexpr Index rows = ColumnPiece<T>::rows;
  for_each_lane_of_columns<T>(planes, [&](Index first, Index columns, const ColumnPiece<T>& numbers) {
    const ColumnPiece<T> gradients;
    const Index step = planes.channels;
    T centers[columns_at_once<T>] = {}, scales[columns_at_once<T>] = {}, slopes[columns_at_once<T>] = {},
      shifts[columns_at_once<T>] = {};
    std::copy_n(statistics.center + first, columns, centers);
    const L center = lane::load(centers);
    ForColumns<GradientSums<T>, T> sums;
    for (Index n = 0; n < planes.batch; n += rows) {
      const Index count = (std::min)(rows, planes.batch - n);
      numbers.read(x + n * step + first, step, count, columns);
      gradients.read(dy + n * step + first, step, count, columns);
      L sum = L(0), product = L(0);
      for (Index r = 0; r < count; ++r) {
        sum = sum + gradients[r];
        product = product + gradients[r] * (numbers[r] - center);
      }
      T some[columns_at_once<T>], products[columns_at_once<T>];
      lane::store<T>(some, sum);
      lane::store<T>(products, product);
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j].add({Total<T>(some[j]), Total<T>(products[j])});
    }
    for (Index j = 0; j < columns; ++j) {
      const Index c = first + j;
      GradientSums<T>& column = sums[static_cast<std::size_t>(j)];
      column.product = column.product - Total<T>(statistics.rest[c]) * column.dy;
      if (dweight != nullptr) dweight[c] = static_cast<T>(column.product * Total<T>(statistics.scale[c]));
      if (dbias != nullptr) dbias[c] = static_cast<T>(column.dy);
      const T factor = number_or(weight, c, 1);
      const auto gradient =
          PlaneGradient<T>::of(factor, {column.dy * Total<T>(factor), column.product * Total<T>(factor)}, planes.batch,
                               statistics.scale[c], statistics.rest[c]);
      scales[j] = gradient.scale;
      slopes[j] = gradient.slope;
      shifts[j] = gradient.shift;
    }
    if (dx == nullptr) return;
    const L scale = lane::load(scales), slope = lane::load(slopes), shift = lane::load(shifts);
    for (Index n = 0; n < planes.batch; n += rows) {
      const Index count = (std::min)(rows, planes.batch - n);
      if (planes.batch > rows) {
        numbers.read(x + n * step + first, step, count, columns);
        gradients.read(dy + n * step + first, step, count, columns);
      }
      for (Index r = 0; r < count; ++r)
        gradients.set(r, gradients[r] * scale + ((numbers[r] - center) * slope + shift));
      gradients.write(dx + n * step + first, step, count, columns);
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
