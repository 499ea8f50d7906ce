#pragma once

#include "panel.hpp"

// How losses fell.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// One curve: its losses at first, first + every, first + 2 every, ... on the x axis.
struct LossCurve {
  std::string label;
  Numbers losses;
  double first = 1, every = 1;
};

/// Settings of loss_curve.
struct LossOptions {
  std::string title = {}, x_label = "epoch", y_label = "loss";
  bool log_y = false;
  Range x_range = {}, y_range = {};
  LegendPlace legend = LegendPlace::automatic;
  double width = 420, height = 260;
};

/// How losses fell, such as training and validation; what is not finite (on a log axis: not positive) leaves a gap.
inline Panel loss_curve(const std::vector<LossCurve>& curves, const LossOptions& options = {}) {
  Panel panel({.title = options.title,
               .x_label = options.x_label,
               .y_label = options.y_label,
               .y_scale = options.log_y ? Scale::log : Scale::linear,
               .x_range = options.x_range,
               .y_range = options.y_range,
               .legend = options.legend,
               .width = options.width,
               .height = options.height});
  for (const LossCurve& curve : curves) {
    std::vector<double> steps(curve.losses.size());
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = curve.first + curve.every * static_cast<double>(i);
    panel.line(steps, curve.losses, {.label = curve.label});
  }
  return panel;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
