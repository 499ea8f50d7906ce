#pragma once

// What the mathematics rests on. GCC names each of these flags by a macro; what Clang does not name is found where a
// program begins (core/float_rules.hpp).
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "eigengrad promises NaN in, NaN out, which -ffast-math, -Ofast and -ffinite-math-only break: drop the flag."
#elif defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error \
    "eigengrad promises results to the last places, which -funsafe-math-optimizations, -fassociative-math, -freciprocal-math and -fno-signed-zeros break: drop the flag."
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error \
    "eigengrad needs numbers that are rounded to their own type, which the x87 registers do not do: compile with -msse2 -mfpmath=sse."
#endif
static_assert(0.1 != static_cast<double>(0.1f),
              "eigengrad needs its constants' digits: compile without -fsingle-precision-constant.");

#include <Eigen/Core>
#include <cstddef>

#include "version.hpp"

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "eigengrad needs Eigen 3.4 or newer: install libeigen3-dev, or put a newer Eigen first on the include path."
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
// Only where a condition leads to it: what stands before and after a call is then taken to be cold, too. g++ optimises
// it little, which takes a twentieth off the time that a program which trains takes to compile: not for loops over
// numbers, which are EIGENGRAD_OUTLINE.
#if defined(__clang__)
#define EIGENGRAD_COLD [[gnu::noinline, gnu::cold]]
#else
#define EIGENGRAD_COLD [[gnu::noinline, gnu::cold, gnu::optimize("O1", "reorder-functions")]]
#endif
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

// Before what few programs call: a template takes no time to compile until somebody does. Inside, write Delayed<X,
// Lazy> for an X that would otherwise be instantiated where the template is read.
#define EIGENGRAD_LAZY template <class Lazy = void>

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
// Whether formulas are one type each, evaluated in registers, or all one type, evaluated by blocks, which is compiled
// much faster and runs slower (eigengrad::development).
#ifdef EIGENGRAD_DEVELOPMENT
#define EIGENGRAD_FORMULAS blocks
#else
#define EIGENGRAD_FORMULAS fused
#endif
// Whether large works are done by several threads (eigengrad::threads).
#ifdef EIGENGRAD_USE_THREADS
#define EIGENGRAD_THREADING threads
#else
#define EIGENGRAD_THREADING serial
#endif

// Whether a product and a sum become one instruction, which rounds once: it changes the last bits of most results.
#if defined(__FMA__) || defined(__FMA4__) || (!defined(__x86_64__) && !defined(__i386__) && defined(__FP_FAST_FMA))
#define EIGENGRAD_FUSING fma
#else
#define EIGENGRAD_FUSING nofma
#endif
// Under AddressSanitizer every buffer is its own, so that a use after its end is seen.
#if defined(__SANITIZE_ADDRESS__)
#define EIGENGRAD_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EIGENGRAD_POOLED 0
#endif
#endif
#ifndef EIGENGRAD_POOLED
#define EIGENGRAD_POOLED 1
#endif
// Whose strings and vectors our classes hold: their layouts differ.
#if defined(_LIBCPP_VERSION)
#define EIGENGRAD_STANDARD_LIBRARY libcxx
#elif defined(_GLIBCXX_DEBUG)
#define EIGENGRAD_STANDARD_LIBRARY debugstd
#elif defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define EIGENGRAD_STANDARD_LIBRARY oldstd
#else
#define EIGENGRAD_STANDARD_LIBRARY std
#endif

// Two objects that disagree on what changes results or layouts (alignment, register width, fused products, the pool,
// threads, products, formulas, the standard library, Eigen, our version) must fail to link, not crash or differ by link
// order.
#define EIGENGRAD_ABI_JOIN_(major, minor, align, lane, fusing, pooled, threading, products, library, formulas, world, \
                            eigen)                                                                                    \
  v##major##_##minor##_align##align##_lane##lane##_##fusing##_pool##pooled##_##threading##_##products##_##library##_##formulas##_eigen##world##_##eigen
#define EIGENGRAD_ABI_JOIN(...) EIGENGRAD_ABI_JOIN_(__VA_ARGS__)
#define EIGENGRAD_ABI                                                                                               \
  EIGENGRAD_ABI_JOIN(EIGENGRAD_VERSION_MAJOR, EIGENGRAD_VERSION_MINOR, EIGEN_MAX_ALIGN_BYTES, EIGENGRAD_LANE_BYTES, \
                     EIGENGRAD_FUSING, EIGENGRAD_POOLED, EIGENGRAD_THREADING, EIGENGRAD_PRODUCTS,                   \
                     EIGENGRAD_STANDARD_LIBRARY, EIGENGRAD_FORMULAS, EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION)

// What the library is compiled with: the type of sizes, attributes, the inline namespace of its ABI.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Sizes, positions and axes; signed, as Eigen's.
using Index = std::ptrdiff_t;

#ifdef EIGENGRAD_DEVELOPMENT
inline constexpr bool formulas_by_blocks = true;
#else
inline constexpr bool formulas_by_blocks = false;
#endif

/// How many numbers a built-in array has, of a signed constant: array bounds are unsigned.
consteval std::size_t extent(Index count) { return static_cast<std::size_t>(count); }

template <class X, class>
struct DelayedType {
  using type = X;
};
/// X itself, but known only when the template that has the parameter Lazy is instantiated.
template <class X, class Lazy>
using Delayed = typename DelayedType<X, Lazy>::type;

}}  // namespace eigengrad::EIGENGRAD_ABI
