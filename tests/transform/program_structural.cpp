#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "eigengrad/ops/statistics.hpp"
#include "program.hpp"

// The other operations of random programs.
namespace programs {

// By another name, since a plain `std` would be the namespace.
eg::Tensor<double> deviation(const eg::Tensor<double>& x, const eg::Axes& axes, bool keepdims) {
  return eg::std(x, axes, keepdims);
}

Operations structural_operations() {
  return {
      OPERATION(1, sum(x, p.axes, p.keepdims)),
      OPERATION(1, mean(x, p.axes, p.keepdims)),
      OPERATION(1, max(x, p.axes, p.keepdims)),
      OPERATION(1, min(x, p.axes, p.keepdims)),
      OPERATION(1, prod(x, p.axes, p.keepdims)),
      OPERATION(1, var(x, p.axes, p.keepdims)),
      OPERATION(1, deviation(x, p.axes, p.keepdims)),
      OPERATION(1, norm(x, p.axes, p.keepdims)),
      OPERATION(1, log_sum_exp(x, p.axes, p.keepdims)),
      OPERATION(1, softmax(x, p.axis)),
      OPERATION(1, log_softmax(x, p.axis)),
      OPERATION(2, sum(tanh(x) * y, p.axes, p.keepdims)),
      OPERATION(2, mean(square(x - y), p.axes, p.keepdims)),
      OPERATION(2, matmul(x, y)),
      OPERATION(2, matmul(x, transpose(y))),
      OPERATION(1, transpose(x)),
      OPERATION(1, permute(x, p.order)),
      OPERATION(1, reshape(x, p.shape)),
      OPERATION(1, flatten(x)),
      OPERATION(1, squeeze(x)),
      OPERATION(1, unsqueeze(x, p.axis)),
      OPERATION(1, broadcast_to(x, p.stretched)),
      OPERATION(1, slice(x, p.axis, p.begin, p.end, p.step)),
      OPERATION(1, select(x, p.axis, p.begin)),
      OPERATION(1, index_select(x, p.axis, p.positions)),
      OPERATION(2, concatenate(std::vector{x, y}, p.axis)),
      OPERATION(3, stack(std::vector{x, y, z}, p.axis)),
  };
}

}  // namespace programs
