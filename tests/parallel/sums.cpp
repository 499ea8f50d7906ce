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

// Every sum of ten million equal numbers is exact, and the same bits with any number of threads: blocks of rows that
// several threads sum are added up without rounding between.
TEST(ParallelSums, BlocksAreExact) {
  const eg::Index size = 1'000'000, ten = 10;
  for (const bool equal : {true, false}) {
    const auto x = equal ? eg::Tensor<float>::full({size}, 0.1f) : eg::Tensor<float>::rand({size});
    const eg::Tensor<float> tall = reshape(x, {size / ten, ten}), wide = reshape(x, {ten, size / ten}),
                            deep = reshape(x, {100, 20, 500});
    eg::Parameter<float> one(eg::Tensor<float>::zeros({})), row(eg::Tensor<float>::zeros({ten})),
        column(eg::Tensor<float>::zeros({ten, 1})), place(eg::Tensor<float>::zeros({1, 20, 1})),
        middle(eg::Tensor<float>::zeros({100, 1, 500}));
    expect_same_bits(equal ? "equal numbers" : "random numbers", [&] {
      for (auto* parameter : {&one, &row, &column, &place, &middle}) parameter->zero_grad();
      eg::Tape tape;
      tape.backward(sum(one * x) + sum(row * tall) + sum(column * wide) + sum(place * deep) +
                    sum(middle * deep + place));
      Bits bits;
      return std::move(bits << one << row << column << place << middle);
    });
    const auto expect = [&](const eg::Tensor<float>& gradient, const eg::Tensor<float>& sums, double plus) {
      for (eg::Index i = 0; i < gradient.size(); ++i)
        ASSERT_FLOAT_EQ(gradient.data()[i], static_cast<float>(static_cast<double>(sums.data()[i]) + plus)) << i;
    };
    expect(one.grad(), sum(x), 0);
    expect(row.grad(), sum(tall, 0), 0);
    expect(column.grad(), sum(wide, 1), 0);
    expect(middle.grad(), sum(deep, 1), 0);
    expect(place.grad(), sum(deep, {0, 2}), 50'000);
  }
}
