#pragma once

#include "expression.hpp"
#include "formula_node.hpp"
