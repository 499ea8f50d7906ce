#pragma once

#include <cstddef>

// Counts what a program asks of the heap: malloc and its relatives, and so `operator new`, which calls them.
// allocation/counter.cpp replaces them; sanitizers bring their own, so there nothing can be counted.
#if !defined(__GLIBC__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EIGENGRAD_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EIGENGRAD_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef EIGENGRAD_COUNTS_ALLOCATIONS
#define EIGENGRAD_COUNTS_ALLOCATIONS 1
#endif

namespace support {

/// How many blocks all threads have asked for since the program began.
std::size_t allocations();

}  // namespace support
