#include "formulas.hpp"

#include "by_hand/formulas.hpp"
#include "by_hand/network.hpp"
#include "ways.hpp"

// Works on tensors: formulas, reductions, softmax cross-entropy, and Adam alone.
namespace eg = eigengrad;

namespace {

using Batch = eg::Tensor<float>;
using Parameter = eg::Parameter<float>;

/// Forward, sum and backward of f(parameters...).
template <class F, class... P>
Step differentiate(const F& f, std::shared_ptr<P>... parameters) {
  return [f, parameters...] {
    {
      eg::Tape tape;
      const Batch y = f(*parameters...);
      tape.backward(sum(y));
    }
    (parameters->zero_grad(), ...);
  };
}
std::shared_ptr<Parameter> parameter(const eg::Shape& shape) {
  return std::make_shared<Parameter>(Batch::randn(shape));
}

Step formula(const Work& work) {
  const std::string& name = work.field(1);
  const eg::Index size = Work::count(work.field(2));
  if (name == "gelu") return differentiate(formulas::gelu, parameter({size}));
  if (name == "gelu_map")
    return differentiate([](const auto& x) { return eg::map("gelu", formulas::gelu, x); }, parameter({size}));
  if (name == "chain") return differentiate(formulas::chain, parameter({size}));
  if (name != "normalise") return nullptr;
  return differentiate(formulas::normalise, parameter({size / formula_columns, formula_columns}),
                       parameter({formula_columns}), parameter({formula_columns}));
}
template <class Formula>
Step fused_by_hand(eg::Index size) {
  return [x = Eigen::ArrayXf(Eigen::ArrayXf::Random(size)), dx = Eigen::ArrayXf(size)]() mutable {
    keep(by_hand::run_formula<Formula>(x.data(), dx.data(), x.size()));
  };
}
Step formula_by_hand(const Work& work) {
  const std::string& name = work.field(1);
  const eg::Index size = Work::count(work.field(2));
  if (name == "gelu" || name == "gelu_map") return fused_by_hand<by_hand::Gelu>(size);
  if (name == "chain") return fused_by_hand<by_hand::Chain>(size);
  if (name != "normalise") return nullptr;
  return [all = std::make_shared<by_hand::Normalise>(size / formula_columns, formula_columns)] { keep(all->run()); };
}

/// A function of numbers in [0.1, 4), forward only.
template <class T>
Step function_of(const Work& work) {
  const std::string& name = work.field(1);
  const eg::Tensor<T> x = 3.9 * eg::Tensor<T>::rand({Work::count(work.field(3))}) + 0.1;
  const eg::Tensor<T> exponents = 3.9 * eg::Tensor<T>::rand(x.shape()) + 0.1;
  const auto step = [&](auto f) -> Step { return [=] { keep(eg::Tensor<T>(f(x, exponents))); }; };
  if (name == "exp") return step([](const auto& t, const auto&) { return exp(t); });
  if (name == "log") return step([](const auto& t, const auto&) { return log(t); });
  if (name == "tanh") return step([](const auto& t, const auto&) { return tanh(t); });
  if (name == "sin") return step([](const auto& t, const auto&) { return sin(t); });
  if (name == "cos") return step([](const auto& t, const auto&) { return cos(t); });
  if (name == "sigmoid") return step([](const auto& t, const auto&) { return sigmoid(t); });
  if (name == "erf") return step([](const auto& t, const auto&) { return erf(t); });
  if (name == "pow") return step([](const auto& t, const auto& e) { return pow(t, e); });
  if (name == "cube") return step([](const auto& t, const auto&) { return pow(t, 3); });
  return nullptr;
}
Step function(const Work& work) {
  return work.field(2) == "double" ? function_of<double>(work) : function_of<float>(work);
}
template <class T>
Step function_by_hand_of(const Work& work) {
  using Array = Eigen::Array<T, Eigen::Dynamic, 1>;
  const std::string& name = work.field(1);
  const Eigen::Index size = Work::count(work.field(3));
  const Array x = 2.05 + 1.95 * Array::Random(size), exponents = 2.05 + 1.95 * Array::Random(size);
  const auto step = [&](auto f) -> Step {
    return [x, exponents, f, y = Array(size)]() mutable {
      y = f(x, exponents);
      keep(y);
    };
  };
  if (name == "exp") return step([](const Array& t, const Array&) { return t.exp(); });
  if (name == "log") return step([](const Array& t, const Array&) { return t.log(); });
  if (name == "tanh") return step([](const Array& t, const Array&) { return t.tanh(); });
  if (name == "sin") return step([](const Array& t, const Array&) { return t.sin(); });
  if (name == "cos") return step([](const Array& t, const Array&) { return t.cos(); });
  if (name == "sigmoid") return step([](const Array& t, const Array&) -> Array { return 1 / (1 + (-t).exp()); });
  if (name == "erf")
    return step([](const Array& t, const Array&) { return t.unaryExpr([](T v) { return std::erf(v); }); });
  if (name == "pow") return step([](const Array& t, const Array& e) { return t.pow(e); });
  if (name == "cube") return step([](const Array& t, const Array&) { return t.cube(); });
  return nullptr;
}
Step function_by_hand(const Work& work) {
  return work.field(2) == "double" ? function_by_hand_of<double>(work) : function_by_hand_of<float>(work);
}

Step reduce(const Work& work) {
  const Batch x = Batch::randn({Work::count(work.field(2)) / reduce_columns, reduce_columns});
  if (work.field(1) == "sum") return [x] { keep(sum(x)); };
  if (work.field(1) == "mean_over_rows") return [x] { keep(mean(x, 0)); };
  if (work.field(1) == "max") return [x] { keep(max(x)); };
  return nullptr;
}
Step reduce_by_hand(const Work& work) {
  using by_hand::Matrix;
  const auto x = std::make_shared<Matrix>(Matrix::Random(Work::count(work.field(2)) / reduce_columns, reduce_columns));
  if (work.field(1) == "sum") return [x] { keep(x->sum()); };
  if (work.field(1) == "max") return [x] { keep(x->maxCoeff()); };
  if (work.field(1) != "mean_over_rows") return nullptr;
  return [x, mean = by_hand::Row(reduce_columns)]() mutable {
    mean = x->colwise().sum() / static_cast<float>(x->rows());
    keep(mean);
  };
}

/// dW = dy^T x of a linear layer: [m, k] . [k, n] for sizes m x n x k.
Step weight_gradient(const Work& work) {
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  const Batch dy = Batch::randn({sizes.at(2), sizes.at(0)}), x = Batch::randn({sizes.at(2), sizes.at(1)});
  return [dy, x, dw = Batch::zeros({sizes.at(0), sizes.at(1)})]() mutable {
    eg::Product<float>{{dy, true}, {x}}.write_to(dw, false);
    keep(dw);
  };
}
Step weight_gradient_by_hand(const Work& work) {
  using by_hand::Matrix;
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  return [dy = Matrix(Matrix::Random(sizes.at(2), sizes.at(0))), x = Matrix(Matrix::Random(sizes.at(2), sizes.at(1))),
          dw = Matrix(sizes.at(0), sizes.at(1))]() mutable {
    dw.noalias() = dy.transpose() * x;
    keep(dw);
  };
}

Step cross_entropy(const Work& work) {
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  const auto labels = eg::Tensor<std::int64_t>::randint(0, sizes.at(1), {sizes.at(0)});
  return [x = parameter({sizes.at(0), sizes.at(1)}), labels] {
    {
      eg::Tape tape;
      tape.backward(eg::softmax_cross_entropy(*x, labels));
    }
    x->zero_grad();
  };
}
Step cross_entropy_by_hand(const Work& work) {
  using by_hand::Matrix;
  const std::vector<int> sizes = Work::counts(work.field(1), 'x');
  std::vector<int> labels;
  for (int i = 0; i < sizes.at(0); ++i) labels.push_back(i * 7 % sizes.at(1));
  return
      [x = Matrix(Matrix::Random(sizes.at(0), sizes.at(1))), dx = Matrix(sizes.at(0), sizes.at(1)), labels]() mutable {
        keep(by_hand::Network<by_hand::Kind::classifier>::softmax_cross_entropy(x, labels, dx));
      };
}

Step adam(const Work& work) {
  const auto weights = parameter({Work::count(work.field(1))});
  {
    eg::Tape tape;
    const Batch y = *weights * Batch::randn(weights->shape());
    tape.backward(sum(y));
  }
  return
      [weights, optimizer = eg::Adam<float>({*weights}, {.learning_rate = adam_rate})]() mutable { optimizer.step(); };
}
Step adam_by_hand(const Work& work) {
  const auto weights = std::make_shared<by_hand::Parameter<by_hand::Row>>();
  weights->value = weights->gradient = by_hand::Row::Random(Work::count(work.field(1)));
  return [weights, optimizer = by_hand::Adam{adam_rate}]() mutable {
    optimizer.begin_step();
    optimizer.update(*weights);
    keep(*weights);
  };
}

}  // namespace

std::map<std::string, std::vector<Way>> tensor_works() {
  return {{"formula", {{"eigengrad", formula}, {"by hand", formula_by_hand}}},
          {"function", {{"eigengrad", function}, {"by hand", function_by_hand}}},
          {"reduce", {{"eigengrad", reduce}, {"by hand", reduce_by_hand}}},
          {"weight_gradient", {{"eigengrad", weight_gradient}, {"by hand", weight_gradient_by_hand}}},
          {"softmax_cross_entropy", {{"eigengrad", cross_entropy}, {"by hand", cross_entropy_by_hand}}},
          {"adam", {{"eigengrad", adam}, {"by hand", adam_by_hand}}}};
}
