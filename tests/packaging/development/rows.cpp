// A sample of operations, an operation of a user's own among them, with gradients of both orders, replay and what is
// recorded. Prints numbers, which must be the same however formulas are evaluated (compare.py).
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <string>
namespace eg = eigengrad;

struct OwnOperation {
  static constexpr const char* name = "own";
  static auto value(const auto& x) { return x / (1 + abs(x)); }
  static auto gradient(const auto& dy, const auto& /*x*/, const auto& y) { return dy * square(1 - abs(y)); }
};

template <class T>
void print(const char* what, const eg::Tensor<T>& numbers) {
  std::printf("%s%s:", what, sizeof(T) == 4 ? " float" : " double");
  for (const T number : numbers) std::printf(" %.12g", static_cast<double>(number));
  std::printf("\n");
}

/// Values, gradients with respect to each, a Hessian's product and a compiled step of one function of three tensors.
template <class T, class F>
void row(const char* name, const F& f) {
  using Tensor = eg::Tensor<T>;
  for (const eg::Index length : {1, 5, 300}) {
    eg::manual_seed(1);
    const Tensor x = Tensor::rand({3, length}) + T(0.2), y = Tensor::rand({length}) + T(0.3), z = Tensor::rand({3, 1});
    eg::Parameter<T> p(x, "p"), q(y, "q"), r(z, "r");
    std::string operations;
    {
      eg::Tape tape;
      const Tensor value = f(p, q, r);
      const Tensor loss = sum(value * value) + mean(f(p, q, r));
      for (const auto& operation : tape.operations()) operations += std::string(" ") + operation;
      tape.backward(loss);
      print(name, Tensor(eg::slice(flatten(value), 0, 0, std::min<eg::Index>(value.size(), 7))));
      print("loss", loss);
    }
    std::printf("records:%s\n", operations.c_str());
    for (const auto* each : {&p, &q, &r})
      if (each->has_grad())
        print("gradient", Tensor(eg::slice(flatten(each->grad()), 0, 0, std::min<eg::Index>(each->size(), 7))));
    const auto of_x = [&](const auto& a) { return sum(f(a, y, z) * f(a, y, z)); };
    const Tensor twice = eg::hvp(of_x, x, x);
    print("second", Tensor(eg::slice(flatten(twice), 0, 0, std::min<eg::Index>(twice.size(), 7))));
    auto step = eg::compile([&](const auto& a) { return sum(f(a, q, r) * q); });
    q.zero_grad();
    for (int i = 0; i < 3; ++i) print("replayed", step(x));
    if (q.has_grad()) print("its gradient", Tensor(sum(q.grad())));
    if constexpr (std::is_same_v<T, double>)
      eg::gradcheck([&](const eg::Tensor<double>& a) { return eg::Tensor<double>(f(a, y, z)); }, x);
  }
}

template <class T>
void rows() {
#define ROW(name, expression) \
  row<T>(name, [](const auto& x, const auto& y, const auto& z) { return eg::Tensor<T>(expression); });
  ROW("arithmetic", (x * y + z) / (y + 2) - (-x))
  ROW("constants", 3 - 2 * x * (y - 1))
  ROW("same twice", x * x * x + sigmoid(x))
  ROW("functions", exp(-x) * log(y) + sqrt(x) * sin(z) + cos(x) * tanh(y) + log1p(x) * expm1(y))
  ROW("expensive", tanh(x * x) * exp(x))
  ROW("pow", pow(x, y) + erf(z) * erfc(x))
  ROW("choice", where(x > y && x > 0.5, x * y, z - x) + maximum(x, y) * minimum(x, z) + clamp(y, 0.4, 0.9))
  ROW("activations", gelu(x) + silu(y) * softplus(z) - relu(x - y) + eg::leaky_relu(z - x, 0.1) + eg::elu(x - 1, 1.5))
  ROW("own", eg::apply<OwnOperation>(x - y) * z)
  ROW("map", eg::map("cubic", [](auto a, auto b) { return a * a * a - 2 * b; }, x, y) + z)
  ROW("deviation", (x - mean(x, -1, true)) / sqrt(mean(square(x - z), -1, true) + 0.01) * y)
#undef ROW
}

int main() {
  rows<float>();
  rows<double>();
  const eg::Tensor<double> x = {{0.5, -2}, {3, 4}};
  std::printf("%s %s\n", eg::to_text(all(x > -3).item()).c_str(), eg::to_text(any(isnan(x)).item()).c_str());
  try {
    eg::Tensor<double> wrong = x + eg::Tensor<double>{1, 2, 3};
  } catch (const eg::ShapeError& error) {
    std::printf("%s\n", error.what());
  }
  eg::Parameter<double> w(x, "w");
  eg::Tape tape({.profile = true});
  const eg::Tensor<double> y = tanh(2 * w + 1);
  std::printf("%s\n", eg::to_text(tape.operations()[0]).c_str());
}
