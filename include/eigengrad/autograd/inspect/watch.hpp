#pragma once

#include <algorithm>

#include "../../core/buffer.hpp"
#include "../../core/clock.hpp"
#include "../../core/host_access.hpp"
#include "../engine/tape_state.hpp"
#include "labels.hpp"

// What a tape does beside recording: finding the first NaN, profiling, keeping values to draw.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a tape does beside recording. Without any of it, recording costs one test more per record and no memory.
struct TapeOptions {
  bool detect_anomaly = false;  // throw AnomalyError at the first NaN or infinity, forward or backward, and when
                                // numbers were read on the way that the gradient then does not flow through
  bool profile = false;         // measure each operation, for tape.profile()
  bool keep_values = false;     // the first numbers of every value and gradient, for draw(tape)
};

/// The first numbers of a tensor, owned.
struct FirstNumbers {
  static constexpr Index most = 4;
  double numbers[most] = {};
  Index size = 0;  // how many the tensor has
  bool known = false;

  void set(const AnyNumbers& from) {
    known = from.type != nullptr;
    size = from.size;
    for (Index i = 0; i < size && i < most; ++i) numbers[i] = from[i];
  }
  EIGENGRAD_LAZY AnyNumbers view() const {
    return {known ? &NumberTypeOf<double>::type : nullptr, numbers, size, nullptr};
  }
};

/// A tensor that went into a record: its first numbers, and what it is told apart by.
struct SeenInput {
  FirstNumbers first;
  Shape shape;
  const void* buffer;
};

/// The observer behind TapeOptions.
EIGENGRAD_LAZY class Watch final : public TapeObserver {
 public:
  struct Record {
    const Node* node = nullptr;
    std::string formula;
    std::size_t bytes = 0;
    double forward = 0, backward = 0;  // seconds
    bool finite = true;
    std::vector<Delayed<SeenInput, Lazy>> inputs;  // as many as it has operands, or none
    FirstNumbers value, gradient;
  };

  Watch(const TapeState& tape, const TapeOptions& options)
      : options_(options), last_(seconds_now()), reads_(tape, options.detect_anomaly) {}

  const TapeOptions& options() const { return options_; }
  const std::vector<Record>& records() const { return records_; }
  const Record* find(const Node* node) const {
    const auto place = places_.find(node);
    return place == places_.end() ? nullptr : &records_[place->second];
  }

  void input(const AnyNumbers& numbers) override {
    inputs_.push_back({{}, *numbers.shape, numbers.data});
    inputs_.back().first.set(numbers);
    if (options_.detect_anomaly && finite_inputs_) finite_inputs_ = numbers.first_not_finite() < 0;
  }
  /// An operation's time forward is what has passed since the record before it. Records that backward itself makes,
  /// under create_graph, are counted as backward's time instead.
  void recorded(Node& node, const AnyNumbers& output) override {
    Record record;
    record.node = &node;
    record.bytes = node.bytes();
    if (!backward_) record.forward = lap();
    differentiates_again_ = differentiates_again_ || backward_;
    labels_.add(&node);
    record.inputs = std::exchange(inputs_, {});
    const Steps steps = steps_seen(record);
    record.formula = formula_text(steps, labels_);
    if (options_.keep_values) record.value.set(output);
    const bool finite_inputs = std::exchange(finite_inputs_, true);
    if (options_.detect_anomaly) {
      const Index place = output.first_not_finite();
      record.finite = place < 0;
      if (!record.finite && finite_inputs && finite_operands(node)) report("made", record, output, place);
    }
    places_[&node] = records_.size();
    records_.push_back(std::move(record));
    if (!backward_) last_ = seconds_now();
  }
  void begin_backward(const Node& root, const AnyNumbers& seed) override {
    backward_ = true;
    finite_inputs_ = true;
    inputs_.clear();
    if (!options_.detect_anomaly) return;
    if (reads_.node != nullptr) report_read();
    reads_.on = false;
    const Index place = seed.first_not_finite();
    require<AnomalyError>(place < 0, "backward: the seed of shape ", root.shape(), " is not finite");
  }
  void propagate(Node& node) override {
    const auto place = places_.find(&node);
    if (options_.keep_values && place != places_.end()) records_[place->second].gradient.set(node.gradient());
    const double start = seconds_now();
    node.propagate();
    if (place == places_.end()) return;
    records_[place->second].backward += seconds_now() - start;
    if (!options_.detect_anomaly) return;
    struct Visit {
      Watch& watch;
      const Record& record;
    } visit{*this, records_[place->second]};
    node.visit_inputs(
        [](void* context, Node* input) {
          const auto& [watch, record] = *static_cast<Visit*>(context);
          const AnyNumbers gradient = input->gradient();
          if (const Index at = gradient.first_not_finite(); at >= 0)
            watch.report("sent back", record, gradient, at, input);
        },
        &visit);
  }
  void end_backward() override {
    backward_ = false;
    reads_.on = options_.detect_anomaly && differentiates_again_;
    last_ = seconds_now();
  }

  /// A record's steps; what only its rules keep is filled in from what was seen going in.
  static Steps steps_seen(const Record& record) {
    Steps steps = steps_of(*record.node);
    std::size_t operands = 0;
    for (const Step& step : steps.list) operands += step.operation == nullptr ? 1 : 0;
    if (operands != record.inputs.size()) return steps;
    auto seen = record.inputs.begin();
    for (Step& step : steps.list) {
      if (step.operation != nullptr) continue;
      if (step.input == nullptr && step.numbers.type == nullptr) {
        step.numbers = seen->first.view();
        step.numbers.shape = &seen->shape;
        step.buffer = seen->buffer;
      }
      ++seen;
    }
    return steps;
  }

 private:
  /// Notes the first number of a recorded tensor that the program read while it recorded: what it computes with it has
  /// no gradient to that tensor.
  struct Reads final : HostAccess {
    Reads(const TapeState& watched, bool begin) : tape(watched), on(begin) {}
    void read(const char* by, const TapeLink& link, const Location& from) override {
      if (!on || node != nullptr || link.node == nullptr || link.tape != &tape ||
          link.serial != tape.serial.load(std::memory_order_relaxed) || thread_state().paused != 0 || !records())
        return;
      node = static_cast<const Node*>(link.node);
      how = by;
      where = from;
    }
    void write(const char*, const TapeLink&, const Location&) override {}
    bool records() const {
      for (const TapeState* active = innermost_tape(); active != nullptr; active = active->outer)
        if (active == &tape) return true;
      return false;
    }

    const TapeState& tape;
    bool on;
    const Node* node = nullptr;  // what was read
    const char* how = "";
    Location where = {};
  };
  [[noreturn]] void report_read() {
    const Node& node = *std::exchange(reads_.node, nullptr);
    const Record* record = find(&node);
    const std::string line = line_of(reads_.where);
    fail<AnomalyError>("anomaly: ", record != nullptr ? record->formula : labels_.of(&node), " of shape ", node.shape(),
                       " was read by ", reads_.how, " while its tape recorded", line.empty() ? "" : " (" + line + ")",
                       ": a number read is a constant, and what is computed with it has no gradient through it: use "
                       "element(x, i, j), or sum or reshape for the only number; where that is intended, read after "
                       "backward or from x.detach()");
  }
  double lap() {
    const double now = seconds_now();
    return now - std::exchange(last_, now);
  }
  /// Whether no operand, recorded or kept in the formula, had a NaN or an infinity already.
  bool finite_operands(const Node& node) const {
    const Steps steps = steps_of(node);
    for (const Step& step : steps.list) {
      if (step.numbers.first_not_finite() >= 0) return false;
      if (step.input == nullptr) continue;
      const Record* input = find(step.input);
      const ParameterLeaf* leaf = step.input->leaf();
      if (input != nullptr ? !input->finite : leaf != nullptr && leaf->parameter_value().first_not_finite() >= 0)
        return false;
    }
    return true;
  }
  /// Names the operation, its inputs' shapes, the element and the line.
  [[noreturn]] void report(const char* how, const Record& record, const AnyNumbers& numbers, Index place,
                           const Node* to = nullptr) {
    std::string inputs;
    std::vector<Delayed<std::string, Lazy>> named;
    const Steps steps = steps_seen(record);
    for (const Step& step : steps.list) {
      if (step.operation != nullptr || (step.input == nullptr && step.numbers.shape == nullptr)) continue;
      const Shape& shape = step.input != nullptr ? step.input->shape() : *step.numbers.shape;
      named.push_back(to_text(labels_.of(step), " ", shape));
      if (std::find(named.begin(), named.end() - 1, named.back()) != named.end() - 1) continue;
      inputs += (inputs.empty() ? "" : ", ") + named.back();
    }
    const double number = numbers[place];
    const std::string line = line_of(record.node->where);
    fail<AnomalyError>(
        "anomaly: ", record.formula, " ", how, " ",
        std::isnan(number)   ? "nan"
        : number > 0         ? "inf"
        : std::isinf(number) ? "-inf"
                             : short_number(number),
        to != nullptr ? " as the gradient of " + labels_.of(to) : std::string(), " at element ",
        element_position(place, *numbers.shape), " of ", *numbers.shape, ", from inputs ", inputs,
        to != nullptr
            ? ": look for a division by 0, or a square root or logarithm at 0"
            : ", all of them finite: look for an overflow, a division by 0, or a logarithm of what is not positive",
        line.empty() ? "" : " (" + line + ")");
  }

  TapeOptions options_;
  double last_;
  Labels<> labels_;
  std::vector<Record> records_;
  Places places_;
  Reads reads_;
  std::vector<Delayed<SeenInput, Lazy>> inputs_;  // of the record to come
  bool backward_ = false, finite_inputs_ = true, differentiates_again_ = false;
};

/// The watch of a tape that has one. A tape's only observer is of this kind.
EIGENGRAD_LAZY const Watch<>* watch_of(const TapeState& tape) { return static_cast<const Watch<>*>(tape.observer); }

}}  // namespace eigengrad::EIGENGRAD_ABI
