#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "any_tensor.hpp"

// States: tensors of any number type under names, in order.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Tensors of any number types under names, in the order in which they were added: what state_dict() gives and
/// load_state_dict() takes, of modules, optimizers, loaders and generators.
///   for (const auto& [name, tensor] : state) ...     state.at<float>("0.weight")
EIGENGRAD_LAZY class BasicNamedTensors {
 public:
  struct Entry {
    std::string name;
    AnyTensor tensor;
  };
  using Entries = std::vector<Delayed<Entry, Lazy>>;

  BasicNamedTensors() = default;
  /// Takes a list of entries; throws ValueError for two of one name.
  explicit BasicNamedTensors(Entries entries) : entries_(std::move(entries)) {
    std::vector<std::string_view> names;
    names.reserve(entries_.size());
    for (const auto& entry : entries_) names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end())
      fail<ValueError>("state: there are two tensors named ", *twice, ": give one another name");
  }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool contains(std::string_view name) const { return find(name) != end(); }
  std::size_t count(std::string_view name) const { return contains(name) ? 1 : 0; }
  auto find(std::string_view name) const {
    auto entry = begin();
    while (entry != end() && entry->name != name) ++entry;
    return entry;
  }
  /// The tensor of that name; throws IndexError, with the names there are, where there is none.
  const AnyTensor& at(std::string_view name) const {
    const auto entry = find(name);
    if (entry == end()) refuse(name);
    return entry->tensor;
  }
  AnyTensor& at(std::string_view name) { return const_cast<AnyTensor&>(std::as_const(*this).at(name)); }
  /// The same as a tensor of T; throws ValueError when its numbers are of another type.
  template <class T>
  const Tensor<T>& at(std::string_view name) const {
    return at(name).template as<T>();
  }
  template <class T>
  Tensor<T>& at(std::string_view name) {
    return at(name).template as<T>();
  }
  /// The tensor of that name; where there is none, one that holds nothing yet is added.
  AnyTensor& operator[](std::string_view name) {
    if (!contains(name)) entries_.push_back({std::string(name), {}});
    return at(name);
  }
  /// Adds a tensor behind the others; throws ValueError for a name that is there.
  void add(std::string_view name, const AnyTensor& tensor) {
    require<ValueError>(!contains(name), "state: there is a tensor named ", name, " already: give another name");
    entries_.push_back({std::string(name), tensor});
  }
  /// Adds those of `other`, each under `prefix` and its name.
  void add_all(const std::string& prefix, const BasicNamedTensors& other) {
    for (const auto& [name, tensor] : other) add(prefix + name, tensor);
  }
  /// Those whose names begin by `prefix`, without it.
  BasicNamedTensors below(std::string_view prefix) const {
    BasicNamedTensors result;
    for (const auto& [name, tensor] : entries_)
      if (name.starts_with(prefix)) result.entries_.push_back({name.substr(prefix.size()), tensor});
    return result;
  }
  bool erase(std::string_view name) {
    return std::erase_if(entries_, [&](const auto& entry) { return entry.name == name; }) > 0;
  }

 private:
  [[noreturn]] EIGENGRAD_COLD void refuse(std::string_view name) const {
    std::string known;
    for (const auto& entry : entries_) known += (known.empty() ? "" : ", ") + entry.name;
    fail<IndexError>("state: there is no tensor named ", name, "; there are: ", known.empty() ? "none" : known);
  }

  Entries entries_;
};
using NamedTensors = BasicNamedTensors<>;

}}  // namespace eigengrad::EIGENGRAD_ABI
