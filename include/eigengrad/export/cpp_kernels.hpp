#pragma once

#include "../config.hpp"
#include "cpp_functions.hpp"

// The text of the loops that exported headers hold. Sizes are template arguments, so that compilers unroll and
// vectorise; the innermost loops run over outputs that lie beside each other, so that no sum need be reordered.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace cpp_text {

/// Loops over whole tensors.
inline constexpr Function kernels[] = {
    {"linear", R"(
  // x [rows, in] . weight [in, out] + bias -> y [rows, out]
  template <index rows, index in, index out>
  static void linear(const float* __restrict x, const float* __restrict weight, const float* __restrict bias,
                     float* __restrict y) noexcept {
    constexpr index fours = in / 4 * 4;
    for (index row = 0; row < rows; ++row, x += in, y += out) {
      for (index o = 0; o < out; ++o) y[o] = bias != nullptr ? bias[o] : 0.0f;
      const float* w = weight;
      for (index i = 0; i < fours; i += 4, w += 4 * out) {
        const float a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
        for (index o = 0; o < out; ++o)
          y[o] += (a * w[o] + b * w[out + o]) + (c * w[2 * out + o] + d * w[3 * out + o]);
      }
      for (index i = fours; i < in; ++i, w += out)
        for (index o = 0; o < out; ++o) y[o] += x[i] * w[o];
    }
  }
)"},
    {"first_inside", R"(
  // The first j, and the one behind the last of `count`, with 0 <= j * stride + shift < size.
  static constexpr index first_inside(index stride, index shift) noexcept {
    return shift < 0 ? (stride - 1 - shift) / stride : 0;
  }
)"},
    {"end_inside", R"(
  static constexpr index end_inside(index stride, index shift, index size, index count) noexcept {
    const index room = size - shift, end = room <= 0 ? 0 : (room + stride - 1) / stride;
    return end < count ? end : count;
  }
)"},
    {"convolution", R"(
  // x [batch, channels, rows, columns], weight [outputs, channels / groups, taps] -> y [batch, outputs, rows, columns]
  template <index batch, index channels, index outputs, index groups, index rows, index columns, index kernel_rows,
            index kernel_columns, index stride_rows, index stride_columns, index before_rows, index before_columns,
            index dilation_rows, index dilation_columns, index to_rows, index to_columns>
  static void convolution(const float* __restrict x, const float* __restrict weight, const float* __restrict bias,
                          float* __restrict y) noexcept {
    constexpr index inner = channels / groups;
    for (index plane = 0; plane < batch * outputs; ++plane, y += to_rows * to_columns) {
      const index o = plane % outputs;
      for (index i = 0; i < to_rows * to_columns; ++i) y[i] = bias != nullptr ? bias[o] : 0.0f;
      const float* image = x + (plane / outputs * channels + o / (outputs / groups) * inner) * rows * columns;
      const float* w = weight + o * inner * kernel_rows * kernel_columns;
      for (index c = 0; c < inner; ++c, image += rows * columns)
        for (index kr = 0; kr < kernel_rows; ++kr)
          for (index kc = 0; kc < kernel_columns; ++kc, ++w) {
            const index down = kr * dilation_rows - before_rows, shift = kc * dilation_columns - before_columns;
            const index begin = first_inside(stride_columns, shift),
                        end = end_inside(stride_columns, shift, columns, to_columns);
            const float factor = *w;
            for (index r = first_inside(stride_rows, down); r < end_inside(stride_rows, down, rows, to_rows); ++r) {
              const float* const from = image + (r * stride_rows + down) * columns;
              float* const to = y + r * to_columns;
              for (index j = begin; j < end; ++j) to[j] += factor * from[j * stride_columns + shift];
            }
          }
    }
  }
)"},
    {"transposed_convolution", R"(
  // x [batch, channels, rows, columns], weight [channels, outputs / groups, taps] -> y [batch, outputs, rows, columns]
  template <index batch, index channels, index outputs, index groups, index rows, index columns, index kernel_rows,
            index kernel_columns, index stride_rows, index stride_columns, index before_rows, index before_columns,
            index dilation_rows, index dilation_columns, index to_rows, index to_columns>
  static void transposed_convolution(const float* __restrict x, const float* __restrict weight,
                                     const float* __restrict bias, float* __restrict y) noexcept {
    constexpr index inner = channels / groups, outer = outputs / groups;
    for (index plane = 0; plane < batch * outputs; ++plane, y += to_rows * to_columns) {
      const index o = plane % outputs, group = o / outer;
      for (index i = 0; i < to_rows * to_columns; ++i) y[i] = bias != nullptr ? bias[o] : 0.0f;
      const float* image = x + (plane / outputs * channels + group * inner) * rows * columns;
      for (index c = group * inner; c < (group + 1) * inner; ++c, image += rows * columns) {
        const float* w = weight + (c * outer + o % outer) * kernel_rows * kernel_columns;
        for (index kr = 0; kr < kernel_rows; ++kr)
          for (index kc = 0; kc < kernel_columns; ++kc, ++w) {
            const index down = kr * dilation_rows - before_rows, shift = kc * dilation_columns - before_columns;
            const index begin = first_inside(stride_columns, shift),
                        end = end_inside(stride_columns, shift, to_columns, columns);
            const float factor = *w;
            for (index r = first_inside(stride_rows, down); r < end_inside(stride_rows, down, to_rows, rows); ++r) {
              const float* const from = image + r * columns;
              float* const to = y + (r * stride_rows + down) * to_columns;
              for (index j = begin; j < end; ++j) to[j * stride_columns + shift] += factor * from[j];
            }
          }
      }
    }
  }
)"},
    {"max_pool", R"(
  // The largest number of every window; a NaN wins.
  template <index planes, index rows, index columns, index kernel_rows, index kernel_columns, index stride_rows,
            index stride_columns, index padding_rows, index padding_columns, index dilation_rows,
            index dilation_columns, index to_rows, index to_columns>
  static void max_pool(const float* __restrict x, float* __restrict y) noexcept {
    for (index plane = 0; plane < planes; ++plane, x += rows * columns)
      for (index r = 0; r < to_rows; ++r)
        for (index j = 0; j < to_columns; ++j) {
          float best = -__builtin_inff();
          for (index kr = 0; kr < kernel_rows; ++kr)
            for (index kc = 0; kc < kernel_columns; ++kc) {
              const index row = r * stride_rows + kr * dilation_rows - padding_rows,
                          column = j * stride_columns + kc * dilation_columns - padding_columns;
              if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
              const float next = x[row * columns + column];
              best = next > best || next != next ? next : best;
            }
          *y++ = best;
        }
  }
)"},
    {"window_size", R"(
  // How many numbers of a window count: those inside, and of the padding those that ceil_mode did not add.
  static constexpr index window_size(index begin, index kernel, index size, index padding, bool padded) noexcept {
    const index last = padded ? size + padding : size, end = begin + kernel < last ? begin + kernel : last;
    return end - (!padded && begin < 0 ? 0 : begin);
  }
)"},
    {"avg_pool", R"(
  // The mean of every window.
  template <index planes, index rows, index columns, index kernel_rows, index kernel_columns, index stride_rows,
            index stride_columns, index padding_rows, index padding_columns, index divisor, index padded, index to_rows,
            index to_columns>
  static void avg_pool(const float* __restrict x, float* __restrict y) noexcept {
    for (index plane = 0; plane < planes; ++plane, x += rows * columns)
      for (index r = 0; r < to_rows; ++r)
        for (index j = 0; j < to_columns; ++j) {
          const index top = r * stride_rows - padding_rows, left = j * stride_columns - padding_columns;
          float sum = 0.0f;
          for (index row = top < 0 ? 0 : top; row < top + kernel_rows && row < rows; ++row)
            for (index column = left < 0 ? 0 : left; column < left + kernel_columns && column < columns; ++column)
              sum += x[row * columns + column];
          const index count = divisor != 0 ? divisor
                                           : window_size(top, kernel_rows, rows, padding_rows, padded != 0) *
                                                 window_size(left, kernel_columns, columns, padding_columns, padded != 0);
          *y++ = sum / static_cast<float>(count);
        }
  }
)"},
    {"adaptive_pool", R"(
  // The mean, or the largest, of windows that share a plane out.
  template <index planes, index rows, index columns, index to_rows, index to_columns, index largest>
  static void adaptive_pool(const float* __restrict x, float* __restrict y) noexcept {
    for (index plane = 0; plane < planes; ++plane, x += rows * columns)
      for (index r = 0; r < to_rows; ++r)
        for (index j = 0; j < to_columns; ++j) {
          const index top = r * rows / to_rows, bottom = ((r + 1) * rows + to_rows - 1) / to_rows;
          const index left = j * columns / to_columns, right = ((j + 1) * columns + to_columns - 1) / to_columns;
          float result = largest != 0 ? -__builtin_inff() : 0.0f;
          for (index row = top; row < bottom; ++row)
            for (index column = left; column < right; ++column) {
              const float next = x[row * columns + column];
              if (largest != 0)
                result = next > result || next != next ? next : result;
              else
                result += next;
            }
          *y++ = largest != 0 ? result : result / static_cast<float>((bottom - top) * (right - left));
        }
  }
)"},
    {"scale_channels", R"(
  template <index batch, index channels, index inner>
  static void scale_channels(const float* x, const float* scale, const float* shift, float* y) noexcept {
    for (index plane = 0; plane < batch * channels; ++plane, x += inner, y += inner)
      for (index i = 0; i < inner; ++i) y[i] = x[i] * scale[plane % channels] + shift[plane % channels];
  }
)"},
    {"mean_of", R"(
  // In eight sums, which are added up.
  template <index count>
  static float mean_of(const float* x) noexcept {
    constexpr index eights = count / 8 * 8;
    float sums[8] = {};
    for (index i = 0; i < eights; i += 8)
      for (index k = 0; k < 8; ++k) sums[k] += x[i + k];
    for (index i = eights; i < count; ++i) sums[0] += x[i];
    return (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))) /
           static_cast<float>(count);
  }
)"},
    {"mean_square_of", R"(
  template <index count>
  static float mean_square_of(const float* x, float mean) noexcept {
    constexpr index eights = count / 8 * 8;
    float sums[8] = {};
    for (index i = 0; i < eights; i += 8)
      for (index k = 0; k < 8; ++k) sums[k] += (x[i + k] - mean) * (x[i + k] - mean);
    for (index i = eights; i < count; ++i) sums[0] += (x[i] - mean) * (x[i] - mean);
    return (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))) /
           static_cast<float>(count);
  }
)"},
    {"normalise", R"(
  // Each row of x [rows, n] less its mean, where that is asked for, over its deviation.
  template <index rows, index n, index centred>
  static void normalise(const float* x, float epsilon, float* y) noexcept {
    for (index row = 0; row < rows; ++row, x += n, y += n) {
      const float mean = centred != 0 ? mean_of<n>(x) : 0.0f;
      const float scale = inverse_root(mean_square_of<n>(x, mean) + epsilon);
      for (index i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale;
    }
  }
)"},
    {"weigh", R"(
  // y [rows, n, inner] times weight [n] plus bias [n].
  template <index rows, index n, index inner>
  static void weigh(const float* weight, const float* bias, float* y) noexcept {
    for (index row = 0; row < rows; ++row)
      for (index k = 0; k < n; ++k)
        for (index i = 0; i < inner; ++i, ++y) *y = *y * weight[k] + (bias != nullptr ? bias[k] : 0.0f);
  }
)"},
    {"softmax", R"(
  // Along the middle axis of x [outer, n, inner], of x or of -x; or the logarithm of it.
  template <index outer, index n, index inner, index negated, index logarithmic>
  static void softmax(const float* x, float* y) noexcept {
    for (index o = 0; o < outer; ++o, x += n * inner, y += n * inner)
      for (index i = 0; i < inner; ++i) {
        float largest = negated != 0 ? -x[i] : x[i], sum = 0.0f;
        for (index k = 1; k < n; ++k) {
          const float next = negated != 0 ? -x[k * inner + i] : x[k * inner + i];
          largest = next > largest ? next : largest;
        }
        for (index k = 0; k < n; ++k) {
          const float rest = (negated != 0 ? -x[k * inner + i] : x[k * inner + i]) - largest, e = exponential(rest);
          y[k * inner + i] = logarithmic != 0 ? rest : e;
          sum += e;
        }
        const float part = logarithmic != 0 ? logarithm(sum) : 1.0f / sum;
        for (index k = 0; k < n; ++k)
          y[k * inner + i] = logarithmic != 0 ? y[k * inner + i] - part : y[k * inner + i] * part;
      }
  }
)"},
    {"sequence_row", R"(
  // Where a sequence's number t stands, from behind where it runs backwards.
  template <index steps, index batch, index batch_first, index backwards>
  static constexpr index sequence_row(index t, index b) noexcept {
    return batch_first != 0 ? b * steps + (backwards != 0 ? steps - 1 - t : t)
                            : (backwards != 0 ? steps - 1 - t : t) * batch + b;
  }
)"},
    {"lstm", R"(
  // x [steps, batch, in] -> y [steps, batch, hidden]; weights [in or hidden, 4 hidden], state [2, batch, hidden]: h, c
  template <index steps, index batch, index in, index hidden, index batch_first, index backwards>
  static void lstm(const float* __restrict x, const float* __restrict weight, const float* __restrict recurrent,
                   const float* __restrict bias, const float* __restrict recurrent_bias, float* __restrict state,
                   float* __restrict y) noexcept {
    for (index t = 0; t < steps; ++t)
      for (index b = 0; b < batch; ++b) {
        const index row = sequence_row<steps, batch, batch_first, backwards>(t, b);
        float* const h = state + b * hidden;
        float* const c = state + (batch + b) * hidden;
        float given[4 * hidden], kept[4 * hidden];
        linear<1, in, 4 * hidden>(x + row * in, weight, bias, given);
        linear<1, hidden, 4 * hidden>(h, recurrent, recurrent_bias, kept);
        for (index k = 0; k < hidden; ++k) {
          const float enter = sigmoid(given[k] + kept[k]), keep = sigmoid(given[hidden + k] + kept[hidden + k]),
                      fresh = tanh(given[2 * hidden + k] + kept[2 * hidden + k]),
                      leave = sigmoid(given[3 * hidden + k] + kept[3 * hidden + k]);
          c[k] = keep * c[k] + enter * fresh;
          h[k] = leave * tanh(c[k]);
          y[row * hidden + k] = h[k];
        }
      }
  }
)"},
    {"gru", R"(
  // x [steps, batch, in] -> y [steps, batch, hidden]; weights [in or hidden, 3 hidden], state [batch, hidden]
  template <index steps, index batch, index in, index hidden, index batch_first, index backwards>
  static void gru(const float* __restrict x, const float* __restrict weight, const float* __restrict recurrent,
                  const float* __restrict bias, const float* __restrict recurrent_bias, float* __restrict state,
                  float* __restrict y) noexcept {
    for (index t = 0; t < steps; ++t)
      for (index b = 0; b < batch; ++b) {
        const index row = sequence_row<steps, batch, batch_first, backwards>(t, b);
        float* const h = state + b * hidden;
        float given[3 * hidden], kept[3 * hidden];
        linear<1, in, 3 * hidden>(x + row * in, weight, bias, given);
        linear<1, hidden, 3 * hidden>(h, recurrent, recurrent_bias, kept);
        for (index k = 0; k < hidden; ++k) {
          const float reset = sigmoid(given[k] + kept[k]), keep = sigmoid(given[hidden + k] + kept[hidden + k]),
                      fresh = tanh(given[2 * hidden + k] + reset * kept[2 * hidden + k]);
          h[k] = fresh + keep * (h[k] - fresh);
          y[row * hidden + k] = h[k];
        }
      }
  }
)"},
    {"rnn", R"(
  // x [steps, batch, in] -> y [steps, batch, hidden]; weights [in or hidden, hidden], state [batch, hidden]
  template <index steps, index batch, index in, index hidden, index batch_first, index backwards, index rectified>
  static void rnn(const float* __restrict x, const float* __restrict weight, const float* __restrict recurrent,
                  const float* __restrict bias, const float* __restrict recurrent_bias, float* __restrict state,
                  float* __restrict y) noexcept {
    for (index t = 0; t < steps; ++t)
      for (index b = 0; b < batch; ++b) {
        const index row = sequence_row<steps, batch, batch_first, backwards>(t, b);
        float* const h = state + b * hidden;
        float given[hidden], kept[hidden];
        linear<1, in, hidden>(x + row * in, weight, bias, given);
        linear<1, hidden, hidden>(h, recurrent, recurrent_bias, kept);
        for (index k = 0; k < hidden; ++k) {
          const float sum = given[k] + kept[k];
          h[k] = rectified != 0 ? (sum <= 0.0f ? 0.0f : sum) : tanh(sum);
          y[row * hidden + k] = h[k];
        }
      }
  }
)"},
    {"prelu", R"(
  template <index batch, index channels, index inner>
  static void prelu(const float* x, const float* slope, float* y) noexcept {
    for (index plane = 0; plane < batch * channels; ++plane, x += inner, y += inner)
      for (index i = 0; i < inner; ++i) y[i] = either(x[i] > 0.0f, x[i], slope[plane % channels] * x[i]);
  }
)"},
    {"glu", R"(
  // x [outer, 2 n] -> y [outer, n]
  template <index outer, index n>
  static void glu(const float* __restrict x, float* __restrict y) noexcept {
    for (index o = 0; o < outer; ++o, x += 2 * n, y += n)
      for (index i = 0; i < n; ++i) y[i] = x[i] * sigmoid(x[n + i]);
  }
)"},
    {"maxout", R"(
  template <index outer, index pieces>
  static void maxout(const float* __restrict x, float* __restrict y) noexcept {
    for (index o = 0; o < outer; ++o, x += pieces) {
      float best = x[0];
      for (index k = 1; k < pieces; ++k) best = x[k] > best || x[k] != x[k] ? x[k] : best;
      y[o] = best;
    }
  }
)"},
    {"copy_rows", R"(
  // Rows of `length` into rows that lie `step` apart.
  template <index rows, index length, index step>
  static void copy_rows(const float* x, float* y) noexcept {
    for (index row = 0; row < rows; ++row, x += length, y += step)
      for (index i = 0; i < length; ++i) y[i] = x[i];
  }
)"},
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::cpp_text
