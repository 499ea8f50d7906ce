#pragma once

#include <tuple>

#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "step_record.hpp"

// A training step recorded once and replayed.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of compile.
struct CompileOptions {
  Index verify_every = 0;  // besides the first, second, fourth, eighth ... replay: compare every so many
  Index max_shapes = 8;    // records kept, one for each shape of the inputs; the one used least recently is dropped
};

/// A training step, loss and backward, recorded once and replayed; made by compile. Not copied: it refers to the model.
template <class F>
class CompiledStep {
 public:
  CompiledStep(F f, CompileOptions options) : f_(std::move(f)), options_(options) {
    require<ValueError>(options.max_shapes > 0 && options.verify_every >= 0,
                        "compile: max_shapes = ", options.max_shapes, ", verify_every = ", options.verify_every,
                        ": the first must be above 0, the second not below");
  }

  /// The loss for these inputs; gradients are added to the parameters' .grad(), as tape.backward does. Throws
  /// GradientError for a step that cannot be replayed, or that turns out to do something else than was recorded.
  template <class... X>
  auto operator()(const Tensor<X>&... inputs) {
    using T = typename std::decay_t<decltype(f_(inputs...))>::Element;
    forbid_in_replay("compile",
                     "a compiled step inside another would be replayed with its backward: call the function");
    (require_ended_tape(inputs), ...);
    if (latest_ == nullptr || latest_->type != type_of<X...>() || !as<T, X...>(*latest_).fits(inputs...)) [[unlikely]]
      find<T, X...>(inputs...);
    return as<T, X...>(*latest_).run(f_, options_, inputs...);
  }

 private:
  struct AnyStep {
    explicit AnyStep(const char* of) : type(of) {}
    virtual ~AnyStep() = default;
    const char* type;  // of the inputs' elements
  };
  template <class T, class... X>
  struct Step final : AnyStep {
    StepRecord<T> record;
    std::tuple<Tensor<X>...> own;  // what the record reads
    Tensor<T> loss;
    Index replays = 0;  // of this record

    explicit Step(const Tensor<X>&... inputs) : AnyStep(type_of<X...>()), own(Tensor<X>::empty(inputs.shape())...) {}

    bool fits(const Tensor<X>&... inputs) const {
      return std::apply([&](const auto&... mine) { return ((mine.shape() == inputs.shape()) && ...); }, own);
    }
    Tensor<T> run(const F& f, const CompileOptions& options, const Tensor<X>&... inputs) {
      std::apply(
          [&](const auto&... mine) {
            (std::copy_n(kernel_access(inputs).numbers(), inputs.size(), kernel_access(mine).shared_data()), ...);
          },
          own);
      if (record.empty() || !record.up_to_date() || !replay(f, options)) record_anew(f);
      const InStep in_step;
      record.tape().backward(loss, {.retain_graph = true});
      record.unshare_gradients();
      return Tensor<T>::from(kernel_access(loss).number_span(), loss.shape());
    }
    void record_anew(const F& f) {
      replays = 0;
      loss = Tensor<T>();
      loss = record.record(function(f), blocks());
    }
    bool replay(const F& f, const CompileOptions& options) {
      const InStep in_step;
      ++replays;
      const bool check =
          (replays & (replays - 1)) == 0 || (options.verify_every > 0 && replays % options.verify_every == 0);
      if (check) return checked(f);
      if (!record.run()) return false;
      record.store();
      return true;
    }
    /// Replays, and runs the step anew beside it: both give the same in every respect, or it cannot be replayed.
    EIGENGRAD_COLD bool checked(const F& f) {
      --replays;  // checked again if this throws
      const Rehearsal<T> fresh(function(f), blocks());
      if (!record.run()) return false;
      if (const char* what = record.difference(loss, fresh)) {
        const double replayed = number_of(loss), anew = number_of(fresh.loss);
        loss = Tensor<T>();
        record.drop();
        fail<GradientError>("compile: the step does something else than when it was recorded: other ", what,
                            "; replayed, the loss is ", replayed, ", run anew it is ", anew,
                            ": it depends on something outside that is no tensor, parameter or module (a number, a "
                            "choice); pass that in as an input, or leave the step uncompiled");
      }
      ++replays;
      record.store();
      return true;
    }
    auto function(const F& f) const {
      return [this, &f] { return Tensor<T>(std::apply(f, own)); };
    }
    std::vector<Block> blocks() const {
      return std::apply([](const auto&... mine) { return std::vector<Block>{kernel_access(mine).block()...}; }, own);
    }
    static double number_of(const Tensor<T>& tensor) {
      return tensor.size() > 0 ? static_cast<double>(kernel_access(tensor).numbers()[0]) : 0.0;
    }
  };

  /// What was computed under a tape that lives would get no gradient.
  template <class T>
  static void require_ended_tape(const Tensor<T>& input) {
    const TapeLink& link = kernel_access(input).link();
    if (link.node == nullptr) [[likely]]
      return;
    const auto& tape = *static_cast<const TapeState*>(link.tape);
    require<GradientError>(tape.serial.load(std::memory_order_acquire) != link.serial, "compile: an input of shape ",
                           input.shape(),
                           " was recorded by a tape that lives, to which the step gives no gradient: compute it inside "
                           "the step, or take it as a constant by .detach()");
  }

  /// Told by name: a shared library has its own copy of whatever else could stand for a type.
  template <class... X>
  static const char* type_of() {
    return __PRETTY_FUNCTION__;
  }
  template <class T, class... X>
  static Step<T, X...>& as(AnyStep& step) {
    return static_cast<Step<T, X...>&>(step);
  }
  /// Makes the step for these inputs the latest; the one used least recently makes room.
  template <class T, class... X>
  EIGENGRAD_COLD void find(const Tensor<X>&... inputs) {
    auto place = std::find_if(steps_.begin(), steps_.end(), [&](const std::unique_ptr<AnyStep>& step) {
      return step->type == type_of<X...>() && as<T, X...>(*step).fits(inputs...);
    });
    if (place == steps_.end()) {
      latest_ = nullptr;
      if (static_cast<Index>(steps_.size()) >= options_.max_shapes) steps_.erase(steps_.begin());
      steps_.push_back(std::unique_ptr<AnyStep>(new Step<T, X...>(inputs...)));
    } else {
      std::rotate(place, place + 1, steps_.end());
    }
    latest_ = steps_.back().get();
  }

  F f_;
  CompileOptions options_;
  std::vector<std::unique_ptr<AnyStep>> steps_;  // the one used latest comes last
  AnyStep* latest_ = nullptr;
};

/// Makes a training step of `f`, which gives the loss: auto step = compile([&](const auto& x, const auto& y) { return
/// mse_loss(model(x), y); }); then step(x, y) in place of the tape, the forward pass and backward. The first call with
/// inputs of a shape records; later ones replay with no bookkeeping and no allocation, bit for bit what recording would
/// give. What it depends on is watched (docs/architecture.md): it records anew, or throws, rather than be stale.
template <class F>
CompiledStep<F> compile(F f, CompileOptions options = {}) {
  return CompiledStep<F>(std::move(f), options);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
