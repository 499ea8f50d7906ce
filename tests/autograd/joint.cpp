// Operations whose gradients come together (with_respect_to_all).
#include "eigengrad/autograd/engine/joint.hpp"
#include "eigengrad/eigengrad.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using support::close;

namespace {

int passes = 0;

/// x exp(w) + b, element by element; b may be left out. One pass gives all gradients.
template <class T>
eg::Tensor<T> grown(const eg::Tensor<T>& x, const eg::Tensor<T>& w, const std::type_identity_t<eg::Tensor<T>>& b = {}) {
  using Given = std::span<const eg::Tensor<T>>;
  const auto run = [](T* to, Given in) {
    for (eg::Index i = 0; i < in[0].size(); ++i) {
      using std::exp;
      to[i] = in[0].data()[i] * exp(in[1].data()[i]);
      if (in[2].size() > 0) to[i] = to[i] + in[2].data()[i];
    }
  };
  const auto rule = [x, w](const eg::Tensor<T>& dy, const std::array<bool, 3>& wanted) {
    ++passes;
    std::array<eg::Tensor<T>, 3> gradients;
    gradients[0] = dy * exp(w);
    if (wanted[1]) gradients[1] = dy * x * exp(w);
    if (wanted[2]) gradients[2] = dy;
    return gradients;
  };
  const auto composed = [](Given in) {
    const eg::Tensor<T> y = in[0] * exp(in[1]);
    return in[2].size() > 0 ? eg::Tensor<T>(y + in[2]) : y;
  };
  return eg::compute<T>("grown", x.shape(), run,
                        eg::with_respect_to_all(std::array<eg::Tensor<T>, 3>{x, w, b}, rule, composed));
}

}  // namespace

TEST(JointRule, GivesAllGradientsInOnePass) {
  eg::Generator generator(1);
  const auto x = eg::Tensor<double>::randn({3, 4}, generator), w = eg::Tensor<double>::randn({3, 4}, generator),
             b = eg::Tensor<double>::randn({3, 4}, generator);
  EXPECT_NO_THROW(eg::gradcheck([](const auto& t) { return grown(t[0], t[1], t[2]); }, std::vector{x, w, b}));
  EXPECT_NO_THROW(eg::gradcheck([](const auto& t) { return grown(t[0], t[1]); }, std::vector{x, w}));
  const eg::Parameter<double> p(x), q(w);
  eg::Tape tape;
  const auto y = grown(p.to_tensor(), q.to_tensor(), b);
  passes = 0;
  tape.backward(sum(y));
  EXPECT_EQ(passes, 1);
  EXPECT_TRUE(close(p.grad(), exp(w).eval()));
  EXPECT_TRUE(close(q.grad(), (x * exp(w)).eval()));
}

TEST(JointRule, IsDifferentiatedAgainThroughOperations) {
  eg::Generator generator(2);
  const auto x = eg::Tensor<double>::randn({5}, generator), w = eg::Tensor<double>::randn({5}, generator);
  const auto f = [](const auto& t) { return sum(eg::square(grown(t[0], t[1]))); };
  const auto g = [](const auto& t) { return sum(eg::square(t[0] * exp(t[1]))); };
  const eg::Parameter<double> p(x), q(w);
  const auto second = [&](const auto& h) {
    eg::Tape tape;
    const auto loss = h(std::vector{p.to_tensor(), q.to_tensor()});
    const auto first = tape.gradient(loss, {p, q}, {.create_graph = true});
    return tape.gradient(sum(first[0] * first[1]), {p, q});
  };
  const auto a = second(f), b = second(g);
  EXPECT_TRUE(close(a[0], b[0]));
  EXPECT_TRUE(close(a[1], b[1]));
}

TEST(JointRule, ReplaysAndPushesTangents) {
  eg::Generator generator(3);
  const auto x = eg::Tensor<double>::randn({5}, generator), other = eg::Tensor<double>::randn({5}, generator);
  eg::Parameter<double> w(eg::Tensor<double>::randn({5}, generator));
  const auto loss = [&](const auto& a) { return sum(eg::square(grown(a, w.to_tensor()))); };
  auto step = eg::compile([&](const auto& a) { return loss(a); });
  for (const auto& in : {x, other, x}) {
    w.zero_grad();
    step(in);
    const eg::Tensor<double> replayed = w.grad();
    w.zero_grad();
    eg::Tape tape;
    tape.backward(loss(in));
    EXPECT_TRUE(close(replayed, w.grad()));
  }
  const auto [y, tangent] = eg::jvp([&](const auto& a) { return grown(a, w.value()); }, x, other);
  EXPECT_TRUE(close(tangent, (other * exp(w.value())).eval()));
  EXPECT_EQ(y.shape(), x.shape());
}
