#include <torch/torch.h>

#include <memory>

#include "../harness.hpp"

// The works in libtorch (C++17, as its headers are).
namespace {

using torch::Tensor;
namespace nn = torch::nn;

struct Problem {
  nn::Sequential model;
  Tensor x, target;
  bool classify;

  explicit Problem(const NetworkShape& shape)
      : x(torch::rand({shape.batch, shape.sizes.front()})), classify(shape.classifies()) {
    for (std::size_t i = 0; i + 1 < shape.sizes.size(); ++i) {
      const bool last = i + 2 == shape.sizes.size();
      model->push_back(nn::Linear(shape.sizes[i], shape.sizes[i + 1]));
      if (shape.is_xor() && last)
        model->push_back(nn::Sigmoid());
      else if (shape.is_xor())
        model->push_back(nn::Tanh());
      else if (!last)
        model->push_back(nn::ReLU());
    }
    target = classify ? torch::empty({shape.batch}, torch::kLong) : torch::rand({shape.batch, shape.sizes.back()});
    for (int i = 0; classify && i < shape.batch; ++i) target[i] = shape.label(i);
  }
  Tensor loss() { return classify ? nn::functional::cross_entropy(model->forward(x), target) : squared_error(); }
  /// The mean over the batch of the sum over the outputs.
  Tensor squared_error() { return torch::mse_loss(model->forward(x), target) * target.size(1); }
};
std::shared_ptr<Problem> problem_of(const Work& work) { return std::make_shared<Problem>(NetworkShape(work)); }

/// Faster than zeroing: the next backward hands its gradient over.
void drop_gradients(const std::vector<Tensor>& parameters) {
  for (const Tensor& parameter : parameters) parameter.mutable_grad().reset();
}

Step train(const Work& work) {
  const auto problem = problem_of(work);
  const std::vector<Tensor> parameters = problem->model->parameters();
  std::shared_ptr<torch::optim::Optimizer> optimizer;
  if (uses_adam(work))
    optimizer = std::make_shared<torch::optim::Adam>(parameters, torch::optim::AdamOptions(adam_rate));
  else
    optimizer = std::make_shared<torch::optim::SGD>(parameters, torch::optim::SGDOptions(sgd_rate));
  return [problem, parameters, optimizer] {
    problem->loss().backward();
    optimizer->step();
    drop_gradients(parameters);
  };
}
Step infer(const Work& work) {
  return [problem = problem_of(work)] {
    const c10::InferenceMode guard;
    keep(problem->model->forward(problem->x));
  };
}
Step forward(const Work& work) {
  return [problem = problem_of(work)] {
    const c10::InferenceMode guard;
    keep(problem->loss());
  };
}
Step gradient(const Work& work) {
  const auto problem = problem_of(work);
  return [problem, parameters = problem->model->parameters()] {
    problem->loss().backward();
    drop_gradients(parameters);
  };
}
Step hvp(const Work& work) {
  const auto problem = problem_of(work);
  const std::vector<Tensor> parameters = problem->model->parameters();
  std::vector<Tensor> direction;
  for (const Tensor& parameter : parameters) direction.push_back(torch::randn_like(parameter));
  return [problem, parameters, direction] {
    const auto gradients = torch::autograd::grad({problem->loss()}, parameters, {}, true, true);
    keep(torch::autograd::grad(gradients, parameters, direction, false, false, true));
  };
}

Tensor gelu_formula(const Tensor& x) { return 0.5 * x * (1 + torch::tanh(0.79788456 * (x + 0.044715 * x * x * x))); }
Tensor chain(const Tensor& x) {
  return torch::tanh(torch::sqrt(torch::square(torch::sigmoid(1.5 * x + 0.5) - 0.3) + 0.1) * torch::exp(-(x * x)));
}
Tensor normalise(const std::vector<Tensor>& p) {
  const Tensor& x = p[0];
  return (x - x.mean(-1, true)) / torch::sqrt(x.var(-1, false, true) + 1e-5) * p[1] + p[2];
}
Tensor parameter(at::IntArrayRef shape) { return torch::randn(shape).set_requires_grad(true); }

Step formula(const Work& work) {
  const std::string& name = work.field(1);
  const long size = Work::count(work.field(2));
  std::vector<Tensor> parameters;
  if (name == "normalise")
    parameters = {parameter({size / formula_columns, formula_columns}), parameter({formula_columns}),
                  parameter({formula_columns})};
  else
    parameters = {parameter({size})};
  const auto step = [&](auto f) -> Step {
    return [f, parameters] {
      f(parameters).sum().backward();
      drop_gradients(parameters);
    };
  };
  // libtorch has no map: the formula is the way to write it.
  if (name == "gelu" || name == "gelu_map") return step([](const auto& p) { return gelu_formula(p[0]); });
  if (name == "chain") return step([](const auto& p) { return chain(p[0]); });
  if (name == "normalise") return step(normalise);
  return nullptr;
}
Step function(const Work& work) {
  const std::string& name = work.field(1);
  const auto type = work.field(2) == "double" ? torch::kDouble : torch::kFloat;
  const Tensor x = 3.9 * torch::rand({Work::count(work.field(3))}, type) + 0.1;
  const Tensor exponents = 3.9 * torch::rand_like(x) + 0.1;
  const auto step = [&](auto f) -> Step {
    return [f, x, exponents] {
      const c10::InferenceMode guard;
      keep(f(x, exponents));
    };
  };
  if (name == "exp") return step([](const Tensor& t, const Tensor&) { return torch::exp(t); });
  if (name == "log") return step([](const Tensor& t, const Tensor&) { return torch::log(t); });
  if (name == "tanh") return step([](const Tensor& t, const Tensor&) { return torch::tanh(t); });
  if (name == "sin") return step([](const Tensor& t, const Tensor&) { return torch::sin(t); });
  if (name == "cos") return step([](const Tensor& t, const Tensor&) { return torch::cos(t); });
  if (name == "sigmoid") return step([](const Tensor& t, const Tensor&) { return torch::sigmoid(t); });
  if (name == "erf") return step([](const Tensor& t, const Tensor&) { return torch::erf(t); });
  if (name == "pow") return step([](const Tensor& t, const Tensor& e) { return torch::pow(t, e); });
  if (name == "cube") return step([](const Tensor& t, const Tensor&) { return torch::pow(t, 3); });
  return nullptr;
}
Step reduce(const Work& work) {
  const Tensor x = torch::randn({Work::count(work.field(2)) / reduce_columns, reduce_columns});
  const auto step = [&](auto f) -> Step {
    return [f, x] {
      const c10::InferenceMode guard;
      keep(f(x));
    };
  };
  if (work.field(1) == "sum") return step([](const Tensor& t) { return t.sum(); });
  if (work.field(1) == "mean_over_rows") return step([](const Tensor& t) { return t.mean(0); });
  if (work.field(1) == "max") return step([](const Tensor& t) { return t.max(); });
  return nullptr;
}
Step weight_gradient(const Work& work) {
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  const Tensor dy = torch::randn({sizes.at(2), sizes.at(0)}), x = torch::randn({sizes.at(2), sizes.at(1)});
  return [dy, x, dw = torch::empty({sizes.at(0), sizes.at(1)})]() mutable {
    const c10::InferenceMode guard;
    torch::mm_out(dw, dy.t(), x);
    keep(dw);
  };
}
Step cross_entropy(const Work& work) {
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  const Tensor labels = torch::randint(sizes.at(1), {sizes.at(0)}, torch::kLong);
  return [x = parameter({sizes.at(0), sizes.at(1)}), labels] {
    nn::functional::cross_entropy(x, labels).backward();
    drop_gradients({x});
  };
}
Step adam(const Work& work) {
  const Tensor weights = parameter({Work::count(work.field(1))});
  weights.mutable_grad() = torch::randn_like(weights);
  const auto optimizer =
      std::make_shared<torch::optim::Adam>(std::vector<Tensor>{weights}, torch::optim::AdamOptions(adam_rate));
  return [optimizer] { optimizer->step(); };
}

}  // namespace

int main(int argc, char** argv) {
  const auto set_threads = [](int count) {
    at::set_num_threads(count);
    at::set_num_interop_threads(1);
  };
  return run({"libtorch " TORCH_VERSION,
              set_threads,
              {"libtorch"},
              {{"train", {{"libtorch", train}}},
               {"infer", {{"libtorch", infer}}},
               {"forward", {{"libtorch", forward}}},
               {"gradient", {{"libtorch", gradient}}},
               {"hvp", {{"libtorch", hvp}}},
               {"formula", {{"libtorch", formula}}},
               {"function", {{"libtorch", function}}},
               {"reduce", {{"libtorch", reduce}}},
               {"weight_gradient", {{"libtorch", weight_gradient}}},
               {"softmax_cross_entropy", {{"libtorch", cross_entropy}}},
               {"adam", {{"libtorch", adam}}}}},
             argc, argv);
}
