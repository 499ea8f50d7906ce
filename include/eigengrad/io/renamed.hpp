#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../core/named_tensors.hpp"
#include "escaped.hpp"

// States under other names.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of load.
struct LoadFileOptions {
  bool strict = true;  // what is missing or unexpected is an error
  /// From names in the file to the model's: {"classifier.weight", "2.weight"}; from a beginning that ends in a point:
  /// {"encoder.", ""}; {"", "encoder."} puts it before every name. The first that fits is taken.
  std::vector<std::pair<std::string, std::string>> rename = {};
};

/// The same tensors under other names (see LoadFileOptions::rename). Throws ValueError for a rule that fits no name,
/// and where two tensors would have one name.
EIGENGRAD_LAZY NamedTensors renamed(const NamedTensors& tensors,
                                    const std::vector<std::pair<std::string, std::string>>& rules) {
  typename BasicNamedTensors<Lazy>::Entries result;
  std::vector<bool> used(rules.size());
  for (const auto& [name, tensor] : tensors) {
    std::string now = name;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const auto& [from, to] = rules[i];
      const bool beginning = from.empty() || from.back() == '.';
      if (beginning ? !name.starts_with(from) : name != from) continue;
      now = to + name.substr(from.size());
      used[i] = true;
      break;
    }
    result.push_back({now, tensor});
  }
  for (std::size_t i = 0; i < rules.size(); ++i)
    require<ValueError>(used[i], "load: no tensor is called ", escaped(rules[i].first),
                        rules[i].first.ends_with('.') ? "..." : "", ", which .rename is to call ",
                        escaped(rules[i].second), ": look at the file's names");
  return NamedTensors(std::move(result));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
