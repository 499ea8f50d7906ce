#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "error.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// A small, fast generator with the same numbers on every machine: xoshiro256** seeded by splitmix64.
/// Blackman, Vigna: Scrambled linear pseudorandom number generators, 2021.
class Generator {
 public:
  struct State {
    std::uint64_t words[4];
    friend bool operator==(const State&, const State&) = default;
  };

  constexpr explicit Generator(std::uint64_t seed = 0) { this->seed(seed); }

  constexpr void seed(std::uint64_t seed) {
    for (std::uint64_t& word : state_.words) {
      seed += 0x9e3779b97f4a7c15u;
      std::uint64_t mixed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  /// 64 random bits.
  std::uint64_t next() {
    auto& [a, b, c, d] = state_.words;
    const std::uint64_t result = rotate(b * 5, 7) * 9, shifted = b << 17;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 45);
    return result;
  }
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Standard normal, by Box and Muller's transform.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }
  /// Uniform in [0, bound); without bias: numbers that would favour some results are drawn again.
  std::uint64_t below(std::uint64_t bound) {
    require<ValueError>(bound > 0, "below: the bound must be positive");
    const std::uint64_t rejected = (0 - bound) % bound;
    for (;;)
      if (const std::uint64_t bits = next(); bits >= rejected) return bits % bound;
  }

  /// The whole state, to save and restore.
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  static std::uint64_t rotate(std::uint64_t bits, int by) { return (bits << by) | (bits >> (64 - by)); }

  State state_{};
};

}  // namespace eigengrad::inline EIGENGRAD_ABI

#include "thread_state.hpp"  // default_generator
