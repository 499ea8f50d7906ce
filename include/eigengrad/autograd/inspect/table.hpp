#pragma once

#include "../engine/tape_state.hpp"
#include "profile.hpp"

// A tape as a table of formulas, inputs, shapes, bytes and lines: std::cout << tape.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The records, the oldest first.
EIGENGRAD_LAZY std::vector<const Node*> records_of(const TapeState& tape) {
  std::vector<Delayed<const Node*, Lazy>> records;
  for (const Node* node = tape.last; node != nullptr; node = node->previous) records.push_back(node);
  std::reverse(records.begin(), records.end());
  return records;
}

/// The parameters that appeared, each once, the oldest first.
EIGENGRAD_LAZY std::vector<const Node*> parameters_of(const TapeState& tape) {
  std::vector<Delayed<const Node*, Lazy>> leaves, each;
  for (const Node* leaf = tape.last_leaf; leaf != nullptr; leaf = leaf->previous) leaves.push_back(leaf);
  std::reverse(leaves.begin(), leaves.end());
  Places seen;
  for (const Node* leaf : leaves)
    if (seen.try_emplace(leaf->leaf()->parameter(), each.size()).second) each.push_back(leaf);
  return each;
}

/// The records' texts, in the order in which their operands are named; released ones can still tell.
EIGENGRAD_LAZY struct DescribedTape {
  explicit DescribedTape(const TapeState& tape, bool with_shapes = true) : labels(tape), records(records_of(tape)) {
    const Watch<>* watch = watch_of(tape);
    for (const Node* node : records) {
      const Watch<>::Record* watched = watch == nullptr ? nullptr : watch->find(node);
      steps.push_back(watched != nullptr ? Watch<>::steps_seen(*watched) : steps_of(*node));
      formulas.push_back(formula_text(steps.back(), labels, with_shapes));
    }
  }
  Labels<> labels;
  std::vector<Delayed<const Node*, Lazy>> records;
  std::vector<Delayed<Steps, Lazy>> steps;
  std::vector<Delayed<std::string, Lazy>> formulas;
};

EIGENGRAD_LAZY std::vector<std::string> parameters_without_gradient(const TapeState& tape) {
  DescribedTape<> described(tape);
  std::vector<Delayed<std::string, Lazy>> names;
  for (const Node* leaf : parameters_of(tape))
    if (leaf->gradient().type == nullptr) names.push_back(described.labels.of(leaf));
  return names;
}

EIGENGRAD_LAZY void append_table(std::string& text, const TapeState& tape) {
  if (tape.last == nullptr) {
    text += "nothing is recorded\n";
    return;
  }
  DescribedTape<> described(tape);
  const Watch<>* watch = watch_of(tape);
  TextTable<> table({"", "operation", "formula", "inputs", "shape", "bytes", "forward us", "backward us", "line"},
                    "rllllrrrl");
  for (std::size_t k = 0; k < described.records.size(); ++k) {
    const Node* node = described.records[k];
    struct Inputs {
      Labels<>& labels;
      std::string text;
    } inputs{described.labels, ""};
    node->visit_inputs(
        [](void* context, Node* input) {
          auto& [labels, names] = *static_cast<Inputs*>(context);
          names += (names.empty() ? "" : ", ") + labels.of(input);
        },
        &inputs);
    const Watch<>::Record* watched = watch == nullptr ? nullptr : watch->find(node);
    const bool timed = watched != nullptr && watch->options().profile;
    table.add({to_text("%", k), node->name, described.formulas[k], inputs.text, to_text(node->shape()),
               to_text(watched != nullptr ? watched->bytes : node->bytes()),
               timed ? microseconds(watched->forward) : "", timed ? microseconds(watched->backward) : "",
               line_of(node->where)});
  }
  text += table.text();
  bool any = false;
  std::string without;
  for (const Node* leaf : parameters_of(tape)) {
    any = any || leaf->gradient().type != nullptr;
    if (leaf->gradient().type == nullptr) without += (without.empty() ? "" : ", ") + described.labels.of(leaf);
  }
  if (any && !without.empty()) text += "no gradient: " + without + "\n";
}

}}  // namespace eigengrad::EIGENGRAD_ABI
