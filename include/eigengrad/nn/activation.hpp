#pragma once

#include "layers/activation.hpp"
