// The rows of gradient_attention.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_attention.cpp"
