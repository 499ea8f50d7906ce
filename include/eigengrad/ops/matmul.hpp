#pragma once

#include "../autograd/engine/compute.hpp"
#include "../core/loop.hpp"
#include "../core/replay.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/gemm.hpp"
#include "../kernels/gemm/matrix_view.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"
#include "shape.hpp"
#include "sum.hpp"

// The matrix product: vectors, matrices, batches.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A matrix as a product reads it: row-major [rows, columns], or its transpose, without moving anything.
template <class T>
struct Operand {
  const Tensor<T>& tensor;
  bool transposed = false;

  Index rows() const { return tensor.shape()[transposed ? 1 : 0]; }
  Index columns() const { return tensor.shape()[transposed ? 0 : 1]; }
  MatrixView<T> view() const {
    const Index step = tensor.shape()[1];
    return transposed ? MatrixView<T>{kernel_access(tensor).numbers(), 1, step, kernel_access(tensor).padded()}
                      : MatrixView<T>{kernel_access(tensor).numbers(), step, 1, kernel_access(tensor).padded()};
  }
};

/// a . b, not computed until it is written where it is needed: what a product's rules return. Refers to its operands.
template <class T>
struct Product {
  using Element = T;

  Operand<T> a, b;

  Shape shape() const { return {a.rows(), b.columns()}; }
  void write_to(Tensor<T>& target, bool add) const {
    if (ReplayPlan* plan = listening_plan()) [[unlikely]]
      for (const Tensor<T>* operand : {&a.tensor, &b.tensor}) plan->reads("matmul", kernel_access(*operand).block());
    multiply_into(kernel_access(target).writable_numbers(), kernel_access(target).padded(), add);
  }
  void multiply_into(T* target, bool padded, bool add) const {
    Gemm<T>::multiply(a.rows(), b.columns(), a.columns(), a.view(), b.view(), target, add, nullptr, padded);
  }
  /// Recorded: da = dy b^T, db = a^T dy; for an operand that is read transposed, the transpose of that.
  EIGENGRAD_COLD Tensor<T> to_tensor(Location where = {}) const {
    const bool at = a.transposed, bt = b.transposed;
    const auto run = [at, bt](T* to, const Tensor<T>& left, const Tensor<T>& right) {
      Product{{left, at}, {right, bt}}.multiply_into(to, true, false);
    };
    const auto to_a = [at, bt, right = b.tensor](const Tensor<T>& dy) {
      return at ? Product{{right, bt}, {dy, true}} : Product{{dy}, {right, !bt}};
    };
    const auto to_b = [at, bt, left = a.tensor](const Tensor<T>& dy) {
      return bt ? Product{{dy, true}, {left, at}} : Product{{left, !at}, {dy}};
    };
    return compute<T>({"matmul", where}, shape(), run, with_respect_to(a.tensor, to_a),
                      with_respect_to(b.tensor, to_b));
  }
};

/// A product added to the gradient of what the record `node` computes, if that is wanted: as contribute does, in the
/// fewest steps, since small layers spend their time here.
template <class T>
EIGENGRAD_OUTLINE void contribute_product(TypedNode<T>* node, const Product<T>& product) {
  Slot<T>* slot = node != nullptr ? node->slot() : nullptr;
  if (slot == nullptr) return;
  if (records_gradients()) [[unlikely]]
    return contribute_recorded(*slot, node->shape(), product.to_tensor());
  bool add = false;
  Tensor<T>& target = prepare(*slot, product.shape(), add);
  product.multiply_into(kernel_access(target).shared_data(), kernel_access(target).padded(), add);
}

template <Expression A, Expression B>
Tensor<scalar_of<A, B>> matmul(const A& left, const B& right, Location where = Location::current());

/// The products of batches of matrices, a batch being stretched where it broadcasts.
template <class T>
struct BatchedProduct {
  Tensor<T> a, b;
  Shape batch, batch_a, batch_b;
  Index n, k, m;

  void forward(T* y) const {
    for_each([&](const T* left, const T* right, Index i) {
      Gemm<T>::multiply(n, m, k, {left, k, 1}, {right, m, 1}, y + i * n * m, false);
    });
  }
  Tensor<T> gradient_a(const Tensor<T>& dy) const {
    if (records_gradients())
      return recorded_reshape(recorded_sum_to(batched(matrices(dy), transposed(b, k, m)), batch_a + Shape{n, k}),
                              a.shape());
    return gathered(a, batch_a.size(), [&](T* da, const T* left, const T* right, Index i) {
      Gemm<T>::multiply(n, k, m, {kernel_access(dy).numbers() + i * n * m, m, 1}, {right, 1, m},
                        da + (left - kernel_access(a).numbers()), true);
    });
  }
  Tensor<T> gradient_b(const Tensor<T>& dy) const {
    if (records_gradients())
      return recorded_reshape(recorded_sum_to(batched(transposed(a, n, k), matrices(dy)), batch_b + Shape{k, m}),
                              b.shape());
    return gathered(b, batch_b.size(), [&](T* db, const T* left, const T* right, Index i) {
      Gemm<T>::multiply(k, m, n, {left, 1, k}, {kernel_access(dy).numbers() + i * n * m, m, 1},
                        db + (right - kernel_access(b).numbers()), true);
    });
  }

 private:
  /// What `body` adds for every product to the gradient of an operand that `own` matrices make up. Where many meet in
  /// one matrix, what has gathered moves to totals now and then, so that no digits are lost.
  template <class Body>
  Tensor<T> gathered(const Tensor<T>& operand, Index own, const Body& body) const {
    const Index most = own == 1 ? sum_run : few_numbers;
    Tensor<T> result = Tensor<T>::zeros(operand.shape());
    T* const to = kernel_access(result).writable_numbers();
    if (own == 0 || batch.size() / own <= most) {
      for_each([&](const T* left, const T* right, Index i) { body(to, left, right, i); });
      return result;
    }
    const Totals<T> totals(1, result.size());
    const auto flush = [&] { totals.take_numbers(0, to, result.size()); };
    for_each([&](const T* left, const T* right, Index i) {
      body(to, left, right, i);
      if ((i + 1) % most == 0) flush();
    });
    flush();
    totals.move_to(to, T(1), 0, result.size());
    return result;
  }
  // For gradients of gradients, the same as recorded products.
  Tensor<T> matrices(const Tensor<T>& dy) const { return recorded_reshape(dy, batch + Shape{n, m}); }
  static Tensor<T> transposed(const Tensor<T>& x, Index rows, Index columns) {
    const Shape shape = x.rank() == 1 ? Shape{rows, columns} : x.shape();
    return transpose(recorded_reshape(x, shape));
  }
  static Tensor<T> batched(const Tensor<T>& left, const Tensor<T>& right) { return matmul(left, right); }

  template <class Body>
  void for_each(Body&& body) const {
    const Loop loop(batch, {&batch_a, &batch_b});
    Index i = 0;
    loop.for_each_row([&](const Index* offsets) {
      for (Index j = 0; j < loop.row; ++j, ++i)
        body(kernel_access(a).numbers() + (offsets[0] + j * loop.row_strides[0]) * n * k,
             kernel_access(b).numbers() + (offsets[1] + j * loop.row_strides[1]) * k * m, i);
    });
  }
};

/// matmul with vectors or batches: brought to [batch..., n, k] . [batch..., k, m].
template <class T>
Tensor<T> batched_matmul(const Tensor<T>& a, const Tensor<T>& b, const Location& where) {
  const Shape left = a.rank() == 1 ? Shape{1} + a.shape() : a.shape();
  const Shape right = b.rank() == 1 ? b.shape() + Shape{1} : b.shape();
  const Index n = left[left.rank() - 2], k = left.back(), m = right.back();
  const Shape batch_a(left.begin(), left.end() - 2), batch_b(right.begin(), right.end() - 2);
  Shape batch;
  try {
    batch = broadcast(batch_a, batch_b, "matmul");
  } catch (const ShapeError&) {
    fail<ShapeError>("matmul: a is ", a.shape(), ", b is ", b.shape(),
                     ": the leading axes, which are batches, do not broadcast", where);
  }
  Shape shape = batch;
  if (a.rank() > 1) shape.push_back(n);
  if (b.rank() > 1) shape.push_back(m);

  const BatchedProduct<T> product{a, b, batch, batch_a, batch_b, n, k, m};
  return compute<T>(
      {"matmul", where}, shape, [product](T* to, const Tensor<T>&, const Tensor<T>&) { product.forward(to); },
      with_respect_to(a, [product](const Tensor<T>& dy) { return product.gradient_a(dy); }),
      with_respect_to(b, [product](const Tensor<T>& dy) { return product.gradient_b(dy); }));
}

template <Expression A, Expression B>
  requires(!std::is_same_v<plain_t<typename A::Element>, plain_t<typename B::Element>>)
Tensor<typename A::Element> matmul(const A&, const B&, Location = {}) {
  static_assert(std::is_same_v<plain_t<typename A::Element>, plain_t<typename B::Element>>,
                "matmul of two number types: cast<T>(tensor) one of them");
  return {};
}
/// The matrix product, as NumPy's: [n, k] . [k, m] -> [n, m]; a vector is a row on the left, a column on the right, and
/// its axis is dropped from the result; leading axes are batches and broadcast. Gradients: dy b^T and a^T dy.
/// Throws ShapeError when the inner sizes differ or an operand has no axes.
template <Expression A, Expression B>
Tensor<scalar_of<A, B>> matmul(const A& left, const B& right, Location where) {
  using T = scalar_of<A, B>;
  const Tensor<T>& a = tensor_of<T>(left);
  const Tensor<T>& b = tensor_of<T>(right);
  require<ShapeError>(a.rank() > 0 && b.rank() > 0, "matmul: a is ", a.shape(), ", b is ", b.shape(),
                      ": a product needs vectors or matrices; multiply by a scalar with *", where);
  const Index inner_a = a.shape().back(), inner_b = b.shape()[b.rank() > 1 ? b.rank() - 2 : 0];
  require<ShapeError>(inner_a == inner_b, "matmul: inner sizes differ: a is ", a.shape(), ", b is ", b.shape(),
                      ": a's last axis must be as long as b's last but one", where);
  if (a.rank() == 2 && b.rank() == 2) return Product<T>{{a}, {b}}.to_tensor(where);
  return batched_matmul(a, b, where);
}

// Compiled: struct Product<T>
// Compiled: void contribute_product(TypedNode<T>*, const Product<T>&)
// Compiled: Tensor<T> batched_matmul(const Tensor<T>&, const Tensor<T>&, const Location&)
// Compiled: Tensor<T> matmul(const Tensor<T>&, const Parameter<T>&, Location)
// Compiled on X: Tensor<T> matmul(const X&, const Tensor<T>&, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
