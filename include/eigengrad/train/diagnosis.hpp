#pragma once

#include <cmath>
#include <iosfwd>
#include <vector>

#include "../core/shape.hpp"
#include "text.hpp"

// What diagnose found, to print and to read.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One layer of a model at work; NaN for what does not apply to it.
struct LayerDiagnosis {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  Index index = 0;
  std::string kind = {};
  Shape shape = {};         // of its output
  double mean = none;       // of its outputs
  double deviation = none;  // likewise, the standard deviation
  double dead = none;       // of one that can die: share of units that give 0 and pass no gradient, for every sample
  double saturated = none;  // of one that saturates: share of outputs where the function is nearly flat
  double output_gradient = none;     // 2-norm of the loss' gradient with respect to its output
  double parameter_gradient = none;  // likewise, to its parameters
};

/// What `diagnose` found. Print it, or pick the numbers.
struct Diagnosis {
  std::vector<LayerDiagnosis> layers;
  double loss = LayerDiagnosis::none;
  std::vector<std::string> findings;  // what is wrong and what to do, a sentence each; empty when nothing is

  /// The gradient's norm at the first layer's output over that at the last one's: near 0 where it vanishes on its way.
  EIGENGRAD_LAZY double gradient_ratio() const {
    return layers.empty() ? LayerDiagnosis::none : layers.front().output_gradient / layers.back().output_gradient;
  }
};

/// Writes an aligned table, a line per layer, and the findings below.
EIGENGRAD_LAZY void append(std::string& text, const Delayed<Diagnosis, Lazy>& diagnosis) {
  const auto number = [](double value, bool share = false) {
    return std::isnan(value) && share ? std::string("-")
           : share                    ? report::percent(value, 0)
                                      : report::short_number(value, 3);
  };
  std::vector<std::vector<Delayed<std::string, Lazy>>> rows = {
      {"layer", "kind", "output", "mean", "deviation", "dead", "saturated", "gradient", "of weights"}};
  for (const LayerDiagnosis& layer : diagnosis.layers)
    rows.push_back({to_text(layer.index), layer.kind, to_text(layer.shape), number(layer.mean), number(layer.deviation),
                    number(layer.dead, true), number(layer.saturated, true), number(layer.output_gradient),
                    std::isnan(layer.parameter_gradient) ? "-" : number(layer.parameter_gradient)});
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      std::size_t width = 0;
      for (const auto& row : rows) width = (std::max)(width, row[c].size());
      const bool word = c == 1 || c == 2;
      line += (c > 0 ? "  " : "") +
              (word ? report::right_padded(rows[r][c], width) : report::left_padded(rows[r][c], width));
    }
    text += line + "\n";
  }
  text += "loss: " + report::short_number(diagnosis.loss) + "\n";
  for (const std::string& finding : diagnosis.findings) text += finding + "\n";
  if (diagnosis.findings.empty()) text += "nothing looks wrong\n";
}

template <class C, class Traits>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Diagnosis& diagnosis) {
  const std::string text = to_text(diagnosis);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
