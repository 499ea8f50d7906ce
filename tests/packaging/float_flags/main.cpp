// Compiled with flags that loosen the rules of floating-point arithmetic (run.cmake): prints "right", or "refused: "
// and the library's sentence, or what came out wrong.
#include <eigengrad/core/print.hpp>
#include <eigengrad/simd/math.hpp>

#include <bit>
#include <cstdio>

namespace math = eigengrad::math;
using eigengrad::Lane;

int wrong = 0;

template <class T>
bool is_nan(T x) {  // by its bits, as a flag may let the compiler take every number for one
  if constexpr (sizeof(T) == sizeof(float))
    return (std::bit_cast<std::uint32_t>(x) & 0x7fffffff) > 0x7f800000;
  else
    return (std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffff) > 0x7ff0000000000000;
}

template <class T>
void expect(const char* name, T x, T got, T right) {
  using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;
  const T off = got > right ? got - right : right - got, size = right < 0 ? -right : right;
  if (is_nan(right) ? is_nan(got)
                    : std::bit_cast<Bits>(got) == std::bit_cast<Bits>(right) ||
                          (right != 0 && off <= 8 * std::numeric_limits<T>::epsilon() * size))
    return;
  std::printf("%s(%g) is %g, not %g\n", name, double(x), double(got), double(right));
  ++wrong;
}

/// A function's number, which the compiler knows nothing of.
template <class T>
void check(const char* name, auto function, T x, T right) {
  volatile T hidden = x;
  expect<T>(name, x, function(eigengrad::lane_t<T>(T(hidden)))[0], right);
}

template <class T>
void check_all() {
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const auto exp = [](auto x) { return math::exp(x); };
  const auto expm1 = [](auto x) { return math::expm1(x); };
  const auto log = [](auto x) { return math::log(x); };
  const auto log1p = [](auto x) { return math::log1p(x); };
  const auto sin = [](auto x) { return math::sin(x); };
  const auto cos = [](auto x) { return math::cos(x); };
  const auto tanh = [](auto x) { return math::tanh(x); };
  const auto erf = [](auto x) { return math::erf(x); };
  const auto erfc = [](auto x) { return math::erfc(x); };
  const auto sqrt = [](auto x) { return math::sqrt(x); };
  const auto sigmoid = [](auto x) { return 1.0 / (1.0 + math::exp(-x)); };
  check<T>("exp", exp, 1, T(2.718281828459045235));
  check<T>("exp", exp, T(0.75), T(2.117000016612674669));
  check<T>("exp", exp, -infinity, 0);
  check<T>("exp", exp, infinity, infinity);
  check<T>("exp", exp, nan, nan);
  check<T>("expm1", expm1, T(0x1p-9), T(1.955033591002812047e-3));
  check<T>("log", log, 10, T(2.302585092994045684));
  check<T>("log", log, T(0), -infinity);
  check<T>("log", log, T(-1), nan);
  check<T>("log1p", log1p, T(0x1p-9), T(1.951220131261749337e-3));
  check<T>("sin", sin, 1, T(0.841470984807896507));
  check<T>("sin", sin, 100, T(-0.506365641109758793));
  check<T>("sin", sin, T(-0.0), T(-0.0));
  check<T>("sin", sin, infinity, nan);
  check<T>("cos", cos, 100, T(0.862318872287683934));
  check<T>("tanh", tanh, 1, T(0.761594155955764888));
  check<T>("tanh", tanh, nan, nan);
  check<T>("erf", erf, 1, T(0.842700792949714869));
  check<T>("erfc", erfc, 2, T(0.00467773498104726584));
  check<T>("sqrt", sqrt, 2, T(1.414213562373095049));
  check<T>("sqrt", sqrt, T(-1), nan);
  check<T>("sigmoid", sigmoid, 1, T(0.731058578630004879));
  check<T>("sigmoid", sigmoid, T(-infinity), 0);
  const auto abs = [](auto x) { return math::abs(x); };
  check<T>("abs", abs, T(-0.0), T(0.0));
}

int main() {
  try {
    volatile float nan = std::numeric_limits<float>::quiet_NaN();
    const eigengrad::Tensor<float> tensor = {1.f, float(nan), -0.f};
    if (const std::string text = eigengrad::to_text(tensor); text != "[ 1. nan -0.]") {
      std::printf("printed %s\n", text.c_str());
      ++wrong;
    }
  } catch (const eigengrad::Error& error) {
    std::printf("refused: %s\n", error.what());
    return 0;
  }
  check_all<float>();
  check_all<double>();
  if (wrong == 0) std::printf("right\n");
  return wrong != 0;
}
