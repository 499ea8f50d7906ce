#pragma once

#include "figure.hpp"

// Activation functions and their derivatives, side by side.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// One function on a sheet: its values and its derivative's at the points x, and how it is written.
struct Activation {
  std::string name;
  Numbers x, value, derivative;
  std::string formula = {};
};

/// Settings of activation_sheet.
struct SheetOptions {
  std::string title = {}, x_label = "x";
  std::string value_label = "value", derivative_label = "derivative";
  Index columns = 3;
  Range y_range = {};
  double width = 200, height = 150;
};

/// Activation functions side by side, each with its value (solid) and its derivative (dashed).
/// Throws ShapeError when an activation's x, value and derivative differ in size.
inline Figure activation_sheet(const std::vector<Activation>& activations, const SheetOptions& options = {}) {
  Figure figure({.title = options.title, .columns = options.columns});
  for (const Activation& activation : activations) {
    Panel panel({.title = activation.name,
                 .subtitle = activation.formula,
                 .x_label = options.x_label,
                 .y_range = options.y_range,
                 .legend = LegendPlace::below,
                 .width = options.width,
                 .height = options.height});
    panel.line(activation.x, activation.value, {.label = options.value_label});
    panel.line(activation.x, activation.derivative, {.label = options.derivative_label, .dash = Dash::dashed});
    figure.add(std::move(panel));
  }
  return figure;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
