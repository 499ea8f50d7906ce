// ONNX's own tests of nodes that are operations here, in float; tests/nn/onnx_nodes.cpp has those that are layers.
#include "eigengrad/eigengrad.hpp"

#include <set>

#include "eigengrad/ops/rectifiers.hpp"
#include "eigengrad/ops/smooth_activations.hpp"
#include "support/onnx_node.hpp"

namespace eg = eigengrad;
using eg::Index, eg::Shape;
using onnx::axes_of;
using onnx::axis_from_front;
using onnx::F, onnx::List, onnx::Node, onnx::Whole, onnx::Runs;

namespace {

using N = const Node&;

template <class Operation>
List reduced(const Node& n, const Operation& operation) {
  std::vector<Index> axes;
  if (n.has(1))
    axes = n.list(1);
  else if (n.given.has("axes"))
    axes = n.given.integers("axes");
  return {F(operation(n[0], axes_of(axes), n.integer("keepdims", 1) != 0))};
}
List place_of_extreme(const Node& n, bool largest) {
  const Index axis = n.integer("axis", 0);
  const bool keepdims = n.integer("keepdims", 1) != 0;
  return {eg::cast<float>(largest ? eg::argmax(n[0], axis, keepdims) : eg::argmin(n[0], axis, keepdims))};
}
template <class Operation>
List folded(const Node& n, const Operation& operation) {
  F result = n[0];
  for (int k = 1; n.has(k); ++k) result = operation(result, n[k]);
  return {result};
}
Whole from_front(Whole places, Index size) {
  for (Index i = 0; i < places.size(); ++i)
    if (places.data()[i] < 0) places.mutable_data()[i] += size;
  return places;
}
List gather(const Node& n) {
  const F x = n[0];
  const Index axis = axis_from_front(n.integer("axis", 0), x);
  const Whole places = from_front(n.whole(1), x.shape()[axis]);
  Shape shape;
  for (Index i = 0; i < x.rank(); ++i) i == axis ? shape = shape + places.shape() : shape = shape + Shape{x.shape()[i]};
  return {reshape(index_select(x, axis, reshape(places, {places.size()})), shape)};
}
List gather_elements(const Node& n) {
  const Index axis = axis_from_front(n.integer("axis", 0), n[0]);
  return {eg::gather(n[0], axis, from_front(n.whole(1), n[0].shape()[axis]))};
}
List slice(const Node& n) {
  F x = n[0];
  const std::vector<Index> begin = n.list(1), end = n.list(2);
  for (std::size_t i = 0; i < begin.size(); ++i)
    x = eg::slice(x, n.has(3) ? n.list(3)[i] : static_cast<Index>(i), begin[i], end[i], n.has(4) ? n.list(4)[i] : 1);
  return {x};
}
List unsqueeze(const Node& n) {
  F x = n[0];
  std::vector<Index> axes = n.list(1);
  const Index rank = x.rank() + static_cast<Index>(axes.size());
  for (Index& axis : axes) axis = axis < 0 ? axis + rank : axis;
  for (const Index axis : std::set<Index>(axes.begin(), axes.end())) x = eg::unsqueeze(x, axis);
  return {x};
}
List transpose(const Node& n) {
  std::vector<Index> order;
  for (Index axis = n[0].rank(); axis-- > 0;) order.push_back(axis);
  return {permute(n[0], axes_of(n.given.has("perm") ? n.given.integers("perm") : order))};
}

List lp_normalization(const Node& n) {
  const Index axis = n.integer("axis", -1);
  const F size = n.integer("p", 2) == 2 ? norm(n[0], axis, true) : sum(abs(n[0]), axis, true);
  return {F(n[0] / where(size == 0.0f, 1.0f, size))};
}

const Runs& runs() {
  static const Runs all = {
      {"Abs", [](N n) -> List { return {abs(n[0])}; }},
      {"Add", [](N n) -> List { return {n[0] + n[1]}; }},
      {"ArgMax", [](N n) { return place_of_extreme(n, true); }},
      {"ArgMin", [](N n) { return place_of_extreme(n, false); }},
      {"Celu", [](N n) -> List { return {celu(n[0], n.number("alpha", 1))}; }},
      {"Clip",
       [](N n) -> List {
         F x = n[0];
         if (n.has(1)) x = maximum(x, n[1]);
         if (n.has(2)) x = minimum(x, n[2]);
         return {n.has(1) && n.has(2) ? F(clamp(n[0], n[1], n[2])) : x};
       }},
      {"Concat", [](N n) -> List { return {eg::concatenate({n[0], n[1]}, n.integer("axis", 0))}; }},
      {"Cos", [](N n) -> List { return {cos(n[0])}; }},
      {"Div", [](N n) -> List { return {n[0] / n[1]}; }},
      {"Elu", [](N n) -> List { return {elu(n[0], n.number("alpha", 1))}; }},
      {"Erf", [](N n) -> List { return {erf(n[0])}; }},
      {"Exp", [](N n) -> List { return {exp(n[0])}; }},
      {"Expand",
       [](N n) -> List {
         const std::vector<Index> list = n.list(1);
         return {broadcast_to(n[0], eg::broadcast(n[0].shape(), Shape(list.begin(), list.end()), "expand"))};
       }},
      {"Gather", gather},
      {"GatherElements", gather_elements},
      {"Gelu",
       [](N n) -> List { return {n.word("approximate", "none") == "tanh" ? F(gelu_tanh(n[0])) : F(gelu(n[0]))}; }},
      {"Gemm",
       [](N n) -> List {
         const F a = n.integer("transA", 0) != 0 ? eg::transpose(n[0]) : n[0];
         const F b = n.integer("transB", 0) != 0 ? eg::transpose(n[1]) : n[1];
         const F product = static_cast<float>(n.number("alpha", 1)) * matmul(a, b);
         return {n.has(2) ? F(product + static_cast<float>(n.number("beta", 1)) * n[2]) : product};
       }},
      {"HardSigmoid",  // the slope is 1 / 6 here
       [](N n) -> List {
         const auto alpha = static_cast<float>(n.number("alpha", 0.2)),
                    beta = static_cast<float>(n.number("beta", 0.5));
         return {hardsigmoid(6 * alpha * n[0] + 6 * (beta - 0.5f))};
       }},
      {"HardSwish", [](N n) -> List { return {hardswish(n[0])}; }},
      {"LeakyRelu", [](N n) -> List { return {leaky_relu(n[0], n.number("alpha", 0.01))}; }},
      {"Log", [](N n) -> List { return {log(n[0])}; }},
      {"LogSoftmax", [](N n) -> List { return {log_softmax(n[0], n.integer("axis", -1))}; }},
      {"LpNormalization", lp_normalization},
      {"MatMul", [](N n) -> List { return {matmul(n[0], n[1])}; }},
      {"Max", [](N n) { return folded(n, [](const F& a, const F& b) { return maximum(a, b); }); }},
      {"Mean",
       [](N n) -> List {
         float count = 1;
         while (n.has(static_cast<int>(count))) ++count;
         return {folded(n, [](const F& a, const F& b) { return a + b; })[0] / count};
       }},
      {"Min", [](N n) { return folded(n, [](const F& a, const F& b) { return minimum(a, b); }); }},
      {"Mish", [](N n) -> List { return {mish(n[0])}; }},
      {"Mul", [](N n) -> List { return {n[0] * n[1]}; }},
      {"Neg", [](N n) -> List { return {-n[0]}; }},
      {"PRelu",  // slopes of the last axis there, of axis 1 here
       [](N n) -> List { return {permute(prelu(permute(n[0], {0, 2, 1}), n[1]), {0, 2, 1})}; }},
      {"Pow", [](N n) -> List { return {pow(n[0], n[1])}; }},
      {"Reciprocal", [](N n) -> List { return {1.0f / n[0]}; }},
      {"ReduceL1",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return sum(abs(x), a, k); }); }},
      {"ReduceL2", [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return norm(x, a, k); }); }},
      {"ReduceLogSum",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return log(sum(x, a, k)); }); }},
      {"ReduceLogSumExp",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return log_sum_exp(x, a, k); }); }},
      {"ReduceMax",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return (eg::max)(x, a, k); }); }},
      {"ReduceMean",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return mean(x, a, k); }); }},
      {"ReduceMin",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return (eg::min)(x, a, k); }); }},
      {"ReduceProd",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return prod(x, a, k); }); }},
      {"ReduceSum", [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return sum(x, a, k); }); }},
      {"ReduceSumSquare",
       [](N n) { return reduced(n, [](const F& x, const eg::Axes& a, bool k) { return sum(square(x), a, k); }); }},
      {"Relu", [](N n) -> List { return {relu(n[0])}; }},
      {"Selu",
       [](N n) -> List {
         if (!n.given.has("alpha")) return {selu(n[0])};
         return {static_cast<float>(n.number("gamma", 0)) * elu(n[0], n.number("alpha", 0))};
       }},
      {"Shrink",
       [](N n) -> List {
         const double limit = n.number("lambd", 0.5);
         return {n.number("bias", 0) == 0 ? F(hardshrink(n[0], limit)) : F(softshrink(n[0], limit))};
       }},
      {"Sigmoid", [](N n) -> List { return {sigmoid(n[0])}; }},
      {"Sign", [](N n) -> List { return {sign(n[0])}; }},
      {"Sin", [](N n) -> List { return {sin(n[0])}; }},
      {"Slice", slice},
      {"Softmax", [](N n) -> List { return {softmax(n[0], n.integer("axis", -1))}; }},
      {"Softplus", [](N n) -> List { return {softplus(n[0])}; }},
      {"Softsign", [](N n) -> List { return {softsign(n[0])}; }},
      {"Sqrt", [](N n) -> List { return {sqrt(n[0])}; }},
      {"Squeeze", [](N n) -> List { return {squeeze(n[0], axes_of(n.list(1)))}; }},
      {"Sub", [](N n) -> List { return {n[0] - n[1]}; }},
      {"Sum", [](N n) { return folded(n, [](const F& a, const F& b) { return a + b; }); }},
      {"SwiGLU",
       [](N n) -> List {
         const auto alpha = static_cast<float>(n.number("alpha", 1));
         return {F(silu(alpha * n[0])) / alpha * n[1]};
       }},
      {"Swish", [](N n) -> List { return {silu(n[0])}; }},
      {"Tan", [](N n) -> List { return {tan(n[0])}; }},
      {"Tanh", [](N n) -> List { return {tanh(n[0])}; }},
      {"ThresholdedRelu", [](N n) -> List { return {threshold(n[0], n.number("alpha", 1), 0)}; }},
      {"Transpose", transpose},
      {"Unsqueeze", unsqueeze},
      {"Where", [](N n) -> List { return {where(n.any(0).as<bool>(), n[1], n[2])}; }},
  };
  return all;
}

}  // namespace

TEST(OnnxNodes, AreOurOperations) { EXPECT_EQ(onnx::compare(runs()), 277); }
