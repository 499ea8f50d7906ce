// Two networks that learn against each other (Goodfellow and others: Generative adversarial nets, 2014): one makes
// points out of noise, the other tells them from real ones, which lie on a ring of eight heaps. Each has its own
// optimizer, and gets better at the other's expense, until the made points lie where the real ones do. See gan.svg.
// Answer: (7[0-9]|8[0-9]|9[0-9]|100) % of the made points lie on a heap, and [78] of 8 heaps are found
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
using Points = eg::Tensor<float>;

Points real_points(eg::Index n, eg::Generator& random) {
  auto points = Points::empty({n, 2});
  for (eg::Index i = 0; i < n; ++i) {
    const double angle = 2 * 3.14159265358979 * static_cast<double>(random.below(8)) / 8;
    points.at(i, 0) = static_cast<float>(2 * std::cos(angle) + 0.1 * random.normal());
    points.at(i, 1) = static_cast<float>(2 * std::sin(angle) + 0.1 * random.normal());
  }
  return points;
}

int main() {
  eg::manual_seed(4);
  eg::Generator random(4);
  const eg::Index batch = 256;
  eg::Sequential<float> maker(eg::Linear<float>(16, 128), eg::ReLU<float>(), eg::Linear<float>(128, 128),
                              eg::ReLU<float>(), eg::Linear<float>(128, 2)),
      judge(eg::Linear<float>(2, 128), eg::LeakyReLU<float>(0.2f), eg::Linear<float>(128, 128),
            eg::LeakyReLU<float>(0.2f), eg::Linear<float>(128, 1));
  eg::Adam<float> makes(maker.parameters(), {.learning_rate = 0.0005f, .beta1 = 0.5f}),
      judges(judge.parameters(), {.learning_rate = 0.0005f, .beta1 = 0.5f});
  const auto real = Points::ones({batch, 1}), made = Points::zeros({batch, 1});
  const auto noise = [&](eg::Index n) { return Points::randn({n, 16}, random); };

  for (int step = 1; step <= 4000; ++step) {
    {  // The judge: real points are real, made ones are made. The maker is not taught here.
      eg::Tape tape;
      const auto loss = binary_cross_entropy_with_logits(judge(real_points(batch, random)), real) +
                        binary_cross_entropy_with_logits(judge(maker(noise(batch)).detach()), made);
      tape.backward(loss);
      judges.step();
      judges.zero_grad();
      if (step % 1000 == 0)
        std::printf("step %d: the judge's loss %.3f (%.3f if it had to guess)\n", step, loss.item(), 2 * std::log(2.0));
    }
    eg::Tape tape;  // The maker: the judge should take its points for real.
    tape.backward(binary_cross_entropy_with_logits(judge(maker(noise(batch))), real));
    makes.step();
    makes.zero_grad();
    judges.zero_grad();  // what arrived there is not learned from
  }

  const auto points = maker(noise(1000));
  int on_a_heap = 0, found[8] = {};
  std::vector<double> x, y;
  for (eg::Index i = 0; i < 1000; ++i) {
    x.push_back(points(i, 0));
    y.push_back(points(i, 1));
    const double turn = std::atan2(y.back(), x.back()) / (2 * 3.14159265358979) * 8;
    const int heap = static_cast<int>(std::lround(turn) + 8) % 8;
    const double angle = 2 * 3.14159265358979 * heap / 8;
    const double away = std::hypot(x.back() - 2 * std::cos(angle), y.back() - 2 * std::sin(angle));
    if (away < 0.4) ++on_a_heap, ++found[heap];
  }
  int heaps = 0;
  for (const int n : found) heaps += n >= 20;
  eg::viz::Panel panel({.title = "Made out of noise", .width = 340, .height = 340});
  const auto truth = real_points(1000, random);
  std::vector<double> tx, ty;
  for (eg::Index i = 0; i < 1000; ++i) tx.push_back(truth(i, 0)), ty.push_back(truth(i, 1));
  panel.scatter(tx, ty, {.label = "real", .size = 3}).scatter(x, y, {.label = "made", .size = 3});
  eg::viz::Figure figure;
  figure.add(panel);
  figure.save("gan.svg");
  std::printf("%d %% of the made points lie on a heap, and %d of 8 heaps are found\n", on_a_heap / 10, heaps);
}
