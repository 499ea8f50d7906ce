#include <eigengrad/eigengrad.hpp>

eigengrad::Tensor<float> doubled(const eigengrad::Tensor<float>& x) { return 2.0f * x; }
