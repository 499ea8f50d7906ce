#pragma once

#include <cstddef>

#include "sanitizers.hpp"

// Counts what a program asks of the heap: malloc and its relatives, and so `operator new`, which calls them.
// allocation/counter.cpp replaces them; sanitizers bring their own, so there nothing can be counted.
#if !defined(__GLIBC__) || EIGENGRAD_ANY_SANITIZER
#define EIGENGRAD_COUNTS_ALLOCATIONS 0
#else
#define EIGENGRAD_COUNTS_ALLOCATIONS 1
#endif

namespace support {

/// How many blocks all threads have asked for since the program began.
std::size_t allocations();

}  // namespace support
