#pragma once

#include "activation_sheet.hpp"
#include "decision_regions.hpp"
#include "descent_path.hpp"
#include "figure.hpp"
#include "loss_curve.hpp"
