#include <eigengrad/eigengrad.hpp>

eigengrad::Tensor<float> doubled(const eigengrad::Tensor<float>& x);

int main() {
  const eigengrad::Tensor<float> x = doubled(eigengrad::Tensor<float>{{1, 2}, {3, 4}});
  return x(1, 1) == 8.0f ? 0 : 1;
}
