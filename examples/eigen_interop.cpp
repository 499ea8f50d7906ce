// From Eigen and back: a user's matrices go in, predictions come out as an Eigen matrix. A linear layer trained on them
// must arrive where linear algebra does, at the least-squares solution.
// Answer: largest difference to least squares: ([0-9.]+e-(0[6-9]|1[0-9])|0[^.])
// Answer: the view shares the matrix's memory: yes
#include <Eigen/QR>
#include <eigengrad/eigengrad.hpp>
#include <iostream>
namespace eg = eigengrad;

int main() {
  // The user's data: 100 samples of 3 features (column-major, as is Eigen's habit) and 2 noisy targets for each.
  std::srand(5);
  const Eigen::MatrixXd features = Eigen::MatrixXd::Random(100, 3);
  const Eigen::MatrixXd truth{{1, -2, 3}, {0.5, 0, -1}};
  const Eigen::MatrixXd targets = features * truth.transpose() + 0.1 * Eigen::MatrixXd::Random(100, 2);

  // In: from_eigen copies any matrix, array or expression of any storage order.
  const auto inputs = eg::Tensor<double>::from_eigen(features), wanted = eg::Tensor<double>::from_eigen(targets);

  eg::Linear<double> layer(3, 2, {.bias = false});
  eg::SGD<double> optimizer(layer.parameters(), {.learning_rate = 0.5, .momentum = 0.5});
  for (int step = 0; step < 200; ++step) {
    eg::Tape tape;
    tape.backward(eg::mse_loss(layer(inputs), wanted));
    optimizer.step();
    optimizer.zero_grad();
  }

  // Out: matrix() and array() are Eigen maps of a tensor, without a copy.
  const Eigen::MatrixXd predictions = layer(inputs).matrix();
  const Eigen::MatrixXd weight = layer.weight.value().matrix();
  const Eigen::MatrixXd solution = features.colPivHouseholderQr().solve(targets).transpose();
  std::cout << "learned weights:\n" << weight << "\nleast squares:\n" << solution << '\n';
  std::cout << "first prediction: " << predictions.row(0) << "   target: " << targets.row(0) << '\n';
  std::cout << "largest difference to least squares: " << (weight - solution).cwiseAbs().maxCoeff() << '\n';

  // A row-major matrix can be read without copying it, as long as it stays alive and unchanged.
  const Eigen::Matrix<double, 100, 3, Eigen::RowMajor> rows = features;
  const auto view = eg::Tensor<double>::view(rows);
  std::cout << "the view shares the matrix's memory: " << (view.data() == rows.data() ? "yes" : "no") << '\n';
}
