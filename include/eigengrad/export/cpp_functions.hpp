#pragma once

#include <string_view>

#include "../config.hpp"

// The text of the functions that exported headers hold: float in, float out, no library behind them.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace cpp_text {

/// One function of an exported header; it is written where its name is called. Later ones may call earlier ones.
struct Function {
  std::string_view name, text;
};

/// Functions of one number. Coefficients of the exponential: Moshier's Cephes, single precision; of tanh: those of
/// simd/exponential.hpp; of the normal distribution: Abramowitz, Stegun: Handbook of mathematical functions,
/// 1964, 7.1.26.
inline constexpr Function functions[] = {
    {"from_bits", R"(
  static float from_bits(std::uint32_t bits) noexcept {
    float x = 0.0f;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
  }
)"},
    {"to_bits", R"(
  static std::uint32_t to_bits(float x) noexcept {
    std::uint32_t bits = 0;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
  }
)"},
    {"either", R"(
  // first ? a : b, by their bits: g++ vectorises no branch, and makes one of a conditional whose operands it computes.
  static float either(bool first, float a, float b) noexcept {
    const std::uint32_t mask = 0u - static_cast<std::uint32_t>(first);
    return from_bits((to_bits(a) & mask) | (to_bits(b) & ~mask));
  }
)"},
    {"at_least", R"(
  static float at_least(float least, float x) noexcept { return either(x < least, least, x); }
)"},
    {"at_most", R"(
  static float at_most(float most, float x) noexcept { return either(x > most, most, x); }
)"},
    {"magnitude", R"(
  static float magnitude(float x) noexcept { return from_bits(to_bits(x) & 0x7fffffffu); }
)"},
    {"with_sign", R"(
  // A positive number, with the sign of another.
  static float with_sign(float size, float x) noexcept {
    return from_bits(to_bits(size) | (to_bits(x) & 0x80000000u));
  }
)"},
    {"exponential", R"(
  // 2^n e^r, |r| <= log(2) / 2.
  static float exponential(float x) noexcept {
    const float low = either(x > -86.6f, x, -86.6f);  // NaN, too
    const float z = either(low < 89.0f, low, 89.0f);
    const float scaled = z * 1.44269504f;
    const std::int32_t n = static_cast<std::int32_t>(scaled + with_sign(0.5f, scaled));
    const float whole = static_cast<float>(n);
    const float r = (z - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float e = (p * r * r + r) + 1.0f;
    const float y = e * 2.0f * from_bits(static_cast<std::uint32_t>(n + 126) << 23);
    return either(x != x, x, either(x < -86.6f, 0.0f, y));
  }
)"},
    {"log1p_fraction", R"(
  // log(1 + x) for x in [0, 1].
  static float log1p_fraction(float x) noexcept {
    const float s = x / (2.0f + x), z = s * s;
    float p = 0.066666667f;
    p = p * z + 0.076923077f;
    p = p * z + 0.090909091f;
    p = p * z + 0.11111111f;
    p = p * z + 0.14285714f;
    p = p * z + 0.2f;
    p = p * z + 0.33333333f;
    return 2.0f * (s + s * z * p);
  }
)"},
    {"logarithm", R"(
  // Of a positive number that is not denormal.
  static float logarithm(float x) noexcept {
    const std::uint32_t bits = to_bits(x), moved = bits + 0x4afb0du;  // the fraction goes from sqrt(1/2) to sqrt(2)
    const std::int32_t n = static_cast<std::int32_t>(moved >> 23) - 127;
    const float m = from_bits((moved & 0x7fffffu) + 0x3f3504f3u);
    const float s = (m - 1.0f) / (m + 1.0f), z = s * s, whole = static_cast<float>(n);
    float p = 0.11111111f;
    p = p * z + 0.14285714f;
    p = p * z + 0.2f;
    p = p * z + 0.33333333f;
    return either(x != x, x, whole * 0.693359375f + (2.0f * (s + s * z * p) - whole * 2.12194440e-4f));
  }
)"},
    {"expm1_below", R"(
  // exp(x) - 1 for x <= 0.
  static float expm1_below(float x) noexcept {
    const float z = either(x > -0.5f, x, -0.5f);
    float p = 2.4801587e-5f;
    p = p * z + 1.9841270e-4f;
    p = p * z + 1.3888889e-3f;
    p = p * z + 8.3333333e-3f;
    p = p * z + 4.1666667e-2f;
    p = p * z + 1.6666667e-1f;
    p = p * z + 0.5f;
    const float near = z + z * z * p, far = exponential(x) - 1.0f;
    return either(x > -0.5f, near, far);
  }
)"},
    {"inverse_root", R"(
  // 1 / sqrt(x) by Newton's method.
  static float inverse_root(float x) noexcept {
    float y = from_bits(0x5f375a86u - (to_bits(x) >> 1));
    for (int i = 0; i < 4; ++i) y = y * (1.5f - 0.5f * x * y * y);
    return y;
  }
)"},
    {"sigmoid", R"(
  static float sigmoid(float x) noexcept {
    const float e = exponential(-magnitude(x));
    return either(x < 0.0f, e, 1.0f) / (1.0f + e);
  }
)"},
    {"tanh", R"(
  // A quotient fitted to |x| < 8, and 1 beyond.
  static float tanh(float x) noexcept {
    const float z = x * x;
    float p = 1.52303952e-8f;
    p = p * z + 2.18946459e-5f;
    p = p * z + 0.00357159706f;
    p = p * z + 0.134444972f;
    p = p * z + 1.0f;
    float q = 8.52243744e-7f;
    q = q * z + 0.000341129041f;
    q = q * z + 0.0261644392f;
    q = q * z + 0.467778245f;
    q = q * z + 1.0f;
    return either(magnitude(x) >= 8.0f, with_sign(1.0f, x), x * p / q);
  }
)"},
    {"upper_tail", R"(
  // The normal distribution's part beyond |x|.
  static float upper_tail(float x) noexcept {
    const float z = magnitude(x) * 0.70710678f, t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    return 0.5f * p * t * exponential(-z * z);
  }
)"},
    {"relu", R"(
  static float relu(float x) noexcept { return x <= 0.0f ? 0.0f : x; }
)"},
    {"relu6", R"(
  static float relu6(float x) noexcept { return at_least(0.0f, at_most(6.0f, x)); }
)"},
    {"leaky_relu", R"(
  static float leaky_relu(float x, float slope) noexcept { return either(x > 0.0f, x, slope * x); }
)"},
    {"elu", R"(
  static float elu(float x, float alpha) noexcept {
    const float below = alpha * expm1_below(at_most(0.0f, x));
    return either(x > 0.0f, x, below);
  }
)"},
    {"celu", R"(
  static float celu(float x, float alpha) noexcept {
    const float rest = at_most(0.0f, x) / alpha, below = alpha * expm1_below(at_most(0.0f, rest));
    return either(x > 0.0f, x, below);
  }
)"},
    {"selu", R"(
  static float selu(float x) noexcept {
    const float below = 1.75809934f * expm1_below(at_most(0.0f, x));
    return either(x > 0.0f, 1.05070099f * x, below);
  }
)"},
    {"gelu", R"(
  static float gelu(float x) noexcept {
    const float tail = x * upper_tail(x);
    return either(x < 0.0f, tail, x - tail);
  }
)"},
    {"silu", R"(
  static float silu(float x) noexcept { return x * sigmoid(x); }
)"},
    {"gelu_tanh", R"(
  static float gelu_tanh(float x) noexcept { return x * sigmoid(x * (1.59576912f + 0.0713548163f * (x * x))); }
)"},
    {"mish", R"(
  static float mish(float x) noexcept {
    const float e = exponential(-magnitude(x)), n = either(x < 0.0f, e * (e + 2.0f), 1.0f + 2.0f * e);
    return x * (n / (n + either(x < 0.0f, 2.0f, 2.0f * e * e)));
  }
)"},
    {"softplus", R"(
  static float softplus(float x) noexcept { return at_least(0.0f, x) + log1p_fraction(exponential(-magnitude(x))); }
)"},
    {"log_sigmoid", R"(
  static float log_sigmoid(float x) noexcept { return at_most(0.0f, x) - log1p_fraction(exponential(-magnitude(x))); }
)"},
    {"softsign", R"(
  static float softsign(float x) noexcept { return x / (1.0f + magnitude(x)); }
)"},
    {"tanhshrink", R"(
  static float tanhshrink(float x) noexcept { return x - tanh(x); }
)"},
    {"hardtanh", R"(
  static float hardtanh(float x, float low, float high) noexcept { return at_least(low, at_most(high, x)); }
)"},
    {"hardsigmoid", R"(
  static float hardsigmoid(float x) noexcept { return at_least(0.0f, at_most(1.0f, (x + 3.0f) / 6.0f)); }
)"},
    {"hardswish", R"(
  static float hardswish(float x) noexcept {
    const float middle = x * (x + 3.0f) / 6.0f;
    return either(x <= -3.0f, 0.0f, either(x >= 3.0f, x, middle));
  }
)"},
    {"threshold", R"(
  static float threshold(float x, float limit, float otherwise) noexcept { return x <= limit ? otherwise : x; }
)"},
    {"hardshrink", R"(
  static float hardshrink(float x, float limit) noexcept { return magnitude(x) <= limit ? 0.0f : x; }
)"},
    {"softshrink", R"(
  static float softshrink(float x, float limit) noexcept {
    return either(magnitude(x) <= limit, 0.0f, either(x > 0.0f, x - limit, x + limit));
  }
)"},
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::cpp_text
