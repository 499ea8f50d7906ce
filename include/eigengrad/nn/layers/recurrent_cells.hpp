#pragma once

#include "../../core/error.hpp"
#include "../../core/generator.hpp"
#include "../../core/shape.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/recurrence/cell.hpp"
#include "../../ops/recurrence.hpp"
#include "../../ops/shape.hpp"
#include "../module/members.hpp"
#include "../module/module.hpp"
#include "recurrent.hpp"

// Recurrent layers' single steps, for loops of one's own; over whole sequences RNN, LSTM and GRU are much faster.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of LSTMCell and GRUCell.
struct RecurrentCellOptions {
  bool bias = true;
};
/// Settings of RNNCell.
struct RNNCellOptions {
  bool bias = true;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
};

/// What the cells share: weight_ih [gates * hidden, in], weight_hh [gates * hidden, hidden], bias_ih, bias_hh.
template <class T>
class RecurrentCellModule : public Module<T> {
 public:
  void members(Members<T>& m) override { part.members(m, ""); }

  RecurrentParameters<T> part;

 protected:
  EIGENGRAD_COLD RecurrentCellModule(const char* name, RecurrentKind kind, Index in, Index hidden, bool bias,
                                     Generator& generator)
      : name_(name), in_(in), hidden_(hidden) {
    require<ValueError>(in >= 0 && hidden > 0, name, ": ", in, " inputs, ", hidden,
                        " hidden units: the inputs must not be negative, the others be positive");
    part.initialize(recurrent_gates(kind), in, hidden, 0, bias, generator);
  }
  /// x [batch, in] or [in], states [batch, hidden] or [hidden] or empty.
  template <RecurrentKind kind>
  RecurrentState<T> step(const Tensor<T>& x, const RecurrentState<T>& state) {
    const Location& where = calling_line();
    const bool one = x.rank() == 1;
    require<ShapeError>(x.rank() >= 1 && x.rank() <= 2 && x.shape().back() == in_, name_, ": x is ", x.shape(),
                        ", where [batch, ", in_, "] or [", in_, "] is needed", where);
    const Index batch = one ? 1 : x.shape()[0];
    const Shape shape = one ? Shape{hidden_} : Shape{batch, hidden_};
    const auto checked = [&](const char* what, const Tensor<T>& of) {
      if (is_left_out(of)) return of;
      require<ShapeError>(of.shape() == shape, name_, ": the state ", what, " is ", of.shape(), ", where ", shape,
                          " is needed for x of ", x.shape(), where);
      return reshape(of, Shape{1, batch, hidden_}, where);
    };
    RecurrentResult<T> result =
        recurrence<kind>(RecurrentOperands<T>(reshape(x, Shape{1, batch, in_}, where), checked("h", state.h),
                                              checked("c", state.c), part.tensors()),
                         {}, where);
    return {reshape(result.h, shape, where), kind == RecurrentKind::lstm ? reshape(result.c, shape, where) : result.c};
  }

 private:
  const char* name_;
  Index in_, hidden_;
};

/// One step of an LSTM: auto [h, c] = cell(x, {h, c}), for x [batch, in] or [in]; without a state from zeros. Throws
/// ShapeError.
template <class T>
class LSTMCell : public RecurrentCellModule<T> {
 public:
  EIGENGRAD_COLD LSTMCell(Index in, Index hidden, RecurrentCellOptions options = {},
                          Generator& generator = default_generator())
      : RecurrentCellModule<T>("LSTMCell", RecurrentKind::lstm, in, hidden, options.bias, generator) {}
  RecurrentState<T> operator()(const Tensor<T>& x, const RecurrentState<T>& state = {},
                               Location where = Location::current()) {
    return this->called_from(where, [&] { return this->template step<RecurrentKind::lstm>(x, state); });
  }
  std::string kind() const override { return "LSTMCell"; }
};

/// One step of a GRU: h = cell(x, h), for x [batch, in] or [in]; without a state from zeros. Throws ShapeError.
template <class T>
class GRUCell : public RecurrentCellModule<T> {
 public:
  EIGENGRAD_COLD GRUCell(Index in, Index hidden, RecurrentCellOptions options = {},
                         Generator& generator = default_generator())
      : RecurrentCellModule<T>("GRUCell", RecurrentKind::gru, in, hidden, options.bias, generator) {}
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& h = {}, Location where = Location::current()) {
    return this->called_from(where, [&] { return this->template step<RecurrentKind::gru>(x, {h, {}}).h; });
  }
  std::string kind() const override { return "GRUCell"; }
};

/// One step of an RNN: h = cell(x, h), for x [batch, in] or [in]; without a state from zeros. Throws ShapeError.
template <class T>
class RNNCell : public RecurrentCellModule<T> {
 public:
  EIGENGRAD_COLD RNNCell(Index in, Index hidden, RNNCellOptions options = {},
                         Generator& generator = default_generator())
      : RecurrentCellModule<T>("RNNCell", RecurrentKind::tanh, in, hidden, options.bias, generator),
        rectified_(options.nonlinearity == Nonlinearity::relu) {}
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& h = {}, Location where = Location::current()) {
    return this->called_from(where, [&] {
      return rectified_ ? this->template step<RecurrentKind::relu>(x, {h, {}}).h
                        : this->template step<RecurrentKind::tanh>(x, {h, {}}).h;
    });
  }
  std::string kind() const override { return "RNNCell"; }

 private:
  bool rectified_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
