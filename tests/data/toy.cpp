#include <eigengrad/data/toy.hpp>

#include "files.hpp"

namespace eg = eigengrad;

static std::vector<float> outputs(const eg::Dataset<float>& gate) {
  EXPECT_EQ(gate.inputs.shape(), (eg::Shape{4, 2}));
  EXPECT_EQ(gate.targets.shape(), (eg::Shape{4, 1}));
  EXPECT_EQ(std::vector<float>(gate.inputs.begin(), gate.inputs.end()), (std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1}));
  return {gate.targets.begin(), gate.targets.end()};
}

TEST(Gates, HaveTheirTruthTables) {
  using Outputs = std::vector<float>;
  EXPECT_EQ(outputs(eg::and_gate<float>()), (Outputs{0, 0, 0, 1}));
  EXPECT_EQ(outputs(eg::or_gate<float>()), (Outputs{0, 1, 1, 1}));
  EXPECT_EQ(outputs(eg::xor_gate<float>()), (Outputs{0, 1, 1, 0}));
  EXPECT_EQ(outputs(eg::nand_gate<float>()), (Outputs{1, 1, 1, 0}));
  EXPECT_EQ(outputs(eg::nor_gate<float>()), (Outputs{1, 0, 0, 0}));
  EXPECT_EQ(outputs(eg::xnor_gate<float>()), (Outputs{1, 0, 0, 1}));
}

TEST(Moons, LieOnHalfCircles) {
  const auto data = eg::moons<double>(101);
  ASSERT_EQ(data.inputs.shape(), (eg::Shape{101, 2}));
  ASSERT_EQ(data.targets.shape(), (eg::Shape{101}));
  for (eg::Index i = 0; i < data.size(); ++i) {
    const double x = data.inputs(i, 0), y = data.inputs(i, 1);
    EXPECT_EQ(data.targets(i), i % 2);
    if (i % 2 == 0) {
      EXPECT_NEAR(x * x + y * y, 1, 1e-12);
      EXPECT_GE(y, -1e-12);
    } else {
      EXPECT_NEAR((x - 1) * (x - 1) + (y - 0.5) * (y - 0.5), 1, 1e-12);
      EXPECT_LE(y, 0.5 + 1e-12);
    }
  }
  EXPECT_NEAR(data.inputs(100, 0), -1, 1e-12) << "the last of the 51 upper points ends the half circle";
}

TEST(Circles, HaveTheirRadii) {
  const auto data = eg::circles<double>(40, {.factor = 0.5});
  for (eg::Index i = 0; i < data.size(); ++i)
    EXPECT_NEAR(std::hypot(data.inputs(i, 0), data.inputs(i, 1)), data.targets(i) == 0 ? 1 : 0.5, 1e-12);
  EXPECT_GT(std::hypot(data.inputs(38, 0) - 1, data.inputs(38, 1)), 0.1) << "no point twice";
  EXPECT_THROW(eg::circles<double>(4, {.factor = 1}), eg::ValueError);
}

TEST(Spirals, HaveTheClassesAsked) {
  const auto data = eg::spirals<float>(90, {.classes = 5, .noise = 0.01, .seed = 1});
  for (eg::Index i = 0; i < data.size(); ++i) {
    EXPECT_EQ(data.targets(i), i % 5);
    EXPECT_LT(std::hypot(data.inputs(i, 0), data.inputs(i, 1)), 1.1f);
  }
  EXPECT_THROW(eg::spirals<float>(90, {.classes = 0}), eg::ValueError);
}

TEST(Toys, NoiseHasItsDeviationAndItsSeed) {
  const auto clean = eg::moons<double>(20000), noisy = eg::moons<double>(20000, {.noise = 0.1, .seed = 5});
  const auto difference = (noisy.inputs.array() - clean.inputs.array()).eval();
  EXPECT_NEAR(difference.mean(), 0, 0.003);
  EXPECT_NEAR(std::sqrt(difference.square().mean()), 0.1, 0.003);
  const auto same = eg::moons<double>(20000, {.noise = 0.1, .seed = 5});
  const auto other = eg::moons<double>(20000, {.noise = 0.1});
  EXPECT_TRUE((same.inputs.array() == noisy.inputs.array()).all());
  EXPECT_FALSE((other.inputs.array() == noisy.inputs.array()).all());
}

TEST(NoisySine, GoesFromMinusPiToPi) {
  const auto data = eg::noisy_sine<double>(101);
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{101, 1}));
  EXPECT_DOUBLE_EQ(data.inputs(0, 0), -std::numbers::pi);
  EXPECT_DOUBLE_EQ(data.inputs(100, 0), std::numbers::pi);
  for (eg::Index i = 0; i < 101; ++i) EXPECT_NEAR(data.targets(i, 0), std::sin(data.inputs(i, 0)), 1e-12);
}

TEST(Toys, SmallAndWrongSizes) {
  for (const eg::Index samples : {0, 1, 2, 3}) {
    EXPECT_EQ(eg::moons<float>(samples).size(), samples);
    EXPECT_EQ(eg::circles<float>(samples).size(), samples);
    EXPECT_EQ(eg::spirals<float>(samples).size(), samples);
    EXPECT_EQ(eg::noisy_sine<float>(samples).size(), samples);
    EXPECT_TRUE(eg::spirals<float>(samples).inputs.array().isFinite().all());
  }
  EXPECT_THROW(eg::moons<float>(-1), eg::ValueError);
  EXPECT_THROW(eg::moons<float>(10, {.noise = -1}), eg::ValueError);
  EXPECT_THROW(eg::noisy_sine<float>(-1), eg::ValueError);
}
