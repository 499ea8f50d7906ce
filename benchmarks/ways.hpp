#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness.hpp"

/// Kinds of works, each with its ways: by eigengrad and by hand.
std::map<std::string, std::vector<Way>> network_works();  // networks.cpp
std::map<std::string, std::vector<Way>> tensor_works();   // tensors.cpp
std::map<std::string, std::vector<Way>> machine_works();  // machine.cpp
std::map<std::string, std::vector<Way>> layer_works();    // layers.cpp
