// The rows of gradient_convolution.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_convolution.cpp"
