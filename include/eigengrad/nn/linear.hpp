#pragma once

#include "layers/linear.hpp"
