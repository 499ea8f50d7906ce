// The gradient table with threads: every row, on inputs large enough to be divided, gives the same bits with any number
// of them. The rows are those of tests/ops, compiled with threads.
#include "../ops/gradient_elementwise.cpp"
#include "../ops/gradient_losses.cpp"
#include "../ops/gradient_structural.cpp"
#include "bits.hpp"

namespace gradients {

namespace {

/// The row's shapes for one large check, so many times as long along all their axes, or along the last or first alone.
enum class Along { all, last, first };
Shapes stretched(const Shapes& shapes, eg::Index factor, Along along) {
  Shapes result;
  for (eg::Shape shape : shapes) {
    for (eg::Index axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] > 1 && (along == Along::all || axis == (along == Along::last ? shape.rank() - 1 : 0)))
        shape.set(axis, shape[axis] * factor);
    result.push_back(shape);
  }
  return result;
}
eg::Index elements(const Shapes& shapes) {
  eg::Index count = 0;
  for (const eg::Shape& shape : shapes) count += shape.size();
  return count;
}
/// Inputs of some hundred thousand numbers, as the row takes them; of its own size where it takes no other.
List large_inputs(const Row& row, eg::Generator& generator) {
  for (const Along along : {Along::all, Along::last, Along::first}) {
    eg::Index factor = 1;
    while (elements(stretched(row.large, factor, along)) < 300'000 && factor < 20'000) factor += 1 + factor / 4;
    const List inputs = draw(row, stretched(row.large, factor, along), generator);
    try {
      (void)row.run(inputs);
      return inputs;
    } catch (const eg::Error&) {  // a size that belongs to something else
    }
  }
  return draw(row, row.large, generator);
}

}  // namespace

TEST(GradientTable, HasTheSameBitsWithAnyNumberOfThreads) {
  eg::Generator generator(41);
  std::size_t large = 0, rows = 0;
  for (const RowFile& file : row_files(false))
    for (const Row& row : file.rows()) {
      const List inputs = large_inputs(row, generator);
      Shapes shapes;
      for (const auto& input : inputs) shapes.push_back(input.shape());
      ++rows;
      large += elements(shapes) >= 300'000 ? 1u : 0u;
      const auto seed = eg::Tensor<double>::randn(row.run(inputs).shape(), generator);
      support::expect_same_bits(row.name + " " + text(shapes), [&] {
        const std::vector<eg::Parameter<double>> parameters(inputs.begin(), inputs.end());
        eg::Tape tape;
        const eg::Tensor<double> y = row.run({parameters.begin(), parameters.end()});
        tape.backward(y, seed);
        support::Bits bits;
        bits << y;
        for (const auto& parameter : parameters) bits << parameter.grad();
        return bits;
      });
    }
  EXPECT_GT(large, rows * 9 / 10) << "rows on inputs that are divided, of " << rows;
}

}  // namespace gradients
