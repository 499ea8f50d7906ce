#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "error.hpp"

// Random numbers, the same bits on every machine.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The number, rounded here: neither a flag nor a fused product and sum may change the bits of what is drawn.
inline double rounded(double number) {
#if defined(__GNUC__) && defined(__SSE2__)
  __asm__("" : "+x"(number));
#elif defined(__GNUC__)
  __asm__("" : "+m"(number));
#endif
  return number;
}

template <class Lazy>
class BasicNamedTensors;

/// A small, fast generator with the same numbers on every machine: xoshiro256** seeded by splitmix64.
/// Blackman, Vigna: Scrambled linear pseudorandom number generators, 2021.
class Generator {
 public:
  /// Which of the streams that a seed has: each is a generator of its own (Generator::branch).
  struct Stream {
    std::uint64_t key = 0, number = 0;
    friend bool operator==(const Stream&, const Stream&) = default;
  };
  struct State {
    std::uint64_t words[4];
    Stream next_stream = {};
    friend bool operator==(const State&, const State&) = default;
  };

  constexpr explicit Generator(std::uint64_t seed = 0) { this->seed(seed); }
  explicit Generator(const Stream& stream) : Generator(splitmix(stream.key + stream.number * golden)) {}

  constexpr void seed(std::uint64_t seed) {
    for (std::uint64_t& word : state_.words) word = splitmix(seed += golden);
    state_.next_stream = {seed + golden, 0};
  }

  /// The next stream: what is drawn from it depends on the seed and on how many streams were taken since, not on how
  /// much has been drawn. Draws nothing from this generator.
  Stream branch() {
    Stream stream = state_.next_stream;
    ++state_.next_stream.number;
    return stream;
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
  /// Standard normal, by Box and Muller's transform; of the same bits everywhere, as no library's logarithm is.
  double normal() {
    const double radius = std::sqrt(rounded(-2 * logarithm(1 - uniform())));
    return rounded(radius * cosine_of_turns(uniform()));
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
  /// The same as tensors of a state, and back (core/state_check.hpp); throws ShapeError for another's.
  EIGENGRAD_LAZY BasicNamedTensors<Lazy> state_dict() const;
  template <class Lazy>
  void load_state_dict(const BasicNamedTensors<Lazy>& state, Location where = Location::current());

 private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;

  static std::uint64_t rotate(std::uint64_t bits, int by) { return (bits << by) | (bits >> (64 - by)); }
  static constexpr std::uint64_t splitmix(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }
  /// 1 - c[0] z (1 - c[1] z (1 - ...)).
  static double series(double z, const double (&c)[8]) {
    double sum = 1;
    for (int i = 7; i >= 0; --i) sum = 1 - rounded(rounded(c[i] * z) * sum);
    return sum;
  }
  /// log(x) for 0 < x <= 1, to 1 ulp: 2 artanh((m - 1) / (m + 1)) + exponent log(2), where m is in [sqrt(1/2),
  /// sqrt(2)).
  static double logarithm(double x) {
    static constexpr double c[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13,
                                   1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23};
    int exponent = 0;
    double m = std::frexp(x, &exponent);
    if (m < 0.70710678118654752) {
      m *= 2;
      --exponent;
    }
    const double s = (m - 1) / (m + 1), z = rounded(s * s);
    double sum = 0;
    for (int i = 10; i >= 0; --i) sum = rounded(z * (c[i] + sum));
    const double below = rounded(rounded(2 * s * sum) + rounded(exponent * 1.9082149292705877e-10));
    return rounded(exponent * 0x1.62e42feep-1) + rounded(2 * s + below);  // log(2) in two parts
  }
  /// cos(2 pi u) for u in [0, 1): the nearest quarter turn, and the rest by a series.
  static double cosine_of_turns(double u) {
    const int quarter = static_cast<int>(4 * u + 0.5);  // NOLINT(bugprone-incorrect-roundings): either will do
    static constexpr double sine[] = {1.0 / 6,   1.0 / 20,  1.0 / 42,  1.0 / 72,
                                      1.0 / 110, 1.0 / 156, 1.0 / 210, 1.0 / 272},
                            cosine[] = {1.0 / 2,  1.0 / 12,  1.0 / 30,  1.0 / 56,
                                        1.0 / 90, 1.0 / 132, 1.0 / 182, 1.0 / 240};
    const double angle = rounded(rounded(4 * u - quarter) * (std::numbers::pi / 2)), z = rounded(angle * angle);
    const double value = quarter % 2 == 0 ? series(z, cosine) : rounded(angle * series(z, sine));
    return quarter == 1 || quarter == 2 ? -value : value;
  }

  State state_{};
};

}}  // namespace eigengrad::EIGENGRAD_ABI
