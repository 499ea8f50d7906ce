// A module of one's own: members are plain members, `members` names them, `forward` computes. Nothing is registered, so
// a copy is a network of its own.
// Answer: first\.weight +\[16, 2\]
// Answer: after training: +(100|9[89])\.[0-9] % of the points right
// Answer: the copy made before training: +[0-8][0-9]\.[0-9] % right
// Answer: after load_state_dict: +(100|9[89])\.[0-9] % right
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

/// Two layers and a shortcut past the second, y = h + f(h), which lets gradients pass unhindered.
struct ResidualNet : eg::Module<float> {
  eg::Linear<float> first{2, 16}, inner{16, 16}, last{16, 2};

  void members(eg::Members<float>& m) override {
    m("first", first);
    m("inner", inner);
    m("last", last);
  }
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override {
    const eg::Tensor<float> h = tanh(first(x));
    return last(h + tanh(inner(h)));
  }
};

int main() {
  eg::manual_seed(3);
  const auto moons = eg::moons<float>(200, {.noise = 0.1, .seed = 3});
  ResidualNet net;
  for (const auto& [name, parameter] : net.named_parameters())
    std::printf("%-13s %s\n", name.c_str(), eg::to_text(parameter.shape()).c_str());
  std::printf("%d numbers to learn\n", static_cast<int>(net.parameter_count()));

  ResidualNet copy = net;
  eg::Adam<float> optimizer(net.parameters(), {.learning_rate = 0.01f});
  for (int step = 0; step < 300; ++step) {
    eg::Tape tape;
    tape.backward(eg::softmax_cross_entropy(net(moons.inputs), moons.targets));
    optimizer.step();
    optimizer.zero_grad();
  }

  const auto percent_right = [&](ResidualNet& model) {
    return 100 * mean(eg::cast<double>(argmax(model(moons.inputs), 1) == moons.targets)).item();
  };
  std::printf("after training:                %5.1f %% of the points right\n", percent_right(net));
  std::printf("the copy made before training: %5.1f %% right\n", percent_right(copy));
  copy.load_state_dict(net.state_dict());
  std::printf("after load_state_dict:         %5.1f %% right\n", percent_right(copy));
}
