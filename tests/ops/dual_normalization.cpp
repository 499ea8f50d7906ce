// The rows of gradient_normalization.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_normalization.cpp"
