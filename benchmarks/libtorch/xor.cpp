#include <torch/torch.h>

#include <iostream>

// examples/xor.cpp in libtorch.
int main() {
  torch::manual_seed(7);
  const torch::Tensor inputs = torch::tensor({{0.f, 0.f}, {0.f, 1.f}, {1.f, 0.f}, {1.f, 1.f}});
  const torch::Tensor targets = torch::tensor({{0.f}, {1.f}, {1.f}, {0.f}});

  torch::nn::Sequential model(torch::nn::Linear(2, 8), torch::nn::Tanh(), torch::nn::Linear(8, 1),
                              torch::nn::Sigmoid());
  torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(0.5).momentum(0.9));

  for (int step = 0; step < 2000; ++step) {
    optimizer.zero_grad();
    torch::mse_loss(model->forward(inputs), targets).backward();
    optimizer.step();
  }
  std::cout << model->forward(inputs) << '\n';
}
