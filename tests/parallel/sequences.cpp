#include "eigengrad/kernels/attention/backward.hpp"
#include "eigengrad/kernels/attention/forward.hpp"
#include "eigengrad/kernels/recurrence/backward.hpp"

#include "bits.hpp"

// Recurrent layers and attention above the sizes at which they are divided: the same bits with any number of threads.
namespace eg = eigengrad;
using eg::Index;
using support::Bits;
using support::expect_same_bits;
using Tensor = eg::Tensor<float>;

namespace {

template <eg::RecurrentKind kind>
Bits recurrence(const eg::RecurrentSizes& s) {
  const Index gates = eg::RecurrentCell<float, kind>::gates, state = s.state();
  eg::Generator generator(7);
  const Tensor x = Tensor::randn({s.rows(), s.inputs}, generator), h0 = Tensor::randn({s.batch, state}, generator),
               c0 = Tensor::randn({s.batch, s.hidden}, generator),
               input = Tensor::randn({gates * s.hidden, s.inputs}, generator) * 0.1f,
               hidden = Tensor::randn({gates * s.hidden, state}, generator) * 0.1f,
               bias = Tensor::randn({gates * s.hidden}, generator),
               projection = Tensor::randn({s.projected, s.hidden}, generator),
               dy = Tensor::randn({s.rows(), state}, generator);
  Tensor y = Tensor::empty(dy.shape()), h = h0, c = c0,
         kept = Tensor::empty({eg::RecurrentCell<float, kind>::kept_numbers(s)}), dx = x, dh0 = h0, dc0 = c0,
         dinput = input, dhidden = hidden, dbias = bias, dprojection = projection;
  const eg::RecurrentWeights<float> weights = {input.data(), hidden.data(), bias.data(), bias.data(),
                                               projection.data()};
  const eg::RecurrentRun<float> run = {x.data(),         s.inputs,         h0.data(),
                                       c0.data(),        y.mutable_data(), state,
                                       h.mutable_data(), c.mutable_data(), kept.mutable_data()};
  eg::RecurrentForward<float, kind>::run(s, weights, run);
  eg::RecurrentGradients<float> d;
  d.output = dy.data();
  d.output_step = state;
  d.x = dx.mutable_data();
  d.initial_state = dh0.mutable_data();
  d.initial_cell = dc0.mutable_data();
  d.input_weights = dinput.mutable_data();
  d.hidden_weights = dhidden.mutable_data();
  d.input_bias = dbias.mutable_data();
  d.projection = s.projected > 0 ? dprojection.mutable_data() : nullptr;
  eg::RecurrentBackward<float, kind>::run(s, weights, run, d);
  return Bits() << y << h << c << dx << dh0 << dc0 << dinput << dhidden << dbias << dprojection;
}

Bits attention(eg::AttentionSizes<float> s) {
  eg::Generator generator(8);
  const Tensor q = Tensor::randn({s.batch, s.heads, s.queries, s.size}, generator),
               k = Tensor::randn({s.batch, s.heads, s.keys, s.size}, generator),
               v = Tensor::randn({s.batch, s.heads, s.keys, s.value_size}, generator),
               dy = Tensor::randn({s.batch, s.heads, s.queries, s.value_size}, generator);
  Tensor y = dy, log_sums = Tensor::empty({s.batch, s.heads, s.queries}), dq = q, dk = k, dv = v;
  const auto rows = [](auto* data, Index heads, Index count, Index size) {
    return eg::AttentionRows<std::remove_pointer_t<decltype(data)>>{data, heads * count * size, count * size, size};
  };
  eg::AttentionRun<float> ran;
  ran.q = rows(q.data(), s.heads, s.queries, s.size);
  ran.k = rows(k.data(), s.heads, s.keys, s.size);
  ran.v = rows(v.data(), s.heads, s.keys, s.value_size);
  eg::AttentionForward<float>::run(s, ran.q, ran.k, ran.v, rows(y.mutable_data(), s.heads, s.queries, s.value_size),
                                   log_sums.mutable_data());
  ran.output = rows(std::as_const(y).data(), s.heads, s.queries, s.value_size);
  ran.doutput = rows(dy.data(), s.heads, s.queries, s.value_size);
  ran.log_sums = log_sums.data();
  eg::AttentionBackward<float>::run(s, ran, rows(dq.mutable_data(), s.heads, s.queries, s.size),
                                    rows(dk.mutable_data(), s.heads, s.keys, s.size),
                                    rows(dv.mutable_data(), s.heads, s.keys, s.value_size));
  return Bits() << y << log_sums << dq << dk << dv;
}

}  // namespace

TEST(Sequences, RecurrentLayers) {
  using eg::RecurrentKind;
  const std::vector<Index> lengths = {20, 3, 17, 0, 20, 9, 11, 20, 1, 2, 3, 4, 20, 20, 5, 6, 20, 18, 20, 20, 7, 8, 20};
  for (const bool reverse : {false, true})
    for (const bool batch_first : {false, true})
      for (const Index* of : {static_cast<const Index*>(nullptr), lengths.data()}) {
        const eg::RecurrentSizes s = {20, 23, 37, 61, 0, reverse, batch_first, of};
        expect_same_bits("tanh", [&] { return recurrence<RecurrentKind::tanh>(s); });
        expect_same_bits("lstm", [&] { return recurrence<RecurrentKind::lstm>(s); });
        expect_same_bits("gru", [&] { return recurrence<RecurrentKind::gru>(s); });
      }
  expect_same_bits("projected", [&] { return recurrence<RecurrentKind::lstm>({20, 23, 37, 61, 33}); });
}

TEST(Sequences, Attention) {
  for (const bool causal : {false, true})
    for (const double dropout : {0.0, 0.2}) {
      eg::AttentionSizes<float> s;
      s.batch = 2;
      s.heads = 3;
      s.queries = 203;
      s.keys = 301;
      s.size = s.value_size = 24;
      s.scale = 0.2f;
      s.causal = causal;
      s.dropout = dropout;
      expect_same_bits("six heads", [&] { return attention(s); });
      s.batch = s.heads = 1;
      s.queries = 700;
      expect_same_bits("one head", [&] { return attention(s); });
      s.batch = 16;
      expect_same_bits("many heads", [&] { return attention(s); });
    }
}
