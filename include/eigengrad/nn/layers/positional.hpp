#pragma once

#include "../../autograd/engine/recorded.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/arithmetic.hpp"
#include "../../ops/index.hpp"
#include "../../ops/positions.hpp"
#include "../../ops/shape.hpp"
#include "../module/init.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"

// Layers that tell where in a sequence a row stands. layer(x) begins with position 0, layer(x, first) with another, as
// when a sequence is generated bit by bit.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of the encodings that are added: along which axis of x positions run, -2 for [n, positions, features], -3
/// for [positions, n, features]; and the base of SinusoidalEncoding's wave lengths.
struct EncodingOptions {
  Index axis = -2;
  double base = 10000;
};

/// Rows `first` and on of a table [positions, features], shaped to be added to x.
template <class T>
Tensor<T> rows_beside(const char* layer, const Tensor<T>& table, const Shape& x, Index axis, Index first) {
  const Location& where = calling_line();
  const Index along = x.checked_axis(axis, layer, where);
  require<ShapeError>(along < x.rank() - 1 && x.back() == table.shape()[1], layer, ": x is ", x,
                      " with positions on axis ", axis, ", the table is ", table.shape(),
                      ": x's last axis must be the features, another the positions", where);
  require<ShapeError>(first >= 0 && first + x[along] <= table.shape()[0], layer, ": x is ", x, " with ", x[along],
                      " positions from ", first, " on, the table is ", table.shape(), ": make it longer", where);
  Shape shape;
  for (Index i = along; i < x.rank(); ++i) shape.push_back(i == along || i == x.rank() - 1 ? x[i] : 1);
  return recorded_reshape(slice(table, 0, first, first + x[along], 1, where), shape, where);
}

/// x plus waves of growing length, sinusoidal_encoding(length, features). It has no state.
template <class T>
class SinusoidalEncoding : public Layer<T> {
 public:
  EIGENGRAD_COLD SinusoidalEncoding(Index length, Index features, EncodingOptions options = {})
      : options_(options), table_(sinusoidal_encoding<T>(length, features, options.base)) {}

  using Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, Index first, Location where = Location::current()) {
    return this->called_from(where, [&] { return from(x, first); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return from(x, 0); }
  std::string kind() const override { return "SinusoidalEncoding"; }

 private:
  Tensor<T> from(const Tensor<T>& x, Index first) const {
    return {x + rows_beside("SinusoidalEncoding", table_, x.shape(), options_.axis, first), calling_line()};
  }

  EncodingOptions options_;
  Tensor<T> table_;
};

/// x plus a learned row for each position: weight [length, features], N(0, 0.02^2) as GPT-2's.
template <class T>
class LearnedEncoding : public Layer<T> {
 public:
  EIGENGRAD_COLD LearnedEncoding(Index length, Index features, EncodingOptions options = {},
                                 Generator& generator = default_generator())
      : options_(options) {
    require<ValueError>(length >= 0 && features >= 0, "LearnedEncoding: sizes ", length, " and ", features,
                        " must not be negative");
    const auto draw = [](const Shape& shape, double deviation, Generator& random) {
      return init::normal<T>(shape, 0, deviation, random);
    };
    weight.initialize_as({length, features}, {draw, 0.02}, generator);
  }

  using Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, Index first, Location where = Location::current()) {
    return this->called_from(where, [&] { return from(x, first); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return from(x, 0); }
  void members(Members<T>& m) override { m("weight", weight); }
  std::string kind() const override { return "LearnedEncoding"; }

  Parameter<T> weight;

 private:
  Tensor<T> from(const Tensor<T>& x, Index first) const {
    return {x + rows_beside("LearnedEncoding", weight.to_tensor(), x.shape(), options_.axis, first), calling_line()};
  }

  EncodingOptions options_;
};

/// Settings of RotaryEncoding, as of rotary and rotary_table.
struct RotaryEncodingOptions {
  bool interleaved = false;
  Index axis = -2;
  double base = 10000;
};
/// rotary as a layer, for queries and keys [..., positions, features] of as many features as one head has: `length`
/// positions at most. It has no state.
template <class T>
class RotaryEncoding : public Layer<T> {
 public:
  EIGENGRAD_COLD RotaryEncoding(Index length, Index features, RotaryEncodingOptions options = {})
      : options_(options), table_(rotary_table<plain_t<T>>(length, features, options.base)) {}

  using Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, Index first, Location where = Location::current()) {
    return this->called_from(where, [&] { return from(x, first); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return from(x, 0); }
  std::string kind() const override { return "RotaryEncoding"; }

 private:
  Tensor<T> from(const Tensor<T>& x, Index first) const {
    return rotary(x, table_, {options_.interleaved, options_.axis, first}, calling_line());
  }

  RotaryEncodingOptions options_;
  Tensor<plain_t<T>> table_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
