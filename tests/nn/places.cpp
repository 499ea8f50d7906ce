#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/train/diagnose.hpp"
#include "eigengrad/train/fit.hpp"
#include "support/close.hpp"

// What goes wrong in a model says where: which layer, and the line of the program that called the model.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Model = eg::Sequential<double>;
using Linear = eg::Linear<double>;
using support::message_of;

namespace {

const Tensor sample = Tensor::ones({1, 2});

struct Net : eg::Module<double> {
  Linear first{2, 3}, second{4, 1};
  Model body{Linear(3, 3), Linear(5, 1)};
  int way = 0;

  void members(eg::Members<double>& m) override {
    m("first", first);
    m("second", second);
    m("body", body);
  }
  static constexpr int line_of_second = __LINE__ + 2;
  Tensor forward(const Tensor& x) override {
    if (way == 0) return second(first(x));
    if (way == 1) return body(first(x));
    if (way == 2) return body[1](first(x));
    if (way == 3) return Linear(7, 1)(first(x));
    try {
      return second(first(x));
    } catch (const eg::ShapeError&) {
      return first(x);
    }
  }
};

struct Throws : eg::Module<double> {
  explicit Throws(int which) : kind_of_error(which) {}
  Tensor forward(const Tensor& x) override {
    if (kind_of_error == 0) throw eg::IndexError("index");
    if (kind_of_error == 1) throw eg::ValueError("value");
    if (kind_of_error == 2) throw std::out_of_range("not ours");
    return x;
  }
  int kind_of_error;
};

template <class E, class Function>
void expect_start(const Function& function, const std::string& start) {
  const std::string text = message_of<E>(function);
  EXPECT_TRUE(text.starts_with(start)) << text;
}

}  // namespace

TEST(Places, AShapeErrorNamesTheLayerTheOutermostFirst) {
  Model model(Linear(2, 3), eg::Tanh<double>(), Linear(4, 2));
  expect_start<eg::ShapeError>([&] { model(sample); },
                               "layer 2 (Linear): linear: x is [1, 3], weight is [2, 4], bias is [2]: ");
  expect_start<eg::ShapeError>([&] { model.forward(sample); }, "layer 2 (Linear): linear: x is [1, 3]");
  Model outer(eg::Dropout<double>(), model, eg::ReLU<double>());
  expect_start<eg::ShapeError>([&] { outer(sample); }, "layer 1 (Sequential), layer 2 (Linear): linear: x is [1, 3]");
  Model outermost(outer);
  outermost.add(outer);
  expect_start<eg::ShapeError>([&] { Model(eg::Identity<double>(), outer)(sample); },
                               "layer 1 (Sequential), layer 1 (Sequential), layer 2 (Linear): linear: ");
}

// A Linear and the activation after it run as one.
TEST(Places, AlsoWhereALayerTakesTheNextAlong) {
  Model model(eg::Identity<double>(), Linear(3, 3), eg::Tanh<double>(), Linear(3, 2));
  expect_start<eg::ShapeError>([&] { model(sample); }, "layer 1 (Linear): linear: x is [1, 2], weight is [3, 3]");
  Model many;
  for (int i = 0; i < 8; ++i) many.add(Linear(2, 2));
  many.add(Linear(3, 2));
  expect_start<eg::ShapeError>([&] { many(sample); }, "layer 8 (Linear): linear: x is [1, 2], weight is [2, 3]");
  Model maxout(Linear(2, 3), eg::Maxout<double>(2));
  expect_start<eg::ShapeError>([&] { maxout(sample); }, "layer 1 (Maxout): maxout: the last axis of [1, 3]");
  Model flat{eg::Flatten<double>()};
  expect_start<eg::ShapeError>([&] { flat(Tensor::full({}, 1)); }, "layer 0 (Flatten): Flatten: shape []");
}

TEST(Places, MembersOfAModuleOfOnesOwnByTheirNames) {
  Net net;
  expect_start<eg::ShapeError>([&] { net(sample); }, "second (Linear): linear: x is [1, 3], weight is [1, 4]");
  net.way = 1;
  expect_start<eg::ShapeError>([&] { net(sample); }, "body (Sequential), layer 1 (Linear): linear: x is [1, 3]");
  net.way = 2;
  expect_start<eg::ShapeError>([&] { net(sample); }, "body.1 (Linear): linear: x is [1, 3], weight is [1, 5]");
  net.way = 3;
  expect_start<eg::ShapeError>([&] { net(sample); }, "linear: x is [1, 3], weight is [1, 7]");  // it has no name
  net.way = 4;
  EXPECT_EQ(net(sample).shape(), (eg::Shape{1, 3})) << "caught inside";
  Model model(Linear(2, 2), Net());
  expect_start<eg::ShapeError>([&] { model(sample); }, "layer 1 (Module), second (Linear): linear: x is [1, 3]");
}

TEST(Places, ErrorsKeepTheirTypes) {
  expect_start<eg::IndexError>([] { Model(eg::Identity<double>(), Throws(0))(sample); }, "layer 1 (Module): index");
  expect_start<eg::ValueError>([] { Model(eg::Identity<double>(), Throws(1))(sample); }, "layer 1 (Module): value");
  const auto foreign = [] { Model(eg::Identity<double>(), Throws(2))(sample); };
  EXPECT_EQ(message_of<std::out_of_range>(foreign), "not ours");
  Model overflows(Linear(2, 2), eg::Identity<double>());
  overflows.at<Linear>(0).bias.set_value({1, INFINITY});
  eg::Tape tape({.detect_anomaly = true});
  overflows(sample);  // the parameter is to blame, not the layer
  Model fresh(Linear(2, 2), eg::Identity<double>());
  fresh.at<Linear>(0).weight.set_value({{1e308, 1e308}, {1, 1}});
  expect_start<eg::AnomalyError>([&] { fresh(sample); }, "layer 0 (Linear): anomaly: linear(");
}

TEST(Places, OfFitAndDiagnose) {
  Model model(Linear(2, 3), eg::Tanh<double>(), Linear(4, 1));
  const eg::Dataset<double> data({{1, 2}, {3, 4}}, {{1}, {2}});
  const auto loss = [](const auto& y, const auto& t) { return eg::mse_loss(y, t); };
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
  const std::string here = "(places.cpp:" + std::to_string(__LINE__ + 2) + ")";
  const std::string fitted = message_of<eg::ShapeError>(
      [&] { eg::fit(model, loss, optimizer, data, {.epochs = 1, .progress = eg::Progress::none}); });
  EXPECT_TRUE(fitted.starts_with("layer 2 (Linear): linear: x is [") && fitted.ends_with(here)) << fitted;
  expect_start<eg::ShapeError>([&] { eg::diagnose(model, loss, data.inputs, data.targets); }, "layer 2 (Linear): ");
  expect_start<eg::ShapeError>([&] { eg::predict(model, data.inputs); }, "layer 2 (Linear): ");
}

TEST(Places, ErrorsNameTheLineThatCalledTheModel) {
  Model model(Linear(2, 3), Linear(4, 2));
  const std::string text = message_of<eg::ShapeError>([&] { model(sample); });
  EXPECT_TRUE(text.ends_with(" (places.cpp:" + std::to_string(__LINE__ - 1) + ")")) << text;
  Net net;
  const std::string own = message_of<eg::ShapeError>([&] { net(sample); });
  EXPECT_TRUE(own.ends_with(" (places.cpp:" + std::to_string(Net::line_of_second) + ")")) << own;  // in its forward
  eg::Tape tape;
  Linear(2, 2).forward(sample);
  EXPECT_EQ(eg::line_of(tape.state().last->where), "") << "an error takes the line along";
}

TEST(Places, RecordsOfEveryLayerNameTheLineThatCalledTheModel) {
  Model model(Linear(2, 4), eg::Identity<double>(), eg::Sigmoid<double>(), eg::Tanh<double>(), eg::ReLU<double>(),
              eg::GELU<double>(), eg::SiLU<double>(), eg::Softplus<double>(), eg::LeakyReLU<double>(),
              eg::ELU<double>(), eg::Dropout<double>(), eg::Maxout<double>(4, 4, 2), eg::Maxout<double>(2));
  model.add(eg::Softmax<double>()).add(Model(Linear(2, 2), eg::Tanh<double>())).add(eg::Flatten<double>());
  for (const bool watched : {false, true}) {
    eg::Tape tape({.profile = watched});
    model(Tensor::ones({2, 3, 2}));
    const std::string here = "places.cpp:" + std::to_string(__LINE__ - 1);
    EXPECT_GT(tape.size(), 14);
    for (const eg::Node* node = tape.state().last; node != nullptr; node = node->previous)
      EXPECT_EQ(eg::line_of(node->where), here) << node->name;
    const std::string table = eg::to_text(tape);
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = table.find(here, at)) != std::string::npos; ++at) ++lines;
    EXPECT_EQ(lines, static_cast<std::size_t>(tape.size())) << table;
  }
}
