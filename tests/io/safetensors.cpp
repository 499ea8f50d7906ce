#include <eigengrad/io/safetensors.hpp>

#include <cmath>

#include <eigengrad/eigengrad.hpp>

#include "../support/peak_memory.hpp"
#include "stored_files.hpp"

namespace eg = eigengrad;

namespace {

std::string as_text(const eg::NamedTensors& tensors) {
  std::string result;
  for (const auto& [name, tensor] : tensors) {
    result += name + " " + eg::to_string(tensor.dtype()) + " " + eg::to_text(tensor.shape()) + " ";
    for (const char c : eg::stored(tensor, "test").bytes) result += std::to_string(static_cast<int>(c)) + ",";
    result += "\n";
  }
  return result;
}
struct Net : eg::Module<float> {
  eg::Linear<float> first{2, 3}, second{3, 1};
  eg::BatchNorm1d<float> norm{3};
  void members(eg::Members<float>& m) override {
    m("first", first);
    m("norm", norm);
    m("second", second);
  }
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return second(norm(first(x))); }
};

}  // namespace

TEST(Safetensors, ReadsWhatPythonWrote) {
  const eg::SafetensorsFile file(stored_file("types.safetensors"));
  const eg::NamedTensors all = file.tensors();
  EXPECT_EQ(all.size(), 12u);
  const float some[] = {0, 1.5f, -2, 65504, 0, INFINITY};
  for (const char* name : {"f32", "f16", "bf16"}) {
    const auto& tensor = all.at<float>(name);
    ASSERT_EQ(tensor.shape(), (eg::Shape{2, 3})) << name;
    for (const int i : {0, 1, 2, 3, 5})
      EXPECT_EQ(tensor.data()[i], i == 3 && name[0] == 'b' ? 65536 : some[i]) << name << i;
  }
  EXPECT_EQ(all.at<float>("f32")(1, 1), 6e-8f);
  EXPECT_EQ(all.at<float>("f16")(1, 1), 0x1p-24f);
  EXPECT_EQ(all.at<double>("f64")(1, 0), 65504);
  EXPECT_EQ(all.at<std::int32_t>("i8")(0), -128);
  EXPECT_EQ(all.at<std::int32_t>("i16")(0), -32768);
  EXPECT_EQ(all.at<std::int32_t>("i32")(0, 0), -7);
  EXPECT_EQ(all.at<std::int64_t>("i64").item(), (std::int64_t{1} << 40) + 1);
  EXPECT_EQ(all.at<std::uint8_t>("u8")(1), 255);
  EXPECT_TRUE(all.at<bool>("bool")(2));
  EXPECT_EQ(all.at<float>("empty").shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(all.at<float>("scalar").item(), 0.25f);
  ASSERT_EQ(file.metadata().size(), 2u);
  for (const auto& [key, value] : file.metadata())
    EXPECT_EQ(value, key == "format" ? "pt" : "and\na line, \xc3\xa4") << key;
  EXPECT_EQ(as_text(eg::load_safetensors(stored_file("types.safetensors"))), as_text(all));
  EXPECT_EQ(file.tensor("u8").as<std::uint8_t>()(0), 0);
  expect_contains(message_of<eg::IndexError>([&] { file.tensor("u\x1b"); }),
                  "has no tensor named 'u\\x1b' among its 12");
}

// 55: rank 0, zero-size, awkward names.
TEST(Safetensors, EveryTypeAndNameRoundTrips) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/all.safetensors";
  eg::NamedTensors tensors;
  tensors.add("mask", eg::Tensor<bool>{true, false, true});
  tensors.add("", eg::Tensor<double>{{1, 2}, {3, NAN}});
  tensors.add(std::string("nul\0inside", 10), eg::Tensor<float>::full({}, 0.1f));
  tensors.add("bytes", eg::Tensor<std::uint8_t>{1, 2, 255});
  tensors.add("int\n\"quoted\"\\ \xe2\x82\xac", eg::Tensor<std::int32_t>{-5});
  tensors.add(std::string(1'000'000, 'n'), eg::Tensor<std::int64_t>{{1}, {-2}});
  tensors.add("no rows", eg::Tensor<float>::zeros({0, 4}));
  tensors.add("../../up", eg::Tensor<float>{1});
  const eg::FileMetadata metadata = {{"format", "pt"}, {"note\t", "\x01 \xf0\x9f\x98\x80"}};
  eg::save(path, tensors, metadata);
  EXPECT_EQ(as_text(eg::load_safetensors(path)), as_text(tensors)) << "in the same order";
  EXPECT_EQ(eg::SafetensorsFile(path).metadata(), metadata);
  EXPECT_EQ(files_in(folder), 1u);
  for (const auto& entry : eg::SafetensorsFile(path).entries())
    EXPECT_EQ(entry.begin % eg::traits_of(entry.format).bytes, 0u) << "aligned";
  eg::save(path, eg::NamedTensors());
  EXPECT_TRUE(eg::load_safetensors(path).empty());
  EXPECT_EQ(bytes_of_file(path), little(8, 8) + "{}      ");
}

// 55: ten thousand tensors.
TEST(Safetensors, ManyTensorsTakeNoQuadraticTime) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/many.safetensors";
  eg::NamedTensors::Entries entries;
  for (int i = 0; i < 100'000; ++i) entries.push_back({std::to_string(i), eg::Tensor<float>{static_cast<float>(i)}});
  eg::save(path, eg::NamedTensors(entries));
  const eg::NamedTensors read = eg::load_safetensors(path);
  ASSERT_EQ(read.size(), 100'000u);
  EXPECT_EQ((read.end() - 1)->tensor.as<float>()(0), 99'999);
}

TEST(Safetensors, FloatsAreRoundedTo16BitsOnRequest) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/half.safetensors";
  eg::NamedTensors tensors;
  tensors.add("x", eg::Tensor<float>{1.0009766f, 1.0004882f, 65504, -0x1p-24f, INFINITY, 3});
  tensors.add("d", eg::Tensor<double>{0.1});
  eg::save(path, tensors, {}, {.floats = eg::NumberFormat::float16});
  EXPECT_EQ(eg::to_text(eg::load_safetensors(path).at<float>("x")),
            eg::to_text(eg::Tensor<float>{1.0009766f, 1, 65504, -0x1p-24f, INFINITY, 3}));
  EXPECT_EQ(eg::load_safetensors(path).at<double>("d")(0), 0.1);
  EXPECT_EQ(eg::SafetensorsFile(path).entries()[0].format, eg::NumberFormat::float16);
  eg::save(path, tensors, {}, {.floats = eg::NumberFormat::bfloat16});
  EXPECT_EQ(eg::to_text(eg::load_safetensors(path).at<float>("x")),
            eg::to_text(eg::Tensor<float>{1, 1, 65536, -0x1p-24f, INFINITY, 3}));
  const std::string before = bytes_of_file(path);
  tensors.at<float>("x") = eg::Tensor<float>{65520};
  expect_contains(
      message_of<eg::ValueError>([&] { eg::save(path, tensors, {}, {.floats = eg::NumberFormat::float16}); }),
      "'x' holds 65520, which is too large for float16: save it as float32 or bfloat16");
  EXPECT_EQ(bytes_of_file(path), before);
  expect_contains(message_of<eg::ValueError>([&] { eg::save(path, tensors, {}, {.floats = eg::NumberFormat::int8}); }),
                  "choose float32, float16 or bfloat16");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST(Safetensors, WhatCannotBeStoredIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x.safetensors";
  const auto message = [&](const std::string& name, const eg::FileMetadata& metadata = {}) {
    eg::NamedTensors tensors;
    tensors.add(name, eg::Tensor<float>{1});
    return message_of<eg::ValueError>([&] { eg::save(path, tensors, metadata); });
  };
  expect_contains(message("__metadata__"), "rename it");
  expect_contains(message("\xff"), "'\\xff' is not UTF-8");
  expect_contains(message("a", {{"k", "\xed\xa0\x80"}}), "is not UTF-8");
  expect_contains(message("a", {{"k", "1"}, {"k", "2"}}), "two texts named 'k'");
  eg::NamedTensors nothing;
  nothing["a"];
  expect_contains(message_of<eg::ValueError>([&] { eg::save(path, nothing); }),
                  "save: 'a': there is a tensor that holds");
  EXPECT_EQ(files_in(folder), 0u);
}

TEST(Safetensors, ModelsComeBackWithTheSameBits) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  Net net, other;
  net(eg::Tensor<float>::randn({4, 2}));  // moves the running means
  eg::save(path, net, {{"epoch", "3"}});
  const eg::LoadResult result = eg::load(path, other);
  EXPECT_TRUE(result.missing.empty() && result.unexpected.empty());
  EXPECT_EQ(as_text(net.state_dict()), as_text(other.state_dict()));
  net.eval();
  other.eval();
  const eg::Tensor<float> x = eg::Tensor<float>::randn({5, 2});
  EXPECT_EQ(eg::to_text(net(x)), eg::to_text(other(x)));
  EXPECT_EQ(eg::SafetensorsFile(path).metadata()[0].second, "3");

  auto parameters = net.parameters();
  eg::Adam<float> adam(parameters, {.learning_rate = 0.1f}), again(parameters, {.learning_rate = 0.1f});
  for (const auto& each : parameters) each.set_grad(eg::Tensor<float>::ones(each.shape()));
  adam.step();
  eg::save(path, adam);
  eg::load(path, again);
  EXPECT_EQ(as_text(adam.state_dict()), as_text(again.state_dict()));
  eg::Generator generator(7), copy(1);
  eg::save(path, generator);
  eg::load(path, copy);
  EXPECT_EQ(as_text(generator.state_dict()), as_text(copy.state_dict()));
}

// 56: a file of another model.
TEST(Safetensors, AWrongModelIsRefusedWholeAndUnchanged) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  Net net, other;
  eg::NamedTensors state = net.state_dict();
  state.erase("first.bias");
  state.at("second.weight") = eg::Tensor<float>::zeros({7, 3});
  state.at("second.bias") = eg::Tensor<double>::zeros({1});
  state.add("extra\x1b[1m", eg::Tensor<float>{1});
  eg::save(path, state);
  const std::string before = as_text(other.state_dict());
  EXPECT_TRUE(support::mentions(
      message_of<eg::ShapeError>([&] { eg::load(path, other); }),
      {"load: '" + path + "': ", "first.bias is missing", "second.weight is [7, 3], the module's is [1, 3]",
       "second.bias holds float64, the module's is float32", "extra", "is not in the module"}));
  EXPECT_EQ(as_text(other.state_dict()), before);

  state.at("second.weight") = net.state_dict().at("second.weight");
  state.at("second.bias") = net.state_dict().at("second.bias");
  eg::save(path, state);
  const eg::LoadResult result = eg::load(path, other, {.strict = false});
  EXPECT_EQ(result.missing, std::vector<std::string>{"first.bias"});
  EXPECT_EQ(result.unexpected, std::vector<std::string>{"extra\x1b[1m"});
  EXPECT_EQ(eg::to_text(other.state_dict().at("second.weight")), eg::to_text(net.state_dict().at("second.weight")));
}

TEST(Safetensors, NamesCanBeChangedOnTheWay) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/net.safetensors";
  Net net, other;
  eg::NamedTensors state;
  for (const auto& [name, tensor] : eg::NamedTensors(net.state_dict()))
    state.add(name == "second.bias" ? "head_bias" : "encoder." + name, tensor);
  eg::save(path, state);
  eg::load(path, other, {.rename = {{"head_bias", "second.bias"}, {"encoder.", ""}}});
  EXPECT_EQ(as_text(net.state_dict()), as_text(other.state_dict()));
  expect_contains(message_of<eg::ValueError>([&] { eg::load(path, other, {.rename = {{"decoder.", ""}}}); }),
                  "no tensor is called 'decoder.'...");
  expect_contains(
      message_of<eg::ValueError>([&] { eg::load(path, other, {.rename = {{"head_bias", "encoder.first.bias"}}}); }),
      "two tensors named encoder.first.bias");
  eg::save(path, net.first);
  eg::load(path, other, {.strict = false, .rename = {{"", "first."}}});
}

TEST(Safetensors, TakesNoMoreMemoryThanTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/large.safetensors";
  eg::NamedTensors tensors;
  for (const char* name : {"a", "b", "c", "d"}) tensors.add(name, eg::Tensor<float>::ones({5'000'000}));
  eg::save(path, tensors, {}, {.durable = eg::Durable::no});
  const double peak = support::peak_megabytes([&] { eg::load_safetensors(path); });
  if (peak < 0) GTEST_SKIP() << "a child's memory cannot be measured here";
  EXPECT_LT(peak, 1.5 * 80 + 16) << "a tensor that was read is forgotten";
  EXPECT_LT(support::peak_megabytes([&] { eg::SafetensorsFile(path).tensor("c"); }), 2 * 20 + 16);
  EXPECT_LT(support::peak_megabytes([&] { eg::save(path, tensors, {}, {.durable = eg::Durable::no}); }), 16);
}
