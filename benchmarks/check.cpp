#include <iostream>

#include "formulas.hpp"

#include "by_hand/formulas.hpp"
#include "by_hand/network.hpp"

// Whether what is written by hand does the same work: its values and derivatives against eigengrad's.
namespace eg = eigengrad;
using Batch = eg::Tensor<float>;
using by_hand::Matrix;

static bool failed = false;

/// Compares by the largest difference, relative to the largest value.
template <class Found>
static void expect_same(const std::string& what, const Found& found, const Batch& wanted) {
  const Eigen::Map<const Eigen::ArrayXf> a(found.data(), found.size()), b(wanted.data(), wanted.size());
  const float difference = found.size() == wanted.size() ? (a - b).abs().maxCoeff() : INFINITY;
  const bool same = difference <= 2e-5f * std::max(1.f, b.abs().maxCoeff());
  std::cout << (same ? "same: " : "DIFFERENT: ") << what << ", by " << difference << '\n';
  failed = failed || !same;
}
static Batch tensor_of(const Matrix& matrix) { return Batch::from_eigen(matrix); }
static Batch tensor_of(const by_hand::Row& row) {
  return Batch::from({row.data(), static_cast<std::size_t>(row.size())}, {row.size()});
}
static Eigen::ArrayXf number(float value) { return Eigen::ArrayXf::Constant(1, value); }

/// The formula's gradient by hand against f's.
template <class Formula, class F>
static void check_formula(const std::string& name, const F& f) {
  const Batch x = Batch::randn({1001});
  Eigen::ArrayXf dx(x.size());
  const float total = by_hand::run_formula<Formula>(x.data(), dx.data(), x.size());
  const auto [value, gradient] = eg::value_and_grad([&](const auto& t) { return sum(f(t)); }, x);
  expect_same(name + ", sum", number(total / 1001), value / 1001.f);
  expect_same(name + ", gradient", dx, gradient);
}

static void check_normalise() {
  by_hand::Normalise hand(7, 50);
  const float total = hand.run();
  const auto f = [](const auto&... p) { return sum(formulas::normalise(p...)); };
  const Batch x = tensor_of(hand.x), gain = tensor_of(hand.gain), bias = tensor_of(hand.bias);
  const auto [dx, dgain, dbias] = eg::grad(f, x, gain, bias);
  expect_same("normalise, sum", number(total), f(x, gain, bias));
  expect_same("normalise, dx", hand.dx, dx);
  expect_same("normalise, dgain", hand.dgain, dgain);
  expect_same("normalise, dbias", hand.dbias, dbias);
}

/// The model's parameters from the layers written by hand, whose weights are transposed.
static std::vector<Batch> parameters_of(const std::vector<by_hand::Layer>& layers) {
  std::vector<Batch> all;
  for (const by_hand::Layer& layer : layers) {
    all.push_back(tensor_of(Matrix(layer.weight.value.transpose())));
    all.push_back(tensor_of(layer.bias.value));
  }
  return all;
}

template <by_hand::Kind kind>
static auto loss_of(const by_hand::Network<kind>& network) {
  const Batch x = tensor_of(network.x), target = tensor_of(network.target);
  auto labels = eg::Tensor<std::int64_t>::zeros({x.size(0)});
  for (eg::Index i = 0; i < x.size(0); ++i) labels.mutable_data()[i] = network.labels[static_cast<std::size_t>(i)];
  return [x, target, labels](const std::vector<Batch>& p) {
    Batch y = x;
    for (std::size_t i = 0; i < p.size(); i += 2) {
      y = eg::linear(y, p[i], p[i + 1]);
      const bool last = i + 2 == p.size();
      if (kind == by_hand::Kind::xor_gate)
        y = last ? Batch(sigmoid(y)) : Batch(tanh(y));
      else if (!last)
        y = relu(y);
    }
    return kind == by_hand::Kind::classifier ? eg::softmax_cross_entropy(y, labels) : eg::mse_loss(y, target);
  };
}

template <by_hand::Kind kind>
static void check_network(const std::string& name) {
  by_hand::Network<kind> network{NetworkShape(Work("train/" + name))};
  const float loss = network.gradient();
  const auto [value, gradients] = eg::value_and_grad(loss_of(network), parameters_of(network.layers));
  expect_same(name + ", loss", number(loss), value);
  expect_same(name + ", loss alone", number(network.loss()), value);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    expect_same(name + ", weight gradient", Matrix(network.layers[i].weight.gradient.transpose()), gradients[2 * i]);
    expect_same(name + ", bias gradient", network.layers[i].bias.gradient, gradients[2 * i + 1]);
  }
  by_hand::Adam optimizer{0.1f};
  std::vector<Batch> start = parameters_of(network.layers);
  std::vector<eg::Parameter<float>> parameters(start.begin(), start.end());
  std::vector<eg::ParameterRef<float>> refs(parameters.begin(), parameters.end());
  eg::Adam<float> own(refs, {.learning_rate = 0.1f});
  for (int step = 0; step < 3; ++step) {
    network.step(optimizer);
    std::vector<Batch> values;
    eg::Tape tape;
    for (eg::Parameter<float>& parameter : parameters) values.push_back(parameter + 0.f);
    tape.backward(loss_of(network)(values));
    own.step();
    own.zero_grad();
  }
  const std::vector<Batch> trained = parameters_of(network.layers);
  for (std::size_t i = 0; i < trained.size(); ++i) expect_same(name + ", by Adam", trained[i], parameters[i].value());
}

static void check_hessian_product() {
  by_hand::HessianProduct hand{NetworkShape(Work("hvp/regressor/6-5-4-3/b7"))};
  hand.run();
  std::vector<Batch> direction;
  for (const auto& along : hand.along) {
    direction.push_back(tensor_of(Matrix(along.weight.transpose())));
    direction.push_back(tensor_of(along.bias));
  }
  const std::vector<Batch> wanted = eg::hvp(loss_of(hand.network), parameters_of(hand.network.layers), direction);
  for (std::size_t i = 0; i < hand.along.size(); ++i) {
    expect_same("hvp, weight", Matrix(hand.along[i].product.transpose()), wanted[2 * i]);
    expect_same("hvp, bias", hand.along[i].bias_product, wanted[2 * i + 1]);
  }
}

int main() {
  check_formula<by_hand::Gelu>(
      "gelu", [](const auto& x) { return 0.5f * x * (1 + tanh(0.79788456f * (x + 0.044715f * x * x * x))); });
  check_formula<by_hand::Chain>("chain", formulas::chain);
  check_normalise();
  check_network<by_hand::Kind::xor_gate>("xor/2-8-1/b4");
  check_network<by_hand::Kind::regressor>("regressor/6-5-4-3/b7");
  check_network<by_hand::Kind::classifier>("classifier/6-5-4-3/b7");
  check_hessian_product();
  return failed ? 1 : 0;
}
