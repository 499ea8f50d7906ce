#include "eigengrad/core/named_tensors.hpp"

#include <gtest/gtest.h>
#include <eigengrad/eigengrad.hpp>

#include "support/close.hpp"

namespace eg = eigengrad;
using support::message_of;
using support::same_bits;

TEST(AnyTensor, HoldsEveryNumberTypeAndGivesItBack) {
  const auto check = []<class T>(const eg::Tensor<T>& tensor, eg::DType type, const char* name) {
    const eg::AnyTensor any = tensor;
    EXPECT_EQ(any.dtype(), type);
    EXPECT_STREQ(to_string(any.dtype()), name);
    EXPECT_EQ(any.shape(), tensor.shape());
    EXPECT_TRUE(any.holds<T>());
    EXPECT_TRUE(same_bits(any.as<T>(), tensor));
  };
  check(eg::Tensor<float>{{1, 2}}, eg::DType::float32, "float32");
  check(eg::Tensor<double>{1, 2}, eg::DType::float64, "float64");
  check(eg::Tensor<std::int32_t>{1, -2}, eg::DType::int32, "int32");
  check(eg::Tensor<std::int64_t>{1, -2}, eg::DType::int64, "int64");
  check(eg::Tensor<std::uint8_t>{1, 255}, eg::DType::uint8, "uint8");
  check(eg::Tensor<bool>{true, false}, eg::DType::boolean, "bool");
  check(eg::Tensor<float>::zeros({}), eg::DType::float32, "float32");
  check(eg::Tensor<float>::zeros({0, 3}), eg::DType::float32, "float32");
}

TEST(AnyTensor, IsAValue) {
  eg::Tensor<float> tensor = {1, 2};
  eg::AnyTensor first = tensor, second = first;
  tensor.at(0) = 9;
  second.as<float>().at(1) = 7;
  EXPECT_TRUE(same_bits(first.as<float>(), eg::Tensor<float>{1, 2}));
  EXPECT_TRUE(same_bits(second.as<float>(), eg::Tensor<float>{1, 7}));
  first = eg::AnyTensor(eg::Tensor<std::int64_t>{5});
  EXPECT_EQ(first.as<std::int64_t>().item(), 5);
  first = *&first;
  EXPECT_EQ(first.as<std::int64_t>().item(), 5);
  const eg::Tensor<float>& seen = second;
  EXPECT_EQ(seen(1), 7);
}

TEST(AnyTensor, SaysWhatItHoldsWhenAskedForAnotherType) {
  const eg::AnyTensor any = eg::Tensor<float>{1, 2};
  EXPECT_EQ(message_of<eg::ValueError>([&] { any.as<double>(); }),
            "as: a tensor of float32, of shape [2], was asked for as float64: ask for the type that it has, and "
            "cast<T>(tensor) that");
  EXPECT_NE(message_of<eg::ValueError>([] { eg::AnyTensor().as<float>(); }).find("holds nothing"), std::string::npos);
  EXPECT_EQ(eg::AnyTensor().shape(), eg::Shape{0});
}

TEST(AnyTensor, DropsTheRecordOfATensor) {
  const eg::Parameter<double> w(eg::Tensor<double>{2});
  eg::Tape tape;
  const eg::AnyTensor any = eg::Tensor<double>(w * w);
  EXPECT_FALSE(eg::is_recorded(any.as<double>()));
}

TEST(NamedTensors, KeepTheOrderInWhichTheyWereAdded) {
  eg::NamedTensors state;
  state.add("2.weight", eg::Tensor<float>{1});
  state.add("10.weight", eg::Tensor<float>{2});
  state["1.count"] = eg::Tensor<std::int64_t>{3};
  std::string names;
  for (const auto& [name, tensor] : state) names += name + ":" + to_string(tensor.dtype()) + " ";
  EXPECT_EQ(names, "2.weight:float32 10.weight:float32 1.count:int64 ");
  EXPECT_EQ(state.size(), 3u);
  EXPECT_TRUE(state.contains("1.count"));
  EXPECT_EQ(state.at<std::int64_t>("1.count").item(), 3);
  EXPECT_TRUE(state.erase("2.weight"));
  EXPECT_FALSE(state.erase("2.weight"));
  EXPECT_EQ(state.begin()->name, "10.weight");
}

TEST(NamedTensors, SayWhatThereIs) {
  eg::NamedTensors state;
  EXPECT_EQ(message_of<eg::IndexError>([&] { state.at("a"); }), "state: there is no tensor named a; there are: none");
  state.add("b", eg::Tensor<float>{1});
  state.add("c", eg::Tensor<float>{1});
  EXPECT_EQ(message_of<eg::IndexError>([&] { state.at<float>("a"); }),
            "state: there is no tensor named a; there are: b, c");
  EXPECT_NE(message_of<eg::ValueError>([&] { state.add("b", eg::Tensor<float>{2}); }).find("named b already"),
            std::string::npos);
}

TEST(NamedTensors, OneStateHoldsAnothersUnderAPrefix) {
  eg::NamedTensors inner, all;
  inner.add("weight", eg::Tensor<float>{1});
  all.add_all("model.", inner);
  all.add_all("optimizer.", inner);
  EXPECT_TRUE(all.contains("model.weight") && all.contains("optimizer.weight"));
  EXPECT_EQ(all.below("model.").size(), 1u);
  EXPECT_TRUE(all.below("model.").contains("weight"));
  EXPECT_TRUE(all.below("none.").empty());
}

TEST(NamedTensors, AGeneratorGoesOnWhereItWas) {
  eg::Generator first(3);
  first.uniform();
  first.branch();
  const eg::NamedTensors state = first.state_dict();
  const double next = first.normal();
  eg::Generator second(99);
  second.load_state_dict(state);
  EXPECT_EQ(second.normal(), next);
  EXPECT_EQ(second.branch(), first.branch());
  eg::NamedTensors wrong;
  wrong.add("state", eg::Tensor<float>{1});
  const auto before = second.state();
  EXPECT_THROW(second.load_state_dict(wrong), eg::ShapeError);
  EXPECT_EQ(second.state(), before);
}
