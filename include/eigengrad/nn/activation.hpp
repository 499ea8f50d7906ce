#pragma once

#include "../autograd/tape.hpp"
#include "layers/activation.hpp"
