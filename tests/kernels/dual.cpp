#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "eigengrad/kernels/attention/backward.hpp"
#include "eigengrad/kernels/attention/forward.hpp"
#include "eigengrad/kernels/recurrence/backward.hpp"
#include "eigengrad/ops/arithmetic.hpp"
#include "eigengrad/ops/functions.hpp"

// Recurrent layers and attention on dual numbers: tangents are the derivatives of what plain numbers give.
namespace eg = eigengrad;
using eg::Index;

namespace {

using Dual = eg::Dual<double>;
using Numbers = std::vector<double>;

Numbers noise(std::size_t count, double seed) {
  Numbers result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = std::sin(1.9 * static_cast<double>(i) + seed);
  return result;
}
template <class T>
std::vector<T> along(const Numbers& at, const Numbers& direction, double step) {
  std::vector<T> result;
  for (std::size_t i = 0; i < at.size(); ++i)
    if constexpr (std::is_same_v<T, Dual>)
      result.push_back({at[i], direction[i]});
    else
      result.push_back(at[i] + step * direction[i]);
  return result;
}
/// f(numbers of type T, moved along a direction) -> results.
template <class F>
void expect_derivative(const F& f) {
  const std::vector<Dual> dual = f.template operator()<Dual>(0.0);
  const Numbers above = f.template operator()<double>(1e-6), below = f.template operator()<double>(-1e-6),
                here = f.template operator()<double>(0.0);
  ASSERT_EQ(dual.size(), here.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_NEAR(dual[i].value, here[i], 1e-12) << i;
    EXPECT_NEAR(dual[i].tangent, (above[i] - below[i]) / 2e-6, 1e-7) << i;
  }
}

template <eg::RecurrentKind kind>
void expect_recurrence() {
  expect_derivative([]<class T>(double step) {
    const eg::RecurrentSizes s = {3, 2, 2, 3};
    constexpr std::size_t rows = 3 * eg::RecurrentCell<T, kind>::gates;
    const auto x = along<T>(noise(12, 1), noise(12, 2), step),
               input = along<T>(noise(rows * 2, 3), noise(rows * 2, 4), step),
               hidden = along<T>(noise(rows * 3, 5), noise(rows * 3, 6), step),
               bias = along<T>(noise(rows, 7), noise(rows, 8), step), dy = along<T>(noise(18, 9), noise(18, 10), step);
    std::vector<T> y(18), kept(static_cast<std::size_t>(eg::RecurrentCell<T, kind>::kept_numbers(s))), dx(12),
        dhidden(rows * 3), dbias(rows);
    const eg::RecurrentWeights<T> weights = {input.data(), hidden.data(), bias.data(), nullptr, nullptr};
    eg::RecurrentRun<T> run;
    run.x = x.data();
    run.x_step = 2;
    run.output = y.data();
    run.output_step = 3;
    run.kept = kept.data();
    eg::RecurrentForward<T, kind>::run(s, weights, run);
    eg::RecurrentGradients<T> d;
    d.output = dy.data();
    d.output_step = 3;
    d.x = dx.data();
    d.hidden_weights = dhidden.data();
    d.hidden_bias = dbias.data();
    eg::RecurrentBackward<T, kind>::run(s, weights, run, d);
    for (const auto* more : {&dx, &dhidden, &dbias}) y.insert(y.end(), more->begin(), more->end());
    return y;
  });
}

}  // namespace

TEST(DualNumbers, RecurrentLayers) {
  expect_recurrence<eg::RecurrentKind::tanh>();
  expect_recurrence<eg::RecurrentKind::relu>();
  expect_recurrence<eg::RecurrentKind::lstm>();
  expect_recurrence<eg::RecurrentKind::gru>();
}

TEST(DualNumbers, Attention) {
  for (const bool causal : {false, true})
    expect_derivative([causal]<class T>(double step) {
      eg::AttentionSizes<T> s;
      s.batch = s.heads = 1;
      s.queries = s.keys = 4;
      s.size = s.value_size = 3;
      s.scale = T(0.5);
      s.causal = causal;
      const auto q = along<T>(noise(12, 1), noise(12, 2), step), k = along<T>(noise(12, 3), noise(12, 4), step),
                 v = along<T>(noise(12, 5), noise(12, 6), step), dy = along<T>(noise(12, 7), noise(12, 8), step);
      std::vector<T> y(12), log_sums(4), dq(12), dk(12), dv(12);
      const auto rows = [](auto* data) {
        return eg::AttentionRows<std::remove_pointer_t<decltype(data)>>{data, 12, 12, 3};
      };
      eg::AttentionRun<T> ran = {rows(q.data()), rows(k.data()), rows(v.data()), {}, rows(dy.data()), log_sums.data()};
      eg::AttentionForward<T>::run(s, ran.q, ran.k, ran.v, rows(y.data()), log_sums.data());
      ran.output = rows(std::as_const(y).data());
      eg::AttentionBackward<T>::run(s, ran, rows(dq.data()), rows(dk.data()), rows(dv.data()));
      for (const auto* more : {&log_sums, &dq, &dk, &dv}) y.insert(y.end(), more->begin(), more->end());
      return y;
    });
}
