#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plain_number.hpp"

// A naive n-dimensional array and every operation of a random program on it, each by its definition, by the names the
// library has for them. Slow, and sharing nothing with the library.
namespace plain {

using Index = std::ptrdiff_t;
using Sizes = std::vector<Index>;

inline std::size_t at(Index position) { return static_cast<std::size_t>(position); }
inline Index rank(const Sizes& shape) { return static_cast<Index>(shape.size()); }
inline Index count(const Sizes& shape) {
  Index n = 1;
  for (const Index size : shape) n *= size;
  return n;
}
inline void need(bool condition) {
  if (!condition) throw Skip();
}

/// f(position) for every position of a shape, the last axis fastest.
template <class F>
void for_each_position(const Sizes& shape, F f) {
  Sizes position(shape.size(), 0);
  for (Index left = count(shape); left > 0; --left) {
    f(position);
    for (std::size_t axis = shape.size(); axis-- > 0 && ++position[axis] == shape[axis];) position[axis] = 0;
  }
}

template <class T>
struct ArrayOf {
  Sizes shape;
  std::vector<T> numbers;

  ArrayOf() = default;
  ArrayOf(double number) : numbers{T(number)} {}
  template <class F>
  ArrayOf(const Sizes& sizes, F f) : shape(sizes) {
    numbers.reserve(at(count(shape)));
    for_each_position(shape, [&](const Sizes& position) { numbers.push_back(f(position)); });
  }
  /// The element at a position of a shape this one stretches to.
  const T& operator()(const Sizes& position) const {
    Index offset = 0;
    const std::size_t more = position.size() - shape.size();
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
      offset = offset * shape[axis] + (shape[axis] == 1 ? 0 : position[more + axis]);
    return numbers[at(offset)];
  }
};
struct Truth {
  bool value;
  explicit Truth(double number) : value(number != 0) {}
};
using Array = ArrayOf<Number>;
using Mask = ArrayOf<Truth>;

inline Sizes stretch(const Sizes& a, const Sizes& b) {
  Sizes result = a.size() < b.size() ? b : a;
  const Sizes& shorter = a.size() < b.size() ? a : b;
  for (std::size_t k = 1; k <= shorter.size(); ++k) {
    Index& size = result[result.size() - k];
    const Index other = shorter[shorter.size() - k];
    need(size == other || size == 1 || other == 1);
    if (size == 1) size = other;
  }
  return result;
}
template <class F>
Array map(const Array& x, F f) {
  return {x.shape, [&](const Sizes& position) { return f(x(position)); }};
}
template <class F>
Array map(const Array& x, const Array& y, F f) {
  return {stretch(x.shape, y.shape), [&](const Sizes& position) { return f(x(position), y(position)); }};
}

#define PLAIN(name, expression)                                          \
  inline Array name(const Array& a) {                                    \
    return map(a, [](const Number& x) -> Number { return expression; }); \
  }
PLAIN(operator-, 0.0 - x)
PLAIN(square, x* x)
PLAIN(abs, greater(x, 0) ? x : 0.0 - x)
PLAIN(exp, exp(within(-20, x, 6)))
PLAIN(expm1, exp(within(-20, x, 6)) - 1)
PLAIN(log, log(within(0.05, x, 1e3)))
PLAIN(log1p, log(within(0.05, 1 + x, 1e3)))
PLAIN(sqrt, sqrt(within(0.05, x, 1e3)))
PLAIN(sin, sin(x))
PLAIN(cos, cos(x))
PLAIN(tan, sin(within(-1.3, x, 1.3)) / cos(x))
PLAIN(tanh, tanh(x))
PLAIN(erf, erf(x))
PLAIN(erfc, 1 - erf(x))
PLAIN(sigmoid, sigmoid(x))
PLAIN(softplus, log(1 + exp(within(-10, x, 10))))
PLAIN(relu, greater(x, 0) ? x : 0)
PLAIN(elu, greater(x, 0) ? x : exp(within(-6, x, 6)) - 1)
PLAIN(leaky_relu, greater(x, 0) ? x : 0.01 * x)
PLAIN(gelu, 0.5 * x * (1 + erf(x / std::sqrt(2.0))))
PLAIN(silu, x* sigmoid(x))
PLAIN(sign, greater(x, 0) ? 1 : -1)
#undef PLAIN
#define PLAIN(name, expression)                                                              \
  inline Array name(const Array& a, const Array& b) {                                        \
    return map(a, b, [](const Number& x, const Number& y) -> Number { return expression; }); \
  }
PLAIN(operator+, x + y)
PLAIN(operator-, x - y)
PLAIN(operator*, x* y)
PLAIN(operator/, x / (std::abs(plain_value(y)) > 0.1 ? y : throw Skip()))
PLAIN(pow, exp(within(-6, y* log(within(0.05, x, 1e3)), 6)))
PLAIN(maximum, greater(x, y) ? x : y)
PLAIN(minimum, greater(x, y) ? y : x)
#undef PLAIN
inline Mask operator>(const Array& x, const Array& y) {
  return {stretch(x.shape, y.shape), [&](const Sizes& at) { return Truth(greater(x(at), y(at))); }};
}
inline Mask operator<(const Array& x, const Array& y) { return y > x; }
inline Array where(const Mask& condition, const Array& x, const Array& y) {
  return {stretch(condition.shape, stretch(x.shape, y.shape)),
          [&](const Sizes& at) { return condition(at).value ? x(at) : y(at); }};
}
inline Array clamp(const Array& x, const Array& low, const Array& high) { return minimum(maximum(x, low), high); }

// Reductions: f of the numbers that fall together when `axes`, or all where none are named, are taken away.
template <class F>
Array reduce(const Array& x, const Sizes& axes, bool keepdims, F f) {
  std::vector<bool> out(x.shape.size(), axes.empty());
  for (const Index axis : axes) {
    need(axis < rank(x.shape));
    out[at(axis)] = true;
  }
  Sizes kept = x.shape;
  for (std::size_t axis = 0; axis < kept.size(); ++axis)
    if (out[axis]) kept[axis] = 1;
  std::vector<std::vector<Number>> groups(at(count(kept)));
  for_each_position(x.shape, [&](const Sizes& position) {
    Index group = 0;
    for (std::size_t axis = 0; axis < kept.size(); ++axis)
      group = group * kept[axis] + (out[axis] ? 0 : position[axis]);
    groups[at(group)].push_back(x(position));
  });
  Array result;
  for (std::size_t axis = 0; axis < kept.size(); ++axis)
    if (!out[axis] || keepdims) result.shape.push_back(kept[axis]);
  for (const std::vector<Number>& group : groups) result.numbers.push_back(f(group));
  return result;
}
using Group = std::vector<Number>;
inline Number total(const Group& group) {
  Number result;
  for (const Number& x : group) result = result + x;
  return result;
}
inline Number average(const Group& group) {
  need(!group.empty());
  return total(group) / static_cast<double>(group.size());
}
inline Number squares(const Group& group, const Number& center) {
  Number result;
  for (const Number& x : group) result = result + (x - center) * (x - center);
  return result;
}
inline Number variance(const Group& group) {
  need(group.size() > 1);
  const Number center = average(group);
  Number result = squares(group, center);
  // Whoever differentiates 2 (x - mean) again adds up tangents of x times centred ones, not centred ones' squares.
  for (const Number& x : group)
    result.tangent.tangent.size += 2 * std::abs(x.value.tangent.value) * (x - center).tangent.value.size;
  return result / static_cast<double>(group.size() - 1);
}
inline Number largest(const Group& group) {
  need(!group.empty());
  std::size_t best = 0;
  for (std::size_t k = 1; k < group.size(); ++k)
    if (greater(group[k], group[best])) best = k;
  return group[best];
}
inline Number log_of_exponentials(const Group& group) {
  need(!group.empty());
  Number result;
  for (const Number& x : group) result = result + exp(within(-20, x, 20));
  return log(result);
}
inline Number product(const Group& group) {
  Number result(1);
  for (const Number& x : group) result = result * x;
  return result;
}
#define PLAIN(name, expression)                                                                \
  inline Array name(const Array& x, const Sizes& axes = {}, bool keepdims = false) {           \
    return reduce(x, axes, keepdims, [](const Group& group) -> Number { return expression; }); \
  }
PLAIN(sum, total(group))
PLAIN(mean, average(group))
PLAIN(max, largest(group))
PLAIN(prod, product(group))
PLAIN(var, variance(group))
PLAIN(deviation, sqrt(within(0.01, variance(group), 1e3)))
PLAIN(norm, sqrt(within(0.01, squares(group, 0), 1e4)))
PLAIN(log_sum_exp, log_of_exponentials(group))
#undef PLAIN
inline Array min(const Array& x, const Sizes& axes, bool keepdims) { return -max(-x, axes, keepdims); }
inline Array softmax(const Array& x, Index axis) {
  need(axis < rank(x.shape));
  return exp(x) / sum(exp(x), {axis}, true);
}
inline Array log_softmax(const Array& x, Index axis) {
  need(axis < rank(x.shape));
  return x - log_sum_exp(x, {axis}, true);
}

// Shapes and positions.
inline Array reshape(const Array& x, const Sizes& shape) {
  need(count(shape) == count(x.shape));
  Array result = x;
  result.shape = shape;
  return result;
}
inline Array flatten(const Array& x) { return reshape(x, {count(x.shape)}); }
inline Array unsqueeze(const Array& x, Index axis) {
  Sizes shape = x.shape;
  need(axis <= rank(shape));
  shape.insert(shape.begin() + axis, 1);
  return reshape(x, shape);
}
inline Array squeeze(const Array& x) {
  Sizes shape;
  for (const Index size : x.shape)
    if (size != 1) shape.push_back(size);
  return reshape(x, shape);
}
inline Array broadcast_to(const Array& x, const Sizes& shape) {
  need(x.shape.size() <= shape.size() && stretch(x.shape, shape) == shape);
  return {shape, [&](const Sizes& position) { return x(position); }};
}
/// The element of the result at `position` is x's at from(position).
template <class From>
Array moved(const Array& x, const Sizes& shape, From from) {
  return {shape, [&](Sizes position) {
            from(position);
            return x(position);
          }};
}
inline Array permute(const Array& x, const Sizes& order) {
  need(order.size() == x.shape.size());
  Sizes shape;
  for (const Index axis : order) shape.push_back(x.shape[at(axis)]);
  return moved(x, shape, [&](Sizes& position) {
    const Sizes there = position;
    for (std::size_t k = 0; k < order.size(); ++k) position[at(order[k])] = there[k];
  });
}
inline Array transpose(const Array& x) {
  need(x.shape.size() >= 2);
  Sizes order;
  for (Index axis = 0; axis < rank(x.shape); ++axis) order.push_back(axis);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return permute(x, order);
}
inline Array index_select(const Array& x, Index axis, const Sizes& positions) {
  need(axis < rank(x.shape));
  for (const Index position : positions) need(position < x.shape[at(axis)]);
  Sizes shape = x.shape;
  shape[at(axis)] = rank(positions);
  return moved(x, shape, [&](Sizes& position) { position[at(axis)] = positions[at(position[at(axis)])]; });
}
inline Array slice(const Array& x, Index axis, Index begin, Index end, Index step) {
  need(axis < rank(x.shape) && begin <= x.shape[at(axis)] && end <= x.shape[at(axis)]);
  Sizes positions;
  for (Index k = begin; k < end; k += step) positions.push_back(k);
  return index_select(x, axis, positions);
}
inline Array select(const Array& x, Index axis, Index position) {
  Array result = index_select(x, axis, {position});
  result.shape.erase(result.shape.begin() + axis);
  return result;
}
inline Array concatenate(const std::vector<Array>& parts, Index axis) {
  Sizes shape = parts[0].shape;
  need(axis < rank(shape));
  shape[at(axis)] = 0;
  for (const Array& part : parts) {
    Sizes rest = part.shape;
    need(rest.size() == shape.size());
    rest[at(axis)] = shape[at(axis)];
    need(rest == shape);
    shape[at(axis)] += part.shape[at(axis)];
  }
  return {shape, [&](Sizes position) {
            std::size_t k = 0;
            while (position[at(axis)] >= parts[k].shape[at(axis)]) position[at(axis)] -= parts[k++].shape[at(axis)];
            return parts[k](position);
          }};
}
inline Array stack(const std::vector<Array>& parts, Index axis) {
  std::vector<Array> raised;
  for (const Array& part : parts) raised.push_back(unsqueeze(part, axis));
  return concatenate(raised, axis);
}
inline Array matmul(const Array& a, const Array& b) {
  need(!a.shape.empty() && !b.shape.empty());
  if (a.shape.size() == 1) {
    const Array y = matmul(unsqueeze(a, 0), b);
    Sizes shape = y.shape;
    shape.erase(shape.end() - (b.shape.size() == 1 ? 1 : 2));
    return reshape(y, shape);
  }
  if (b.shape.size() == 1) {
    const Array y = matmul(a, unsqueeze(b, 1));
    return reshape(y, Sizes(y.shape.begin(), y.shape.end() - 1));
  }
  // [.., n, k, 1] * [.., 1, k, m], summed over k.
  need(a.shape.back() == b.shape[b.shape.size() - 2]);
  const Array terms = unsqueeze(a, rank(a.shape)) * unsqueeze(b, rank(b.shape) - 2);
  return sum(terms, {rank(terms.shape) - 2});
}

}  // namespace plain
