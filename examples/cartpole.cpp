// A pole on a cart, kept upright by a network that learned what each push is worth (deep Q-learning; Mnih and others:
// Human-level control through deep reinforcement learning, 2015). It tries, remembers what came of it, and learns from
// random memories; a copy of the network that is renewed now and then says what the future is worth, so that the aim
// does not move with every step. The cart: Barto, Sutton, Anderson, 1983; solved when a hundred trials last 475 of 500
// steps on average.
// Answer: solved
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <numeric>
namespace eg = eigengrad;

struct CartPole {
  float x, v, angle, spin;  // m, m/s, rad, rad/s
  int steps;

  void reset(eg::Generator& random) {
    for (float* each : {&x, &v, &angle, &spin}) *each = static_cast<float>(random.uniform() * 0.1 - 0.05);
    steps = 0;
  }
  eg::Tensor<float> state() const { return {x / 2.4f, v / 2, angle / 0.2095f, spin / 2}; }
  // Pushes left or right for 0.02 s; whether the pole has fallen or the cart left its track.
  bool push(bool right) {
    constexpr float gravity = 9.8f, cart = 1, pole = 0.1f, half = 0.5f, dt = 0.02f;
    const float force = right ? 10.f : -10.f, c = std::cos(angle), s = std::sin(angle);
    const float pull = (force + pole * half * spin * spin * s) / (cart + pole);
    const float turn = (gravity * s - c * pull) / (half * (4.f / 3 - pole * c * c / (cart + pole)));
    const float pace = pull - pole * half * turn * c / (cart + pole);
    x += dt * v, v += dt * pace, angle += dt * spin, spin += dt * turn;
    ++steps;
    return std::abs(x) > 2.4f || std::abs(angle) > 0.2095f;
  }
};

int main() {
  eg::manual_seed(2);
  eg::Generator random(2);
  eg::Sequential<float> worth(eg::Linear<float>(4, 64), eg::ReLU<float>(), eg::Linear<float>(64, 64), eg::ReLU<float>(),
                              eg::Linear<float>(64, 2));  // of pushing left, of pushing right
  eg::Sequential<float> target = worth;                   // a copy: parameters of its own
  eg::Adam<float> optimizer(worth.parameters(), {.learning_rate = 0.001f});

  const eg::Index memories = 20000, batch = 64;
  auto before = eg::Tensor<float>::zeros({memories, 4}), after = eg::Tensor<float>::zeros({memories, 4});
  std::vector<int> push(memories);
  std::vector<bool> fell(memories);
  eg::Index remembered = 0;
  const auto learn = [&] {
    auto now = eg::Tensor<float>::empty({batch, 4}), then = eg::Tensor<float>::empty({batch, 4});
    auto pushes = eg::Tensor<std::int64_t>::zeros({batch, 1});
    auto goes_on = eg::Tensor<float>::empty({batch});
    for (eg::Index i = 0; i < batch; ++i) {
      const auto m = static_cast<eg::Index>(random.below(static_cast<std::uint64_t>(std::min(remembered, memories))));
      for (eg::Index k = 0; k < 4; ++k) now.at(i, k) = before(m, k), then.at(i, k) = after(m, k);
      pushes.at(i, 0) = push[static_cast<std::size_t>(m)];
      goes_on.at(i) = fell[static_cast<std::size_t>(m)] ? 0.f : 1.f;
    }
    // Every step upright is worth 1, and what comes later 0.99 of it.
    const auto aim = (1 + 0.99f * goes_on * max(target(then), 1)).eval();
    eg::Tape tape;
    const auto guess = reshape(gather(worth(now), 1, pushes), {batch});
    tape.backward(huber_loss(guess, aim, 1.0, eg::Reduction::mean));
    eg::clip_gradient_norm(worth.parameters(), 10);
    optimizer.step();
    optimizer.zero_grad();
  };

  // A hundred carts at once, pushed as the network thinks best: how long they last on average.
  const auto examined = [&] {
    std::vector<CartPole> carts(100);
    for (CartPole& each : carts) each.reset(random);
    std::vector<bool> down(100);
    auto states = eg::Tensor<float>::empty({100, 4});
    for (int time = 0; time < 500; ++time) {
      for (eg::Index i = 0; i < 100; ++i) {
        const auto state = carts[static_cast<std::size_t>(i)].state();
        for (eg::Index k = 0; k < 4; ++k) states.at(i, k) = state(k);
      }
      const auto worths = worth(states);
      for (std::size_t i = 0; i < 100; ++i)
        if (!down[i]) {
          const auto row = static_cast<eg::Index>(i);
          down[i] = carts[i].push(worths(row, 1) > worths(row, 0));
        }
    }
    return std::accumulate(carts.begin(), carts.end(), 0, [](int n, const CartPole& cart) { return n + cart.steps; }) /
           100.0;
  };

  CartPole cart;
  int step = 0;
  for (int trial = 1; trial <= 2000; ++trial) {
    cart.reset(random);
    for (bool down = false; !down && cart.steps < 500; ++step) {
      const double curious = std::max(0.05, 1 - step / 5000.0);  // how often it tries anything
      const auto state = cart.state();
      const auto worths = worth(reshape(state, {1, 4}));
      const bool right = random.uniform() < curious ? random.uniform() < 0.5 : worths(0, 1) > worths(0, 0);
      down = cart.push(right);
      const eg::Index m = remembered++ % memories;
      const auto next = cart.state();
      for (eg::Index k = 0; k < 4; ++k) before.at(m, k) = state(k), after.at(m, k) = next(k);
      push[static_cast<std::size_t>(m)] = right, fell[static_cast<std::size_t>(m)] = down;
      if (remembered >= 1000) learn();
      if (step % 500 == 0) target.load_state_dict(worth.state_dict());
    }
    if (trial % 10 != 0) continue;
    const double mean = examined();
    if (trial % 50 == 0 || mean >= 475)
      std::printf("trial %4d: a hundred carts last %.0f of 500 steps on average\n", trial, mean);
    if (mean >= 475) {
      std::printf("solved\n");
      return 0;
    }
  }
  std::printf("not within 2000 trials\n");
}
