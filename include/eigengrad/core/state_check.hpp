#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "named_tensors.hpp"

// Whether a state fits what is to take it up: LoadOptions{.strict = true}, LoadResult{missing, unexpected}.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of load_state_dict.
struct LoadOptions {
  bool strict = true;  // what is missing or unexpected is an error
};
/// What a state did not have of what it was loaded into, and what it had besides.
struct LoadResult {
  std::vector<std::string> missing = {}, unexpected = {};
};

/// Checks a state against what it is to be loaded into before anything is changed: all faults are told at once.
EIGENGRAD_LAZY class StateCheck {
 public:
  /// `operation` loads into `what`: "load_state_dict", "module".
  StateCheck(const BasicNamedTensors<Lazy>& state, const char* operation, const char* what)
      : state_(state), operation_(operation), what_(what) {}

  /// There is to be a tensor of that name and type, and unless `shape` is null of that shape. Gives the tensor; null
  /// where there is none, or none that fits.
  const AnyTensor* expect(const std::string& name, const TensorOperations& type, const Shape* shape) {
    known_.push_back(name);
    const auto entry = state_.find(name);
    if (entry == state_.end()) {
      result_.missing.push_back(name);
      return nullptr;
    }
    const AnyTensor& tensor = entry->tensor;
    if (tensor.empty() || std::strcmp(tensor.place().operations->type_text, type.type_text) != 0) {
      fault(name, " holds ", tensor.empty() ? "nothing" : to_string(tensor.dtype()), ", the ", what_, "'s is ",
            to_string(type.dtype), ": cast it");
      return nullptr;
    }
    if (shape == nullptr || tensor.shape() == *shape) return &tensor;
    fault(name, " is ", tensor.shape(), ", the ", what_, "'s is ", *shape);
    return nullptr;
  }
  template <class T>
  const AnyTensor* expect(const std::string& name, const Shape& shape) {
    return expect(name, TensorOperationsOf<T>::table, &shape);
  }
  template <class... Words>
  void fault(const Words&... words) {
    append(faults_, to_text("\n  ", words...));
  }
  /// Throws ShapeError with all faults.
  LoadResult finish(const LoadOptions& options, const Location& where) {
    for (const auto& [name, tensor] : state_)
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) result_.unexpected.push_back(name);
    if (options.strict) {
      for (const std::string& name : result_.missing) fault(name, " is missing");
      for (const std::string& name : result_.unexpected) fault(name, " is not in the ", what_);
    }
    require<ShapeError>(faults_.empty(), operation_, ": the state does not fit this ", what_, ":", faults_, where);
    return std::move(result_);
  }

 private:
  const BasicNamedTensors<Lazy>& state_;
  const char *operation_, *what_;
  std::string faults_;
  std::vector<std::string> known_;
  LoadResult result_;
};

template <class Lazy>
BasicNamedTensors<Lazy> Generator::state_dict() const {
  BasicNamedTensors<Lazy> result;
  Tensor<std::int64_t> words = Tensor<std::int64_t>::empty({6});
  const std::uint64_t numbers[] = {state_.words[0], state_.words[1],        state_.words[2],
                                   state_.words[3], state_.next_stream.key, state_.next_stream.number};
  for (Index i = 0; i < words.size(); ++i)
    kernel_access(words).writable_numbers()[i] = static_cast<std::int64_t>(numbers[i]);
  result.add("state", words);
  return result;
}
template <class Lazy>
void Generator::load_state_dict(const BasicNamedTensors<Lazy>& state, Location where) {
  StateCheck<Lazy> comparison(state, "load_state_dict", "generator");
  comparison.template expect<std::int64_t>("state", {6});
  comparison.finish({}, where);
  const Tensor<std::int64_t>& words = state.template at<std::int64_t>("state");
  const auto word = [&](Index i) { return static_cast<std::uint64_t>(kernel_access(words).numbers()[i]); };
  state_ = {{word(0), word(1), word(2), word(3)}, {word(4), word(5)}};
}

}}  // namespace eigengrad::EIGENGRAD_ABI
