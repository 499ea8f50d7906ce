#pragma once

#include "activation_sheet.hpp"
#include "decision_regions.hpp"
#include "descent_path.hpp"
#include "figure.hpp"
#include "graph.hpp"
#include "heat_map.hpp"
#include "image_sheet.hpp"
#include "loss_curve.hpp"
