// The rows of gradient_lookup.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_lookup.cpp"
