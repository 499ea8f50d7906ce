#pragma once

#include "losses/loss.hpp"
