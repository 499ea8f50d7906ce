#pragma once

#include "../core/tensor.hpp"
#include "panel.hpp"

// What a classifier decides on the plane.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// `class_names` replace "class 0", "class 1", ...; `threshold` parts two classes; `resolution` is the number of points
/// at which the model is asked along each side.
struct RegionOptions {
  std::string title = {}, x_label = "x1", y_label = "x2";
  std::vector<std::string> class_names = {};
  Range x_range = {}, y_range = {};
  double threshold = 0.5;
  Index resolution = 161;
  bool colour_bar = true;
  std::string bar_label = "model output", boundary_label = "decision boundary";
  double width = 240, height = 240;
};

/// The model's answers at every point of a grid: the scores of each class as one grid.
template <class T, class Model>
std::vector<Grid> score_grids(Model& model, Range x, Range y, Index resolution) {
  const Grid empty(x, y, resolution, resolution);
  std::vector<Grid> scores;
  const Index total = resolution * resolution, batch = 4096;
  for (Index begin = 0; begin < total; begin += batch) {
    const Index count = (std::min)(batch, total - begin);
    Tensor<T> points = Tensor<T>::empty({count, 2});
    T* next = kernel_access(points).writable_numbers();
    for (Index i = begin; i < begin + count; ++i) {
      *next++ = static_cast<T>(empty.x(i % resolution));
      *next++ = static_cast<T>(empty.y(i / resolution));
    }
    const Tensor<T> answer = model(points);
    const Index classes = answer.rank() == 2 ? answer.shape()[1] : 1;
    require<ShapeError>(answer.rank() >= 1 && answer.rank() <= 2 && answer.shape()[0] == count && classes >= 1,
                        "decision_regions: the model gave ", answer.shape(), " for points ", points.shape(),
                        ": it must give one row of scores for each point, [n, 1] or [n, classes]");
    if (scores.empty()) scores.assign(static_cast<std::size_t>(classes), empty);
    require<ShapeError>(classes == static_cast<Index>(scores.size()), "decision_regions: the model gave ",
                        scores.size(), " scores, then ", answer.shape(),
                        ": it must give the same number for every point");
    for (Index i = 0; i < count; ++i)
      for (Index k = 0; k < classes; ++k)
        scores[static_cast<std::size_t>(k)].set((begin + i) / resolution, (begin + i) % resolution,
                                                static_cast<double>(answer.data()[i * classes + k]));
  }
  return scores;
}

/// How far the best of the classes from `first` on is above the best of those before: its zero parts their regions.
inline Grid lead_of(const std::vector<Grid>& scores, std::size_t first) {
  Grid lead = scores[0];
  for (Index row = 0; row < lead.rows(); ++row)
    for (Index column = 0; column < lead.columns(); ++column) {
      double before = scores[0](row, column), after = scores[first](row, column);
      for (std::size_t k = 1; k < first; ++k) before = (std::max)(before, scores[k](row, column));
      for (std::size_t k = first + 1; k < scores.size(); ++k) after = (std::max)(after, scores[k](row, column));
      lead.set(row, column, after - before);
    }
  return lead;
}

/// What a classifier decides on the plane, with the points it learned from. `model(points [n, 2])` gives [n, 1], parted
/// at the threshold, or [n, classes], the largest winning; labels are class indices, [n] or [n, 1]. Ask it without a
/// tape. Throws ShapeError for points, labels or answers that do not fit, ValueError for a label that is no class
/// index.
template <class T, class Model>
Panel decision_regions(Model&& model, const Tensor<T>& points, const Numbers& labels,
                       const RegionOptions& options = {}) {
  require<ShapeError>(points.rank() == 2 && points.shape()[1] == 2, "decision_regions: points are ", points.shape(),
                      ": give [n, 2], or pick two columns");
  require<ShapeError>(static_cast<Index>(labels.size()) == points.shape()[0], "decision_regions: ", labels.size(),
                      " labels for points ", points.shape(), ": give one label for each point");
  Extent x_extent, y_extent;
  std::size_t classes = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    require<ValueError>(labels[i] >= 0 && labels[i] < 1000 && labels[i] == std::floor(labels[i]),
                        "decision_regions: label ", labels[i], " at position ", i,
                        ": labels are class indices 0, 1, 2, ...");
    classes = (std::max)(classes, static_cast<std::size_t>(labels[i]) + 1);
    x_extent.see(static_cast<double>(points.data()[2 * i]));
    y_extent.see(static_cast<double>(points.data()[2 * i + 1]));
  }
  const Range x = options.x_range.given() ? options.x_range : padded(x_extent, Scale::linear, 0.25);
  const Range y = options.y_range.given() ? options.y_range : padded(y_extent, Scale::linear, 0.25);
  std::vector<Grid> scores = score_grids<T>(model, x, y, options.resolution);

  Panel panel({.title = options.title,
               .x_label = options.x_label,
               .y_label = options.y_label,
               .x_range = x,
               .y_range = y,
               .width = options.width,
               .height = options.height});
  const ContourOptions boundary{.levels = {0}, .label = options.boundary_label, .colour = "#222222", .width = 1.8};
  if (scores.size() == 1) {
    classes = std::max<std::size_t>(classes, 2);
    // The colours reach as far on both sides of the threshold: 0 to 1 for probabilities.
    double reach = (std::max)(std::abs(options.threshold), 1e-6);
    const Extent extent = scores[0].extent();
    if (!extent.empty()) reach = (std::max)({reach, options.threshold - extent.low, extent.high - options.threshold});
    FieldOptions field{
        .map = ColourMap::blue_orange, .fade = 0.35, .colour_bar = options.colour_bar, .label = options.bar_label};
    double step = round_step((std::min)(reach, 1e300) / 5);
    while (5 * step < reach * (1 - 1e-9) && step < 1e299) step = round_step(2 * step);
    for (int i = -5; i <= 5; ++i) field.levels.push_back(options.threshold + step * i);
    // A model that has learned nothing: said in words, as a boundary through its roundings would say what is not so.
    const double middle = (extent.low + extent.high) / 2;
    if (!extent.empty() && extent.high - extent.low < 0.01 * reach) {
      scores[0].flatten(std::abs(middle - options.threshold) < 0.01 * reach ? options.threshold : middle);
      panel.note((x.low + x.high) / 2, (y.low + y.high) / 2, "the output stays at " + decimal(middle, 2));
    }
    panel.field(scores[0], field);
    ContourOptions line = boundary;
    line.levels = {options.threshold};
    panel.contour(scores[0], line);
  } else {
    classes = (std::max)(classes, scores.size());
    const auto tint = [](std::size_t k) { return to_hex(blend(palette_colour(k), 0xffffff, 0.65)); };
    panel.region(scores[0], std::numeric_limits<double>::lowest(), tint(0));
    for (std::size_t k = 1; k < scores.size(); ++k) panel.region(lead_of(scores, k), 0, tint(k));
    for (std::size_t k = 1; k < scores.size(); ++k)
      panel.contour(
          lead_of(scores, k), k == 1 ? boundary : [&] {
            ContourOptions unnamed = boundary;
            unnamed.label.clear();
            return unnamed;
          }());
  }
  for (std::size_t k = 0; k < classes; ++k) {
    std::vector<double> xs, ys;
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] == static_cast<double>(k)) {
        xs.push_back(static_cast<double>(points.data()[2 * i]));
        ys.push_back(static_cast<double>(points.data()[2 * i + 1]));
      }
    const std::string name = k < options.class_names.size() ? options.class_names[k] : to_text("class ", k);
    panel.scatter(xs, ys, {.label = name, .size = labels.size() > 60 ? 3.6 : 5.5});
  }
  return panel;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
