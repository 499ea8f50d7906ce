// The rows of gradient_recurrence.cpp on dual numbers.
#define GRADIENT_ROWS_ON_DUALS
#include "gradient_recurrence.cpp"
