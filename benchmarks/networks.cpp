#include <eigengrad/eigengrad.hpp>

#include "by_hand/network.hpp"
#include "ways.hpp"

// Works on networks: training, inference, the loss alone, its gradient, and a Hessian times a vector.
namespace eg = eigengrad;

namespace {

using Labels = eg::Tensor<std::int64_t>;
using Batch = eg::Tensor<float>;

eg::Sequential<float> model_of(const NetworkShape& shape) {
  eg::Sequential<float> model;
  for (std::size_t i = 0; i + 1 < shape.sizes.size(); ++i) {
    const bool last = i + 2 == shape.sizes.size();
    model.add(eg::Linear<float>(shape.sizes[i], shape.sizes[i + 1]));
    if (shape.is_xor() && last)
      model.add(eg::Sigmoid<float>());
    else if (shape.is_xor())
      model.add(eg::Tanh<float>());
    else if (!last)
      model.add(eg::ReLU<float>());
  }
  return model;
}
Batch loss_of(eg::Sequential<float>& model, const Batch& x, const Batch& target) {
  return eg::mse_loss(model(x), target);
}
Batch loss_of(eg::Sequential<float>& model, const Batch& x, const Labels& labels) {
  return eg::softmax_cross_entropy(model(x), labels);
}

/// A network, its data, and Target: numbers or labels.
template <class Target>
struct Problem {
  eg::Sequential<float> model;
  Batch x;
  Target target;

  explicit Problem(const NetworkShape& shape)
      : model(model_of(shape)), x(Batch::rand({shape.batch, shape.sizes.front()})) {
    if constexpr (std::is_same_v<Target, Labels>) {
      target = Labels::zeros({shape.batch});
      for (int i = 0; i < shape.batch; ++i) target.mutable_data()[i] = shape.label(i);
    } else {
      target = Batch::rand({shape.batch, shape.sizes.back()});
    }
  }
  Batch loss() { return loss_of(model, x, target); }
};

/// Makes a step of `f`, which gets a problem with numbers or labels, as the network's loss has it.
template <class F>
Step with_problem(const NetworkShape& shape, const F& f) {
  if (shape.classifies()) return f(std::make_shared<Problem<Labels>>(shape));
  return f(std::make_shared<Problem<Batch>>(shape));
}
/// Makes a step of `f`, which gets the optimizer that the work names.
template <class F>
Step with_optimizer(const Work& work, const std::vector<eg::ParameterRef<float>>& parameters, const F& f) {
  if (uses_adam(work)) return f(eg::Adam<float>(parameters, {.learning_rate = adam_rate}));
  return f(eg::SGD<float>(parameters, {.learning_rate = sgd_rate}));
}

Step train(const Work& work) {
  return with_problem(NetworkShape(work), [&](auto problem) {
    return with_optimizer(work, problem->model.parameters(), [&](auto optimizer) -> Step {
      return [problem, optimizer]() mutable {
        {
          eg::Tape tape;
          tape.backward(problem->loss());
        }
        optimizer.step();
        optimizer.zero_grad();
      };
    });
  });
}
Step train_replayed(const Work& work) {
  return with_problem(NetworkShape(work), [&](auto problem) {
    return with_optimizer(work, problem->model.parameters(), [&](auto optimizer) -> Step {
      const auto loss = [problem](const auto& x, const auto& target) { return loss_of(problem->model, x, target); };
      auto compiled = std::make_shared<eg::CompiledStep<std::decay_t<decltype(loss)>>>(eg::compile(loss));
      return [problem, optimizer, compiled]() mutable {
        (*compiled)(problem->x, problem->target);
        optimizer.step();
        optimizer.zero_grad();
      };
    });
  });
}
Step infer(const Work& work) {
  return with_problem(NetworkShape(work),
                      [](auto problem) -> Step { return [problem] { keep(problem->model(problem->x)); }; });
}
Step forward(const Work& work) {
  return with_problem(NetworkShape(work), [](auto problem) -> Step { return [problem] { keep(problem->loss()); }; });
}
Step gradient(const Work& work) {
  return with_problem(NetworkShape(work), [](auto problem) -> Step {
    return [problem, parameters = problem->model.parameters()]() mutable {
      {
        eg::Tape tape;
        tape.backward(problem->loss());
      }
      for (auto& parameter : parameters) parameter.zero_grad();
    };
  });
}
Step gradient_replayed(const Work& work) {
  return with_problem(NetworkShape(work), [](auto problem) -> Step {
    const auto loss = [problem](const auto& x, const auto& target) { return loss_of(problem->model, x, target); };
    auto compiled = std::make_shared<eg::CompiledStep<std::decay_t<decltype(loss)>>>(eg::compile(loss));
    return [problem, compiled, parameters = problem->model.parameters()]() mutable {
      (*compiled)(problem->x, problem->target);
      for (auto& parameter : parameters) parameter.zero_grad();
    };
  });
}
Step hvp(const Work& work) {
  return with_problem(NetworkShape(work), [](auto problem) -> Step {
    const auto parameters = problem->model.parameters();
    std::vector<Batch> direction;
    for (const auto& parameter : parameters) direction.push_back(Batch::randn(parameter.shape()));
    return [problem, parameters, direction] { keep(eg::hvp([&] { return problem->loss(); }, parameters, direction)); };
  });
}

/// Makes a step of `f`, which gets the network written by hand.
template <class F>
Step with_network_by_hand(const NetworkShape& shape, const F& f) {
  using by_hand::Kind;
  using by_hand::Network;
  if (shape.is_xor()) return f(std::make_shared<Network<Kind::xor_gate>>(shape));
  if (shape.classifies()) return f(std::make_shared<Network<Kind::classifier>>(shape));
  return f(std::make_shared<Network<Kind::regressor>>(shape));
}
Step train_by_hand(const Work& work) {
  const bool adam = uses_adam(work);
  return with_network_by_hand(NetworkShape(work), [&](auto network) -> Step {
    if (adam) return [network, optimizer = by_hand::Adam{adam_rate}]() mutable { keep(network->step(optimizer)); };
    return [network, optimizer = by_hand::Sgd{sgd_rate}]() mutable { keep(network->step(optimizer)); };
  });
}
Step infer_by_hand(const Work& work) {
  return with_network_by_hand(NetworkShape(work), [](auto network) -> Step {
    return [network] {
      network->forward();
      keep(network->layers.back().output);
    };
  });
}
Step forward_by_hand(const Work& work) {
  return with_network_by_hand(NetworkShape(work), [](auto network) -> Step {
    return [network] {
      network->forward();
      keep(network->loss());
    };
  });
}
Step gradient_by_hand(const Work& work) {
  return with_network_by_hand(NetworkShape(work),
                              [](auto network) -> Step { return [network] { keep(network->gradient()); }; });
}
Step hvp_by_hand(const Work& work) {
  const NetworkShape shape(work);
  if (shape.kind != NetworkShape::Kind::regressor) return nullptr;
  return [product = std::make_shared<by_hand::HessianProduct>(shape)] {
    product->run();
    keep(*product);
  };
}

}  // namespace

std::map<std::string, std::vector<Way>> network_works() {
  return {{"train", {{"eigengrad", train}, {"replayed", train_replayed}, {"by hand", train_by_hand}}},
          {"infer", {{"eigengrad", infer}, {"by hand", infer_by_hand}}},
          {"forward", {{"eigengrad", forward}, {"by hand", forward_by_hand}}},
          {"gradient", {{"eigengrad", gradient}, {"replayed", gradient_replayed}, {"by hand", gradient_by_hand}}},
          {"hvp", {{"eigengrad", hvp}, {"by hand", hvp_by_hand}}}};
}
