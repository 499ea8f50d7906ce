// Fitting a law of nature to measurements: y = b1 (1 - exp(-b2 x)), Misra's dental research, one of the data sets with
// which NIST certifies statistical software. L-BFGS meets the certified values to 8 digits from both official starts.
// Source: https://www.itl.nist.gov/div898/strd/nls/data/misra1a.shtml
// Answer: certified by NIST +238\.94212918 +5\.5015643181e-04 +1\.2455138894e-01
// Answer: from 500, 1e-04 +238\.94212[89][0-9]+ +5\.50156431[0-9]+e-04 +1\.2455138894e-01
// Answer: from 250, 5e-04 +238\.94212[89][0-9]+ +5\.50156431[0-9]+e-04 +1\.2455138894e-01
// Answer: largest relative error: [0-9.]+e-(09|1[0-9])
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

const eg::Tensor<double> x = {77.6,  114.9, 141.1, 190.8, 239.9, 289.0, 332.8,
                              378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0};
const eg::Tensor<double> y = {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02,
                              44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78};

// b1 is near 240 and b2 near 0.00055. A method that does not know their units would take as large a step for one as for
// the other, so b1 / 100 and 10000 b2 are fitted, which are both of the size of 1.
const eg::Tensor<double> unit = {100, 1e-4};

const auto sum_of_squares = [](const auto& scaled) {
  const eg::Tensor<double> b = scaled * unit;
  return eg::Tensor<double>(sum(square(y - select(b, 0, 0) * (1 - exp(-select(b, 0, 1) * x)))));
};

int main() {
  const double certified[] = {238.94212918, 5.5015643181e-04, 1.2455138894e-01};
  std::printf("%-20s %14s %18s %18s\n", "", "b1", "b2", "sum of squares");
  std::printf("%-20s %14.8f %18.10e %18.10e\n", "certified by NIST", certified[0], certified[1], certified[2]);

  double worst = 0;
  for (const eg::Tensor<double>& start : {eg::Tensor<double>{500, 0.0001}, eg::Tensor<double>{250, 0.0005}}) {
    const eg::Parameter<double> scaled(start / unit);
    // No end at small changes: the last digits of b are found where the loss does not change in 16 digits any more.
    eg::LBFGS<double> optimizer({scaled}, {.max_iterations = 200, .gradient_tolerance = 1e-9, .change_tolerance = 0});
    optimizer.step([&] {
      eg::Tape tape;
      const eg::Tensor<double> loss = sum_of_squares(scaled);
      tape.backward(loss);
      return loss;
    });
    const eg::Tensor<double> b = scaled.value() * unit;
    const double found[] = {b(0), b(1), sum_of_squares(scaled.value()).item()};
    std::printf("from %.0f, %-12.0e %15.8f %18.10e %18.10e   %d steps\n", start(0), start(1), found[0], found[1],
                found[2], static_cast<int>(optimizer.iterations()));
    for (int i = 0; i < 3; ++i) worst = std::max(worst, std::abs(found[i] / certified[i] - 1));
  }
  std::printf("largest relative error: %.1e\n", worst);
}
