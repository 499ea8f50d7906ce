#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/error.hpp"
#include "../../core/generator.hpp"
#include "../../core/shape.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/recurrence/cell.hpp"
#include "../../ops/index.hpp"
#include "../../ops/recurrence.hpp"
#include "../module/init.hpp"
#include "../module/layer.hpp"
#include "dropout.hpp"
#include "recurrent_stream.hpp"

// Recurrent layers: sequences in, sequences out.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What an RNN does with its sums.
enum class Nonlinearity { tanh, relu };

/// Settings of RNN. Dropout acts between layers, in training.
struct RNNOptions {
  Index layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
};
/// Settings of LSTM; with proj_size the state has as many numbers, the cells still `hidden`.
struct LSTMOptions {
  Index layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  Index proj_size = 0;
};
/// Settings of GRU.
struct GRUOptions {
  Index layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
};

/// What a recurrent layer gives: auto [output, state] = lstm(x).
template <class T>
struct RecurrentOutput {
  Tensor<T> output;
  RecurrentState<T> state;
};

/// One direction of one layer: weight_ih [gates * hidden, in], weight_hh [gates * hidden, state], biases [gates *
/// hidden], weight_hr [proj_size, hidden]. What there is not is empty.
template <class T>
struct RecurrentParameters {
  Parameter<T> weight_ih, weight_hh, bias_ih, bias_hh, weight_hr;

  RecurrentTensors<T> tensors() const {
    const auto tensor = [](const Parameter<T>& parameter) {
      return parameter.size() > 0 ? parameter.to_tensor() : Tensor<T>();
    };
    return {weight_ih.to_tensor(), weight_hh.to_tensor(), tensor(bias_ih), tensor(bias_hh), tensor(weight_hr)};
  }
  void members(Members<T>& m, const std::string& end) {
    m("weight_ih" + end, weight_ih);
    m("weight_hh" + end, weight_hh);
    if (bias_ih.size() > 0) m("bias_ih" + end, bias_ih);
    if (bias_hh.size() > 0) m("bias_hh" + end, bias_hh);
    if (weight_hr.size() > 0) m("weight_hr" + end, weight_hr);
  }
  EIGENGRAD_COLD void initialize(Index gates, Index in, Index hidden, Index projected, bool bias,
                                 Generator& generator) {
    const WeightInitializer<T> uniform{&init::uniform_within<T>, 1 / std::sqrt(static_cast<double>(hidden))};
    weight_ih.initialize_as({gates * hidden, in}, uniform, generator);
    weight_hh.initialize_as({gates * hidden, projected > 0 ? projected : hidden}, uniform, generator);
    if (bias) bias_ih.initialize_as({gates * hidden}, uniform, generator);
    if (bias) bias_hh.initialize_as({gates * hidden}, uniform, generator);
    if (projected > 0) weight_hr.initialize_as({projected, hidden}, uniform, generator);
  }
};

/// What RNN, LSTM and GRU share. As a layer among others it gives the output alone.
template <class T>
class Recurrent : public Layer<T> {
 public:
  /// x [steps, batch, in] or, with batch_first, [batch, steps, in], or one sequence [steps, in], after `state`, or
  /// zeros: the output [..., directions * state], and the state behind it. `lengths` [batch]: sequences that end
  /// earlier; behind their ends the output is 0. Throws ShapeError.
  RecurrentOutput<T> operator()(const Tensor<T>& x, const RecurrentState<T>& state = {},
                                const Tensor<std::int64_t>& lengths = {}, Location where = Location::current()) {
    return this->called_from(where, [&] { return run(x, state, lengths); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return run(x, {}, {}).output; }
  void members(Members<T>& m) override {
    for (std::size_t i = 0; i < parts.size(); ++i)
      parts[i].members(m, "_l" + std::to_string(i / directions()) + (i % directions() == 1 ? "_reverse" : ""));
    m("between", between);
  }
  /// For real time: takes x [batch, in] step by step, with the weights as they are now. Throws ValueError if
  /// bidirectional.
  RecurrentStream<T> stream(Index batch = 1, Location where = Location::current()) const {
    require<ValueError>(!setting_.bidirectional, this->kind(),
                        ": a bidirectional layer needs whole sequences: call it on them", where);
    require<ValueError>(batch >= 0, this->kind(), ": the batch is ", batch, ": it must not be negative", where);
    RecurrentStream<T> result(batch, setting_.inputs, state_size(), setting_.kind == RecurrentKind::lstm,
                              setting_.hidden);
    for (const RecurrentParameters<T>& part : parts) result.add(stepper(sizes_of_step(part, batch), part));
    return result;
  }

  RecurrentKind recurrence_kind() const { return setting_.kind; }
  bool is_batch_first() const { return setting_.batch_first; }
  bool is_bidirectional() const { return setting_.bidirectional; }

  /// In order: layer after layer, both directions of each.
  std::vector<RecurrentParameters<T>> parts;
  /// Acts on what one layer gives to the next.
  Dropout<T> between;

 protected:
  struct Setting {
    RecurrentKind kind;
    Index inputs, hidden, layers;
    bool bias, batch_first, bidirectional;
    Index projected = 0;
  };
  EIGENGRAD_COLD Recurrent(const char* name, const Setting& setting, double dropout, Generator& generator)
      : between(dropout), setting_(setting) {
    require<ValueError>(setting.inputs >= 0 && setting.hidden > 0 && setting.layers > 0, name, ": ", setting.inputs,
                        " inputs, ", setting.hidden, " hidden units, ", setting.layers,
                        " layers: the inputs must not be negative, the others be positive");
    require<ValueError>(setting.projected >= 0 && setting.projected < setting.hidden, name, ": proj_size is ",
                        setting.projected, ": it must be below the ", setting.hidden, " hidden units, or 0 for none");
    for (Index layer = 0; layer < setting.layers; ++layer)
      for (std::size_t d = 0; d < directions(); ++d) {
        const Index below = static_cast<Index>(directions()) * state_size();
        parts.emplace_back().initialize(recurrent_gates(setting.kind), layer == 0 ? setting.inputs : below,
                                        setting.hidden, setting.projected, setting.bias, generator);
      }
  }
  virtual RecurrentResult<T> run_layer(const RecurrentOperands<T>& given, const RecurrentOptions& options) = 0;
  virtual RecurrentStepperHandle<T> stepper(const RecurrentSizes& sizes, const RecurrentParameters<T>& part) const = 0;

 private:
  std::size_t directions() const { return setting_.bidirectional ? 2 : 1; }
  Index state_size() const { return setting_.projected > 0 ? setting_.projected : setting_.hidden; }
  RecurrentSizes sizes_of_step(const RecurrentParameters<T>& part, Index batch) const {
    RecurrentSizes sizes;
    sizes.steps = 1;
    sizes.batch = batch;
    sizes.inputs = part.weight_ih.shape()[1];
    sizes.hidden = setting_.hidden;
    sizes.projected = setting_.projected;
    return sizes;
  }

  RecurrentOutput<T> run(const Tensor<T>& x, const RecurrentState<T>& state, const Tensor<std::int64_t>& lengths) {
    const Location& where = calling_line();
    const Index count = static_cast<Index>(directions());
    if (x.rank() == 2) [[unlikely]]
      return run_one(x, state, lengths);
    require_fitting(x, state);
    RecurrentOutput<T> result{x, {}};
    for (Index layer = 0; layer < setting_.layers; ++layer) {
      const auto own = [&](const Tensor<T>& all) {
        return is_left_out(all) || setting_.layers == 1 ? all
                                                        : slice(all, 0, layer * count, (layer + 1) * count, 1, where);
      };
      const RecurrentParameters<T>* const part = parts.data() + layer * count;
      RecurrentResult<T> next =
          run_layer(RecurrentOperands<T>(result.output, own(state.h), own(state.c), part[0].tensors(),
                                         count == 2 ? part[1].tensors() : RecurrentTensors<T>()),
                    {setting_.batch_first, lengths});
      result.output = layer + 1 < setting_.layers ? between.forward(next.output) : std::move(next.output);
      result.state.h = layer == 0 ? std::move(next.h) : append_states(result.state.h, next.h, where);
      if (setting_.kind == RecurrentKind::lstm)
        result.state.c = layer == 0 ? std::move(next.c) : append_states(result.state.c, next.c, where);
    }
    return result;
  }
  /// One sequence [steps, in], with states [layers * directions, ...].
  EIGENGRAD_COLD RecurrentOutput<T> run_one(const Tensor<T>& x, const RecurrentState<T>& state,
                                            const Tensor<std::int64_t>& lengths) {
    const Location& where = calling_line();
    const auto raised = [&](const Tensor<T>& of) { return of.rank() == 2 ? unsqueeze(of, 1, where) : of; };
    const Index batch = setting_.batch_first ? 0 : 1;
    RecurrentOutput<T> result = run(unsqueeze(x, batch, where), {raised(state.h), raised(state.c)}, lengths);
    result.output = squeeze(result.output, batch, where);
    result.state.h = squeeze(result.state.h, 1, where);
    if (setting_.kind == RecurrentKind::lstm) result.state.c = squeeze(result.state.c, 1, where);
    return result;
  }
  EIGENGRAD_COLD void require_fitting(const Tensor<T>& x, const RecurrentState<T>& state) const {
    const Location& where = calling_line();
    require<ShapeError>(x.rank() == 3 && x.shape()[2] == setting_.inputs, this->kind(), ": x is ", x.shape(),
                        ", where ", setting_.batch_first ? "[batch, steps, " : "[steps, batch, ", setting_.inputs,
                        "], or one sequence [steps, ", setting_.inputs, "], is needed", where);
    const Index count = setting_.layers * static_cast<Index>(directions()),
                batch = x.shape()[setting_.batch_first ? 0 : 1];
    const auto require_shape = [&](const char* what, const Tensor<T>& tensor, const Shape& shape) {
      require<ShapeError>(is_left_out(tensor) || tensor.shape() == shape, this->kind(), ": ", what, " is ",
                          tensor.shape(), ", where [layers * directions, batch, numbers] = ", shape,
                          " is needed for x of ", x.shape(), where);
    };
    require_shape("the state h", state.h, {count, batch, state_size()});
    require<ShapeError>(setting_.kind == RecurrentKind::lstm || is_left_out(state.c), this->kind(),
                        ": the state has cells c of ", state.c.shape(), ", which only an LSTM has: give h alone",
                        where);
    require_shape("the state's cells c", state.c, {count, batch, setting_.hidden});
  }

  Setting setting_;
};

/// Long short-term memory. Per step i, f, o = sigmoid, g = tanh of W_ih x + b_ih + W_hh h + b_hh (rows in the order i,
/// f, g, o); c = f c + i g; h = o tanh(c), projected by weight_hr if there is a proj_size. All weights start uniform in
/// +-1 / sqrt(hidden). Hochreiter, Schmidhuber: Long short-term memory, 1997; Gers, Schmidhuber, Cummins, 2000.
template <class T>
class LSTM : public Recurrent<T> {
 public:
  EIGENGRAD_COLD LSTM(Index in, Index hidden, LSTMOptions o = {}, Generator& generator = default_generator())
      : Recurrent<T>("LSTM",
                     {RecurrentKind::lstm, in, hidden, o.layers, o.bias, o.batch_first, o.bidirectional, o.proj_size},
                     o.dropout, generator) {}
  std::string kind() const override { return "LSTM"; }

 protected:
  RecurrentResult<T> run_layer(const RecurrentOperands<T>& given, const RecurrentOptions& options) override {
    return recurrence<RecurrentKind::lstm>(given, options, calling_line());
  }
  RecurrentStepperHandle<T> stepper(const RecurrentSizes& sizes, const RecurrentParameters<T>& part) const override {
    return make_stepper<RecurrentKind::lstm>(sizes, part);
  }
};

/// Gated recurrent unit. Per step r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh), n = tanh(W_in x + b_in + r (W_hn h +
/// b_hn)) (rows in the order r, z, n); h = (1 - z) n + z h. All weights start uniform in +-1 / sqrt(hidden). Cho and
/// others: Learning phrase representations using RNN encoder-decoder, 2014.
template <class T>
class GRU : public Recurrent<T> {
 public:
  EIGENGRAD_COLD GRU(Index in, Index hidden, GRUOptions o = {}, Generator& generator = default_generator())
      : Recurrent<T>("GRU", {RecurrentKind::gru, in, hidden, o.layers, o.bias, o.batch_first, o.bidirectional},
                     o.dropout, generator) {}
  std::string kind() const override { return "GRU"; }

 protected:
  RecurrentResult<T> run_layer(const RecurrentOperands<T>& given, const RecurrentOptions& options) override {
    return recurrence<RecurrentKind::gru>(given, options, calling_line());
  }
  RecurrentStepperHandle<T> stepper(const RecurrentSizes& sizes, const RecurrentParameters<T>& part) const override {
    return make_stepper<RecurrentKind::gru>(sizes, part);
  }
};

/// Per step h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. All weights start uniform in +-1 / sqrt(hidden). Elman:
/// Finding structure in time, 1990.
template <class T>
class RNN : public Recurrent<T> {
 public:
  EIGENGRAD_COLD RNN(Index in, Index hidden, RNNOptions o = {}, Generator& generator = default_generator())
      : Recurrent<T>("RNN",
                     {o.nonlinearity == Nonlinearity::relu ? RecurrentKind::relu : RecurrentKind::tanh, in, hidden,
                      o.layers, o.bias, o.batch_first, o.bidirectional},
                     o.dropout, generator),
        rectified_(o.nonlinearity == Nonlinearity::relu) {}
  std::string kind() const override { return "RNN"; }

 protected:
  RecurrentResult<T> run_layer(const RecurrentOperands<T>& given, const RecurrentOptions& options) override {
    return rectified_ ? recurrence<RecurrentKind::relu>(given, options, calling_line())
                      : recurrence<RecurrentKind::tanh>(given, options, calling_line());
  }
  RecurrentStepperHandle<T> stepper(const RecurrentSizes& sizes, const RecurrentParameters<T>& part) const override {
    return rectified_ ? make_stepper<RecurrentKind::relu>(sizes, part) : make_stepper<RecurrentKind::tanh>(sizes, part);
  }

 private:
  bool rectified_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
