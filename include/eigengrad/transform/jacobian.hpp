#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../ops/join.hpp"
#include "../ops/sum.hpp"
#include "push.hpp"

// Products with Jacobians and Hessians, and the whole of them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// u -> J^T u at the point where vjp was called; may be called again and again.
template <class T, class Wrt>
class Pullback {
 public:
  explicit Pullback(const RecordedFunction<T>& recorded)
      : own_(recorded.tape().own()),
        tape_(recorded.tape().state()),
        value_(recorded.value()),
        inputs_(recorded.inputs()) {}

  /// The vector-Jacobian product with u, of the result's shape. Throws GradientError once the tape around vjp has
  /// ended.
  auto operator()(const Tensor<T>& u, Location where = Location::current()) const {
    require<ShapeError>(u.shape() == value_.shape(), "vjp: the function gives ", value_.shape(), ", the vector is ",
                        u.shape(), ": give a vector of the result's shape", where);
    require<GradientError>(kernel_access(inputs_[0]).link().serial == tape_->serial.load(std::memory_order_acquire),
                           "vjp: the tape that recorded the function has ended: call the pullback while it lives",
                           where);
    return Wrt::give(pull_back(tape_, value_, u, inputs_, own_ == nullptr && recording_tape() == tape_));
  }

 private:
  std::shared_ptr<Delayed<Tape, T>> own_;
  TapeState* tape_;
  Tensor<T> value_;
  std::vector<Tensor<T>> inputs_;
};

/// F(x) and the function u -> J^T u, J being F's Jacobian at x: auto [out, pullback] = vjp(F, x).
template <class F, class X>
auto vjp(const F& f, const X& x) {
  const auto wrt = differentiated(x);
  using Wrt = std::decay_t<decltype(wrt)>;
  const RecordedFunction<typename Wrt::Element> recorded(f, wrt);
  return std::pair(recorded.tape().out(recorded.value()), Pullback<typename Wrt::Element, Wrt>(recorded));
}

template <class T>
Tensor<T> sum_of(const std::vector<Tensor<T>>& parts) {
  Tensor<T> total = parts[0];
  for (std::size_t k = 1; k < parts.size(); ++k) total = recorded_add(total, parts[k]);
  return total;
}

/// The transpose of a pullback: J^T u is linear in u, so the gradient of v . J^T u with respect to u is J v.
template <class T>
class Transposed {
 public:
  explicit Transposed(const RecordedFunction<T>& recorded)
      : u_(recorded.tape().input(Tensor<T>::zeros(recorded.value().shape()))), pulled_(recorded.pull(u_, true)) {}

  /// J v, v having one tensor per input.
  Tensor<T> push(TapeState* tape, const std::vector<Tensor<T>>& v, bool create_graph) const {
    std::vector<Tensor<T>> parts;
    for (std::size_t k = 0; k < v.size(); ++k) parts.push_back(push_one(tape, k, v[k], create_graph));
    return sum_of(parts);
  }
  Tensor<T> push_one(TapeState* tape, std::size_t k, const Tensor<T>& v, bool create_graph) const {
    return pull_back<T>(tape, pulled_[k], v, {u_}, create_graph)[0];
  }

 private:
  Tensor<T> u_;
  std::vector<Tensor<T>> pulled_;
};

template <Expression V>
auto directions(const V& v) {
  return std::vector<Tensor<typename V::Element>>{v.to_tensor()};
}
template <class T>
const std::vector<Tensor<T>>& directions(const std::vector<Tensor<T>>& v) {
  return v;
}

/// v -> J v at the point where linearize was called; may be called again and again.
template <class T>
class Pushforward {
 public:
  explicit Pushforward(const RecordedFunction<T>& recorded)
      : own_(recorded.tape().own()),
        tape_(recorded.tape().state()),
        inputs_(recorded.inputs()),
        transposed_(recorded) {}

  /// The Jacobian-vector product with v, of the input's shape (a list of them for a list).
  template <class V>
  Tensor<T> operator()(const V& v, Location where = Location::current()) const {
    const auto& list = directions(v);
    require_shapes_of("linearize", inputs_, list, where);
    require<GradientError>(kernel_access(inputs_[0]).link().serial == tape_->serial.load(std::memory_order_acquire),
                           "linearize: the tape that recorded the function has ended: call it while that lives", where);
    return transposed_.push(tape_, list, own_ == nullptr && recording_tape() == tape_);
  }

 private:
  std::shared_ptr<Delayed<Tape, T>> own_;
  TapeState* tape_;
  std::vector<Tensor<T>> inputs_;
  Transposed<T> transposed_;
};

/// F(x) and the linear function v -> J v at x: auto [out, pushforward] = linearize(F, x).
template <class F, class X>
auto linearize(const F& f, const X& x) {
  const auto wrt = differentiated(x);
  const RecordedFunction<typename decltype(wrt)::Element> recorded(f, wrt);
  return std::pair(recorded.tape().out(recorded.value()), Pushforward(recorded));
}

/// F(x) and its derivative J v in the direction v, of x's shape: auto [out, tangent] = jvp(F, x, v).
/// Throws ShapeError when v has another shape.
template <class F, class X, class V>
auto jvp(const F& f, const X& x, const V& v, Location where = Location::current()) {
  const auto wrt = differentiated(x);
  using T = typename decltype(wrt)::Element;
  const auto& list = directions(v);
  require_shapes_of("jvp", wrt.tensors, list, where);
  const RecordedFunction<T> recorded(f, wrt);
  const bool record = recorded.tape().differentiable();
  Tensor<T> tangent;
  if (!push_forward(recorded, list, record, tangent))
    tangent = Transposed<T>(recorded).push(recorded.tape().state(), list, record);
  return std::pair(recorded.tape().out(recorded.value()), recorded.tape().out(tangent));
}

/// The Hessian of f at x times v, of x's shape, by differentiating the gradient in the direction v: about the cost of
/// two gradients. Throws ShapeError when f gives more than one number or v does not fit x.
template <class F, class X, class V>
auto hvp(const F& f, const X& x, const V& v, Location where = Location::current()) {
  const auto wrt = differentiated(x);
  using Wrt = std::decay_t<decltype(wrt)>;
  using T = typename Wrt::Element;
  const auto& list = directions(v);
  require_shapes_of("hvp", wrt.tensors, list, where);
  const RecordedFunction<T> recorded(f, wrt);
  require_one_number("hvp", recorded.value(), where);
  const std::vector<Tensor<T>> gradients = recorded.pull(Tensor<T>::ones(recorded.value().shape()), true);
  std::vector<Tensor<T>> total;
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    auto part =
        pull_back(recorded.tape().state(), gradients[k], list[k], recorded.inputs(), recorded.tape().differentiable());
    for (std::size_t j = 0; j < part.size(); ++j)
      if (k == 0)
        total.push_back(part[j]);
      else
        total[j] = recorded_add(total[j], part[j]);
  }
  return Wrt::give(recorded.out(std::move(total)));
}

/// 1 at element i of a tensor of the given shape, 0 elsewhere.
template <class T>
Tensor<T> unit_tensor(const Shape& shape, Index i) {
  Tensor<T> result = Tensor<T>::zeros(shape);
  kernel_access(result).writable_numbers()[i] = T(1);
  return result;
}
EIGENGRAD_LAZY void require_few_axes(const char* operation, const Shape& rows, const Shape& columns,
                                     const Location& where) {
  require<ShapeError>(rows.rank() + columns.rank() <= Shape::max_rank, operation, ": shapes ", rows, " and ", columns,
                      " together have more than ", Shape::max_rank, " axes: flatten the input or the result", where);
}
/// Rows, each of shape `columns`, or with `by_columns` columns, each of shape `rows`, as one tensor rows + columns.
template <class T>
Tensor<T> assemble(const std::vector<Tensor<T>>& parts, const Shape& rows, const Shape& columns, bool by_columns) {
  const Shape shape = rows + columns;
  if (parts.empty() || shape.size() == 0) return Tensor<T>::zeros(shape);
  std::vector<Tensor<T>> flat;
  for (const Tensor<T>& part : parts) flat.push_back(recorded_reshape(part, {part.size()}));
  return recorded_reshape(stack(flat, by_columns ? 1 : 0), shape);
}

/// How to compute a Jacobian: a row per pass, a column per pass, or whichever takes fewer passes.
enum class JacobianMode { automatic, reverse, forward };

/// All of F's derivatives at x, of shape F(x).shape() + x.shape(). Rows are computed backwards, columns forwards,
/// whichever are fewer. Throws ShapeError for more than 8 axes in all.
template <class F, class X>
auto jacobian(const F& f, const X& x, JacobianMode mode = JacobianMode::automatic,
              Location where = Location::current()) {
  const auto wrt = differentiated(x);
  using Wrt = std::decay_t<decltype(wrt)>;
  using T = typename Wrt::Element;
  const RecordedFunction<T> recorded(f, wrt);
  const Shape& rows = recorded.value().shape();
  Index columns = 0;
  for (const Tensor<T>& input : wrt.tensors) {
    columns += input.size();
    require_few_axes("jacobian", rows, input.shape(), where);
  }
  const bool by_columns = mode == JacobianMode::forward || (mode == JacobianMode::automatic && columns < rows.size());
  std::vector<std::vector<Tensor<T>>> parts(wrt.tensors.size());
  if (by_columns) {
    const Transposed<T> transposed(recorded);
    for (std::size_t k = 0; k < parts.size(); ++k)
      for (Index j = 0; j < wrt.tensors[k].size(); ++j)
        parts[k].push_back(transposed.push_one(recorded.tape().state(), k, unit_tensor<T>(wrt.tensors[k].shape(), j),
                                               recorded.tape().differentiable()));
  } else {
    for (Index i = 0; i < rows.size(); ++i) {
      auto row = recorded.pull(unit_tensor<T>(rows, i));
      for (std::size_t k = 0; k < parts.size(); ++k) parts[k].push_back(std::move(row[k]));
    }
  }
  std::vector<Tensor<T>> result;
  for (std::size_t k = 0; k < parts.size(); ++k)
    result.push_back(assemble(parts[k], rows, wrt.tensors[k].shape(), by_columns));
  return Wrt::give(recorded.out(std::move(result)));
}

/// All second derivatives of f at x, of shape x.shape() + x.shape(); for a list, blocks[i][j] of shape
/// x[i].shape() + x[j].shape(). Throws ShapeError when f gives more than one number.
template <class F, class X>
auto hessian(const F& f, const X& x, Location where = Location::current()) {
  const auto wrt = differentiated(x);
  using T = typename decltype(wrt)::Element;
  const RecordedFunction<T> recorded(f, wrt);
  require_one_number("hessian", recorded.value(), where);
  for (const Tensor<T>& input : wrt.tensors) require_few_axes("hessian", input.shape(), input.shape(), where);
  const std::vector<Tensor<T>> gradients = recorded.pull(Tensor<T>::ones(recorded.value().shape()), true);
  std::vector<std::vector<Tensor<T>>> blocks;
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const Shape& shape = wrt.tensors[k].shape();
    std::vector<std::vector<Tensor<T>>> rows(gradients.size());
    for (Index i = 0; i < shape.size(); ++i) {
      auto row = pull_back(recorded.tape().state(), gradients[k], unit_tensor<T>(shape, i), recorded.inputs(),
                           recorded.tape().differentiable());
      for (std::size_t j = 0; j < rows.size(); ++j) rows[j].push_back(std::move(row[j]));
    }
    std::vector<Tensor<T>> block;
    for (std::size_t j = 0; j < rows.size(); ++j)
      block.push_back(assemble(rows[j], shape, wrt.tensors[j].shape(), false));
    blocks.push_back(recorded.out(std::move(block)));
  }
  if constexpr (Expression<X>)
    return blocks[0][0];
  else
    return blocks;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
