#include "eigengrad/export/cpp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "eigengrad/eigengrad.hpp"

// Models written as C++ headers, which the compilers that are there take under all warnings and run: the outputs must
// be the model's own.
namespace {

namespace eg = eigengrad;
namespace fs = std::filesystem;

using Model = eg::Module<float>;

struct Exported {
  std::string name;
  std::unique_ptr<Model> model;
  eg::Shape input;
};

template <class M>
Exported exported(const std::string& name, const eg::Shape& input, M model) {
  return {name, std::make_unique<M>(std::move(model)), input};
}

/// A norm that has met numbers, so that its statistics are not 0 and 1.
template <class M>
M after_training(M model, const eg::Shape& input) {
  for (int i = 0; i < 3; ++i) model(2 * eg::Tensor<float>::randn(input) + 1);
  return model;
}

std::vector<Exported> activations() {
  std::vector<Exported> all;
  const auto add = [&](auto layer) {
    all.push_back(exported("activation_" + layer.kind(), {1, 240}, std::move(layer)));
  };
  add(eg::ReLU<float>());
  add(eg::ReLU6<float>());
  add(eg::LeakyReLU<float>(0.2));
  add(eg::ELU<float>(0.7));
  add(eg::CELU<float>(0.6));
  add(eg::SELU<float>());
  add(eg::GELU<float>());
  add(eg::GELUTanh<float>());
  add(eg::SiLU<float>());
  add(eg::Mish<float>());
  add(eg::Sigmoid<float>());
  add(eg::Tanh<float>());
  add(eg::Softplus<float>());
  add(eg::Softsign<float>());
  add(eg::LogSigmoid<float>());
  add(eg::Tanhshrink<float>());
  add(eg::Hardtanh<float>(-0.5, 2));
  add(eg::Hardsigmoid<float>());
  add(eg::Hardswish<float>());
  add(eg::Threshold<float>(0.5, -3));
  add(eg::Hardshrink<float>(0.4));
  add(eg::Softshrink<float>(0.4));
  add(eg::PReLU<float>(240, 0.3));
  add(eg::Softmax<float>());
  add(eg::Softmin<float>());
  add(eg::LogSoftmax<float>());
  add(eg::GLU<float>());
  add(eg::Maxout<float>(3));
  add(eg::Identity<float>());
  return all;
}

std::vector<Exported> models() {
  using namespace eg;
  std::vector<Exported> all = activations();
  const auto add = [&](const std::string& name, const Shape& input, auto model) {
    all.push_back(exported("net_" + name, input, std::move(model)));
  };
  add("linear", {1, 3}, Linear<float>(3, 2));
  add("no_bias", {1, 5}, Linear<float>(5, 3, {.bias = false}));
  add("one_axis", {7}, Linear<float>(7, 4));
  add("xor_net", {1, 2}, Sequential<float>(Linear<float>(2, 4), Tanh<float>(), Linear<float>(4, 1), Sigmoid<float>()));
  add("batch", {5, 6}, Sequential<float>(Linear<float>(6, 9), GELU<float>(), Linear<float>(9, 3), Softmax<float>()));
  add("nested", {1, 8},
      Sequential<float>(Sequential<float>(Linear<float>(8, 8), Dropout<float>(0.5), ReLU<float>()),
                        Sequential<float>(Sequential<float>(Linear<float>(8, 4), Tanh<float>()), Dropout<float>(0.1)),
                        Identity<float>()));
  add("nothing", {1, 3}, Sequential<float>());
  add("flat", {2, 3, 4}, Sequential<float>(Flatten<float>(), Unflatten<float>(1, {4, 3})));
  add("residual", {2, 6},
      Sequential<float>(Residual<float>(Sequential<float>(Flatten<float>(), ReLU<float>())),
                        Residual<float>(Sequential<float>(Linear<float>(6, 5), Tanh<float>(), Linear<float>(5, 4)),
                                        Linear<float>(6, 4))));
  // The body writes over nothing that goes around it, whatever is a view of what.
  add("around_a_view", {2, 4, 1},
      Sequential<float>(Linear<float>(1, 1), Flatten<float>(),
                        Residual<float>(Sequential<float>(Unflatten<float>(1, {4}), Tanh<float>(), ReLU<float>())),
                        Residual<float>(Sequential<float>(Sigmoid<float>(), Flatten<float>())), SiLU<float>()));
  add("parallel_sum", {3, 5},
      Parallel<float>(Linear<float>(5, 4), Sequential<float>(Linear<float>(5, 4), ReLU<float>()), Linear<float>(5, 4)));
  add("parallel_joined", {3, 5},
      Parallel<float>({.merge = Merge::concatenate, .axis = -1}, Linear<float>(5, 2), Linear<float>(5, 4)));
  add("maxout_lines", {2, 5}, Maxout<float>(5, 4, 3));
  add("prelu_channels", {2, 3, 5}, PReLU<float>(3, 0.1));
  add("softmax_channels", {2, 3, 5}, Softmax<float>(1));
  add("glu_channels", {2, 4, 5}, GLU<float>(1));
  add("layer_norm", {3, 37}, Sequential<float>(Linear<float>(37, 37), LayerNorm<float>(37)));
  add("layer_norm_of_two", {3, 4, 5}, LayerNorm<float>({4, 5}));
  add("layer_norm_plain", {3, 4, 5}, LayerNorm<float>(5, {.elementwise_affine = false}));
  add("rms_norm", {3, 24}, RMSNorm<float>(24));
  add("group_norm", {2, 6, 3, 4}, Sequential<float>(Conv2d<float>(6, 6, 1), GroupNorm<float>(3, 6)));
  add("instance_norm", {2, 3, 4, 5}, InstanceNorm2d<float>(3, {.affine = true}));
  add("instance_norm_alone", {3, 11}, InstanceNorm1d<float>(3));
  add("instance_norm_of_rows", {2, 3, 11}, InstanceNorm1d<float>(3));
  add("instance_norm_of_one_image", {3, 4, 5}, InstanceNorm2d<float>(3, {.affine = true}));
  const auto trained = [&](const std::string& name, const Shape& input, auto model, const Shape& batch) {
    add(name, input, after_training(std::move(model), batch));
  };
  trained("batch_norm_folded", {2, 5}, Sequential<float>(Linear<float>(5, 4), BatchNorm1d<float>(4), ReLU<float>()),
          {8, 5});
  trained("batch_norm_first", {2, 3, 7},
          Sequential<float>(BatchNorm1d<float>(3), Conv1d<float>(3, 4, 3, {.bias = false}), BatchNorm1d<float>(4)),
          {8, 3, 7});
  trained("batch_norm_read_twice", {2, 5},
          Sequential<float>(Linear<float>(5, 5), Residual<float>(BatchNorm1d<float>(5, {.affine = false}))), {8, 5});
  add("conv", {2, 3, 9, 11}, Conv2d<float>(3, 4, {3, 5}, {.stride = {2, 1}, .padding = {1, 2}}));
  add("conv_groups", {1, 4, 12, 13}, Conv2d<float>(4, 6, 3, {.padding = 2, .dilation = {2, 3}, .groups = 2}));
  add("conv_same", {1, 2, 5, 6}, Conv2d<float>(2, 3, {2, 4}, {.padding = "same"}));
  add("conv_alone", {2, 8, 8}, Conv2d<float>(2, 2, 3));
  add("conv1d", {2, 3, 20}, Conv1d<float>(3, 5, 4, {.stride = 3, .padding = 2, .dilation = 2}));
  add("conv_transpose", {2, 4, 5, 6},
      ConvTranspose2d<float>(4, 6, {3, 2}, {.stride = {2, 3}, .padding = 1, .output_padding = {1, 2}, .groups = 2}));
  add("conv_transpose1d", {1, 3, 7}, ConvTranspose1d<float>(3, 2, 5, {.stride = 2, .padding = 1, .dilation = 2}));
  add("max_pool", {2, 3, 9, 11}, MaxPool2d<float>({3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true}));
  add("max_pool_dilated", {1, 2, 17}, MaxPool1d<float>(3, {.stride = 2, .padding = 1, .dilation = 3}));
  add("avg_pool", {2, 3, 9, 11}, AvgPool2d<float>({3, 4}, {.stride = 2, .padding = 1, .ceil_mode = true}));
  add("avg_pool_inside", {2, 3, 9, 11},
      AvgPool2d<float>(3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}));
  add("avg_pool_divisor", {1, 1, 6, 6}, AvgPool2d<float>(2, {.divisor_override = 3}));
  add("avg_pool1d", {1, 2, 14}, AvgPool1d<float>(4, {.stride = 3, .padding = 2, .ceil_mode = true}));
  add("adaptive_avg", {1, 2, 7, 9}, AdaptiveAvgPool2d<float>({3, 4}));
  add("adaptive_max", {1, 2, 7}, AdaptiveMaxPool1d<float>(3));
  add("adaptive_avg1d", {1, 2, 7}, AdaptiveAvgPool1d<float>(5));
  add("adaptive_max2d", {1, 2, 7, 5}, AdaptiveMaxPool2d<float>(2));
  add("global_max", {2, 3, 4, 5}, GlobalMaxPool<float>());
  add("lstm", {5, 2, 3}, LSTM<float>(3, 4, {.layers = 2}));
  add("lstm_batch_first", {2, 5, 3},
      Sequential<float>(LSTM<float>(3, 4, {.batch_first = true, .bidirectional = true}), Linear<float>(8, 2)));
  add("gru", {6, 3}, GRU<float>(3, 5, {.layers = 2, .bias = false, .bidirectional = true}));
  add("rnn", {4, 2, 3}, Sequential<float>(RNN<float>(3, 4), RNN<float>(4, 3, {.nonlinearity = Nonlinearity::relu})));
  trained("image", {1, 1, 28, 28},
          Sequential<float>(Conv2d<float>(1, 6, 5, {.padding = 2}), BatchNorm2d<float>(6), ReLU<float>(),
                            MaxPool2d<float>(2), Conv2d<float>(6, 16, 5), ReLU<float>(), AvgPool2d<float>(2),
                            Flatten<float>(), Linear<float>(400, 84), Tanh<float>(), Linear<float>(84, 10),
                            LogSoftmax<float>()),
          {4, 1, 28, 28});
  trained(
      "residual_net", {1, 3, 8, 8},
      Sequential<float>(Conv2d<float>(3, 8, 3, {.padding = 1}), BatchNorm2d<float>(8),
                        Residual<float>(Sequential<float>(Conv2d<float>(8, 16, 3, {.stride = 2, .padding = 1}),
                                                          BatchNorm2d<float>(16), SiLU<float>(), Dropout2d<float>(0.2)),
                                        Conv2d<float>(8, 16, 1, {.stride = 2})),
                        ReLU<float>(), GlobalAvgPool<float>(), Linear<float>(16, 10)),
      {4, 3, 8, 8});
  return all;
}

/// A folder of the test's own, gone when it ends.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "eigengrad-export-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& file) const { return (path_ / file).string(); }

 private:
  fs::path path_;
};

std::streamsize bytes_of(const eg::Tensor<float>& x) { return x.size() * static_cast<std::streamsize>(sizeof(float)); }
std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}
int run(const std::string& command) { return std::system(command.c_str()); }
bool is_there(const std::string& program) { return run("command -v " + program + " >/dev/null 2>&1") == 0; }

eg::Tensor<float> example(const eg::Shape& shape) { return eg::Tensor<float>(3 * eg::Tensor<float>::randn(shape)); }

/// Numbers of all sizes, of both signs, zero and NaN: what functions must stand.
eg::Tensor<float> far_out(const eg::Shape& shape) {
  eg::Tensor<float> x = eg::Tensor<float>::empty(shape);
  float* const to = x.mutable_data();
  for (eg::Index i = 0; i < x.size(); ++i) {
    const double size = std::pow(10.0, -8 + 12.0 * static_cast<double>(i / 2) / static_cast<double>(x.size() / 2));
    to[i] = static_cast<float>(i % 2 == 0 ? size : -size);
  }
  to[x.size() / 3] = 0;
  to[x.size() - 1] = std::numeric_limits<float>::quiet_NaN();
  return x;
}
bool is_activation(const Exported& each) { return each.name.find("activation_") == 0; }

/// Exports all models, compiles one program of them, and compares what it gives with what the models give.
void run_with(const std::string& compiler) {
  if (!is_there(compiler)) GTEST_SKIP() << compiler << " is not there";
  const Folder folder;
  eg::manual_seed(7);
  std::vector<Exported> all = models();
  std::string includes, calls;
  std::vector<eg::Tensor<float>> expected;
  std::ofstream inputs(folder / "inputs", std::ios::binary);
  constexpr int examples = 2;
  for (Exported& each : all) {
    eg::export_cpp(folder / (each.name + ".hpp"), *each.model, {.input = each.input, .name = each.name});
    EXPECT_TRUE(each.model->is_training()) << each.name << ": exporting leaves the mode as it was";
    includes += "#include \"" + each.name + ".hpp\"\n";
    calls += "  run<" + each.name + ">();\n";
    each.model->eval();
    for (int i = 0; i < examples; ++i) {
      const eg::Tensor<float> x = i == 1 && is_activation(each) ? far_out(each.input) : example(each.input);
      inputs.write(reinterpret_cast<const char*>(x.data()), bytes_of(x));
      expected.push_back((*each.model)(x));
    }
  }
  inputs.close();
  std::ofstream(folder / "all.hpp") << includes;
  std::ofstream(folder / "main.cpp") << "#include \"all.hpp\"\n#include <cstdio>\n"
                                        "template <class Net>\nstatic void run() {\n"
                                        "  static float x[Net::input_size], y[Net::output_size];\n"
                                        "  for (int i = 0; i < 2; ++i) {\n"
                                        "    if (std::fread(x, sizeof(float), Net::input_size, stdin) == 0) return;\n"
                                        "    Net::predict(x, y);\n"
                                        "    std::fwrite(y, sizeof(float), Net::output_size, stdout);\n  }\n}\n"
                                        "int main() {\n"
                                     << calls << "}\n";
  const std::string strict = " -std=c++17 -Wall -Wextra -Werror -Wconversion -Wshadow -pedantic ";
  const auto in_folder = [&](const std::string& command) {
    return run("cd " + (folder / "") + " && " + command + " 2>errors");
  };
  ASSERT_EQ(in_folder(compiler + strict + "-O2 main.cpp -o main"), 0) << text_of(folder / "errors");
  ASSERT_EQ(in_folder("./main <inputs >outputs"), 0);
  std::ifstream outputs(folder / "outputs", std::ios::binary);
  std::size_t next = 0;
  for (const Exported& each : all)
    for (int example = 0; example < examples; ++example) {
      const eg::Tensor<float>& e = expected[next++];
      eg::Tensor<float> y = eg::Tensor<float>::empty(e.shape());
      outputs.read(reinterpret_cast<char*>(y.mutable_data()), bytes_of(y));
      ASSERT_TRUE(outputs) << each.name;
      float size = 1;
      if (!is_activation(each))
        for (const float number : e) size = std::max(size, std::abs(number));
      for (eg::Index i = 0; i < e.size(); ++i) {
        const float a = y.data()[i], b = e.data()[i];
        EXPECT_EQ(std::isnan(a), std::isnan(b)) << each.name << ", number " << i;
        if (std::isnan(b)) continue;
        ASSERT_NEAR(a, b, 1e-6f * std::max(size, std::abs(b))) << each.name << ", number " << i;
      }
    }
  EXPECT_EQ(outputs.peek(), std::ifstream::traits_type::eof());

  // Freestanding: nothing is left to link, but what every compiler calls by itself.
  std::ofstream(folder / "alone.cpp") << "#include \"net_image.hpp\"\n#include \"activation_GELU.hpp\"\n"
                                         "void predict(const float* x, float* y, float* work);\n"
                                         "void predict(const float* x, float* y, float* work) {\n"
                                         "  net_image::predict(x, y, work);\n  activation_GELU::predict(x, y);\n}\n";
  ASSERT_EQ(in_folder(compiler + strict +
                      "-Os -ffreestanding -fno-exceptions -fno-rtti -fno-stack-protector -c alone.cpp -o alone.o"),
            0)
      << text_of(folder / "errors");
  if (!is_there("nm")) return;
  ASSERT_EQ(in_folder("nm -u alone.o >undefined"), 0);
  std::istringstream undefined(text_of(folder / "undefined"));
  for (std::string word; undefined >> word;)
    EXPECT_TRUE(word == "U" || word == "memcpy" || word == "memset" || word == "memmove" ||
                word == "_GLOBAL_OFFSET_TABLE_")
        << word;
}

TEST(ExportCpp, compiled_by_gcc_gives_what_the_model_gives) { run_with("g++"); }
TEST(ExportCpp, compiled_by_clang_gives_what_the_model_gives) { run_with("clang++"); }

template <class Error, class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}
void expect_refused(Model& model, const eg::Shape& input, const std::string& part) {
  const std::string said = message<eg::Error>([&] { eg::cpp_header(eg::module_graph(model, input), "net"); });
  EXPECT_NE(said.find(part), std::string::npos) << said;
}

struct Scaled : eg::Linear<float> {
  using Linear::Linear;
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return eg::Tensor<float>(2 * Linear::forward(x)); }
};
struct Own : eg::Module<float> {
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return x; }
  std::string kind() const override { return "Own"; }
};

TEST(ExportCpp, a_recurrent_model_goes_on_where_the_last_step_ended) {
  if (!is_there("g++")) GTEST_SKIP() << "g++ is not there";
  const Folder folder;
  eg::manual_seed(3);
  eg::Sequential<float> model(eg::LSTM<float>(3, 8, {.layers = 2}), eg::GRU<float>(8, 5), eg::Linear<float>(5, 2));
  eg::export_cpp(folder / "net.hpp", model, {.input = {1, 1, 3}});
  const eg::Tensor<float> x = example({7, 1, 3}), expected = model(x);
  std::ofstream(folder / "main.cpp") << "#include \"net.hpp\"\n#include <cstdio>\nint main() {\n"
                                        "  float x[3], y[2], state[net::state_size] = {};\n"
                                        "  while (std::fread(x, sizeof(float), 3, stdin) == 3) {\n"
                                        "    net::step(x, y, state);\n    std::printf(\"%.9g %.9g\\n\", "
                                        "static_cast<double>(y[0]), static_cast<double>(y[1]));\n  }\n}\n";
  std::ofstream(folder / "inputs", std::ios::binary).write(reinterpret_cast<const char*>(x.data()), bytes_of(x));
  ASSERT_EQ(run("cd " + (folder / "") +
                " && g++ -std=c++17 -Wall -Wextra -Werror -Wconversion -Wshadow -O2 main.cpp "
                "-o main 2>errors && ./main <inputs >outputs"),
            0)
      << text_of(folder / "errors");
  std::istringstream outputs(text_of(folder / "outputs"));
  float y = 0;
  for (const float e : expected) {
    ASSERT_TRUE(outputs >> y);
    EXPECT_NEAR(y, e, 1e-6f);
  }
}

TEST(ExportCpp, what_has_no_counterpart_is_named) {
  eg::Sequential<float> own(eg::Linear<float>(2, 2), eg::Residual<float>(Own()));
  expect_refused(own, {1, 2}, "export: 1.body (Own), of class ");
  expect_refused(own, {1, 2}, "what can be exported is made of Sequential, Residual, Parallel, Linear, Conv1d, ");
  // A layer that computes something else than the one it is derived from.
  eg::Sequential<float> scaled(Scaled(2, 2));
  expect_refused(scaled, {1, 2}, "export: 0 (Linear), of class ");
  eg::Lambda<float> sine([](const auto& x) { return sin(x); });
  eg::Sequential<float> lambda(sine);
  expect_refused(lambda, {1, 2}, "export: 0 (Lambda)");
  eg::Conv2d<float> circular(1, 1, 3, {.padding = 1, .padding_mode = eg::PaddingMode::circular});
  expect_refused(circular, {1, 1, 5, 5}, "export: the model (Conv2d) pads by another mode than zeros");
  eg::LSTM<float> projected(2, 4, {.proj_size = 2});
  expect_refused(projected, {1, 1, 2}, "export: the model (LSTM) has a proj_size");
  eg::BatchNorm1d<float> forgetful(3, {.track_running_stats = false});
  expect_refused(forgetful, {4, 3}, "has no running statistics");
}

TEST(ExportCpp, shapes_and_numbers_that_do_not_fit_are_named) {
  eg::Linear<float> model(2, 1);
  expect_refused(model, {1, 3}, "linear: x is [1, 3], weight is [1, 2]");
  expect_refused(model, {0, 2}, "export: the input's shape is [0, 2]");
  expect_refused(model, {}, "export: the input's shape is []");
  model.weight.set_value({{1, std::numeric_limits<float>::infinity()}});
  expect_refused(model, {1, 2}, "export_cpp: number 1 of weight_transposed is inf");
  eg::Linear<double> large(1, 1);
  large.weight.set_value({{1e300}});
  const std::string said = message<eg::ValueError>([&] { eg::cpp_header(eg::module_graph(large, {1, 1}), "net"); });
  EXPECT_NE(said.find("export_cpp: number 0 of weight_transposed is 1e+300"), std::string::npos) << said;
}

TEST(ExportCpp, names_and_paths_that_cannot_be_are_named) {
  eg::Linear<float> model(2, 1);
  const Folder folder;
  for (const char* name : {"", "1net", "my-net", "a b", "_Net", "a__b", "net{};", "while", "linear", "tanh", "state"})
    EXPECT_NE(message<eg::ValueError>([&] {
                eg::export_cpp(folder / "net.hpp", model, {.input = {1, 2}, .name = name});
              }).find("give another C++ identifier"),
              std::string::npos)
        << name;
  EXPECT_FALSE(fs::exists(folder / "net.hpp"));
  const std::string path = folder / "missing/net.hpp";
  EXPECT_NE(message<eg::FileError>([&] {
              eg::export_cpp(path, model, {.input = {1, 2}});
            }).find("save: " + path + ": No such file or directory: choose a folder that exists"),
            std::string::npos);
}

TEST(ExportCpp, weights_are_exact_and_laid_out_by_input) {
  eg::Linear<float> model(2, 2);
  model.weight.set_value({{0.1f, -2}, {3, 1e-40f}});
  model.bias.set_value({0.5f, 0});
  const std::string text = eg::cpp_header(eg::module_graph(model, {1, 2}), "net");
  EXPECT_NE(text.find("w0_weight_transposed[4] = {\n      0x1.99999ap-4f, 0x1.8p+1f, -0x1p+1f, 0x0.022d84p-126f};"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("input_size = 2, output_size = 2"), std::string::npos);
  // Nothing that is not called.
  EXPECT_EQ(text.find("exponential"), std::string::npos);
  EXPECT_EQ(text.find("convolution"), std::string::npos);
}

TEST(ExportCpp, a_graph_names_weights_as_the_state_dict_does) {
  eg::Sequential<float> model(eg::Linear<float>(3, 4), eg::BatchNorm1d<float>(4),
                              eg::Residual<float>(eg::Sequential<float>(eg::Linear<float>(4, 4))),
                              eg::Maxout<float>(4, 2, 2));
  model(eg::Tensor<float>::randn({8, 3}));
  const eg::ExportGraph<float> graph = eg::module_graph(model, {2, 3});
  const auto state = model.state_dict();
  std::size_t weights = 0;
  for (const auto& value : graph.values()) {
    if (value.role != eg::ExportRole::weight) continue;
    ++weights;
    EXPECT_TRUE(state.contains(value.name)) << value.name;
    EXPECT_EQ(value.shape, value.numbers.shape());
  }
  EXPECT_EQ(weights, state.size() - 1);  // all but num_batches_tracked
  std::string operations;
  for (const auto& node : graph.nodes())
    operations += node.operation + " " + eg::to_text(graph.value(node.results[0]).shape) + "; ";
  EXPECT_EQ(operations, "linear [2, 4]; batch_norm [2, 4]; linear [2, 4]; add [2, 4]; linear [2, 4]; maxout [2, 2]; ");
}

TEST(ExportCpp, a_norm_goes_into_the_weights_before_it) {
  eg::Sequential<float> model(eg::Linear<float>(3, 4), eg::BatchNorm1d<float>(4), eg::ReLU<float>());
  const std::string text = eg::cpp_header(eg::module_graph(model, {1, 3}), "net");
  EXPECT_EQ(text.find("scale_channels"), std::string::npos);
  EXPECT_NE(text.find("linear<1, 3, 4>(x, "), std::string::npos);
  EXPECT_NE(text.find("y[i] = relu(y[i]);"), std::string::npos) << "in place";
}

}  // namespace
