// Mistakes that do not compile, each with what the compiler must say about the way out. messages.cmake compiles one at a
// time: -D WRONG=<its number>. The line before an #elif's code says `// Hint: <regular expression>`.
#include <eigengrad/eigengrad.hpp>

namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;
struct NoForward : eg::Module<float> {};

int main() {
  Tensor t{{1, 2}, {3, 4}};
  eg::Tensor<double> wide{{1, 2}, {3, 4}};
  eg::Parameter<float> w(t);
  eg::Linear<float> layer(2, 2);
  Eigen::MatrixXf matrix(2, 2);
  std::vector<float> numbers(4);
#if WRONG == 0  // Hint:
#elif WRONG == 1  // Hint: (t[.]at|Say_at)
  t(0, 1) = 3;
#elif WRONG == 2  // Hint: (t[.]at|Say_at)
  t(0, 1) += 3;
#elif WRONG == 3  // Hint: t[.]item
  float x = t;
#elif WRONG == 4  // Hint: t[.]item
  float x = eg::mse_loss(w, t);
#elif WRONG == 5  // Hint: x[.]item
  float x = t * 2;
#elif WRONG == 6  // Hint: t[.]item
  auto x = static_cast<double>(eg::sum(t));
#elif WRONG == 7  // Hint: w[.]value[(][)][.]item
  float x = w;
#elif WRONG == 8  // Hint: all[(]t[)]
  if (t) return 1;
#elif WRONG == 9  // Hint: all[(]x[)]
  if (t == t) return 1;
#elif WRONG == 10  // Hint: x[.]item
  while (t > 0.1f) t = t / 2;
#elif WRONG == 11  // Hint: select[(]t
  float x = t[0];
#elif WRONG == 12  // Hint: tape[.]backward
  t.backward();
#elif WRONG == 13  // Hint: from_eigen
  Tensor x = matrix;
#elif WRONG == 14  // Hint: from_eigen
  Tensor x(matrix + matrix);
#elif WRONG == 15  // Hint: from_eigen
  t = matrix.array();
#elif WRONG == 16  // Hint: t[.]matrix
  Eigen::MatrixXf x = t;
#elif WRONG == 17  // Hint: t[.]matrix
  matrix = t;
#elif WRONG == 18  // Hint: t[.]array
  Eigen::ArrayXXf x = t;
#elif WRONG == 19  // Hint: from_eigen
  auto x = t * matrix;
#elif WRONG == 20  // Hint: from_eigen
  auto x = matrix + t;
#elif WRONG == 21  // Hint: cast<
  Tensor x = t + wide;
#elif WRONG == 22  // Hint: cast<
  auto x = w * wide;
#elif WRONG == 23  // Hint: Tensor<T>::from[(]
  Tensor x = numbers;
#elif WRONG == 24  // Hint: Tensor<T>::from[(]
  Tensor x(numbers);
#elif WRONG == 25  // Hint: model[.]parameters
  eg::Adam<float> optimizer(layer);
#elif WRONG == 26  // Hint: model[.]parameters
  eg::Adam<float> optimizer(layer, {.learning_rate = 0.1f});
#elif WRONG == 27  // Hint: model[.]parameters
  eg::Adam optimizer(layer);
#elif WRONG == 28  // Hint: model[.]parameters
  eg::SGD<float> optimizer(layer, {.learning_rate = 0.1f});
#elif WRONG == 29  // Hint: model[.]parameters
  eg::AdamW<float> optimizer(layer);
#elif WRONG == 30  // Hint: model[.]parameters
  eg::LBFGS<float> optimizer(layer);
#elif WRONG == 32  // Hint: Parameter<T> w[(]tensor[)]
  eg::SGD<float> optimizer({t}, {.learning_rate = 0.1f});
#elif WRONG == 33  // Hint: Parameter<T> w[(]tensor[)]
  eg::Parameter<float> x = t;
#elif WRONG == 34  // Hint: Parameter<T> w[(]tensor[)]
  std::vector<eg::Parameter<float>> x = {t};
#elif WRONG == 35  // Hint: set_value
  w = t;
#elif WRONG == 36  // Hint: set_value
  w -= 0.1f * w.grad();
#elif WRONG == 37  // Hint: Linear<T>[(]inputs, outputs[)]
  eg::Linear<float> x(2);
#elif WRONG == 38  // Hint: eg::Module<T>
  eg::Sequential<float> x(layer, [](const Tensor& y) { return Tensor(eg::tanh(y)); });
#elif WRONG == 39  // Hint: eg::Module<T> of this T
  eg::Sequential<float> x(layer, eg::Tanh<double>());
#elif WRONG == 40  // Hint: eg::Module<T> of this T
  eg::Sequential<float> x(2, 2);
#elif WRONG == 41  // Hint: with a forward
  eg::Sequential<float> x(static_cast<NoForward&>(*static_cast<NoForward*>(nullptr)));
#elif WRONG == 42  // Hint: eg::Module<T> of this T
  eg::Sequential<float>().add(3);
#elif WRONG == 43  // Hint: labels are Tensor<std::int64_t>
  auto x = eg::softmax_cross_entropy(t, eg::Tensor<int>{0, 1});
#elif WRONG == 44  // Hint: labels are Tensor<std::int64_t>
  auto x = eg::softmax_cross_entropy(t, wide);
#elif WRONG == 45  // Hint: labels are Tensor<std::int64_t>
  auto x = eg::cross_entropy(t, eg::Tensor<int>{0, 1});
#elif WRONG == 46  // Hint: cast<
  auto x = eg::mse_loss(t, wide);
#elif WRONG == 47  // Hint: cast<
  auto x = eg::matmul(t, wide);
#elif WRONG == 48  // Hint: cast<
  auto x = eg::mean(eg::Tensor<std::int64_t>{1, 2});
#elif WRONG == 49  // Hint: cast<
  auto x = eg::softmax(eg::Tensor<std::int64_t>{1, 2});
#endif
}
