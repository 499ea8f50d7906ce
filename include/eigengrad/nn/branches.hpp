#pragma once

#include <vector>

#include "../core/tensor.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/join.hpp"
#include "module/held_modules.hpp"
#include "module/layer.hpp"
#include "module/module.hpp"

// Modules beside each other: what goes around them, and what several make of the same.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// x + body(x), or shortcut(x) + body(x) where the body makes another shape of it; owns copies of both, named "body"
/// and "shortcut". He, Zhang, Ren, Sun: Deep residual learning, 2016. Throws ShapeError where the two shapes differ.
template <class T>
class Residual : public Layer<T> {
 public:
  template <PartOf<T> Body>
    requires(!std::is_same_v<std::decay_t<Body>, Residual>)
  EIGENGRAD_OUTLINE explicit Residual(Body&& body) {
    held_.put_all(std::forward<Body>(body));
  }
  template <PartOf<T> Body, PartOf<T> Shortcut>
  EIGENGRAD_OUTLINE Residual(Body&& body, Shortcut&& shortcut) {
    held_.put_all(std::forward<Body>(body), std::forward<Shortcut>(shortcut));
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    return this->called_from(calling_line(), [&]() -> Tensor<T> {
      const Tensor<T> y = body()(x, calling_line());
      const Tensor<T> around = held_.size() > 1 ? held_.last()->module(x, calling_line()) : x;
      require<ShapeError>(y.shape() == around.shape(), "Residual: the body makes ", y.shape(), " of ", x.shape(),
                          held_.size() > 1 ? ", the shortcut " : ", and around it goes ", around.shape(),
                          ": they are added, so give a body or a shortcut that makes the same", calling_line());
      return {around + y, calling_line()};
    });
  }
  EIGENGRAD_COLD void members(Members<T>& m) override {
    m("body", body());
    if (held_.size() > 1) m("shortcut", held_.last()->module);
  }
  std::string kind() const override { return "Residual"; }

  Module<T>& body() { return held_.first()->module; }
  /// The module that x goes through around the body; null if x goes as it is.
  Module<T>* shortcut() { return held_.size() > 1 ? &held_.last()->module : nullptr; }

 private:
  HeldModules<T> held_;
};

/// How the results of branches become one.
enum class Merge { sum, concatenate };
/// Settings of Parallel.
struct ParallelOptions {
  Merge merge = Merge::sum;
  Index axis = 1;  // along which results are concatenated: 1 is the channels', -1 the last
};

/// Several modules that are each given x, and whose results are added, or put one after another along an axis:
/// Parallel< float>({.merge = Merge::concatenate}, a, b). Owns copies of them. Throws ShapeError where the results do
/// not fit.
template <class T>
class Parallel : public Layer<T> {
 public:
  using Options = ParallelOptions;

  template <PartOf<T> First, PartOf<T>... Rest>
    requires(!(sizeof...(Rest) == 0 && std::is_same_v<std::decay_t<First>, Parallel>))
  EIGENGRAD_OUTLINE explicit Parallel(First&& first, Rest&&... rest) {
    held_.put_all(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  template <PartOf<T> First, PartOf<T>... Rest>
  EIGENGRAD_OUTLINE explicit Parallel(ParallelOptions options, First&& first, Rest&&... rest) : options_(options) {
    held_.put_all(std::forward<First>(first), std::forward<Rest>(rest)...);
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    return this->called_from(calling_line(), [&]() -> Tensor<T> {
      const Holder<T>* branch = held_.first();
      if (options_.merge == Merge::concatenate) {
        std::vector<Tensor<T>> results;
        results.reserve(static_cast<std::size_t>(held_.size()));
        for (; branch != nullptr; branch = branch->next) results.push_back(branch->module(x, calling_line()));
        return concatenate(results, options_.axis, calling_line());
      }
      Tensor<T> sum = branch->module(x, calling_line());
      while ((branch = branch->next) != nullptr) {
        const Tensor<T> next = branch->module(x, calling_line());
        require<ShapeError>(next.shape() == sum.shape(), "Parallel: the branches make ", sum.shape(), " and ",
                            next.shape(), " of ", x.shape(), ": only results of one shape can be added",
                            calling_line());
        sum = Tensor<T>(sum + next, calling_line());
      }
      return sum;
    });
  }
  EIGENGRAD_COLD void members(Members<T>& m) override {
    Index i = 0;
    for (Holder<T>* held = held_.first(); held != nullptr; held = held->next) m(to_text(i++), held->module);
  }
  std::string kind() const override { return "Parallel"; }

  Index size() const { return held_.size(); }
  /// The branch at position i; throws IndexError outside.
  Module<T>& operator[](Index i) { return at(i); }
  Module<T>& at(Index i, Location where = Location::current()) { return held_.at("Parallel", i, where).module; }
  /// The same, as the type it was given as; throws ValueError when it is another.
  template <class M>
  M& at(Index i, Location where = Location::current()) {
    return held_.template at<M>("Parallel", i, where);
  }

 private:
  HeldModules<T> held_;
  ParallelOptions options_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
