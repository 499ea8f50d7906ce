#pragma once

// What the tests are built with: AddressSanitizer, under which buffers are not pooled; ThreadSanitizer, which wants no
// threads after a fork; or any sanitizer that brings its own heap, so that allocations cannot be counted. 0 or 1, for
// #if.
#if defined(__has_feature)
#define EIGENGRAD_HAS_FEATURE(feature) __has_feature(feature)
#else
#define EIGENGRAD_HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || EIGENGRAD_HAS_FEATURE(address_sanitizer)
#define EIGENGRAD_ADDRESS_SANITIZER 1
#else
#define EIGENGRAD_ADDRESS_SANITIZER 0
#endif
#if defined(__SANITIZE_THREAD__) || EIGENGRAD_HAS_FEATURE(thread_sanitizer)
#define EIGENGRAD_THREAD_SANITIZER 1
#else
#define EIGENGRAD_THREAD_SANITIZER 0
#endif
#if EIGENGRAD_ADDRESS_SANITIZER || EIGENGRAD_THREAD_SANITIZER || EIGENGRAD_HAS_FEATURE(memory_sanitizer)
#define EIGENGRAD_ANY_SANITIZER 1
#else
#define EIGENGRAD_ANY_SANITIZER 0
#endif
