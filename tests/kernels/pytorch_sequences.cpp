#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "eigengrad/kernels/attention/backward.hpp"
#include "eigengrad/kernels/attention/forward.hpp"
#include "eigengrad/kernels/recurrence/backward.hpp"
#include "support/source_dir.hpp"

// Recurrent layers and attention beside PyTorch's: tests/fixtures/sequences.txt, written by sequences.py there.
namespace eg = eigengrad;
using eg::Index;

namespace {

using Numbers = std::vector<double>;
using Tensors = std::map<std::string, Numbers>;

std::map<std::string, Tensors> read() {
  std::ifstream file(support::source_dir() + "/tests/fixtures/sequences.txt");
  std::map<std::string, Tensors> result;
  std::string word, name;
  std::getline(file, word);
  while (file >> word >> name) {
    EXPECT_EQ(word, "case");
    std::size_t count = 0;
    for (std::string tensor; file >> tensor >> count && tensor != "end";) {
      Numbers numbers(count);
      for (double& number : numbers) file >> number;
      result[name][tensor] = numbers;
    }
  }
  return result;
}

/// Those of one case; what is not in it has no numbers.
struct Given {
  const Tensors& tensors;
  const double* operator[](const std::string& name) const {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : found->second.data();
  }
  void expect(const std::string& name, const Numbers& actual) const {
    const auto found = tensors.find(name);
    ASSERT_NE(found, tensors.end()) << name;
    ASSERT_EQ(actual.size(), found->second.size()) << name;
    for (std::size_t i = 0; i < actual.size(); ++i)
      EXPECT_NEAR(actual[i], found->second[i], 1e-10) << name << " at " << i;
  }
};

template <eg::RecurrentKind kind>
void expect_recurrent(const Given& given, const std::string& name) {
  const std::vector<Index> lengths = {2, 3, 1};
  constexpr Index steps = 3, batch = 3, inputs = 2, hidden = 3;
  eg::RecurrentSizes s = {steps, batch, inputs, hidden};
  if (given["weight_hr"] != nullptr) s.projected = 2;
  s.reverse = name.find("reverse") != std::string::npos;
  if (name.find("lengths") != std::string::npos) s.lengths = lengths.data();
  const auto sized = [](Index count) { return Numbers(static_cast<std::size_t>(count)); };
  const Index gates = eg::RecurrentCell<double, kind>::gates;
  Numbers output = sized(s.rows() * s.state()), h = sized(batch * s.state()), c = sized(batch * hidden),
          kept = sized(eg::RecurrentCell<double, kind>::kept_numbers(s)), dx = sized(s.rows() * inputs), dh0 = h,
          dc0 = c, dinput = sized(gates * hidden * inputs), dhidden = sized(gates * hidden * s.state()),
          dinput_bias = sized(gates * hidden), dhidden_bias = dinput_bias, dprojection = sized(s.projected * hidden);
  const eg::RecurrentWeights<double> weights = {given["weight_ih"], given["weight_hh"], given["bias_ih"],
                                                given["bias_hh"], given["weight_hr"]};
  const eg::RecurrentRun<double> run = {given["x"], inputs,   given["h0"], given["c0"], output.data(),
                                        s.state(),  h.data(), c.data(),    kept.data()};
  eg::RecurrentForward<double, kind>::run(s, weights, run);
  constexpr bool is_lstm = kind == eg::RecurrentKind::lstm;
  const eg::RecurrentGradients<double> d = {
      given["dy"],    s.state(),          given["dh"],         is_lstm ? given["dc"] : nullptr,
      dx.data(),      dh0.data(),         dc0.data(),          dinput.data(),
      dhidden.data(), dinput_bias.data(), dhidden_bias.data(), s.projected > 0 ? dprojection.data() : nullptr};
  eg::RecurrentBackward<double, kind>::run(s, weights, run, d);
  given.expect("output", output);
  given.expect("h", h);
  if (is_lstm) given.expect("c", c);
  given.expect("d_x", dx);
  given.expect("d_h0", dh0);
  if (is_lstm) given.expect("d_c0", dc0);
  given.expect("d_weight_ih", dinput);
  given.expect("d_weight_hh", dhidden);
  given.expect("d_bias_ih", dinput_bias);
  given.expect("d_bias_hh", dhidden_bias);
  if (s.projected > 0) given.expect("d_weight_hr", dprojection);
}

void expect_attention(const Given& given, const std::string& name) {
  constexpr Index size = 4, batch = 2, heads = 2;
  eg::AttentionSizes<double> s;
  s.batch = batch;
  s.heads = heads;
  s.queries = static_cast<Index>(given.tensors.at("q").size()) / (batch * heads * size);
  s.keys = static_cast<Index>(given.tensors.at("k").size()) / (batch * heads * size);
  s.size = s.value_size = size;
  s.scale = name == "scaled" ? 0.9 : 0.5;
  s.causal = name.starts_with("causal");
  bool mask[30] = {};
  if (const double* numbers = given["mask"]) {
    for (int i = 0; i < 30; ++i) mask[i] = numbers[i] != 0;
    s.mask = {mask, 15, 0, 5, 1};
  }
  if (given["bias"] != nullptr) s.bias = {given["bias"], 0, 15, 5, 1};
  Numbers y(given.tensors.at("dy").size()), dq(y.size()), dk(given.tensors.at("k").size()), dv(dk.size()),
      log_sums(y.size() / size);
  const auto rows = [](auto* data, Index count) {
    return eg::AttentionRows<std::remove_pointer_t<decltype(data)>>{data, heads * count * size, count * size, size};
  };
  eg::AttentionRun<double> ran = {rows(given["q"], s.queries),  rows(given["k"], s.keys), rows(given["v"], s.keys), {},
                                  rows(given["dy"], s.queries), log_sums.data()};
  eg::AttentionForward<double>::run(s, ran.q, ran.k, ran.v, rows(y.data(), s.queries), log_sums.data());
  ran.output = rows(std::as_const(y).data(), s.queries);
  eg::AttentionBackward<double>::run(s, ran, rows(dq.data(), s.queries), rows(dk.data(), s.keys),
                                     rows(dv.data(), s.keys));
  given.expect("output", y);
  given.expect("dq", dq);
  given.expect("dk", dk);
  given.expect("dv", dv);
}

}  // namespace

TEST(SequenceKernels, ArePyTorchs) {
  const auto cases = read();
  EXPECT_EQ(cases.size(), 20u);
  for (const auto& [name, tensors] : cases) {
    SCOPED_TRACE(name);
    const Given given{tensors};
    if (name.starts_with("tanh"))
      expect_recurrent<eg::RecurrentKind::tanh>(given, name);
    else if (name.starts_with("relu"))
      expect_recurrent<eg::RecurrentKind::relu>(given, name);
    else if (name.starts_with("lstm"))
      expect_recurrent<eg::RecurrentKind::lstm>(given, name);
    else if (name.starts_with("gru"))
      expect_recurrent<eg::RecurrentKind::gru>(given, name);
    else
      expect_attention(given, name);
  }
}
