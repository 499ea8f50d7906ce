#pragma once

#include "../autograd/tape.hpp"
#include "layers/linear.hpp"
