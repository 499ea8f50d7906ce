// Prints the bits of initial parameters, of models written in every way, and of what is drawn after them.
// scripts/matrix.sh compares what different compilers' programs print.
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

/// y = x + second(first(x)), of layers it is given.
template <class T>
struct Residual : eg::Module<T> {
  Residual(eg::Linear<T> a, eg::Linear<T> b) : first(std::move(a)), second(std::move(b)) {}
  eg::Tensor<T> forward(const eg::Tensor<T>& x) override { return x + second(first(x)); }
  void members(eg::Members<T>& m) override {
    m("first", first);
    m("second", second);
  }
  eg::Linear<T> first, second;
};

template <class T>
void print(const char* title, eg::Sequential<T> model) {
  std::printf("%s\n", title);
  for (const auto& [name, tensor] : model.state_dict()) {
    std::printf(" %s", name.c_str());
    for (const T number : tensor.template as<T>()) std::printf(" %a", static_cast<double>(number));
    std::printf("\n");
  }
  std::printf(" later");
  for (const T number : eg::Tensor<T>::randn({3})) std::printf(" %a", static_cast<double>(number));
  std::printf(" %a\n", static_cast<double>(eg::Linear<T>(1, 1).weight.value().item()));
}

template <class T>
void print_all() {
  using Model = eg::Sequential<T>;
  using Linear = eg::Linear<T>;
  eg::manual_seed(7);
  print("call", Model(Linear(2, 8), eg::Tanh<T>(), Linear(8, 8), eg::ReLU<T>(), Linear(8, 1), eg::Sigmoid<T>()));
  print("braces", Model{Linear(2, 8), eg::LeakyReLU<T>(0.1), Linear(8, 1)});
  print("nested", Model(Model(Linear(3, 4), eg::ELU<T>(), Linear(4, 4)), eg::Tanh<T>(),
                        Model(Model(Linear(4, 4, {.bias = false}), eg::GELU<T>()), Linear(4, 2))));
  print("own", Model(Residual<T>(Linear(3, 4), Linear(4, 3)), eg::Dropout<T>(), eg::Maxout<T>(3, 3, 2),
                     Residual<T>(Linear(3, 3), Linear(3, 3))));
  Linear shared(2, 2);
  print("mixed", Model(shared, Linear(2, 2), shared, eg::Tanh<T>(), Linear(2, 2)));
  eg::Generator first(1), second(2);
  print("generators", Model(Linear(2, 2, {}, first), Linear(2, 2, {}, second), Linear(2, 2, {}, first)));
  Model added;
  added.add(Linear(2, 4)).add(eg::Tanh<T>()).add(Residual<T>(Linear(4, 4), Linear(4, 4)));
  print("added", added);
}

int main() {
  print_all<float>();
  print_all<double>();
}
