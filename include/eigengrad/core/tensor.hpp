#pragma once

#include "create.hpp"
#include "tensor_class.hpp"
