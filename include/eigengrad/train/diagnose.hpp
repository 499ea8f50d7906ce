#pragma once

#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "../nn/module/mode_guard.hpp"
#include "../nn/module/module.hpp"
#include "../nn/sequential.hpp"
#include "diagnosis.hpp"
#include "evaluate.hpp"

// What goes wrong in a network: vanishing gradients, dead and saturated units.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// When something counts, and when it is worth a sentence.
struct DiagnoseOptions {
  double flat = 0.05;       // an output is saturated where the slope is below this share of its largest, nearly
  double dead = 0.4;        // told above this share of a layer's units; a quarter is common in a deep network
  double saturated = 0.5;   // told above this share of a layer's outputs
  double vanishing = 1e-3;  // told below this ratio of the first layer's gradient to the last one's
  double exploding = 1e3;   // told above
};

/// The share of units that give the output of a dead one and pass no gradient on, for every sample. [n, units...] both.
template <class T>
double dead_share(const Tensor<T>& output, const Tensor<T>& input_gradient, double dead_output) {
  const Index n = output.shape()[0], units = n == 0 ? 0 : output.size() / n;
  Index dead = 0;
  for (Index unit = 0; unit < units; ++unit) {
    bool silent = true;
    for (Index i = unit; i < output.size() && silent; i += units)
      silent = kernel_access(output).numbers()[i] == static_cast<T>(dead_output) &&
               kernel_access(input_gradient).numbers()[i] == 0;
    if (silent) ++dead;
  }
  return static_cast<double>(dead) / static_cast<double>(units);
}

/// The share of outputs y between the limits a and b where 4 (y - a) (b - y) / (b - a)^2 is below `flat`: for a sigmoid
/// and tanh the slope's share of its largest.
template <class T>
double saturated_share(const Tensor<T>& output, const ActivationTraits& traits, double flat) {
  Index count = 0;
  for (const T number : output) {
    const double share = (static_cast<double>(number) - traits.lower_limit) / (traits.upper_limit - traits.lower_limit);
    if (4 * share * (1 - share) < flat) ++count;
  }
  return static_cast<double>(count) / static_cast<double>(output.size());
}

/// Throws ValueError where a layer does not do what it says of itself: numbers beyond its limits, or a dead output
/// where not every number has its own.
template <class T>
EIGENGRAD_COLD void require_true_traits(const ActivationTraits& traits, const LayerDiagnosis& layer,
                                        const Tensor<T>& output, const Shape& input, const Location& where) {
  require<ValueError>(!traits.can_die() || output.shape() == input, "diagnose: layer ", layer.index, ", ", layer.kind,
                      ", names a dead output, but gives ", output.shape(), " for ", input,
                      ": activation_traits() are for functions of each number", where);
  if (!traits.saturates()) return;
  const double slack = 1e-3 * (traits.upper_limit - traits.lower_limit);
  for (const T number : output) {
    const auto y = static_cast<double>(number);
    require<ValueError>(!(y < traits.lower_limit - slack || y > traits.upper_limit + slack), "diagnose: layer ",
                        layer.index, ", ", layer.kind, ", gives ", y, ", and names as its limits ", traits.lower_limit,
                        " and ", traits.upper_limit, ": override activation_traits() where forward is", where);
  }
}

template <class T>
double squared_norm(const Tensor<T>& x) {
  double sum = 0;
  for (const T number : x) sum += static_cast<double>(number) * static_cast<double>(number);
  return sum;
}

/// Says in sentences what the numbers mean.
EIGENGRAD_LAZY class Findings {
 public:
  Findings(Delayed<Diagnosis, Lazy>& diagnosis, const DiagnoseOptions& options)
      : diagnosis_(diagnosis), options_(options) {}

  void write() {
    for (const LayerDiagnosis& layer : diagnosis_.layers) {
      if (!std::isfinite(layer.mean) || !std::isfinite(layer.deviation)) {
        tell(layer, "its outputs hold NaN or infinity: lower the learning rate, or look for them in the inputs");
        return;  // all that follows comes of it
      }
      if (layer.dead > options_.dead)
        tell(layer,
             report::percent(layer.dead, 0) + " of its units are dead: lower the learning rate or use LeakyReLU");
      // The last layer's outputs may well be sure of themselves.
      if (layer.saturated > options_.saturated && &layer != &diagnosis_.layers.back())
        tell(layer, report::percent(layer.saturated, 0) +
                        " of its outputs are saturated: scale the inputs, start with smaller weights or use ReLU");
    }
    tell_of_gradients();
  }

 private:
  void tell_of_gradients() {
    const auto& layers = diagnosis_.layers;
    if (layers.empty() || layers.back().output_gradient == 0) return;  // nothing left to learn here
    if (!std::isfinite(layers.front().output_gradient))
      return tell(layers.front(), "its gradient is NaN or infinite: lower the learning rate or clip the gradients");
    std::size_t blocked = layers.size();
    while (blocked > 0 && layers[blocked - 1].output_gradient != 0) --blocked;
    if (blocked > 0)
      return tell(layers[blocked - 1], "no gradient reaches it, nor any layer before it: look at the layers after it");
    const double ratio = diagnosis_.gradient_ratio();
    if (ratio < options_.vanishing)
      tell(layers.front(), "the gradient vanishes: it is " + report::short_number(ratio, 2) +
                               " of the last layer's: use ReLU or fewer layers, and weights that suit the activation");
    if (ratio > options_.exploding)
      tell(layers.front(), "the gradient explodes: it is " + report::short_number(ratio, 2) +
                               " times the last layer's: start with smaller weights or clip the gradients");
  }
  void tell(const LayerDiagnosis& layer, const std::string& what) {
    diagnosis_.findings.push_back(to_text("layer ", layer.index, ", ", layer.kind, ": ", what));
  }

  Delayed<Diagnosis, Lazy>& diagnosis_;
  const DiagnoseOptions& options_;
};

/// Looks at a model at work on one batch, layer by layer: activations, dead and saturated units, gradients. It runs in
/// evaluation mode and changes nothing: not the weights, not their .grad(), not the modes. Units within an inner module
/// are not looked at one by one. Throws what the model and the loss throw, and ValueError for no layers or no samples.
template <class T, class Y>
Diagnosis diagnose(Sequential<T>& model, LossArgument<T, Y> loss, const Tensor<T>& inputs, const Tensor<Y>& targets,
                   const DiagnoseOptions& options = {}, Location where = Location::current()) {
  require<ValueError>(model.size() > 0 && inputs.rank() > 0 && inputs.size() > 0, "diagnose: ", model.size(),
                      " layers and inputs ", inputs.shape(), ": at least one layer and one sample are needed", where);
  const ModeGuard<T> mode(model, false);
  // A zero added to a tensor does not change it, but its gradient is the tensor's: one probe for the inputs and one for
  // each layer's output; the layers' parameters follow.
  std::vector<ParameterRef<T>> watched;
  const auto probed = [&](const Tensor<T>& x) {
    const Parameter<T> probe(Tensor<T>::zeros(x.shape()));
    watched.push_back(probe);
    return Tensor<T>(x + probe);
  };
  Tape tape;
  std::vector<Tensor<T>> values{probed(inputs.detach())};
  try {
    for (Index i = 0; i < model.size(); ++i) values.push_back(probed(model[i](values.back(), where)));
  } catch (Error& error) {
    model.came_through(error);
    throw;
  }
  const Tensor<T> measured = loss(values.back(), targets);
  for (const auto& parameter : model.parameters()) watched.push_back(parameter);

  Delayed<Diagnosis, T> result;
  result.loss = loss_number("diagnose", measured, where);
  const std::vector<Tensor<T>> gradients = tape.gradient(measured, watched, {}, where);
  std::size_t next = values.size();
  for (Index i = 0; i < model.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Tensor<T>&output = values[at + 1], &input_gradient = gradients[at], &output_gradient = gradients[at + 1];
    LayerDiagnosis layer{i, model[i].kind(), output.shape()};
    const auto count = static_cast<double>(output.size());
    double sum = 0, squares = 0;
    for (const T y : output) sum += static_cast<double>(y);
    layer.mean = sum / count;
    for (const T y : output) squares += (static_cast<double>(y) - layer.mean) * (static_cast<double>(y) - layer.mean);
    layer.deviation = std::sqrt(squares / count);
    const ActivationTraits traits = model[i].activation_traits();
    require_true_traits(traits, layer, output, values[at].shape(), where);
    if (traits.can_die() && output.rank() > 0) layer.dead = dead_share(output, input_gradient, traits.dead_output);
    if (traits.saturates()) layer.saturated = saturated_share(output, traits, options.flat);
    layer.output_gradient = std::sqrt(squared_norm(output_gradient));
    const auto own = model[i].parameters();
    double of_parameters = 0;
    for (std::size_t p = 0; p < own.size(); ++p) of_parameters += squared_norm(gradients[next++]);
    if (!own.empty()) layer.parameter_gradient = std::sqrt(of_parameters);
    result.layers.push_back(std::move(layer));
  }
  Findings<>(result, options).write();
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
