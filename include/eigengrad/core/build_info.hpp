#pragma once

#include <string>

#include "threads.hpp"

// How a program was built, and what a faster build needs.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How this program was built, in a line: "eigengrad 0.1.0, Eigen 3.4.0, g++ 12.2.0, SIMD 64 bytes (16 floats),
/// products: eigengrad, threads: 2".
EIGENGRAD_LAZY std::string build_info() {
  std::string text = to_text("eigengrad ", EIGENGRAD_VERSION_MAJOR, ".", EIGENGRAD_VERSION_MINOR, ".",
                             EIGENGRAD_VERSION_PATCH, ", Eigen ");
#if EIGEN_MAJOR_VERSION >= 5  // since then the leading 3 is no longer part of the version
  append(text, to_text(EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION, ".", EIGEN_PATCH_VERSION));
#else
  append(text, to_text(EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION));
#endif
#if defined(__clang__)
  append(text, to_text(", clang++ ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__));
#elif defined(__GNUC__)
  append(text, to_text(", g++ ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__));
#endif
  if (EIGENGRAD_LANE_BYTES > 0)
    append(text,
           to_text(", SIMD ", EIGENGRAD_LANE_BYTES, " bytes (", EIGENGRAD_LANE_BYTES / sizeof(float), " floats)"));
  else
    append(text, ", no SIMD");
#if defined(EIGENGRAD_USE_BLAS)
  append(text, ", products: BLAS");
#elif defined(EIGENGRAD_USE_ONEDNN)
  append(text, ", products: oneDNN");
#else
  append(text, ", products: eigengrad");
#endif
  append(text, to_text(", threads: ", num_threads(), has_threads ? "" : " (built without eigengrad::threads)"));
  return text;
}

/// What a faster build needs, in a sentence; empty where nothing is left out.
EIGENGRAD_LAZY std::string build_advice() {
#if (defined(__x86_64__) || defined(__i386__)) && EIGENGRAD_LANE_BYTES == 16
  return "eigengrad: built for SSE2, 4 floats at a time: link eigengrad::native, or compile with -march=native, for "
         "this machine's wider registers";
#else
  return {};
#endif
}

}}  // namespace eigengrad::EIGENGRAD_ABI
