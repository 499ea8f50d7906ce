#include "bits.hpp"

// Sums of all kinds above and below the sizes at which they are divided.
namespace eg = eigengrad;
using support::Bits;
using support::expect_same_bits;

TEST(ParallelSums, SameBits) {
  for (const eg::Shape& shape :
       {eg::Shape{1'000'003}, eg::Shape{100'003, 10}, eg::Shape{10, 100'003}, eg::Shape{997, 1003}}) {
    const auto x = eg::Tensor<float>::randn(shape);
    const eg::Index columns = shape.back(), rows = shape.size() / columns;
    eg::Parameter<float> one(eg::Tensor<float>::ones({1})), row(eg::Tensor<float>::ones({columns})),
        column(eg::Tensor<float>::ones({rows, 1}));
    eg::Linear<float> layer(columns, 3);
    expect_same_bits(eg::to_text(shape), [&] {
      Bits bits;
      bits << sum(x) << mean(x) << sum(x, 0) << sum(x, -1) << var(x) << norm(x);
      const eg::Tensor<float> matrix = reshape(x, {rows, columns});
      one.zero_grad(), row.zero_grad(), column.zero_grad();
      layer.bias.zero_grad(), layer.weight.zero_grad();
      eg::Tape tape;
      const eg::Tensor<float> y = one * matrix * row + column * matrix, z = broadcast_to(row, matrix.shape()) * matrix;
      tape.backward(sum(y * y) + sum(z) + sum(square(layer.forward(matrix))));
      return std::move(bits << one.grad() << row.grad() << column.grad() << layer.bias.grad() << layer.weight.grad());
    });
  }
}
