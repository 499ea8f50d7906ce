// The rows of gradient_structural.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_structural.cpp"
