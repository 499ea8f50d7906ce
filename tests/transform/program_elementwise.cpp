#include "eigengrad/ops/activations.hpp"
#include "program.hpp"

// The element-wise operations of random programs, and formulas of several that are evaluated in one pass.
namespace programs {

Operations elementwise_operations() {
  return {
      OPERATION(1, -x),
      OPERATION(1, square(x)),
      OPERATION(1, abs(x)),
      OPERATION(1, exp(x)),
      OPERATION(1, expm1(x)),
      OPERATION(1, log(x)),
      OPERATION(1, log1p(x)),
      OPERATION(1, sqrt(x)),
      OPERATION(1, sin(x)),
      OPERATION(1, cos(x)),
      OPERATION(1, tan(x)),
      OPERATION(1, tanh(x)),
      OPERATION(1, erf(x)),
      OPERATION(1, sigmoid(x)),
      OPERATION(1, softplus(x)),
      OPERATION(1, relu(x)),
      OPERATION(1, leaky_relu(x)),
      OPERATION(1, elu(x)),
      OPERATION(1, gelu(x)),
      OPERATION(1, silu(x)),
      OPERATION(2, x + y),
      OPERATION(2, x - y),
      OPERATION(2, x * y),
      OPERATION(2, x / y),
      OPERATION(2, pow(x, y)),
      OPERATION(2, maximum(x, y)),
      OPERATION(2, minimum(x, y)),
      OPERATION(3, where(x > 0.0, y, z)),
      OPERATION(3, clamp(x, y, z)),
      // Compound ones.
      OPERATION(3, 0.5 * x * (1 + tanh(y * (x + z * x * x * x)))),
      OPERATION(2, where(x > y, x * y, exp(-x))),
      OPERATION(2, sin(x) * x + y / (1 + x * x)),
      OPERATION(2, exp(-square(x - y)) * sigmoid(x)),
      OPERATION(2, sqrt(1 + x * x) * tanh(y) - log(2 + sin(y))),
      OPERATION(3, (x - y) / sqrt(square(z) + 0.1) * 1.5),
      OPERATION(3, maximum(x * y, z) - minimum(x, 0.3) * abs(y)),
      OPERATION(3, where(x < y, softplus(z), relu(x) * z)),
  };
}

}  // namespace programs
