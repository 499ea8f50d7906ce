#include "convolution_reference.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace eg = eigengrad;
using eg::Index;

namespace {

constexpr int guard = 80;

/// Numbers with others behind and before them that must stay.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t size) : numbers_(size + 2 * guard, T(-77)) {}
  T* data() { return numbers_.data() + guard; }
  T operator[](std::size_t i) const { return numbers_[i + guard]; }
  bool intact() const {
    return std::all_of(numbers_.begin(), numbers_.begin() + guard, [](T n) { return n == T(-77); }) &&
           std::all_of(numbers_.end() - guard, numbers_.end(), [](T n) { return n == T(-77); });
  }

 private:
  std::vector<T> numbers_;
};

template <class T>
void expect_equal(Guarded<T>& found, const std::vector<double>& expected, const std::string& what, double allowed) {
  EXPECT_TRUE(found.intact()) << what << ": written outside";
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], allowed) << what << " element " << i;
}

/// All three kernels on numbers in vectors that end where they end.
template <class T>
void compare(const reference::Case<T>& c, double allowed) {
  const reference::Results expected = reference::expected(c);
  Guarded<T> y(c.dy.size()), dx(c.x.size()), dw(c.weight.size());
  eg::convolution_forward<T>(c.shape, c.x.data(), c.weight.data(), y.data());
  expect_equal(y, expected.y, reference::name(c.shape) + ": forward", allowed);
  eg::convolution_input_gradient<T>(c.shape, c.dy.data(), c.weight.data(), dx.data());
  expect_equal(dx, expected.dx, reference::name(c.shape) + ": dx", allowed);
  eg::convolution_weight_gradient<T>(c.shape, c.x.data(), c.dy.data(), dw.data());
  expect_equal(dw, expected.dw, reference::name(c.shape) + ": dw", allowed);
}

/// Small integers, whose sums are exact in any order.
template <class T>
void compare_exactly(const eg::ConvolutionShape& shape) {
  std::mt19937 random(5);
  compare(reference::Case<T>(shape, [&] { return static_cast<int>(random() % 7) - 3; }), 0);
}

eg::ConvolutionShape shape(Index images, Index channels, Index outputs, Index groups, const eg::ConvolutionAxis& rows,
                           const eg::ConvolutionAxis& columns) {
  return {images, channels, outputs, groups, rows, columns};
}

/// Shapes for which every form is chosen.
std::vector<eg::ConvolutionShape> forms() {
  return {
      shape(3, 1, 6, 1, {28, 5, 1, 2, 2, 1}, {28, 5, 1, 2, 2, 1}),     // lanes over places in both ways
      shape(3, 6, 16, 1, {14, 5, 1, 0, 0, 1}, {14, 5, 1, 0, 0, 1}),    // read in place
      shape(9, 16, 16, 1, {8, 3, 1, 1, 1, 1}, {8, 3, 1, 1, 1, 1}),     // panels
      shape(2, 40, 33, 1, {7, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}),     // panels cut between products
      shape(2, 16, 64, 1, {12, 3, 2, 1, 1, 1}, {12, 3, 2, 1, 1, 1}),   // planes of remainders
      shape(1, 3, 64, 1, {40, 7, 2, 3, 3, 1}, {40, 7, 2, 3, 3, 1}),    // a first layer
      shape(2, 24, 48, 1, {9, 1, 1, 0, 0, 1}, {11, 1, 1, 0, 0, 1}),    // pointwise: one row
      shape(2, 24, 48, 1, {9, 1, 2, 0, 0, 1}, {11, 1, 2, 0, 0, 1}),    // pointwise with a stride
      shape(2, 20, 20, 20, {21, 3, 1, 1, 1, 1}, {37, 3, 1, 1, 1, 1}),  // depthwise
      shape(2, 20, 20, 20, {21, 3, 2, 1, 1, 1}, {37, 3, 2, 1, 1, 1}),  // depthwise with a stride
      shape(2, 20, 20, 20, {21, 3, 2, 0, 1, 1}, {36, 3, 2, 0, 1, 1}),  //
      shape(2, 10, 20, 10, {13, 5, 1, 2, 2, 1}, {19, 5, 1, 2, 2, 1}),  // two results for each channel
      shape(2, 8, 8, 8, {9, 3, 1, 2, 2, 2}, {70, 3, 1, 2, 2, 2}),      // depthwise, dilated
      shape(2, 1, 16, 1, {}, {403, 9, 4, 4, 4, 1}),                    // one row, stride 4
      shape(2, 16, 32, 1, {}, {200, 9, 4, 4, 4, 1}),                   //
      shape(1, 4, 4, 1, {4, 3, 5, 1, 1, 1}, {4, 3, 5, 1, 1, 1}),       // a stride larger than the image
      shape(1, 2, 3, 1, {6, 4, 1, 1, 2, 1}, {6, 4, 1, 1, 2, 1}),       // "same" with an even kernel
      shape(1, 2, 3, 1, {2, 5, 1, 0, 0, 1}, {9, 5, 1, 0, 0, 1}),       // an image the kernel does not fit
      shape(1, 2, 3, 1, {2, 3, 1, 6, 6, 1}, {3, 3, 1, 7, 5, 1}),       // mostly padding
      shape(0, 2, 3, 1, {6, 3, 1, 1, 1, 1}, {6, 3, 1, 1, 1, 1}),       // no images
      shape(1, 1, 1, 1, {}, {}),                                       // one number
      shape(17, 4, 9, 1, {3, 3, 1, 1, 1, 1}, {3, 3, 1, 1, 1, 1}),      // more images than parts
      shape(2, 130, 260, 1, {3, 3, 1, 1, 1, 1}, {3, 3, 1, 1, 1, 1}),   // many weights: two parts
  };
}

}  // namespace

TEST(Convolution, EveryFormIsExactOnIntegers) {
  for (const eg::ConvolutionShape& each : forms()) {
    ASSERT_TRUE(each.valid());
    compare_exactly<float>(each);
    compare_exactly<double>(each);
    if (HasFatalFailure()) return;
  }
}

TEST(Convolution, RandomShapesAreExactOnIntegers) {
  for (const eg::ConvolutionShape& each : reference::shapes(300, 11)) {
    compare_exactly<float>(each);
    if (HasFatalFailure()) return;
  }
  for (const eg::ConvolutionShape& each : reference::shapes(200, 12)) {
    compare_exactly<double>(each);
    if (HasFatalFailure()) return;
  }
}

TEST(Convolution, RandomNumbersAreCloseToTheSumInDouble) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (const eg::ConvolutionShape& each : forms()) {
    compare(reference::Case<float>(each, [&] { return normal(random); }), 2e-3);
    compare(reference::Case<double>(each, [&] { return normal(random); }), 1e-11);
    if (HasFatalFailure()) return;
  }
}

// <conv x, y> = <x, convT y> = <w, dw(x, y)>: what makes a gradient one.
TEST(Convolution, GradientsAreAdjoint) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  for (const eg::ConvolutionShape& each : reference::shapes(100, 13)) {
    const reference::Case<double> c(each, [&] { return normal(random); });
    std::vector<double> y(c.dy.size()), dx(c.x.size()), dw(c.weight.size());
    eg::convolution_forward<double>(each, c.x.data(), c.weight.data(), y.data());
    eg::convolution_input_gradient<double>(each, c.dy.data(), c.weight.data(), dx.data());
    eg::convolution_weight_gradient<double>(each, c.x.data(), c.dy.data(), dw.data());
    const double product = dot(y, c.dy), allowed = 1e-12 * (1 + dot(y, y) + dot(c.dy, c.dy));
    EXPECT_NEAR(product, dot(c.x, dx), allowed) << reference::name(each);
    EXPECT_NEAR(product, dot(c.weight, dw), allowed) << reference::name(each);
  }
}

// Bias, scale and finish of the result; where lanes may be read whole, too.
template <class T>
void compare_extras(const eg::ConvolutionShape& each) {
  std::mt19937 random(6);
  const auto next = [&] { return static_cast<int>(random() % 7) - 3; };
  reference::Case<T> c(each, next);
  const auto numbers = [&](Index count) {
    std::vector<T> result(static_cast<std::size_t>(count));
    for (T& number : result) number = static_cast<T>(next());
    return result;
  };
  const reference::Results plain = reference::expected(c);
  const auto finished = [&](const std::vector<double>& from, Index channels, const std::vector<T>& bias,
                            const std::vector<T>& scale) {
    std::vector<double> result = from;
    const auto plane = from.size() / static_cast<std::size_t>(std::max<Index>(1, each.images * channels));
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t channel = i / plane % static_cast<std::size_t>(channels);
      result[i] = 2 * (from[i] * static_cast<double>(scale[channel]) + static_cast<double>(bias[channel])) + 1;
    }
    return result;
  };
  for (std::vector<T>* numbers_read : {&c.x, &c.dy}) numbers_read->resize(numbers_read->size() + 16, T(1000));
  eg::ConvolutionExtras<T> extras;
  extras.room = true;
  extras.finish.run = [](const void*, T* from, Index count) {
    for (Index i = 0; i < count; ++i) from[i] = 2 * from[i] + 1;
  };
  const std::vector<T> bias = numbers(each.outputs), scale = numbers(each.outputs);
  extras.bias = bias.data();
  extras.scale = scale.data();
  Guarded<T> y(plain.y.size());
  eg::convolution_forward<T>(each, c.x.data(), c.weight.data(), y.data(), extras);
  expect_equal(y, finished(plain.y, each.outputs, bias, scale), reference::name(each) + ": forward", 0);
  const std::vector<T> input_bias = numbers(each.channels), input_scale = numbers(each.channels);
  extras.bias = input_bias.data();
  extras.scale = input_scale.data();
  Guarded<T> dx(plain.dx.size()), dw(plain.dw.size());
  eg::convolution_input_gradient<T>(each, c.dy.data(), c.weight.data(), dx.data(), extras);
  expect_equal(dx, finished(plain.dx, each.channels, input_bias, input_scale), reference::name(each) + ": dx", 0);
  eg::convolution_weight_gradient<T>(each, c.x.data(), c.dy.data(), dw.data(), true);
  expect_equal(dw, plain.dw, reference::name(each) + ": dw", 0);
}

TEST(Convolution, BiasScaleAndFinishRideAlong) {
  std::vector<eg::ConvolutionShape> all = forms();
  for (const eg::ConvolutionShape& each : reference::shapes(100, 14)) all.push_back(each);
  for (const eg::ConvolutionShape& each : all) {
    compare_extras<float>(each);
    compare_extras<double>(each);
    if (HasFatalFailure()) return;
  }
}

TEST(Convolution, NotANumberReachesWhatItsTapsMeet) {
  const eg::ConvolutionShape s = shape(1, 1, 1, 1, {6, 3, 1, 1, 1, 1}, {21, 3, 1, 1, 1, 1});
  reference::Case<float> c(s, [] { return 1; });
  c.x[2 * 21 + 5] = std::nanf("");
  std::vector<float> y(c.dy.size());
  eg::convolution_forward<float>(s, c.x.data(), c.weight.data(), y.data());
  for (Index i = 0; i < 6; ++i)
    for (Index j = 0; j < 21; ++j)
      EXPECT_EQ(std::isnan(y[static_cast<std::size_t>(i * 21 + j)]), std::abs(i - 2) <= 1 && std::abs(j - 5) <= 1)
          << i << ' ' << j;
}

TEST(Convolution, SizesOfTheOutput) {
  EXPECT_EQ((eg::ConvolutionAxis{28, 5, 1, 2, 2, 1}.output()), 28);
  EXPECT_EQ((eg::ConvolutionAxis{224, 7, 2, 3, 3, 1}.output()), 112);
  EXPECT_EQ((eg::ConvolutionAxis{16000, 9, 4, 4, 4, 1}.output()), 4000);
  EXPECT_EQ((eg::ConvolutionAxis{5, 3, 1, 0, 0, 2}.output()), 1);
  EXPECT_EQ((eg::ConvolutionAxis{4, 3, 1, 0, 0, 2}.output()), 0);
  EXPECT_EQ((eg::ConvolutionAxis{0, 1, 1, 0, 0, 1}.output()), 0);
}
