#include "eigengrad/nn/layers/rectifiers.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

// The activations of nn/layers/rectifiers.hpp, beside PyTorch's.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

/// The layer that a case is about.
std::unique_ptr<eg::Layer<double>> layer_of(const fixture::Case& c) {
  const std::string& name = c.name();
  const auto made = [](auto layer) -> std::unique_ptr<eg::Layer<double>> {
    return std::make_unique<decltype(layer)>(std::move(layer));
  };
  if (name == "selu") return made(eg::SELU<double>());
  if (name == "celu") return made(eg::CELU<double>(c.number("alpha")));
  if (name == "mish") return made(eg::Mish<double>());
  if (name == "gelu_tanh") return made(eg::GELUTanh<double>());
  if (name == "hardswish") return made(eg::Hardswish<double>());
  if (name == "hardsigmoid") return made(eg::Hardsigmoid<double>());
  if (name == "relu6") return made(eg::ReLU6<double>());
  if (name == "hardtanh") return made(eg::Hardtanh<double>(c.number("low"), c.number("high")));
  if (name == "softsign") return made(eg::Softsign<double>());
  if (name == "log_sigmoid") return made(eg::LogSigmoid<double>());
  if (name == "tanhshrink") return made(eg::Tanhshrink<double>());
  if (name == "hardshrink") return made(eg::Hardshrink<double>(c.number("limit")));
  if (name == "softshrink") return made(eg::Softshrink<double>(c.number("limit")));
  if (name == "threshold") return made(eg::Threshold<double>(c.number("limit"), c.number("otherwise")));
  if (name == "softmin") return made(eg::Softmin<double>(c.integer("axis")));
  if (name == "log_softmax") return made(eg::LogSoftmax<double>(c.integer("axis")));
  if (name == "glu") return made(eg::GLU<double>(c.integer("axis")));
  return nullptr;
}

}  // namespace

TEST(Rectifiers, ArePyTorchs) {
  for (const fixture::Case& c : fixture::load("activations")) {
    SCOPED_TRACE(c.text());
    if (const auto layer = layer_of(c)) {
      // PyTorch's hardsigmoid has 1/6 as a float.
      c.compare([&](const fixture::Inputs& in) { return std::vector{(*layer)(in["x"])}; },
                c.name() == "hardsigmoid" ? 1e-8 : 1e-10);
    } else if (c.name() == "prelu") {
      c.compare([&](const fixture::Inputs& in) { return std::vector{prelu(in["x"], in["slope"])}; });
    } else if (c.name() == "PReLU") {
      eg::PReLU<double> prelu(c.integer("parameters"));
      EXPECT_TRUE(close(prelu.weight.value(), Real::full({c.integer("parameters")}, 0.25)));
      c.compare_module(prelu, [&](const fixture::Inputs& in) { return std::vector{prelu(in["x"])}; });
    } else {
      ADD_FAILURE() << "who compares this?";
    }
  }
}

// Expected numbers by mpmath.
TEST(Rectifiers, KeepTheirDigitsFarOut) {
  const auto slope_at = [](const auto& function, double at) {
    eg::Parameter<double> x(Real{at});
    eg::Tape tape;
    tape.backward(sum(function(x.to_tensor())));
    return x.grad()(0);
  };
  const auto mish = [](const Real& x) { return Real(eg::mish(x)); };
  EXPECT_DOUBLE_EQ(mish(Real{-40})(0), -1.6993417021166355e-16);
  EXPECT_DOUBLE_EQ(slope_at(mish, -40), -1.6568581595637197e-16);
  const auto gelu = [](const Real& x) { return Real(eg::gelu_tanh(x)); };
  EXPECT_NEAR(gelu(Real{-6})(0) / -8.4396467007622971e-11, 1, 1e-14) << "it has digits where a tanh has none";
  EXPECT_TRUE(std::isfinite(slope_at(gelu, 1e200)));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(eg::hardswish(-infinity), 0);
  EXPECT_EQ(Real(eg::log_sigmoid(Real{-1e300}))(0), -1e300);
  EXPECT_TRUE(std::isnan(eg::relu6(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(eg::hardtanh(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(close(gelu(Real{1, -2}), eg::gelu(Real{1, -2}, eg::Approximate::tanh)));
  EXPECT_TRUE(close(Real(eg::gelu(Real{1, -2})), eg::gelu(Real{1, -2}, eg::Approximate::none)));
}

TEST(Rectifiers, SayWhatIsWrong) {
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { glu(Real::zeros({2, 3})); }), {"axis 1", "[2, 3]", "odd"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([] { eg::PReLU<double>(3)(Real::zeros({2, 4})); }), {"[2, 4]", "[3]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::PReLU<double>(0); }), {"0 slopes"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::Hardtanh<double>(1, 1); }), {"1 and 1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::Softshrink<double>(-1); }), {"-1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::CELU<double>(0); }), {"alpha"}));
}

// In a Sequential, behind a Linear, trained, replayed and copied.
TEST(Rectifiers, WorkInASequential) {
  eg::Generator generator(5);
  const Real x = Real::randn({4, 3}, generator);
  eg::Sequential<double> net(eg::Linear<double>(3, 8), eg::ReLU6<double>(), eg::Linear<double>(8, 8),
                             eg::PReLU<double>(8), eg::GLU<double>(), eg::Mish<double>(), eg::SELU<double>());
  EXPECT_TRUE(net.state_dict().contains("3.weight"));
  const eg::Sequential<double> copy = net;
  const auto loss_of = [&](eg::Sequential<double>& of) {
    eg::Tape tape;
    const Real loss = sum(square(of(x)));
    tape.backward(loss);
    return loss;
  };
  auto step = eg::compile([&](const Real& input) { return sum(square(net(input))); });
  const Real first = step(x), again = step(x);
  EXPECT_TRUE(same_bits(first, again));
  eg::Sequential<double> other = copy;
  EXPECT_TRUE(same_bits(loss_of(other), first));
  EXPECT_TRUE(close(net.parameters()[0].grad(), Real(2 * other.parameters()[0].grad()))) << "gathered twice";
  EXPECT_EQ(net(Real::zeros({0, 3})).shape(), (eg::Shape{0, 4}));
  EXPECT_TRUE(eg::ReLU6<double>().pointwise() != nullptr) << "taken along by the layer before";
}
