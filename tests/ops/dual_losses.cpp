// The rows of gradient_losses.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_losses.cpp"
