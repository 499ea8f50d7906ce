// The rows of gradient_objectives.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_objectives.cpp"
