#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "../data/loader.hpp"
#include "../kernels/sums.hpp"
#include "../nn/module/mode_guard.hpp"
#include "loss_reference.hpp"
#include "metrics.hpp"

// Loss and accuracy over a data set, and predictions in batches, without an allocation once it has answered.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether accuracy is measured. automatic: for integer labels, and for targets of 0 and 1 that name classes.
enum class Accuracy { automatic, yes, no };

/// Whether targets name classes: integers [n] or [n, 1]; or 0 and 1 alone, as [n], [n, 1] or one-hot rows.
template <class Y>
bool name_classes(const Tensor<Y>& targets) {
  if (targets.size() == 0 || targets.rank() > 2) return false;
  const Index columns = targets.rank() == 2 ? targets.shape()[1] : 1;
  if constexpr (std::is_integral_v<Y>) {
    return columns == 1;
  } else {
    for (Index i = 0; i < targets.shape()[0]; ++i) {
      Index ones = 0;
      for (Index j = 0; j < columns; ++j) {
        const Y value = kernel_access(targets).numbers()[i * columns + j];
        if (!(value == Y(0) || value == Y(1))) return false;
        if (value == Y(1)) ++ones;
      }
      if (columns > 1 && ones != 1) return false;
    }
    return true;
  }
}

/// A mean loss and an accuracy, NaN where it was not measured.
struct Evaluation {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();
};

/// Adds up batches of different sizes. Each batch's loss is a mean, so it counts once per sample.
class Measure {
 public:
  Measure(bool with_accuracy, double threshold) : with_accuracy_(with_accuracy), threshold_(threshold) {}

  template <class T, class Y>
  void add(double loss, const Tensor<T>& prediction, const Tensor<Y>& targets, Index samples, const Location& where) {
    add_loss(loss, samples);
    if (with_accuracy_) right_ += count_right(prediction, targets, threshold_, where);
  }
  void add_loss(double loss, Index samples) {
    const auto n = static_cast<double>(samples);
    loss_ = loss_ + PreciseSum(loss * n, std::fma(loss, n, -(loss * n)));
    samples_ += samples;
  }
  Evaluation result() const {
    const auto n = static_cast<double>(samples_);
    return {quotient_of_sum(loss_, n), with_accuracy_ ? static_cast<double>(right_) / n : Evaluation().accuracy};
  }

 private:
  bool with_accuracy_;
  double threshold_;
  PreciseSum loss_;
  Index right_ = 0, samples_ = 0;
};

/// A loss as one number; throws ShapeError for a function that does not reduce to it.
template <class T>
double loss_number(const char* name, const Tensor<T>& loss, const Location& where) {
  require<ShapeError>(loss.size() == 1, name, ": the loss is of shape ", loss.shape(),
                      ", where one number is needed: reduce it by mean", where);
  return static_cast<double>(*kernel_access(loss).numbers());
}

/// The mean loss over a data set, and the accuracy where the targets name classes, in evaluation mode and unrecorded.
/// `loss(prediction, target)` is a mean over its batch. The threshold is for single scores: 0.5, or 0 for logits.
/// Throws ValueError for a data set without samples and a batch_size below 1.
template <class T, class Y>
Evaluation evaluate(Module<T>& model, LossArgument<T, Y> loss, const Dataset<T, Y>& data, Index batch_size = 256,
                    Accuracy accuracy = Accuracy::automatic, double threshold = 0.5,
                    Location where = Location::current()) {
  data.validate(where);
  require<ValueError>(data.size() > 0, "evaluate: inputs ", data.inputs.shape(), " hold no samples", where);
  require<ValueError>(batch_size > 0, "evaluate: batch_size is ", batch_size, ": it must be at least 1", where);
  const ModeGuard<T> mode(model, false);
  const NoGrad pause;
  Measure measure(accuracy == Accuracy::yes || (accuracy == Accuracy::automatic && name_classes(data.targets)),
                  threshold);
  for (Index first = 0, last = 0; first < data.size(); first = last) {
    last = first + (std::min)(batch_size, data.size() - first);
    const Tensor<Y> targets = take_rows(data.targets, first, last, where);
    const Tensor<T> prediction = model(take_rows(data.inputs, first, last, where), where);
    const Tensor<T> measured = loss(prediction, targets);
    measure.add(loss_number("evaluate", measured, where), prediction, targets, last - first, where);
  }
  return measure.result();
}

/// What the model says of inputs [n, ...], batch by batch, in evaluation mode and unrecorded -> [n, ...].
/// Throws ShapeError when a batch's first axis does not come out as it went in.
template <class T>
Tensor<T> predict(Module<T>& model, const Tensor<T>& inputs, Index batch_size = 256,
                  Location where = Location::current()) {
  require<ValueError>(batch_size > 0, "predict: batch_size is ", batch_size, ": it must be at least 1", where);
  require<ShapeError>(inputs.rank() > 0, "predict: shape ", inputs.shape(), " has no axis of samples", where);
  const ModeGuard<T> mode(model, false);
  const NoGrad pause;
  const Index n = inputs.shape()[0];
  if (n <= batch_size) return model(inputs, where);
  Tensor<T> result;
  for (Index first = 0; first < n; first += batch_size) {
    const Index count = (std::min)(batch_size, n - first);
    const Tensor<T> some = model(take_rows(inputs, first, first + count, where), where);
    require<ShapeError>(some.rank() > 0 && some.shape()[0] == count, "predict: ", count,
                        " samples gave an output of shape ", some.shape(), ": the model must keep the first axis",
                        where);
    if (first == 0) {
      Shape shape = some.shape();
      shape.set(0, n);
      result = Tensor<T>::empty(shape);
    }
    require<ShapeError>(some.shape().without(0) == result.shape().without(0), "predict: an output of shape ",
                        some.shape(), " follows one of shape ", result.shape(), ": all must be alike", where);
    std::copy(kernel_access(some).numbers(), some.end(),
              kernel_access(result).writable_numbers() + first * (result.size() / n));
  }
  return result;
}

// Compiled: Tensor<T> predict(Module<T>&, const Tensor<T>&, Index, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
