#pragma once

#include "exact.hpp"
#include "tensor_class.hpp"

// What makes tensors: evenly spaced, identity, random, of Eigen's matrices. The members stand in tensor_class.hpp.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// start, start + step, ... before stop, counted in 64 bits.
template <class T>
Tensor<T> whole_range(std::int64_t start, std::int64_t stop, std::int64_t step) {
  require<ValueError>(step != 0, "arange: the step must not be 0");
  const bool up = step > 0;
  std::uint64_t count = 0;
  if (up ? start < stop : start > stop) {
    const auto from = static_cast<std::uint64_t>(start), to = static_cast<std::uint64_t>(stop);
    count = ((up ? to - from : from - to) - 1) / magnitude_of(step) + 1;
  }
  require<ValueError>(count <= static_cast<std::uint64_t>(largest_size), "arange: from ", start, " to ", stop, " by ",
                      step, " has no end that fits in memory");
  Tensor<T> result = Tensor<T>::empty({static_cast<Index>(count)});
  T* to = kernel_access(result).writable_numbers();
  for (std::uint64_t i = 0; i < count; ++i)
    to[i] = exactly<T>(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(step)), "arange");
  tell_literal(kernel_access(result).block());
  return result;
}
/// The same counted in doubles, or dual numbers of them.
template <class T, class Real>
Tensor<T> real_range(Real start, Real stop, Real step) {
  const double from = static_cast<double>(plain_value(start)), to = static_cast<double>(plain_value(stop)),
               by = static_cast<double>(plain_value(step));
  require<ValueError>(by != 0, "arange: the step must not be 0");
  const double steps = std::ceil((to - from) / by);
  require<ValueError>(steps < 1e15, "arange: from ", from, " to ", to, " by ", by, " has no end that fits in memory");
  const Index count = steps > 0 ? static_cast<Index>(steps) : 0;
  using P = plain_t<T>;
  require<ValueError>(
      count < 2 || (static_cast<P>(from + by) != static_cast<P>(from) && static_cast<P>(to - by) != static_cast<P>(to)),
      "arange: the step ", by, " is lost in the rounding of numbers like ", from, " and ", to,
      ": use a larger step, or double");
  Tensor<T> result = Tensor<T>::empty({count});
  T* numbers = kernel_access(result).writable_numbers();
  for (Index i = 0; i < count; ++i) numbers[i] = static_cast<T>(start + static_cast<double>(i) * step);
  tell_literal(kernel_access(result).block());
  return result;
}

template <class T>
template <Number Start, Number Stop, Number Step>
Tensor<T> Tensor<T>::arange(Start start, Stop stop, Step step) {
  if constexpr (std::is_integral_v<T> || (is_whole_type<Start> && is_whole_type<Stop> && is_whole_type<Step>)) {
    using Whole = std::int64_t;
    return whole_range<T>(exactly<Whole>(start, "arange"), exactly<Whole>(stop, "arange"),
                          exactly<Whole>(step, "arange"));
  } else {
    const auto from = static_cast<double>(start), to = static_cast<double>(stop), by = static_cast<double>(step);
    using Whole = std::int64_t;
    if (by != 0 && has_exactly<Whole>(from) && has_exactly<Whole>(to) && has_exactly<Whole>(by))
      return whole_range<T>(exactly<Whole>(start, "arange"), exactly<Whole>(stop, "arange"),
                            exactly<Whole>(step, "arange"));
    return real_range<T>(from, to, by);
  }
}
template <class T>
Tensor<T> Tensor<T>::arange(T start, T stop, T step)
  requires is_dual<T>
{
  return real_range<T>(start, stop, step);
}

template <class T>
template <Number Start, Number Stop>
Tensor<T> Tensor<T>::linspace(Start start, Stop stop, Index count) {
  Tensor result = empty({count});
  T* numbers = result.own();
  if constexpr (std::is_integral_v<T>) {
    const T first = exactly<T>(start, "linspace"), last = exactly<T>(stop, "linspace");
    const bool up = first <= last;
    const auto low = static_cast<std::uint64_t>(up ? first : last),
               high = static_cast<std::uint64_t>(up ? last : first);
    const std::uint64_t parts = count > 1 ? static_cast<std::uint64_t>(count - 1) : 1;
    const std::uint64_t each = (high - low) / parts, rest = (high - low) % parts;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
      const std::uint64_t k = up ? i : parts - i;  // counted from below, so that all are rounded down
      numbers[i] = static_cast<T>(low + each * k + rest * k / parts);
    }
    if (count == 1) numbers[0] = first;
  } else {
    const auto bound = [](auto number) {
      if constexpr (is_whole_type<decltype(number)>)
        return static_cast<double>(exactly<T>(number, "linspace"));
      else
        return static_cast<double>(number);
    };
    const double first = bound(start), last = bound(stop), parts = static_cast<double>(count - 1);
    // Divided last, so that a 0 in the middle of -4 to 4 is 0 and not the rounding of a step.
    for (Index i = 0; i < count; ++i)
      numbers[i] = static_cast<T>(first + (count > 1 ? (last - first) * static_cast<double>(i) / parts : 0));
    if (count > 1) numbers[count - 1] = static_cast<T>(last);
  }
  tell_literal(result.block_);
  return result;
}
template <class T>
Tensor<T> Tensor<T>::linspace(T start, T stop, Index count)
  requires is_dual<T>
{  // the tangents are spaced evenly too
  Tensor result = empty({count});
  for (Index i = 0; i < count; ++i)
    result.own()[i] =
        start + (stop - start) * (static_cast<double>(i) / static_cast<double>(std::max<Index>(count - 1, 1)));
  tell_literal(result.block_);
  return result;
}

template <class T>
Tensor<T> Tensor<T>::eye(Index rows, Index columns) {
  if (columns == -1) columns = rows;
  Tensor result = zeros({rows, columns});
  for (Index i = 0; i < rows && i < columns; ++i) result.own()[i * columns + i] = T(1);
  return result;
}

template <class T>
Tensor<T> Tensor<T>::rand(const Shape& shape, Generator& generator) {
  forbid_in_replay("rand", "the same numbers would come every time; draw them outside and pass them in");
  Tensor result = empty(shape);
  // 24 bits for float: rounding a double could give 1.
  for (Index i = 0; i < result.size(); ++i)
    result.own()[i] = std::is_same_v<plain_t<T>, float>
                          ? static_cast<T>(static_cast<float>(generator.next() >> 40) * 0x1p-24f)
                          : static_cast<T>(generator.uniform());
  return result;
}

template <class T>
Tensor<T> Tensor<T>::randn(const Shape& shape, Generator& generator) {
  forbid_in_replay("randn", "the same numbers would come every time; draw them outside and pass them in");
  Tensor result = empty(shape);
  for (Index i = 0; i < result.size(); ++i) result.own()[i] = static_cast<T>(generator.normal());
  return result;
}

template <class T>
Tensor<T> Tensor<T>::randint(std::int64_t low, std::int64_t high, const Shape& shape, Generator& generator) {
  forbid_in_replay("randint", "the same numbers would come every time; draw them outside and pass them in");
  require<ValueError>(low < high, "randint: low = ", low, " must be below high = ", high);
  using P = plain_t<T>;
  (void)exactly<P>(low, "randint");
  (void)exactly<P>(high - 1, "randint");
  if constexpr (std::is_floating_point_v<P>)  // between the ends there may be numbers that P does not have
    require<ValueError>(high - 1 == low || (std::max)(magnitude_of(low), magnitude_of(high - 1)) <=
                                               std::uint64_t{1} << std::numeric_limits<P>::digits,
                        "randint: ", number_type_name<P>(), " does not have all whole numbers from ", low, " to ", high,
                        ": use a number type that has them, such as double or int64");
  Tensor result = empty(shape);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  for (Index i = 0; i < result.size(); ++i)
    result.own()[i] =
        static_cast<T>(static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + generator.below(range)));
  return result;
}

template <class T>
template <class Derived>
Tensor<T> Tensor<T>::from_eigen(const Eigen::DenseBase<Derived>& source) {
  Tensor result = empty(Derived::IsVectorAtCompileTime ? Shape{source.size()} : Shape{source.rows(), source.cols()});
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> target(result.own(), source.rows(),
                                                                                      source.cols());
  target = source.derived().array().template cast<T>();
  tell_literal(result.block_);
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
