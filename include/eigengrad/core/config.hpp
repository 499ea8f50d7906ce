#pragma once

#include <Eigen/Core>
#include <cstddef>

#include "../version.hpp"

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "eigengrad needs Eigen 3.4 or newer: install libeigen3-dev, or put a newer Eigen first on the include path."
#endif
#if defined(__FAST_MATH__) && !defined(EIGENGRAD_ALLOW_FAST_MATH)
#error \
    "eigengrad promises NaN in, NaN out, which -ffast-math breaks: drop the flag, or define EIGENGRAD_ALLOW_FAST_MATH."
#endif
#if !defined(__cpp_exceptions)
#error "eigengrad reports errors by exceptions: compile without -fno-exceptions."
#endif

// The widest SIMD register the compiler may use. Other compilers than GCC and Clang compute one number at a time.
#if !(defined(__GNUC__) || defined(__clang__))
#define EIGENGRAD_LANE_BYTES 0
#elif defined(__AVX512F__) && defined(__AVX512DQ__)
#define EIGENGRAD_LANE_BYTES 64
#elif defined(__AVX__)
#define EIGENGRAD_LANE_BYTES 32
#else
#define EIGENGRAD_LANE_BYTES 16
#endif

#if defined(__GNUC__) || defined(__clang__)
#define EIGENGRAD_INLINE [[gnu::always_inline]] inline
#define EIGENGRAD_INLINE_LAMBDA __attribute__((always_inline))
#define EIGENGRAD_FLATTEN_LAMBDA __attribute__((flatten))  // inlines all that it calls, a user's lambda too
// Only where a condition leads to it: what stands before and after a call is then taken to be cold, too.
#define EIGENGRAD_COLD [[gnu::noinline, gnu::cold]]
#define EIGENGRAD_OUTLINE [[gnu::noinline]]
#define EIGENGRAD_KERNEL [[gnu::noinline, gnu::flatten]]  // compiled once, with all that it calls inside
#define EIGENGRAD_NO_VECTORS __asm__ volatile("")
#if defined(__clang__)
#define EIGENGRAD_UNROLL _Pragma("unroll")
#else
#define EIGENGRAD_UNROLL _Pragma("GCC unroll 16")
#endif
#else
#define EIGENGRAD_UNROLL
#define EIGENGRAD_INLINE inline
#define EIGENGRAD_INLINE_LAMBDA
#define EIGENGRAD_FLATTEN_LAMBDA
#define EIGENGRAD_NO_VECTORS static_cast<void>(0)
#define EIGENGRAD_COLD
#define EIGENGRAD_OUTLINE
#define EIGENGRAD_KERNEL
#endif

// What a program and its shared libraries have one of, also where those hide their symbols (-fvisibility=hidden).
#if defined(__GNUC__) || defined(__clang__)
#define EIGENGRAD_SHARED [[gnu::visibility("default")]]
#else
#define EIGENGRAD_SHARED
#endif

// Before what few programs call: a template takes no time to compile until somebody does.
#define EIGENGRAD_LAZY template <class = void>

// Lets a product and a sum from two operators become one fused instruction, as GCC does by itself.
#if defined(__clang__)
#define EIGENGRAD_CONTRACT _Pragma("clang fp contract(fast)")
#else
#define EIGENGRAD_CONTRACT
#endif

// Who computes large matrix products: ourselves, or a library that the program links (eigengrad::blas,
// eigengrad::onednn).
#if defined(EIGENGRAD_USE_BLAS) && defined(EIGENGRAD_USE_ONEDNN)
#error "EIGENGRAD_USE_BLAS and EIGENGRAD_USE_ONEDNN: link eigengrad::blas or eigengrad::onednn, not both."
#elif defined(EIGENGRAD_USE_BLAS)
#define EIGENGRAD_PRODUCTS blas
#elif defined(EIGENGRAD_USE_ONEDNN)
#define EIGENGRAD_PRODUCTS onednn
#else
#define EIGENGRAD_PRODUCTS own
#endif
// Whether large works are done by several threads (eigengrad::threads).
#ifdef EIGENGRAD_USE_THREADS
#define EIGENGRAD_THREADING threads
#else
#define EIGENGRAD_THREADING serial
#endif

// Two objects that disagree on alignment, register width, threads, products, Eigen or our version must fail to link,
// not crash.
#define EIGENGRAD_ABI_JOIN_(major, minor, align, lane, threading, products, world, eigen) \
  v##major##_##minor##_align##align##_lane##lane##_##threading##_##products##_eigen##world##_##eigen
#define EIGENGRAD_ABI_JOIN(major, minor, align, lane, threading, products, world, eigen) \
  EIGENGRAD_ABI_JOIN_(major, minor, align, lane, threading, products, world, eigen)
#define EIGENGRAD_ABI                                                                                               \
  EIGENGRAD_ABI_JOIN(EIGENGRAD_VERSION_MAJOR, EIGENGRAD_VERSION_MINOR, EIGEN_MAX_ALIGN_BYTES, EIGENGRAD_LANE_BYTES, \
                     EIGENGRAD_THREADING, EIGENGRAD_PRODUCTS, EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION)

namespace eigengrad::inline EIGENGRAD_ABI {

/// Sizes, positions and axes; signed, as Eigen's.
using Index = std::ptrdiff_t;

}  // namespace eigengrad::inline EIGENGRAD_ABI
