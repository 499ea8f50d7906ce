#pragma once

#include "../autograd/parameter.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../ops/join.hpp"
#include "grad.hpp"

// A function for each position of an axis, and each sample's own gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// f for each position of the inputs' axis `in_axis`, the results side by side on axis `out_axis`: vmap(f)(x, y). What
/// f does is not changed, so the result is exact for any f, gradients included; positions are run one after another.
/// Throws ShapeError when the inputs are not equally long on that axis, or it is empty.
template <class F>
auto vmap(F f, Index in_axis = 0, Index out_axis = 0) {
  return [f = std::move(f), in_axis, out_axis]<Expression First, Expression... X>(const First& first, const X&... x) {
    const auto run = [&](const auto& one, const auto&... more) {
      const Index count = one.size(in_axis);
      (require<ShapeError>(more.size(in_axis) == count, "vmap: inputs ", one.shape(), " and ", more.shape(),
                           " differ on axis ", in_axis, ": give as many of each"),
       ...);
      require<ShapeError>(count > 0, "vmap: input ", one.shape(), " has nothing on axis ", in_axis,
                          ": the results' shape cannot be known");
      using T = typename std::decay_t<decltype(f(one, more...))>::Element;
      std::vector<Tensor<T>> results;
      for (Index i = 0; i < count; ++i)
        results.push_back(Tensor<T>(f(select(one, in_axis, i), select(more, in_axis, i)...)));
      return stack(results, out_axis);
    };
    return run(first.to_tensor(), x.to_tensor()...);
  };
}

/// Every sample's own gradient with respect to the parameters: loss(x_i, y_i) is called with one sample at a time,
/// still as a batch, [1, ...]; for each parameter the result is [samples, ...its shape].
template <class F, class T, Expression X, Expression Y>
std::vector<Tensor<T>> per_sample_grad(const F& loss, const std::vector<ParameterRef<T>>& parameters, const X& x,
                                       const Y& y) {
  const auto run = [&](const auto& inputs, const auto& targets) {
    require<ShapeError>(inputs.rank() > 0 && targets.rank() > 0 && inputs.size(0) == targets.size(0),
                        "per_sample_grad: the inputs are ", inputs.shape(), ", the targets ", targets.shape(),
                        ": give as many of each on the first axis");
    std::vector<std::vector<Tensor<T>>> gradients(parameters.size());
    for (Index i = 0; i < inputs.size(0); ++i) {
      auto one = grad([&] { return loss(slice(inputs, 0, i, i + 1), slice(targets, 0, i, i + 1)); }, parameters);
      for (std::size_t k = 0; k < parameters.size(); ++k) gradients[k].push_back(std::move(one[k]));
    }
    std::vector<Tensor<T>> result;
    for (std::size_t k = 0; k < parameters.size(); ++k)
      result.push_back(gradients[k].empty() ? Tensor<T>::zeros(Shape{0} + parameters[k].shape()) : stack(gradients[k]));
    return result;
  };
  return run(x.to_tensor(), y.to_tensor());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
