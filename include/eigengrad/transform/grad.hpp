#pragma once

#include <array>
#include <memory>

#include "../autograd/engine/recorded.hpp"
#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"

// Functions of functions: a function of tensors goes in, its derivatives come out. They nest: while a tape records,
// what comes out is recorded and can be differentiated again. Parameters' .grad() is never touched.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What records a function while its derivatives are taken: the tape that records already, or else one of its own.
template <class T>
class FunctionTape {
 public:
  using OwnTape = Delayed<Tape, T>;

  FunctionTape() : outer_(innermost_tape()), paused_(std::exchange(thread_state().paused, 0)) {
    if (outer_ == nullptr) own_ = std::make_shared<OwnTape>();
    state_ = innermost_tape();
  }
  FunctionTape(const FunctionTape&) = delete;
  ~FunctionTape() {
    if (own_ != nullptr) own_->stop();
    thread_state().paused = paused_;
  }

  TapeState* state() const { return state_; }
  /// Whether somebody outside may differentiate the results.
  bool differentiable() const { return outer_ != nullptr && paused_ == 0; }
  /// A result as the outside may see it.
  Tensor<T> out(const Tensor<T>& result) const {
    return differentiable() ? result : kernel_access(result).unrecorded();
  }
  /// Keeps the records alive for a function that is handed out.
  std::shared_ptr<OwnTape> own() const { return own_; }

  /// A recorded tensor equal to x, to differentiate with respect to; connected to what x was computed from.
  Tensor<T> input(const Tensor<T>& x) const {
    TypedNode<T>* before = differentiable() ? node_on(state_, x, "input") : nullptr;
    Tensor<T> result = kernel_access(x).unrecorded();
    state_->connect(result, state_->template add<FittingNode<T>>(state_->last, "input", x.shape(), before));
    return result;
  }

 private:
  TapeState* outer_;
  int paused_;
  std::shared_ptr<OwnTape> own_;
  TapeState* state_;
};

// What a function is differentiated with respect to: tensors, a list of them, or a model's parameters. Each is seen as
// a list; `call` gives the list to the function as the function wants it.
template <class T>
struct ListOf {
  using Element = T;
  std::vector<Tensor<T>> tensors;
};
template <class T, std::size_t count>
struct Several : ListOf<T> {
  auto call(const auto& f, const std::vector<Tensor<T>>& x) const {
    return [&]<std::size_t... k>(std::index_sequence<k...>) { return f(x[k]...); }(std::make_index_sequence<count>());
  }
  /// One tensor as it is, several as an array.
  static auto give(std::vector<Tensor<T>> results) {
    if constexpr (count == 1) {
      return std::move(results[0]);
    } else {
      std::array<Tensor<T>, count> all;
      std::move(results.begin(), results.end(), all.begin());
      return all;
    }
  }
};
template <class T>
struct List : ListOf<T> {
  auto call(const auto& f, const std::vector<Tensor<T>>& x) const { return f(x); }
  static auto give(std::vector<Tensor<T>> results) { return results; }
};
template <class T>
struct Parameters : ListOf<T> {
  explicit Parameters(const std::vector<ParameterRef<T>>& list) : parameters(list) {
    for (const ParameterRef<T>& parameter : list) this->tensors.push_back(parameter.to_tensor());
  }
  auto call(const auto& f, const std::vector<Tensor<T>>& x) const {
    const StandIns stand_ins(parameters, x);
    Tensor<typename std::decay_t<decltype(f())>::Element> result(f());
    stand_ins.require_no_copies("grad");
    return result;
  }
  static auto give(std::vector<Tensor<T>> results) { return results; }
  const std::vector<ParameterRef<T>>& parameters;
};

template <Expression... X>
auto differentiated(const X&... x) {
  using T = typename std::tuple_element_t<0, std::tuple<X...>>::Element;
  return Several<T, sizeof...(X)>{{{x.to_tensor()...}}};
}
template <class T>
auto differentiated(const std::vector<Tensor<T>>& x) {
  return List<T>{{x}};
}
template <class T>
auto differentiated(const std::vector<ParameterRef<T>>& parameters) {
  return Parameters<T>(parameters);
}

/// A function's value with its records, from which gradients can be pulled back as often as one likes.
template <class T>
class RecordedFunction {
 public:
  template <class F, class Wrt>
  RecordedFunction(const F& f, const Wrt& wrt) {
    for (const Tensor<T>& x : wrt.tensors) inputs_.push_back(tape_.input(x));
    value_ = wrt.call(f, inputs_).to_tensor();
  }
  const FunctionTape<T>& tape() const { return tape_; }
  const Tensor<T>& value() const { return value_; }
  const std::vector<Tensor<T>>& inputs() const { return inputs_; }
  std::vector<Tensor<T>> pull(const Tensor<T>& seed, bool create_graph = false) const {
    return pull_back(tape_.state(), value_, seed, inputs_, create_graph || tape_.differentiable());
  }
  /// Results as the outside may see them.
  std::vector<Tensor<T>> out(std::vector<Tensor<T>> results) const {
    for (Tensor<T>& result : results) result = tape_.out(result);
    return results;
  }

 private:
  FunctionTape<T> tape_;
  std::vector<Tensor<T>> inputs_;
  Tensor<T> value_;
};

template <class T>
void require_one_number(const char* operation, const Tensor<T>& value, const Location& where) {
  require<ShapeError>(value.size() == 1, operation, ": the function gives shape ", value.shape(),
                      ", where one number is needed: reduce it by sum or mean, or take eg::jacobian", where);
}
template <class T>
void require_shapes_of(const char* operation, const std::vector<Tensor<T>>& x, const std::vector<Tensor<T>>& v,
                       const Location& where) {
  require<ShapeError>(x.size() == v.size(), operation, ": ", v.size(), " vectors for ", x.size(),
                      " inputs: give one for each", where);
  for (std::size_t k = 0; k < x.size(); ++k)
    require<ShapeError>(x[k].shape() == v[k].shape(), operation, ": input ", k, " is ", x[k].shape(),
                        ", its vector is ", v[k].shape(), ": give a vector of the input's shape", where);
}

template <class F, class Wrt>
auto value_and_grad_of(const F& f, const Wrt& wrt, const Location& where) {
  using T = typename Wrt::Element;
  const RecordedFunction<T> recorded(f, wrt);
  require_one_number("grad", recorded.value(), where);
  auto gradients = recorded.out(recorded.pull(Tensor<T>::ones(recorded.value().shape())));
  return std::pair(recorded.tape().out(recorded.value()), Wrt::give(std::move(gradients)));
}

/// f(x), which must be one number, and its gradient, of x's shape. x is a tensor, a list of tensors that f takes as a
/// std::vector, or model.parameters(), where f takes nothing. Throws ShapeError when f gives more than one number.
template <class F, class X>
auto value_and_grad(const F& f, const X& x, Location where = Location::current()) {
  return value_and_grad_of(f, differentiated(x), where);
}
/// The same for a function of several tensors; the gradients come as an array.
template <class F, Expression X, Expression Y, Expression... Rest>
auto value_and_grad(const F& f, const X& x, const Y& y, const Rest&... rest) {
  return value_and_grad_of(f, differentiated(x, y, rest...), Location());
}

/// The gradient alone: grad(f, x), grad(f, model.parameters()), auto [gx, gy] = grad(f, x, y).
template <class F, class X>
auto grad(const F& f, const X& x, Location where = Location::current()) {
  return value_and_grad_of(f, differentiated(x), where).second;
}
template <class F, Expression X, Expression Y, Expression... Rest>
auto grad(const F& f, const X& x, const Y& y, const Rest&... rest) {
  return value_and_grad_of(f, differentiated(x, y, rest...), Location()).second;
}

// Compiled: class FunctionTape<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
