#include <Eigen/Core>
#include <iostream>

// examples/xor.cpp written by hand in Eigen: the same network, loss and optimizer, the derivatives worked out on paper.
using Matrix = Eigen::MatrixXf;
using Row = Eigen::RowVectorXf;

int main() {
  std::srand(7);
  const Matrix x{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, target{{0}, {1}, {1}, {0}};
  Matrix w1 = Matrix::Random(2, 8), w2 = Matrix::Random(8, 1), dw1 = Matrix::Zero(2, 8), dw2 = Matrix::Zero(8, 1);
  Row b1 = Row::Zero(8), b2 = Row::Zero(1), db1 = Row::Zero(8), db2 = Row::Zero(1);
  Matrix hidden, output, delta, hidden_delta;
  const auto forward = [&] {
    hidden.noalias() = x * w1;
    hidden = (hidden.rowwise() + b1).array().tanh();
    output.noalias() = hidden * w2;
    output = (1 + (-(output.rowwise() + b2).array()).exp()).inverse();
  };
  const float rate = 0.5f, momentum = 0.9f;
  for (int step = 0; step < 2000; ++step) {
    forward();
    delta = (0.5f * (output - target)).array() * output.array() * (1 - output.array());
    hidden_delta.noalias() = delta * w2.transpose();
    hidden_delta.array() *= 1 - hidden.array().square();
    dw2 = momentum * dw2 + hidden.transpose() * delta;
    db2 = momentum * db2 + delta.colwise().sum();
    dw1 = momentum * dw1 + x.transpose() * hidden_delta;
    db1 = momentum * db1 + hidden_delta.colwise().sum();
    w2 -= rate * dw2;
    b2 -= rate * db2;
    w1 -= rate * dw1;
    b1 -= rate * db1;
  }
  forward();
  std::cout << output << '\n';
}
