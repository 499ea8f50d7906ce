#pragma once

#include "../ops/matmul.hpp"
#include "../ops/shape.hpp"
#include "init.hpp"
#include "module.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// dy [n, m] summed over its rows: the gradient of a bias.
template <class T>
struct ColumnSum {
  const Tensor<T>& dy;

  Shape shape() const { return {dy.shape()[1]}; }
  void write_to(Tensor<T>& target, bool add) const {
    T* to = target.mutable_data();
    const Index rows = dy.shape()[0], columns = dy.shape()[1];
    constexpr Index width = lane_width<T>;
    if (rows > RowSum<T>::block) {
      if (!add) std::fill_n(to, columns, T(0));
      return sum_into(Leaf<T>{dy}, Shape{1, columns}, to, T(1));
    }
    const T* from = dy.data();
    const Index whole = dy.padded() && target.padded() ? columns : columns - columns % width;
    Index j = 0;
    for (; j < whole; j += width) {
      lane_t<T> total = add ? lane::load(to + j) : lane_t<T>(0);
      for (Index i = 0; i < rows; ++i) total = total + lane::load(from + i * columns + j);
      lane::store<T>(to + j, total);
    }
    for (; j < columns; ++j) {
      T total = add ? to[j] : T(0);
      for (Index i = 0; i < rows; ++i) total = total + from[i * columns + j];
      to[j] = total;
    }
  }
  /// Recorded, by the engine's own sum: a formula would be compiled into every program that has a Linear.
  Tensor<T> to_tensor() const {
    const Index columns = dy.shape()[1];
    return recorded_reshape(recorded_sum_to(dy, Shape{1, columns}), Shape{columns});
  }
};

template <class T>
void run_linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, T* y) {
  const Index in = weight.shape()[1];
  const bool biased = bias.size() > 0;
  Gemm<T>::run(x.shape()[0], weight.shape()[0], in, {x.data(), in, 1, x.padded()},
               {weight.data(), 1, in, weight.padded()}, y, false, biased ? bias.data() : nullptr,
               !biased || bias.padded());
}

/// x W^T + b for x [n, in] (more leading axes are batches), W [out, in] and b [out] or empty: one record.
/// Gradients: dx = dy W, dW = dy^T x, db = the sum of dy's rows. Throws ShapeError naming all three.
template <class T>
Tensor<T> linear(const Tensor<T>& x, Tensor<T> weight, const Tensor<T>& bias, Location where = Location::current()) {
  const bool biased = bias.size() > 0;
  require<ShapeError>(weight.rank() == 2 && x.rank() >= 1 && x.shape().back() == weight.shape()[1] &&
                          (!biased || bias.shape() == Shape{weight.shape()[0]}),
                      "linear: x is ", x.shape(), ", weight is ", weight.shape(), ", bias is ", bias.shape(),
                      ": x's last axis must be the weight's second, the bias as long as its first", where);
  const Index in = weight.shape()[1], out = weight.shape()[0];
  if (x.rank() != 2) {
    Shape shape(x.shape().begin(), x.shape().end() - 1);
    const Tensor<T> flat = recorded_reshape(x, Shape{shape.size(), in});
    shape.push_back(out);
    return recorded_reshape(linear(flat, std::move(weight), bias, where), shape);
  }
  const Index n = x.shape()[0];
  Tensor<T> y = Tensor<T>::empty({n, out});
  run_linear(x, weight, bias, y.mutable_data());
  on_replay([&] { return [x, weight, bias, y] { run_linear(x, weight, bias, y.shared_data()); }; });
  if (!records("linear", x, weight, bias)) return y;
  auto dw = wrt(weight, [x](const Tensor<T>& dy) { return Product<T>{{dy, true}, {x}}; });
  auto db = wrt(bias, [](const Tensor<T>& dy) { return ColumnSum<T>{dy}; });
  auto dx = wrt(x, [weight = std::move(weight)](const Tensor<T>& dy) { return Product<T>{{dy}, {weight}}; });
  return record({"linear", where}, std::move(y), dx, dw, db);
}

/// The same for parameters, formulas, and plain numbers beside dual ones.
template <Expression X, Expression W, Expression B>
  requires(!std::is_same_v<X, Tensor<typename X::Element>> || !std::is_same_v<X, W> || !std::is_same_v<X, B>)
auto linear(const X& x, const W& weight, const B& bias, Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return linear<T>(tensor_of<T>(x), tensor_of<T>(weight), tensor_of<T>(bias), where);
}

struct LinearOptions {
  bool bias = true;
};

/// A layer of neurons: y = x W^T + b, [n, in] -> [n, out]. The weight is [out, in], as in PyTorch. It starts uniform in
/// +-1 / sqrt(in), or as the activation after it prefers in a Sequential; the bias uniform in +-1 / sqrt(in).
template <class T>
class Linear : public Module<T> {
 public:
  Linear(Index in, Index out, LinearOptions options = {}, Generator& generator = default_generator()) {
    require<ValueError>(in >= 0 && out >= 0, "Linear: sizes ", in, " and ", out, " must not be negative");
    const double bound = 1 / std::sqrt(static_cast<double>(std::max<Index>(in, 1)));
    weight.initialize_as(init::uniform<T>({out, in}, -bound, bound, generator));
    if (options.bias) bias.initialize_as(init::uniform<T>({out}, -bound, bound, generator));
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    return linear<T>(x, weight.to_tensor(), has_bias() ? bias.to_tensor() : Tensor<T>());
  }
  void members(Members<T>& m) override {
    m("weight", weight);
    if (has_bias()) m("bias", bias);
  }
  std::string kind() const override { return "Linear"; }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (weight.is_fresh()) weight.initialize(initializer.draw(weight.shape(), initializer.gain, default_generator()));
  }
  bool has_bias() const { return bias.size() > 0; }

  Parameter<T> weight;
  Parameter<T> bias;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
