// The rows of gradient_pooling.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_pooling.cpp"
