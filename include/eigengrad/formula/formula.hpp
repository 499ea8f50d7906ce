#pragma once

#include "expression.hpp"
#include "formula_node.hpp"
#ifdef EIGENGRAD_DEVELOPMENT
#include "blocks.hpp"
#endif
