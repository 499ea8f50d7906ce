#pragma once

// The one place where the version is written; CMake reads it from here.
#define EIGENGRAD_VERSION_MAJOR 0
#define EIGENGRAD_VERSION_MINOR 1
#define EIGENGRAD_VERSION_PATCH 0
