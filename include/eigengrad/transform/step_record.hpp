#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "step_plan.hpp"

// What a compiled step depends on, and whether it has changed.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Gathers a tape's gradients in slots apart from the parameters' own, while it lives.
template <class T>
class GatherApart {
 public:
  GatherApart(TapeState& tape, const std::vector<std::unique_ptr<Delayed<ReplayParameter, T>>>& parameters,
              bool replayed)
      : tape_(tape), parameters_(parameters), replayed_(replayed) {
    for (Node* leaf = tape.last_leaf; leaf != nullptr; leaf = leaf->previous) redirect(this, leaf);
    tape.redirect = &redirect;
    tape.redirect_context = this;
  }
  GatherApart(const GatherApart&) = delete;
  ~GatherApart() {
    tape_.redirect = nullptr;
    for (Node* leaf = tape_.last_leaf; leaf != nullptr; leaf = leaf->previous) leaf->leaf()->gather_in_parameter();
  }
  /// Whether a parameter appeared that is not among them.
  bool missed() const { return missed_; }

 private:
  static void redirect(void* context, Node* node) {
    auto& self = *static_cast<GatherApart*>(context);
    ParameterLeaf& leaf = *node->leaf();
    for (const auto& parameter : self.parameters_)
      if (parameter->identity == leaf.parameter()) return leaf.gather_in(parameter->slot(self.replayed_));
    self.missed_ = true;
    leaf.gather_in(nullptr);
  }

  TapeState& tape_;
  const std::vector<std::unique_ptr<Delayed<ReplayParameter, T>>>& parameters_;
  bool replayed_, missed_ = false;
};

/// A step run once, forward and back, without a trace: parameters' gradients, buffers and random numbers are left as
/// they were. What it computes, what it depends on, and whether it can be replayed is known afterwards.
template <class T>
class Rehearsal {
 public:
  /// Throws GradientError for what cannot be replayed.
  template <class F>
  Rehearsal(const F& f, const std::vector<Delayed<Block, T>>& inputs) {
    struct Restore {
      Rehearsal& all;
      Generator random = default_generator();
      ~Restore() {
        default_generator() = random;
        for (const auto& state : all.plan.states) state->rewind();
      }
    };
    for (const Block& input : inputs) plan.literal(input);
    {
      const Restore restore{*this};
      run(f);
      plan.drop_steps();
      require_nothing_kept();
    }
    judge_constants();
  }

  StepPlan<T> plan;
  Tensor<T> loss;
  std::vector<Delayed<std::string, T>> operations;
  Generator random_after{0};
  typename StepPlan<T>::Pointers outside;  // the numbers outside that it reads, beside parameters and buffers it writes
  std::vector<Delayed<const void*, T>> handed_out;  // parameters whose gradient may be a tensor that the step computed

 private:
  template <class F>
  void run(const F& f) {
    Tape tape;
    Tensor<T> result;
    {
      const ListeningPlan listen(plan);
      result = f();
    }
    random_after = default_generator();
    operations = tape.operations();
    loss = Tensor<T>::from(kernel_access(result).number_span(), result.shape());
    if (result.size() != 1 || kernel_access(result).link().node == nullptr) return;  // backward says what is wrong
    plan.forbids = false;
    const ListeningPlan listen(plan);
    const GatherApart<T> apart(*this_state(tape), plan.parameters, false);
    tape.backward(result);
    for (const auto& parameter : plan.parameters)
      if (const Block* gradient = parameter->gathered())
        for (const auto& computed : plan.results)
          if (!computed.on_way_back && computed.block.identity() == gradient->owner_identity())
            handed_out.push_back(parameter->identity);
  }
  static TapeState* this_state(Tape& tape) { return const_cast<TapeState*>(&tape.state()); }

  void require_nothing_kept() {
    for (const auto& [block, operation, on_way_back] : plan.results) {
      std::uint32_t known = 1;
      for (const auto& state : plan.states) known += state->count_given(block.identity());
      for (const auto& parameter : plan.parameters)
        if (const Block* gradient = parameter->gathered(); gradient != nullptr)
          known += gradient->owner_identity() == block.identity() ? 1u : 0u;
      require<GradientError>(
          block.references() == known, "compile: what ", operation, " gave, of shape ", block->shape,
          ", is kept outside the step: a step that is replayed would not give it again. Return it as the loss, compute "
          "it anew after the step, let it be a buffer of a module, or leave the step uncompiled");
    }
  }
  void judge_constants() {
    for (const auto& [block, operation, on_way_back] : plan.constants) {
      if (block.references() > 1)
        outside.insert(block.identity());
      else
        require<GradientError>(
            on_way_back, "compile: ", operation, " reads numbers of shape ", block->shape,
            " that were made inside the step by code that does not say how to make them again: call on_replay where "
            "they are made, or make them before the step and pass them in");
    }
    std::erase_if(plan.constants, [](const auto& constant) { return constant.block.references() == 1; });
  }
};

/// A recorded step: its tape, what to compute again, and what must still be as it was.
template <class T>
class StepRecord {
 public:
  StepRecord() = default;
  StepRecord(const StepRecord&) = delete;
  ~StepRecord() { drop(); }

  /// Runs `f` twice on this thread: once to learn what it does, once for the record. Gives f's result.
  template <class F>
  Tensor<T> record(const F& f, const std::vector<Delayed<Block, T>>& inputs) {
    drop();
    const InStep in_step;
    changes_ = changes();
    Rehearsal<T> rehearsal(f, inputs);
    plan_ = std::make_unique<StepPlan<T>>();
    plan_->watch_only = &rehearsal.outside;
    for (auto& state : rehearsal.plan.states)
      if (state->written()) plan_->states.push_back(std::move(state));
    Recording recording{*this};
    for (const auto& state : plan_->states) state->begin_record();
    for (const auto& constant : rehearsal.plan.constants) constants_.push_back({constant.block});
    for (const auto& parameter : rehearsal.plan.parameters) add(*parameter);
    std::vector<std::unique_ptr<Delayed<ReplayParameter, T>>> parameters = std::move(rehearsal.plan.parameters);
    rehearsal.plan.forget_numbers();
    for (Lent& each : constants_) each.before = each.block.references();
    for (LentParameter& each : parameters_) each.before = each.block.references();
    for (const Block& input : inputs) plan_->literal(input);
    for (auto& parameter : parameters) plan_->take(std::move(parameter));

    auto tape = std::make_unique<Delayed<Tape, T>>();
    Tensor<T> result;
    {
      const ListeningPlan listen(*plan_);
      result = f();
    }
    tape->stop();
    tape_ = std::move(tape);
    recording.done = true;
    for (const auto& parameter : plan_->parameters) {
      if (parameters.size() < plan_->parameters.size() && !has(*parameter)) add(*parameter);
      for (const void* identity : rehearsal.handed_out)
        if (identity == parameter->identity) handed_out_.push_back(parameter.get());
    }
    std::erase_if(plan_->states, [](const auto& state) { return !state->written(); });
    plan_->forget_numbers();
    for (Lent& each : constants_) {
      lend(each);
      each.outside = each.block.holders_outside();
    }
    for (LentParameter& each : parameters_)
      if (!each.shared && each.block) lend(each);
    return result;
  }
  bool empty() const { return tape_ == nullptr; }
  Tape& tape() { return *tape_; }

  /// Whether all that the step depends on is as it was, but for the numbers of tensors and parameters, which are read
  /// where they lie.
  bool up_to_date() {
    if (changes_ != changes()) return false;
    for (LentParameter& each : parameters_) {
      if (*each.parameter->requires_grad != each.required) return false;
      if (each.parameter->place->identity() != each.block.identity() && !bring_home(each)) return false;
    }
    for (Lent& each : constants_) {
      const std::uint32_t outside = each.block.holders_outside();
      if (outside < each.outside) return false;  // a holder has let go of it
      each.outside = outside;
    }
    for (const auto& setting : plan_->settings)
      if (setting.changed()) return false;
    return true;
  }
  /// Computes everything again; false when a buffer is no longer what it was. Buffers get their numbers by `store`.
  bool run() {
    for (const auto& state : plan_->states)
      if (!state->load()) return false;
    plan_->run();
    return true;
  }
  void store() {
    for (const auto& state : plan_->states) state->store();
  }
  /// Gradients that are tensors of the step get numbers of their own.
  void unshare_gradients() {
    for (ReplayParameter* parameter : handed_out_) parameter->unshare_gradient();
  }

  /// Compares what was replayed with the step run anew; says what differs, or nothing.
  const char* difference(const Tensor<T>& loss, const Rehearsal<T>& fresh) {
    if (fresh.operations != tape_->operations()) return "operations";
    if (!same_replayed_bits(loss, fresh.loss)) return "loss";
    if (fresh.random_after.state() != default_generator().state()) return "random numbers";
    for (const auto& state : fresh.plan.states) {
      const ReplayState* mine = nullptr;
      for (const auto& other : plan_->states)
        if (other->owner == state->owner) mine = other.get();
      if (mine != nullptr ? !mine->same_as(*state) : state->written()) return "buffers";
    }
    if (loss.size() != 1 || kernel_access(loss).link().node == nullptr) return nullptr;
    {
      const GatherApart<T> apart(const_cast<TapeState&>(tape_->state()), fresh.plan.parameters, true);
      tape_->backward(loss, {.retain_graph = true});
      if (apart.missed()) return "parameters";
    }
    for (const auto& parameter : fresh.plan.parameters)
      if (!parameter->same_gradients()) return "gradients";
    return nullptr;
  }

  void drop() {
    for (Lent& each : constants_) each.block.take_back(each.count);
    for (LentParameter& each : parameters_) each.block.take_back(each.count);
    constants_.clear();
    parameters_.clear();
    handed_out_.clear();
    plan_.reset();
    tape_.reset();
  }

 private:
  struct Lent {
    Block block;
    std::uint32_t before = 0, count = 0, outside = 0;
  };
  struct LentParameter : Lent {
    ReplayParameter* parameter = nullptr;
    bool required = true;
    bool shared = false;  // with another parameter, whose first write will move one of them
  };
  /// Buffers get their numbers back, and after an error nothing stays recorded.
  struct Recording {
    StepRecord& record;
    bool done = false;
    ~Recording() {
      for (const auto& state : record.plan_->states) state->end_record(done);
      if (!done) record.drop();
    }
  };

  static std::uint64_t changes() { return thread_state().outside_changes->load(std::memory_order_relaxed); }
  bool has(const ReplayParameter& parameter) const {
    for (const LentParameter& each : parameters_)
      if (each.parameter == &parameter) return true;
    return false;
  }
  void add(ReplayParameter& parameter) {
    LentParameter one;
    one.block = *parameter.place;
    one.parameter = &parameter;
    one.required = *parameter.requires_grad;
    one.shared = tape_ != nullptr;  // first seen in the recording, so nobody counted
    for (LentParameter& other : parameters_)
      if (other.block.data() == one.block.data()) other.shared = one.shared = true;
    parameters_.push_back(std::move(one));
  }
  static void lend(Lent& one) {
    one.count = one.block.references() - one.before + 1;  // and the handle held here
    if (!one.block.lend(one.count)) one.count = 0;
  }
  /// A parameter was given a new tensor: its numbers move to where the step reads them, if nobody else holds that.
  static bool bring_home(LentParameter& one) {
    Block& now = *one.parameter->place;
    if (one.count == 0 || !one.block.owns() || one.block.holders_outside() != 0 || !(now->shape == one.block->shape))
      return false;
    if (one.parameter->bytes != 0) std::memcpy(one.block.data(), now.data(), one.parameter->bytes);
    now = one.block;
    return true;
  }

  std::unique_ptr<Delayed<Tape, T>> tape_;
  std::unique_ptr<StepPlan<T>> plan_;
  std::vector<Lent> constants_;
  std::vector<LentParameter> parameters_;
  std::vector<Delayed<ReplayParameter*, T>> handed_out_;
  std::uint64_t changes_ = 0;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
