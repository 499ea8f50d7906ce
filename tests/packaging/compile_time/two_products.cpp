// What an Eigen program without autograd takes to compile: a small network forward, row-major as our tensors are.
#include <Eigen/Core>
#include <iostream>

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main() {
  const Matrix inputs = Matrix::Random(4, 2), first = Matrix::Random(2, 8), second = Matrix::Random(8, 1);
  const Matrix hidden = (inputs * first).array().tanh();
  const Matrix outputs = hidden * second;
  std::cout << outputs << '\n';
}
