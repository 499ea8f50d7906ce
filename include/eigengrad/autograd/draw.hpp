#pragma once

#include "../core/shape.hpp"
#include "engine/tape_state.hpp"
#include "inspect/watch.hpp"
#include "tape.hpp"

// The computation graph of a tape as a picture: Graphviz' language, or data for another painter (viz/graph.hpp).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The computation graph of a tape as it is drawn: parameters, constants and records, with what is known of their
/// numbers.
struct TapeGraph {
  enum class Kind { parameter, constant, operation };
  struct Item {
    Kind kind;
    std::string title;  // "w", "c0", "%1 = tanh(%0 * w + b)"
    Shape shape;
    std::string value, gradient;  // the first numbers; "" where they are not known
  };
  std::vector<Item> items;                                 // an edge leads from an earlier to a later item
  std::vector<std::pair<std::size_t, std::size_t>> edges;  // from, to; each once
};

/// Values and gradients: of parameters always (gradients after a backward), of the rest under {.keep_values = true}.
EIGENGRAD_LAZY TapeGraph graph_of(const Tape& tape) {
  const TapeState& state = tape.state();
  const Watch<>* watch = watch_of(state);
  DescribedTape<> described(state, false);
  Delayed<TapeGraph, Lazy> graph;
  Places places;
  const auto item_of = [&](const Step& step) {
    const Node* node = step.input;
    const ParameterLeaf* leaf = node != nullptr ? node->leaf() : nullptr;
    const void* key = node == nullptr ? step.buffer : leaf != nullptr ? leaf->parameter() : node;
    const auto [place, is_new] = places.try_emplace(key, graph.items.size());
    if (is_new && node == nullptr)
      graph.items.push_back({TapeGraph::Kind::constant, described.labels.of(step), *step.numbers.shape,
                             first_numbers(step.numbers, FirstNumbers::most), ""});
    else if (is_new)
      graph.items.push_back(
          {TapeGraph::Kind::parameter, described.labels.of(node), node->shape(),
           first_numbers(leaf != nullptr ? leaf->parameter_value() : AnyNumbers(), FirstNumbers::most),
           first_numbers(node->gradient(), FirstNumbers::most)});
    return place->second;
  };
  for (std::size_t k = 0; k < described.records.size(); ++k) {
    const Node* node = described.records[k];
    std::vector<Delayed<std::size_t, Lazy>> inputs;
    for (const Step& step : described.steps[k].list)
      if (step.operation == nullptr &&
          (step.input != nullptr || (step.numbers.shape != nullptr && step.numbers.size > 1)))
        inputs.push_back(item_of(step));
    TapeGraph::Item item{TapeGraph::Kind::operation, to_text("%", k, " = ", described.formulas[k]), node->shape(), "",
                         ""};
    if (const Watch<>::Record* record = watch == nullptr ? nullptr : watch->find(node)) {
      item.value = first_numbers(record->value.view(), FirstNumbers::most);
      item.gradient = first_numbers(record->gradient.view(), FirstNumbers::most);
    }
    const std::size_t here = places[node] = graph.items.size();
    graph.items.push_back(std::move(item));
    std::sort(inputs.begin(), inputs.end());
    inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
    for (const std::size_t input : inputs) graph.edges.push_back({input, here});
  }
  return graph;
}

/// Any text inside a quoted string of DOT, which knows escapes and XML's entities.
EIGENGRAD_LAZY std::string dot_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\')
      result += '\\', result += c;
    else if (c == '&')
      result += "&amp;";
    else if (c == '\n')
      result += "\\n";
    else
      result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return result;
}

/// The computation graph in Graphviz' language: dot -Tsvg. See graph_of for the numbers it shows.
EIGENGRAD_LAZY std::string draw(const Tape& tape) {
  const TapeGraph graph = graph_of(tape);
  std::string text =
      "digraph tape {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", "
      "fontsize=11];\n";
  constexpr const char* colours[] = {"#dcebf5", "#eeeeee", "#ffffff"};
  for (std::size_t k = 0; k < graph.items.size(); ++k) {
    const TapeGraph::Item& item = graph.items[k];
    text += to_text("  n", k, " [fillcolor=\"", colours[static_cast<int>(item.kind)], "\", label=\"",
                    dot_escaped(item.title), "\\n", item.shape);
    if (!item.value.empty()) text += "\\nvalue " + item.value;
    if (!item.gradient.empty()) text += "\\ngradient " + item.gradient;
    text += "\"];\n";
  }
  for (const auto& [from, to] : graph.edges) text += to_text("  n", from, " -> n", to, ";\n");
  return text + "}\n";
}

}}  // namespace eigengrad::EIGENGRAD_ABI
