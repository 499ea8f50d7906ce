#pragma once

#include "../ops/matmul.hpp"
#include "../ops/shape.hpp"
#include "init.hpp"
#include "module.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// dy [n, m] summed over its rows: the gradient of a bias.
template <class T>
struct ColumnSum {
  Tensor<T> dy;

  Shape shape() const { return {dy.shape()[1]}; }
  void write_to(Tensor<T>& target, bool add) const {
    T* to = target.mutable_data();
    if (!add) std::fill_n(to, target.size(), T(0));
    sum_into(Leaf<T>{dy}, Shape{1, dy.shape()[1]}, to, T(1));
  }
  Tensor<T> to_tensor() const { return sum(dy, 0); }
};

/// x W^T + b for x [n, in] (more leading axes are batches), W [out, in] and b [out] or empty: one record.
/// Gradients: dx = dy W, dW = dy^T x, db = the sum of dy's rows. Throws ShapeError naming all three.
template <class T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, Location where = Location::current()) {
  const bool biased = bias.size() > 0;
  require<ShapeError>(weight.rank() == 2 && x.rank() >= 1 && x.shape().back() == weight.shape()[1] &&
                          (!biased || bias.shape() == Shape{weight.shape()[0]}),
                      "linear: x is ", x.shape(), ", weight is ", weight.shape(), ", bias is ", bias.shape(),
                      ": x's last axis must be the weight's second, the bias as long as its first", where);
  const Index in = weight.shape()[1], out = weight.shape()[0];
  if (x.rank() != 2) {
    Shape shape(x.shape().begin(), x.shape().end() - 1);
    const Tensor<T> flat = reshape(x, {shape.size(), in});
    shape.push_back(out);
    return reshape(linear(flat, weight, bias, where), shape);
  }
  const Index n = x.shape()[0];
  Tensor<T> y = Tensor<T>::empty({n, out});
  Gemm<T>::run(n, out, in, {x.data(), in, 1}, {weight.data(), 1, in}, y.mutable_data(), false, biased ? bias.data() : nullptr);
  if (!records("linear", x, weight, bias)) return y;
  return record("linear", std::move(y), wrt(x, [weight](const Tensor<T>& dy) { return Product<T>{{dy}, {weight}}; }),
                wrt(weight, [x](const Tensor<T>& dy) { return Product<T>{{dy, true}, {x}}; }),
                wrt(bias, [](const Tensor<T>& dy) { return ColumnSum<T>{dy}; }));
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

  Tensor<T> forward(const Tensor<T>& x) override { return linear<T>(x, weight.to_tensor(), has_bias() ? bias.to_tensor() : Tensor<T>()); }
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
