// Two operations of one's own. An element-wise one is a struct: its name, its value, its derivative. Any other is a
// function that says by `compute` how its numbers and its gradient come about. Both then work like the library's own.
// Answer: elliott\(x\) \* 2 \+ tanh\(x\) left 1 record
// Answer: gradients of elliott and running_sum: right
// Answer: running_sum of 1 2 3 4: \[ 1\.  3\.  6\. 10\.\]
#include <eigengrad/eigengrad.hpp>
#include <iostream>
namespace eg = eigengrad;

/// (1 + x / (1 + |x|)) / 2, a sigmoid without an exponential. Its derivative, from the result y: (1 - |2 y - 1|)^2 / 2.
struct ElliottOperation {
  static constexpr const char* name = "elliott";
  static auto value(const auto& x) { return 0.5 + 0.5 * x / (1 + abs(x)); }
  static auto gradient(const auto& dy, const auto& /*x*/, const auto& y) {
    return 0.5 * dy * square(1 - abs(2 * y - 1));
  }
};
template <eg::Elementwise X>
auto elliott(const X& x) {
  return eg::apply<ElliottOperation>(x);
}

/// The sums of the first 1, 2, ... numbers of a vector [n], or with `backwards` of the last ones.
/// Every number adds to all sums that come after it, so the gradient is a running sum from the other end.
template <eg::Expression X>
eg::Tensor<typename X::Element> running_sum(const X& x, bool backwards = false) {
  using T = typename X::Element;
  const eg::Tensor<T>& numbers = x.to_tensor();
  eg::require<eg::ShapeError>(numbers.rank() == 1, "running_sum: shape ", numbers.shape(), ": give a vector");
  const auto run = [=](T* to, const eg::Tensor<T>& from) {
    T total = 0;
    for (eg::Index i = 0; i < from.size(); ++i) {
      const eg::Index place = backwards ? from.size() - 1 - i : i;
      to[place] = total += from.data()[place];
    }
  };
  return eg::compute<T>("running_sum", numbers.shape(), run,
                        eg::with_respect_to(numbers, [=](const auto& dy) { return running_sum(dy, !backwards); }));
}

int main() {
  const eg::Parameter<double> x(eg::Tensor<double>{-2, -0.5, 1, 3});
  eg::Tape tape;
  const eg::Tensor<double> y = elliott(x) * 2 + tanh(x);  // fused with our neighbours: one pass, one record
  std::cout << "elliott(x) * 2 + tanh(x) left " << tape.size() << " record\n" << y << '\n';
  tape.backward(sum(running_sum(y)));
  std::cout << "its gradient through running_sum:\n" << x.grad() << '\n';

  // Compares the rules with finite differences; throws, and names the worst element, where they are wrong.
  eg::gradcheck([](const auto& v) { return elliott(v); }, x);
  eg::gradcheck([](const auto& v) { return running_sum(v * v); }, x);
  std::cout << "gradients of elliott and running_sum: right\n";
  std::cout << "running_sum of 1 2 3 4: " << running_sum(eg::Tensor<float>{1, 2, 3, 4}) << '\n';
}
