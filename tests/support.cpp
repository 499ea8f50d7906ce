// Holds the precompiled header that all test programs share, and knows where the project lies.
#include <cstdlib>

#include "support/source_dir.hpp"

namespace support {

std::string source_dir() { return EIGENGRAD_SOURCE_DIR; }

namespace {
[[maybe_unused]] const int data_are_found = setenv("EIGENGRAD_DATA_DIR", EIGENGRAD_SOURCE_DIR "/data", 0);
}  // namespace

}  // namespace support
