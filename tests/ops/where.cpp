#include "eigengrad/ops/where.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/sum.hpp"
#include "specials.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Mask = eg::Tensor<bool>;

namespace {

template <class T>
void compare(const char* name, const auto& ours, const auto& plain) {
  const eg::Tensor<T> x = specials::numbers<T>();
  const Mask result = ours(kernel_access(x).alias({x.size(), 1}), x);
  for (eg::Index i = 0; i < x.size(); ++i)
    for (eg::Index j = 0; j < x.size(); ++j)
      EXPECT_EQ(result(i, j), plain(x(i), x(j))) << name << ' ' << x(i) << ' ' << x(j);
}
template <class T>
void compare_all() {
#define COMPARE(symbol) \
  compare<T>(#symbol, [](const auto& a, const auto& b) { return a symbol b; }, [](T a, T b) { return a symbol b; })
  COMPARE(<);
  COMPARE(<=);
  COMPARE(>);
  COMPARE(>=);
  COMPARE(==);
  COMPARE(!=);
}
bool same(const auto& a, const auto& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }

}  // namespace

// 29
TEST(Where, ComparisonsAsThePlainOnes) {
  compare_all<float>();
  compare_all<double>();
}

TEST(Where, MasksCombine) {
  const Mask a = {true, true, false, false}, b = {true, false, true, false};
  EXPECT_TRUE(same(Mask(a && b), Mask{true, false, false, false}));
  EXPECT_TRUE(same(Mask(a || b), Mask{true, true, true, false}));
  EXPECT_TRUE(same(Mask(!a), Mask{false, false, true, true}));
  const Tensor x = {-1, 0, 1, 2};
  EXPECT_TRUE(same(Mask((x > 0 && !(x >= 2)) || b), Mask{true, false, true, false}));
  EXPECT_EQ(sum(x > 0).item(), 2);
}

TEST(Where, ChoosesElementByElement) {
  const Tensor x = {{-1, 2, -3}, {4, -5, 6}};
  EXPECT_TRUE(same(Tensor(where(x > 0, x, 0.1 * x)), Tensor{{-0.1, 2, -3 * 0.1}, {4, -0.5, 6}}));
  EXPECT_TRUE(same(Tensor(where(Mask{true, false, true}, x, -1)), Tensor{{-1, -1, -3}, {4, -1, 6}}));
  EXPECT_TRUE(same(Tensor(where(x > 0, 1.0, Tensor{{7}, {8}})), Tensor{{7, 1, 7}, {1, 8, 1}}));
  const eg::Tensor<std::int64_t> labels = {0, 1, 2};
  EXPECT_TRUE(same(Tensor(where(labels == 1, x, 0)), Tensor{{0, 2, 0}, {0, -5, 0}}));
}

// 30: what is not chosen does no harm, neither forward nor backward.
TEST(Where, NanThatIsNotChosen) {
  const eg::Parameter<double> x(Tensor{-1, 4, -9, 16, 25});
  eg::Tape tape;
  const Tensor y = where(x > 0, sqrt(maximum(x, 0)), 0);
  EXPECT_TRUE(same(y, Tensor{0, 2, 0, 4, 5}));
  tape.backward(sum(where(x > 0, x, std::numeric_limits<double>::quiet_NaN() * x.value())));
  EXPECT_TRUE(same(x.grad(), Tensor{0, 1, 0, 1, 1}));
}

// A number takes the type of what it stands beside; beside a mask, its own.
TEST(Where, ChoosesBetweenTwoNumbers) {
  const Tensor x = {{-1, 2}, {0, 4}};
  const Mask positive = x > 0;
  EXPECT_TRUE(same(Tensor(where(x > 0, 1, 0)), Tensor{{0, 1}, {0, 1}}));
  EXPECT_TRUE(same(Tensor(where(positive, 2.5, -1)), Tensor{{-1, 2.5}, {-1, 2.5}}));
  EXPECT_TRUE(same(eg::Tensor<float>(where(positive, 1.f, 0.f)), eg::Tensor<float>{{0, 1}, {0, 1}}));
  EXPECT_TRUE(same(eg::Tensor<std::int64_t>(where(positive, 3, 4)), eg::Tensor<std::int64_t>{{4, 3}, {4, 3}}));
  EXPECT_TRUE(same(Mask(where(positive, false, true)), Mask{{true, false}, {true, false}}));
}

// 31
TEST(Where, Sign) {
  specials::check<float>(
      "sign", [](const auto& x) { return sign(x); }, [](long double x) { return x > 0   ? 1
                                                                                : x < 0 ? -1
                                                                                        : x; });
  specials::check<double>(
      "sign", [](const auto& x) { return sign(x); }, [](long double x) { return x > 0   ? 1
                                                                                : x < 0 ? -1
                                                                                        : x; });
}

TEST(Where, IsNan) {
  const Tensor x = {1, std::nan(""), std::numeric_limits<double>::infinity()};
  EXPECT_TRUE(same(Mask(isnan(x)), Mask{false, true, false}));
}

// 24
TEST(Where, Empty) {
  EXPECT_EQ(Mask(Tensor::zeros({0, 3}) > 0).shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(Tensor(where(Tensor::zeros({0, 3}) > 0, 1.0, Tensor{2})).shape(), (eg::Shape{0, 3}));
}
