#pragma once

// The functions an operation's value is made of, on plain numbers (the standard library's) and on lanes, where they are
// our own and off by at most 4 units in the last place (float tanh, erf and erfc: 6). NaN gives NaN everywhere.
#include "lane_basic.hpp"
#include "lane_error_function.hpp"
#include "lane_exponential.hpp"
#include "lane_power.hpp"
#include "lane_trigonometric.hpp"
