// The rows of gradient_activations.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_activations.cpp"
