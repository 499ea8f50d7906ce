// The rows of gradient_elementwise.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_elementwise.cpp"
