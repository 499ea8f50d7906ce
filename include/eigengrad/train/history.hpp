#pragma once

#include <limits>
#include <string>
#include <vector>

#include "../config.hpp"

// What came of a training, epoch by epoch.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What one epoch of training came to; NaN for what was not measured. Loss and accuracy are means over the epoch's
/// samples, each taken before the step it led to; the validation's are of the weights after the epoch.
struct EpochRecord {
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  Index epoch = 0;  // from 1
  double loss = unknown;
  double accuracy = unknown;
  double validation_loss = unknown;
  double validation_accuracy = unknown;
  double seconds = 0;
};

/// What `fit` returns: a record per epoch, and why it stopped.
struct History {
  std::vector<EpochRecord> epochs = {};
  bool stopped_early = false;  // before the last epoch that was asked for
  bool reached_target = false;
  bool restored_best = false;  // the weights are those after best_epoch, not after the last
  std::string reason = {};
  Index best_epoch = 0;  // the one of least validation loss, or training loss where there is none; 0 before any

  // One number per epoch, to draw or to print.
  EIGENGRAD_LAZY std::vector<double> losses() const { return series(&EpochRecord::loss); }
  EIGENGRAD_LAZY std::vector<double> accuracies() const { return series(&EpochRecord::accuracy); }
  EIGENGRAD_LAZY std::vector<double> validation_losses() const { return series(&EpochRecord::validation_loss); }
  EIGENGRAD_LAZY std::vector<double> validation_accuracies() const { return series(&EpochRecord::validation_accuracy); }
  EIGENGRAD_LAZY double seconds() const {
    double sum = 0;
    for (const EpochRecord& record : epochs) sum += record.seconds;
    return sum;
  }

 private:
  EIGENGRAD_LAZY std::vector<double> series(double EpochRecord::* member) const {
    std::vector<Delayed<double, Lazy>> result;
    result.reserve(epochs.size());
    for (const EpochRecord& record : epochs) result.push_back(record.*member);
    return result;
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
