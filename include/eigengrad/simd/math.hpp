#pragma once

// The functions an operation's value is made of, on plain numbers (the standard library's) and on lanes, where they are
// our own and off by at most 4 units in the last place (float tanh, erf and erfc: 6). NaN gives NaN everywhere.
#include "basic.hpp"
#include "error_function.hpp"
#include "exponential.hpp"
#include "power.hpp"
#include "trigonometric.hpp"
