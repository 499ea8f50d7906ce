#include <gtest/gtest.h>
#include <eigengrad/eigengrad.hpp>

// Every activation and loss from -800 to 800: value, first and second derivative against closed forms in long double,
// which are written in exp(-|x|). Far out these numbers are tiny, and must keep their digits on both sides.
namespace eg = eigengrad;

namespace {

using Long = long double;
Long sigmoid_of(Long x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
Long softplus_of(Long x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x))); }
Long bump(Long x) { return sigmoid_of(x) * sigmoid_of(-x); }
Long tanh_slope(Long x) { return 1 / (std::cosh(x) * std::cosh(x)); }
Long density(Long x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0L)); }
Long distribution(Long x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }

template <class T>
std::vector<T> points() {
  std::vector<T> result{0};
  for (const double x : {1e-4,  0.25,  1.0,   2.0,   3.5,   5.0,   8.0,   9.5,   13.5,  16.75, 20.0, 22.5,
                         30.0,  37.5,  40.0,  44.0,  50.0,  64.0,  70.0,  87.0,  88.5,  89.25, 95.0, 100.0,
                         103.0, 110.0, 300.0, 354.0, 375.0, 600.0, 708.0, 720.0, 740.0, 745.0, 800.0})
    for (const double signed_x : {x, -x}) result.push_back(static_cast<T>(signed_x));
  return result;
}

/// `f` maps a tensor [n, 1] to one of as many numbers, or to their sum; the others are the closed forms.
template <class T, bool duals = true, class F>
void sweep(const char* name, const F& f, Long (*value)(Long), Long (*first)(Long), Long (*second)(Long),
           double units = 16, double units_at_inflection = 0) {
  const std::vector<T> numbers = points<T>();
  const auto x = eg::Tensor<T>::from(numbers, {static_cast<eg::Index>(numbers.size()), 1});
  const auto total = [&](const eg::Tensor<T>& t) { return eg::Tensor<T>(sum(eg::Tensor<T>(f(t)))); };
  const auto slope = [&](const eg::Tensor<T>& t) { return eg::Tensor<T>(eg::grad(total, t)); };
  const eg::Tensor<T> y = f(x), dy = slope(x),
                      bend = eg::grad([&](const eg::Tensor<T>& t) { return eg::Tensor<T>(sum(slope(t))); }, x);
  eg::Tensor<T> dual;
  if constexpr (duals)  // layers are of one number type
    dual = tangent_part(eg::Tensor<eg::Dual<T>>(f(make_dual(x, eg::Tensor<T>::ones(x.shape())))));
  const auto check = [&](const char* what, const eg::Tensor<T>& got, Long (*expected)(Long), Long lost,
                         Long near_zero) {
    if (got.size() != x.size()) return;  // a loss summed, or no dual numbers
    for (eg::Index i = 0; i < x.size(); ++i) {
      const Long at = x.data()[i], right = expected(at);
      const Long allowed = units * std::numeric_limits<T>::epsilon() * std::abs(right) +
                           (std::abs(at) < 0.01L ? near_zero * std::numeric_limits<T>::epsilon() : 0) +
                           lost * (4 + std::abs(at)) * std::numeric_limits<T>::denorm_min();
      EXPECT_LE(std::abs(got.data()[i] - right), allowed)
          << name << what << " at " << static_cast<double>(at) << " is " << got.data()[i] << ", not " << right;
    }
  };
  check("", y, value, 1, 0);
  check("'", dy, first, 1, 0);
  check("' of dual numbers", dual, first, 1, 0);
  check("''", bend, second, 4, units_at_inflection);
}

Long bump_slope(Long x) { return bump(x) * -std::tanh(x / 2); }
Long minus_bump(Long x) { return -bump(x); }
Long silu_of(Long x) { return x * sigmoid_of(x); }
Long silu_first(Long x) { return sigmoid_of(x) * (1 + x * sigmoid_of(-x)); }
Long silu_second(Long x) { return bump(x) * (2 - x * std::tanh(x / 2)); }
Long elu_of(Long x) { return x > 0 ? x : std::expm1(x); }
Long elu_first(Long x) { return x > 0 ? 1 : std::exp(x); }
Long elu_second(Long x) { return x > 0 ? 0 : std::exp(x); }
Long tanh_second(Long x) { return -2 * std::tanh(x) * tanh_slope(x); }
Long gelu_of(Long x) { return x * distribution(x); }
Long gelu_first(Long x) { return distribution(x) + x * density(x); }
Long gelu_second(Long x) { return density(x) * (2 - x * x); }

// Losses of [n, 1] logits; with more classes the others are 0.
template <class T>
eg::Tensor<T> beside_zero(const eg::Tensor<T>& x) {
  return eg::concatenate<T>({x, eg::Tensor<T>::zeros(x.shape())}, 1);
}
template <class T>
eg::Tensor<T> pairs(const eg::Shape& shape, int first, int second) {
  eg::Tensor<T> result = eg::Tensor<T>::empty({shape[0], 2});
  for (eg::Index i = 0; i < shape[0]; ++i) {
    result.at(i, 0) = T(first);
    result.at(i, 1) = T(second);
  }
  return result;
}
Long softplus_below(Long x) { return softplus_of(-x); }
Long minus_sigmoid_below(Long x) { return -sigmoid_of(-x); }
Long minus_softplus_below(Long x) { return -softplus_of(-x); }
Long sigmoid_below(Long x) { return sigmoid_of(-x); }
Long quarter_of(Long x) { return 0.75L * softplus_of(x) + 0.25L * softplus_of(-x); }
Long quarter_first(Long x) { return 0.75L * sigmoid_of(x) - 0.25L * sigmoid_of(-x); }

template <class T>
void sweep_functions() {
  sweep<T>("sigmoid", [](const auto& x) { return sigmoid(x); }, sigmoid_of, bump, bump_slope);
  sweep<T>("softplus", [](const auto& x) { return softplus(x); }, softplus_of, sigmoid_of, bump);
  sweep<T>("silu", [](const auto& x) { return silu(x); }, silu_of, silu_first, silu_second, 32);
  sweep<T>("elu", [](const auto& x) { return elu(x); }, elu_of, elu_first, elu_second);
  sweep<T>(
      "expm1", [](const auto& x) { return expm1(minimum(x, 20)); },
      [](Long x) { return std::expm1(std::min(x, 20.0L)); }, [](Long x) { return x > 20 ? 0 : std::exp(x); },
      [](Long x) { return x > 20 ? 0 : std::exp(x); }, 64);
  sweep<T>("tanh", [](const auto& x) { return tanh(x); }, [](Long x) { return std::tanh(x); }, tanh_slope, tanh_second);
  sweep<T>(
      "gelu", [](const auto& x) { return gelu(x); }, gelu_of, gelu_first, gelu_second,
      std::is_same_v<T, float> ? 256 : 4096);
}
template <class T>
void sweep_layers() {
  const auto both = []<class Layer>(const char* name, const Layer& layer, auto... forms) {
    const auto alone = std::make_shared<Layer>(layer);
    sweep<T, false>(name, [=](const eg::Tensor<T>& x) { return (*alone)(x); }, forms...);
    const auto model = std::make_shared<eg::Sequential<T>>(eg::Linear<T>(1, 1), layer);
    model->parameters()[0].set_value(eg::Tensor<T>::ones({1, 1}));
    model->parameters()[1].set_value(eg::Tensor<T>::zeros({1}));
    sweep<T, false>((std::string("linear, ") + name).c_str(), [=](const eg::Tensor<T>& x) { return (*model)(x); },
                    forms...);
  };
  both("Sigmoid", eg::Sigmoid<T>(), sigmoid_of, bump, bump_slope, 16, 0.25);
  both("Tanh", eg::Tanh<T>(), +[](Long x) { return std::tanh(x); }, tanh_slope, tanh_second);
  both("SiLU", eg::SiLU<T>(), silu_of, silu_first, silu_second, 32);
}
template <class T>
void sweep_losses() {
  using eg::Reduction, eg::Shape;
  const auto target = [](const Shape& shape, double y) { return eg::Tensor<T>::full(shape, static_cast<T>(y)); };
  const auto logits = [=](double y, Reduction by) {
    return [=](const auto& x) { return binary_cross_entropy_with_logits(x, target(x.shape(), y), by); };
  };
  const auto labels = [](int y, Reduction by) {
    return [=](const auto& x) {
      return softmax_cross_entropy(beside_zero(x), eg::Tensor<std::int64_t>::full({x.shape()[0]}, y), by);
    };
  };
  const auto soft = [](int y, Reduction by) {
    return [=](const auto& x) { return softmax_cross_entropy(beside_zero(x), pairs<T>(x.shape(), 1 - y, y), by); };
  };
  const auto first_of = [](auto f) { return [=](const auto& x) { return select(f(beside_zero(x)), 1, 0); }; };
  for (const Reduction by : {Reduction::none, Reduction::sum}) {
    sweep<T>("bce, 0", logits(0, by), softplus_of, sigmoid_of, bump);
    sweep<T>("bce, 1", logits(1, by), softplus_below, minus_sigmoid_below, bump);
    sweep<T>("bce, 1/4", logits(0.25, by), quarter_of, quarter_first, bump, 64);
    sweep<T>("softmax cross-entropy, label 0", labels(0, by), softplus_below, minus_sigmoid_below, bump);
    sweep<T>("softmax cross-entropy, label 1", labels(1, by), softplus_of, sigmoid_of, bump);
    sweep<T>("softmax cross-entropy, (1, 0)", soft(0, by), softplus_below, minus_sigmoid_below, bump);
    sweep<T>("softmax cross-entropy, (0, 1)", soft(1, by), softplus_of, sigmoid_of, bump);
  }
  sweep<T>("log_softmax", first_of([](const auto& x) { return log_softmax(x); }), minus_softplus_below, sigmoid_below,
           minus_bump);
  sweep<T>("softmax", first_of([](const auto& x) { return softmax(x); }), sigmoid_of, bump, bump_slope, 64,
           0.25);  // a difference of two halves
}

}  // namespace

// 67: all of them.
TEST(Tails, FunctionsInDouble) { sweep_functions<double>(); }
TEST(Tails, FunctionsInFloat) { sweep_functions<float>(); }
TEST(Tails, LayersInDouble) { sweep_layers<double>(); }
TEST(Tails, LayersInFloat) { sweep_layers<float>(); }
TEST(Tails, LossesInDouble) { sweep_losses<double>(); }
TEST(Tails, LossesInFloat) { sweep_losses<float>(); }

// A step that is replayed computes the slopes anew.
TEST(Tails, ReplayedStepsKeepThem) {
  using Tensor = eg::Tensor<double>;
  eg::Sequential<double> model(eg::Linear<double>(1, 1), eg::Tanh<double>());
  const auto parameters = model.parameters();
  parameters[0].set_value(Tensor{{1}});
  parameters[1].set_value(Tensor{0});
  auto step = eg::compile([&](const auto& x) { return sum(model(x)); });
  for (const double x : {1.0, 2.0, 20.0, -20.0, 3.0, 20.0}) {
    for (const auto& parameter : parameters) parameter.zero_grad();
    step(Tensor{{x}});
    const double slope = 1 / (std::cosh(x) * std::cosh(x));
    EXPECT_NEAR(parameters[1].grad()(0), slope, 1e-12 * slope) << x;
  }
}
