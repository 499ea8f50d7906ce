#pragma once

#include "../autograd/tape.hpp"
#include "losses/loss.hpp"
