#pragma once

#include <memory>
#include <tuple>

#include "../autograd/tape.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// A recorded step: its tape, what to compute again, and the parameters whose values it reads where they lie.
class StepRecord {
 public:
  StepRecord() = default;
  StepRecord(const StepRecord&) = delete;
  ~StepRecord() { drop(); }

  /// Runs `f` twice on this thread: once to learn which parameters it uses, once for the record. Gives f's result.
  template <class F>
  auto record(const F& f) {
    drop();
    const Generator random = default_generator();
    {
      Tape rehearsal;
      (void)f();
      for (Node* leaf = rehearsal.state_->last_leaf; leaf != nullptr; leaf = leaf->previous) lend(leaf);
    }
    default_generator() = random;
    for (Lent& each : lent_) each.before = each.block.references();
    auto tape = std::make_unique<Tape>();
    struct Listen {
      explicit Listen(ReplayPlan* plan) { thread_state().replay_plan = plan; }
      ~Listen() { thread_state().replay_plan = nullptr; }
    };
    auto result = [&] {
      const Listen listen(&plan_);
      return f();
    }();
    tape->stop();
    tape_ = std::move(tape);
    for (Node* leaf = tape_->state_->last_leaf; leaf != nullptr; leaf = leaf->previous)
      for (Lent& each : lent_)
        if (each.parameter == leaf->parameter()) each.leaf = leaf;
    for (Lent& each : lent_) {
      if (each.shared) continue;
      each.count = static_cast<int>(each.block.references() - each.before) + 1;  // and the handle held here
      each.block.lend(each.count);
    }
    return result;
  }
  bool empty() const { return tape_ == nullptr; }
  Tape& tape() { return *tape_; }
  /// Whether every parameter's value still lies where the record reads it: set_value moves it, and so does an optimizer
  /// while somebody keeps a copy of it.
  bool up_to_date() const {
    for (const Lent& each : lent_)
      if (each.leaf != nullptr && each.leaf->data() != each.block.data()) return false;
    return true;
  }
  void run() { plan_.run(); }

 private:
  struct Lent {
    const void* parameter;
    Block block;
    bool shared = false;  // with another parameter, whose first write will move one of them
    Node* leaf = nullptr;
    std::uint32_t before = 0;
    int count = 0;
  };
  void lend(Node* leaf) {
    Lent one{leaf->parameter(), *leaf->block()};
    for (Lent& other : lent_) {
      if (other.parameter == one.parameter) return;
      if (other.block.data() == one.block.data()) other.shared = one.shared = true;
    }
    lent_.push_back(std::move(one));
  }
  void drop() {
    for (Lent& each : lent_) each.block.lend(-each.count);
    lent_.clear();
    plan_.clear();
    tape_.reset();
  }

  std::unique_ptr<Tape> tape_;
  ReplayPlan plan_;
  std::vector<Lent> lent_;
};

struct CompileOptions {
  Index verify_every = 0;  // besides the first replay: compare every so many with the step run anew
};

/// A training step, loss and backward, recorded once and replayed; made by compile. Not copied: it refers to the model.
template <class F>
class CompiledStep {
 public:
  CompiledStep(F f, CompileOptions options) : f_(std::move(f)), options_(options) {}

  /// The loss for these inputs; gradients are added to the parameters' .grad(), as tape.backward does. Throws
  /// ShapeError for inputs of other shapes than the first ones, GradientError where the step turns out to do something
  /// else.
  template <class... X>
  auto operator()(const Tensor<X>&... inputs) {
    using T = typename std::decay_t<decltype(f_(inputs...))>::Element;
    using Of = Step<T, X...>;
    if (step_ == nullptr) {
      step_ = std::make_unique<Of>();
      type_ = &type_tag<X...>;
    }
    require<ShapeError>(type_ == &type_tag<X...>,
                        "compile: the inputs have other element types, or another number, than the first ones: compile "
                        "another step for them");
    return static_cast<Of&>(*step_).run(f_, options_, inputs...);
  }

 private:
  template <class...>
  static inline const char type_tag = 0;
  struct AnyStep {
    virtual ~AnyStep() = default;
  };
  template <class T, class... X>
  struct Step final : AnyStep {
    StepRecord record;
    std::tuple<Tensor<X>...> own;  // what the record reads
    Tensor<T> loss;
    Index calls = 0;

    Tensor<T> run(const F& f, const CompileOptions& options, const Tensor<X>&... inputs) {
      if (record.empty() || !record.up_to_date()) {
        require_shapes(inputs...);
        own = std::tuple<Tensor<X>...>(
            Tensor<X>::from({inputs.numbers(), static_cast<std::size_t>(inputs.size())}, inputs.shape())...);
        loss = record.record([&] { return Tensor<T>(std::apply(f, own)); });
      } else {
        require_shapes(inputs...);
        copy(std::index_sequence_for<X...>(), inputs...);
        const bool verify = calls == 1 || (options.verify_every > 0 && calls % options.verify_every == 0);
        if (verify)
          verified(f);
        else
          record.run();
      }
      ++calls;
      record.tape().backward(loss, {.retain_graph = true});
      return Tensor<T>::from({loss.numbers(), static_cast<std::size_t>(loss.size())}, loss.shape());
    }
    void require_shapes(const Tensor<X>&... inputs) const {
      if (calls == 0) return;
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        (require<ShapeError>(std::get<k>(own).shape() == inputs.shape(), "compile: input ", k, " was ",
                             std::get<k>(own).shape(), " when the step was recorded and is ", inputs.shape(),
                             " now: compile another step for that shape"),
         ...);
      }(std::index_sequence_for<X...>());
    }
    template <std::size_t... k>
    void copy(std::index_sequence<k...>, const Tensor<X>&... inputs) {
      (std::copy_n(inputs.numbers(), inputs.size(), std::get<k>(own).shared_data()), ...);
    }
    /// Replays, and runs the step anew beside it: the same operations and the same loss, or it cannot be replayed.
    void verified(const F& f) {
      const Generator random = default_generator();
      std::vector<std::string> operations;
      Tensor<T> fresh;
      {
        Tape tape;
        fresh = Tensor<T>(std::apply(f, own)).detach();
        operations = tape.operations();
      }
      require<GradientError>(operations == record.tape().operations(),
                             "compile: the step does other operations than when it was recorded: what it does depends "
                             "on values or on something outside; leave it uncompiled, or compile a step for each way");
      default_generator() = random;
      record.run();
      require<GradientError>(
          std::memcmp(fresh.numbers(), loss.numbers(), static_cast<std::size_t>(loss.size()) * sizeof(T)) == 0,
          "compile: replayed, the loss is ", static_cast<double>(loss.numbers()[0]), ", run anew it is ",
          static_cast<double>(fresh.numbers()[0]),
          ": something in the step is not computed by recorded operations (numbers written by hand, a "
          "variable outside); pass it in as an input");
    }
  };

  F f_;
  CompileOptions options_;
  std::unique_ptr<AnyStep> step_;
  const void* type_ = nullptr;
};

/// Makes a training step of `f`, which gives the loss: auto step = compile([&](const auto& x, const auto& y) { return
/// mse_loss(model(x), y); }); then step(x, y) in place of the tape, the forward pass and backward. The first call
/// records; later ones replay with no bookkeeping and no allocation, bit for bit what recording would give. Reading a
/// value (item, t(i)) or drawing random tensors inside is an error; the second call is checked against the step run
/// anew.
template <class F>
CompiledStep<F> compile(F f, CompileOptions options = {}) {
  return CompiledStep<F>(std::move(f), options);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
