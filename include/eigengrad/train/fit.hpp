#pragma once

#include <optional>

#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "../data/loader.hpp"
#include "../nn/module/mode_guard.hpp"
#include "../optim/optimizer.hpp"
#include "evaluate.hpp"
#include "progress.hpp"

// The training loop. The model ends in the mode in which it came; a new one in training mode: ask it by predict.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of fit.
template <class T, class Y = T>
struct FitOptions {
  Index epochs = 10;
  Index batch_size = 32;
  bool shuffle = true;
  std::uint64_t seed = 0;  // of the shuffling
  const Dataset<T, Y>* validation = nullptr;
  Accuracy accuracy = Accuracy::automatic;
  double threshold = 0.5;                      // for single scores; 0 for logits
  std::optional<double> target_accuracy = {};  // stop when it is reached, on the validation data where there are any;
  std::optional<double> target_loss = {};      // when both are set, both must be
  Index patience = 0;                          // stop after so many epochs without a better loss; 0: never
  double min_delta = 0;                        // how much better it must be
  bool restore_best = true;                    // with patience: end with the weights after the best epoch
  double clip_gradient_norm = 0;               // scale gradients down to this norm; 0: do not
  Progress progress = Progress::automatic;
  Index every = 0;  // epochs between two lines of progress; 0: some 20 lines in all
  std::FILE* progress_stream = stderr;
};

/// The default for fit's last argument.
struct NoCallback {
  void operator()(const EpochRecord&) const {}
};

/// Decides when training has come to its end, and writes down why.
template <class T, class Y>
class Stopping {
 public:
  Stopping(const FitOptions<T, Y>& options, History& history) : options_(options), history_(history) {}

  /// Takes note of a finished epoch; true when its loss is the best so far.
  bool best(const EpochRecord& record) {
    const double loss = options_.validation != nullptr ? record.validation_loss : record.loss;
    if (!(loss < least_ - options_.min_delta)) return false;
    least_ = loss;
    history_.best_epoch = record.epoch;
    return true;
  }
  bool reached(const Evaluation& now) const {
    const auto& [accuracy, loss] = std::pair(options_.target_accuracy, options_.target_loss);
    return (accuracy || loss) && (!accuracy || now.accuracy >= *accuracy) && (!loss || now.loss <= *loss);
  }
  bool out_of_patience(Index epoch) const {
    return options_.patience > 0 && epoch - history_.best_epoch >= options_.patience;
  }

  void stop(Index epoch, std::string reason) {
    history_.stopped_early = epoch < options_.epochs;
    history_.reason = std::move(reason);
  }
  void stop_at_target(Index epoch, const Evaluation& now) {
    history_.reached_target = true;
    std::string text =
        to_text("the target is reached after epoch ", epoch, ": ", of_what(), "loss ", report::short_number(now.loss));
    if (!std::isnan(now.accuracy)) text += ", accuracy " + report::percent(now.accuracy);
    stop(epoch, std::move(text));
  }
  void stop_impatiently(Index epoch) {
    stop(epoch, to_text("the ", of_what(), "loss has not improved since epoch ", history_.best_epoch, ", for ",
                        options_.patience, " epochs"));
  }

 private:
  const char* of_what() const { return options_.validation != nullptr ? "validation " : "training "; }

  const FitOptions<T, Y>& options_;
  History& history_;
  double least_ = std::numeric_limits<double>::infinity();
};

/// What must hold before a training begins.
template <class T, class Y, class Optimizer>
void check_fit(Module<T>& model, const Optimizer& optimizer, const FitOptions<T, Y>& options, const Location& where) {
  require<ValueError>(options.epochs >= 0 && options.patience >= 0 && options.min_delta >= 0 &&
                          options.clip_gradient_norm >= 0 && options.every >= 0,
                      "fit: epochs = ", options.epochs, ", patience = ", options.patience,
                      ", min_delta = ", options.min_delta, ", clip_gradient_norm = ", options.clip_gradient_norm,
                      ", every = ", options.every, ": none may be negative", where);
  require<ValueError>(options.validation == nullptr || options.validation->size() > 0,
                      "fit: the validation data hold no samples", where);
  require<ValueError>(!options.target_accuracy || options.accuracy != Accuracy::no,
                      "fit: target_accuracy cannot be reached with .accuracy = Accuracy::no: leave that out", where);
  bool shared = false;
  const auto parameters = model.parameters();
  for (const auto& mine : optimizer.parameters())
    for (const auto& theirs : parameters) shared = shared || mine.same_as(theirs);
  require<ValueError>(shared,
                      "fit: the optimizer holds none of this model's parameters: make it from model.parameters(), ",
                      "after the model has reached its place (a copy of a model has parameters of its own)", where);
}

/// A loss that is infinite or NaN ends the training, before it spoils the weights. Inputs that are not known are empty.
template <class T>
void require_finite(double loss, const Tensor<T>& inputs, Index epoch, Index batch, const Location& where) {
  if (std::isfinite(loss)) [[likely]]
    return;
  const bool sound = std::all_of(kernel_access(inputs).numbers(), inputs.end(),
                                 [](T x) { return std::isfinite(static_cast<double>(x)); });
  fail<ValueError>("fit: the loss is ", loss, " at epoch ", epoch, ", batch ", batch, ": ",
                   sound ? "lower the learning rate, set .clip_gradient_norm, or look at the loss"
                         : "its inputs hold NaN or infinity: clean the data",
                   "; the weights are those before this batch", where);
}

/// Clips, and says where in the training it was when that is not possible.
template <class T>
void clip_step(const std::vector<ParameterRef<T>>& parameters, double largest, Index epoch, Index batch) {
  try {
    clip_gradient_norm(parameters, largest);
  } catch (const ValueError& error) {
    fail<ValueError>("fit: at epoch ", epoch, ", batch ", batch, ": ", error.what(),
                     "; the weights are those before this batch");
  }
}
/// A gradient that is infinite or NaN ends the training, too; it is named as the model names it.
template <class T>
void require_finite_gradients(Module<T>& model, const std::vector<ParameterRef<T>>& parameters, Index epoch,
                              Index batch) {
  const Index faulty = first_not_finite_gradient(parameters);
  if (faulty < 0) [[likely]]
    return;
  const ParameterRef<T>& parameter = parameters[static_cast<std::size_t>(faulty)];
  std::string known = to_text("number ", faulty);
  for (const auto& [name, mine] : model.named_parameters())
    if (mine.same_as(parameter)) known = name;
  refuse_gradient(to_text("fit: at epoch ", epoch, ", batch ", batch), parameter, known);
}

/// The epochs of a training: for each batch, loss_of(batch, epoch, number, measure) predicts and measures, and leaves
/// its loss in `measure`; judge(false, trained) evaluates on the validation data, judge(true, trained) on the
/// training's data, as far as more is known of them than `trained`.
template <class T, class Y, class Optimizer, class Batches, class LossOf, class Judge, class OnEpoch>
History train_epochs(Module<T>& model, Optimizer& optimizer, const FitOptions<T, Y>& options, Batches& batches,
                     Index batch_count, bool scored, const LossOf& loss_of, const Judge& judge, OnEpoch& on_epoch,
                     const Location& where) {
  const ModeGuard<T> former_modes(model);
  struct Forget {
    Optimizer& optimizer;
    ~Forget() { optimizer.zero_grad(); }  // an error leaves no half-gathered gradients
  } forget{optimizer};

  ProgressLine progress(options.progress, options.epochs, options.every, options.progress_stream);
  Delayed<History, T> history;
  Stopping<T, Y> stopping(options, history);
  const bool keeps_best = options.patience > 0 && options.restore_best;
  StateDict<T> best;
  stopping.stop(options.epochs, to_text("all ", options.epochs, " epochs are done"));

  // 1. Initialise: the model drew its starting weights when it was made.
  optimizer.zero_grad();
  model.train();
  for (Index epoch = 1; epoch <= options.epochs; ++epoch) {
    const double start = seconds_now();
    Measure measure(scored, options.threshold);
    Index number = 0;
    if (!model.is_training()) model.train();
    for (auto&& batch : batches) {
      Tape tape;
      // 2. Predict. 3. Measure how far off that is.
      double loss = 0;
      const Tensor<T> measured = loss_of(batch, epoch, ++number, measure, loss);
      // 4. Go back: which way does each weight change the loss?
      tape.backward(measured, {}, where);
      require_finite_gradients(model, optimizer.parameters(), epoch, number);
      if (options.clip_gradient_norm > 0) clip_step(optimizer.parameters(), options.clip_gradient_norm, epoch, number);
      // 5. Update each weight, a step the other way.
      optimizer.step();
      optimizer.zero_grad();
      progress.batch(epoch, number, batch_count, loss);
    }
    const Evaluation trained = measure.result();
    const Evaluation validated = options.validation != nullptr ? judge(false, trained) : Evaluation();
    const double seconds = seconds_now() - start;
    const EpochRecord record{epoch, trained.loss, trained.accuracy, validated.loss, validated.accuracy, seconds};
    history.epochs.push_back(record);
    progress.epoch(record);
    if (stopping.best(record) && keeps_best) best = model.state_dict();

    // 6. Repeat, until it is accurate enough.
    if constexpr (requires { static_cast<bool>(on_epoch(record)); }) {
      if (!on_epoch(record)) {
        stopping.stop(epoch, to_text("on_epoch asked to stop after epoch ", epoch));
        break;
      }
    } else {
      on_epoch(record);
    }
    // The training numbers are of weights that have moved on since: measured again before they are believed.
    Evaluation now = options.validation != nullptr ? validated : trained;
    if (stopping.reached(now) && options.validation == nullptr) now = judge(true, trained);
    if (stopping.reached(now)) {
      stopping.stop_at_target(epoch, now);
      break;
    }
    if (stopping.out_of_patience(epoch)) {
      stopping.stop_impatiently(epoch);
      break;
    }
  }
  if (keeps_best && !history.reached_target && !best.empty() &&
      history.best_epoch < static_cast<Index>(history.epochs.size())) {
    model.load_state_dict(best, {}, where);
    history.restored_best = true;
    history.reason += to_text("; the weights are those after epoch ", history.best_epoch);
  }
  progress.finish(history);
  return history;
}

/// Trains a model by the steps of learning, until the epochs are over, a target is reached or nothing improves:
///   fit(model, eg::mse_loss, optimizer, data, {.epochs = 20})
/// `loss` is a mean over its batch, or a function of (prediction, targets) that gives one. `on_epoch(record)` may
/// return false to stop. The model ends in the mode in which it came (a new one: training), also on errors: ask it by
/// `predict`, which evaluates. Throws ValueError for settings or data that cannot work, and for a loss that is not
/// finite.
template <class T, class Y, class Optimizer, class OnEpoch = NoCallback>
History fit(Module<T>& model, LossArgument<T, Y> loss, Optimizer& optimizer, const Dataset<T, Y>& data,
            FitOptions<T, Y> options = {}, OnEpoch on_epoch = {}, Location where = Location::current()) {
  require<ValueError>(data.size() > 0, "fit: inputs ", data.inputs.shape(), " hold no samples", where);
  check_fit(model, optimizer, options, where);
  const bool scored = options.accuracy == Accuracy::yes || options.target_accuracy.has_value() ||
                      (options.accuracy == Accuracy::automatic && name_classes(data.targets));
  const Accuracy scoring = scored ? Accuracy::yes : Accuracy::no;
  const auto judge = [&](bool training_data, const Evaluation&) {
    return evaluate(model, loss, training_data ? data : *options.validation, std::max<Index>(options.batch_size, 256),
                    scoring, options.threshold, where);
  };
  DataLoader<T, Y> loader(data, {.batch_size = options.batch_size, .shuffle = options.shuffle, .seed = options.seed},
                          where);
  const auto loss_of = [&](const Batch<T, Y>& batch, Index epoch, Index number, Measure& measure, double& value) {
    const Tensor<T> prediction = model(batch.inputs, where);
    const Tensor<T> measured = loss(prediction, batch.targets);
    value = loss_number("fit", measured, where);
    require_finite(value, batch.inputs, epoch, number, where);
    measure.add(value, prediction, batch.targets, batch.inputs.shape()[0], where);
    return measured;
  };
  return train_epochs(model, optimizer, options, loader, loader.size(), scored, loss_of, judge, on_epoch, where);
}

/// Something that a range-for goes through, once per epoch, and that is no data set of inputs and targets.
template <class Batches>
concept BatchRange = requires(Batches& batches) {
  batches.begin();
  batches.end();
};

/// The same by a function of one's own, for models with several inputs or outputs:
///   fit(model, [&](const auto& batch) { return loss(model(batch.left, batch.right), batch.y); }, optimizer, batches)
/// step(batch) gives the batch's mean loss, a tensor of one number. `batches` is gone through once per epoch: a vector
/// of structs, a DataLoader, a range of one's own; a batch counts as many times as its size() says, or once. What the
/// options say of accuracy, validation and batches is for data sets, and refused here where it can be told.
template <class T, class StepFunction, class Optimizer, BatchRange Batches, class OnEpoch = NoCallback>
  requires std::is_invocable_v<const StepFunction&, decltype(*std::declval<Batches&>().begin())>
History fit(Module<T>& model, const StepFunction& step, Optimizer& optimizer, Batches&& batches,
            FitOptions<T> options = {}, OnEpoch on_epoch = {}, Location where = Location::current()) {
  require<ValueError>(options.validation == nullptr && !options.target_accuracy && options.accuracy != Accuracy::yes,
                      "fit: a step function tells a loss alone: measure accuracy and validation in on_epoch, and stop "
                      "by returning false there",
                      where);
  check_fit(model, optimizer, options, where);
  const auto loss_of = [&](const auto& batch, Index epoch, Index number, Measure& measure, double& value) {
    const Tensor<T> measured = step(batch);
    value = loss_number("fit", measured, where);
    require_finite(value, Tensor<T>(), epoch, number, where);
    if constexpr (requires { static_cast<Index>(batch.size()); })
      measure.add_loss(value, static_cast<Index>(batch.size()));
    else
      measure.add_loss(value, 1);
    return measured;
  };
  Index count = 0;
  if constexpr (requires { static_cast<Index>(batches.size()); }) {
    count = static_cast<Index>(batches.size());
    require<ValueError>(count > 0, "fit: there are no batches", where);
  }
  const auto judge = [](bool, const Evaluation& trained) { return trained; };
  return train_epochs(model, optimizer, options, batches, count, false, loss_of, judge, on_epoch, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
