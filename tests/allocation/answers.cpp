#include <gtest/gtest.h>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/train/evaluate.hpp"
#include "support/step_allocations.hpp"

// A trained model that answers, one row at a time or many, asks nothing of the heap once it has answered before.
namespace eg = eigengrad;
using support::allocations;

namespace {

struct Answers : support::CountsAllocations {};

// What a hundred calls allocate after the first.
template <class Call>
std::size_t allocations_of(const Call& call) {
  call();
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) call();
  return allocations() - before;
}

// Longer than what a string holds within itself, and two deep.
struct Block : eg::Module<float> {
  explicit Block(eg::Index width) : first(width, width), second(width, width) {}
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return x + second(tanh(first(x))); }
  void members(eg::Members<float>& m) override {
    m("the_first_of_the_layers", first);
    m("the_second_of_the_layers", second);
    m("a_mean_that_is_not_trained", mean);
  }
  eg::Linear<float> first, second;
  eg::Tensor<float> mean = eg::Tensor<float>::zeros({3});
};
struct Deep : eg::Module<float> {
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return softmax(tail(below(x)), 1); }
  void members(eg::Members<float>& m) override {
    m("everything_that_lies_below", below);
    m("the_tail_of_this_network", tail);
  }
  eg::Sequential<float> below{Block(8), eg::Dropout<float>(0.5), eg::Sequential<float>{Block(8), eg::GELU<float>()}};
  eg::Linear<float> tail{8, 3};
};

}  // namespace

TEST_F(Answers, OneRowOfASmallNetworkAllocatesNothing) {
  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                              eg::Sigmoid<float>());
  const eg::Tensor<float> row = {{0, 1}};
  EXPECT_EQ(allocations_of([&] { eg::predict(model, row); }), 0u);
  EXPECT_TRUE(model.is_training());
}

TEST_F(Answers, ManyLayersAndModulesOfOnesOwnAllocateNothing) {
  eg::Sequential<float> model;
  model.add(eg::Linear<float>(4, 8));
  for (int i = 0; i < 40; ++i) model.add(eg::Linear<float>(8, 8)).add(eg::ReLU<float>()).add(eg::Dropout<float>(0.1));
  model.add(Deep());
  const auto row = eg::Tensor<float>::rand({1, 4});
  EXPECT_EQ(allocations_of([&] { eg::predict(model, row); }), 0u);
  EXPECT_EQ(allocations_of([&] { model.train(), model.eval(); }), 0u);
}

TEST_F(Answers, BatchesOfAnySizeAllocateNothingOnceEachWasSeen) {
  Deep model;
  const auto rows = eg::Tensor<float>::rand({100, 8});
  EXPECT_EQ(allocations_of([&] {
              for (const eg::Index count : {1, 7, 100, 3}) eg::predict(model, eg::take_rows(rows, 0, count));
              eg::predict(model, rows, 16);
            }),
            0u);
}

TEST_F(Answers, EvaluatingAllocatesNothing) {
  Deep model;
  eg::Dataset<float, std::int64_t> data(eg::Tensor<float>::rand({50, 8}),
                                        eg::Tensor<std::int64_t>::randint(0, 3, {50}));
  data.class_names = {"a class with a long name", "another class with a long name", "and a third one, long too"};
  const auto loss = [](const auto& y, const auto& t) { return eg::softmax_cross_entropy(y, t); };
  EXPECT_EQ(allocations_of([&] {
              eg::evaluate(model, loss, data);
              eg::evaluate(model, loss, data, 16);
            }),
            0u);
}

TEST_F(Answers, DoubleAndANoGradForwardPassAllocateNothing) {
  eg::Sequential<double> model(eg::Linear<double>(3, 5), eg::ELU<double>(), eg::Linear<double>(5, 2));
  const auto row = eg::Tensor<double>::rand({1, 3});
  const auto expected = eg::predict(model, row);
  EXPECT_EQ(allocations_of([&] {
              eg::Tape tape;
              EXPECT_EQ(eg::predict(model, row)(0, 1), expected(0, 1));
            }),
            0u);
}
