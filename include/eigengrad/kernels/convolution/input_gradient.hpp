#pragma once

#include "forward.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One axis of the gradient's places with one remainder by the stride: input i * stride + first for i < count takes
/// from the output's places i + start - k / stride, for the taps whose distance has the remainder.
struct GradientPhase {
  Index first, count, start, remainder;

  GradientPhase(const ConvolutionAxis& axis, Index at) : first(at) {
    count = at < axis.input ? (axis.input - at + axis.stride - 1) / axis.stride : 0;
    start = (at + axis.before) / axis.stride;
    remainder = (at + axis.before) % axis.stride;
  }
  bool has(const ConvolutionAxis& axis, Index tap) const { return tap * axis.dilation % axis.stride == remainder; }
};

/// The output as the gradient reads it: padded so far that no tap reads outside.
inline ConvolutionAxis gradient_axis(const ConvolutionAxis& axis) {
  ConvolutionAxis result;
  result.input = axis.output();
  result.before = (axis.extent() - 1) / axis.stride;
  const Index last = (axis.input - 1 + axis.before) / axis.stride;
  result.before = std::max<Index>(0, result.before - axis.before / axis.stride);
  result.after = std::max<Index>(0, last + 1 - result.input);
  return result;
}

/// to[i * phases + p] = from[p][i]: rows of `counts[p]` numbers, taken in turn.
template <class T>
EIGENGRAD_OUTLINE void take_in_turn(const T* const* from, const Index* counts, Index phases, T* to) {
  constexpr Index width = lane_width<T>;
  Index done = 0;
  if constexpr (width > 1) {
    if (phases == 2)
      for (const Index count = (std::min)(counts[0], counts[1]); done + width <= count; done += width) {
        const lane_t<T> a = lane::load(from[0] + done), b = lane::load(from[1] + done);
        lane::store<T>(to + 2 * done, lane::interleave<T, false>(a, b));
        lane::store<T>(to + 2 * done + width, lane::interleave<T, true>(a, b));
      }
    if (phases == 4)
      for (const Index count = *std::min_element(counts, counts + 4); done + width <= count; done += width) {
        const lane_t<T> a = lane::load(from[0] + done), b = lane::load(from[1] + done), c = lane::load(from[2] + done),
                        d = lane::load(from[3] + done);
        const lane_t<T> low[2] = {lane::interleave<T, false>(a, c), lane::interleave<T, false>(b, d)};
        const lane_t<T> high[2] = {lane::interleave<T, true>(a, c), lane::interleave<T, true>(b, d)};
        T* const at = to + 4 * done;
        lane::store<T>(at, lane::interleave<T, false>(low[0], low[1]));
        lane::store<T>(at + width, lane::interleave<T, true>(low[0], low[1]));
        lane::store<T>(at + 2 * width, lane::interleave<T, false>(high[0], high[1]));
        lane::store<T>(at + 3 * width, lane::interleave<T, true>(high[0], high[1]));
      }
  }
  for (Index p = 0; p < phases; ++p)
    for (Index i = done; i < counts[p]; ++i) {
      to[i * phases + p] = from[p][i];
      EIGENGRAD_NO_VECTORS;
    }
}

/// dx = the gradient of x under dy, which is also the transposed convolution of dy; bias, scale (one number for each
/// channel of x) and finish are then its own. A stride of s leaves s * s sets of places, each a convolution of stride 1
/// with some of the taps. dx is written whole.
template <class T>
class InputGradient {
 public:
  InputGradient(const ConvolutionShape& shape, const T* weight, const ConvolutionExtras<T>& extras)
      : shape_(shape), extras_(extras), image_(output_image(shape)), layout_(image_, false, extras.room) {
    phases_ = (std::min)(shape.rows.stride, shape.rows.input) * columns_phases();
    offsets_ = Scratch<Index>(2 * shape.group_outputs() * shape.taps());
    weights_ = Scratch<T>(shape.taps() * shape.outputs * padded_channels());
    plan_ = Scratch<Phase>(phases_);
    plan(weight);
  }

  void run(const T* dy, T* dx) const {
    const Index channels = shape_.group_channels();
    const GroupWork<T> all{shape_.images,
                           shape_.groups,
                           shape_.products(),
                           layout_,
                           shape_.group_outputs() * shape_.output_plane(),
                           channels * shape_.input_plane(),
                           channels,
                           extras_.room};
    all.run(dy, dx, [&](const T* image, Index group, T* result, int threads, T* scratch) {
      one(image, group, result, threads, scratch);
    });
  }

 private:
  bool strided() const { return phases_ > 1; }
  Index columns_phases() const { return (std::min)(shape_.columns.stride, shape_.columns.input); }

  static ConvolutionShape output_image(const ConvolutionShape& shape) {
    return {1, shape.group_outputs(), 1, 1, gradient_axis(shape.rows), gradient_axis(shape.columns)};
  }

  /// What is computed for one set of places, with the weights of its taps, which come after `before` taps of others.
  struct Phase {
    GradientPhase down, across;
    Index before;
    Correlation<T> work;
    Index plane() const { return down.count * across.count; }
  };

  bool has(const GradientPhase& down, const GradientPhase& across, Index tap) const {
    return down.has(shape_.rows, tap / shape_.columns.kernel) &&
           across.has(shape_.columns, tap % shape_.columns.kernel);
  }

  void plan(const T* weight) {
    const Index outputs = shape_.group_outputs(), channels = shape_.group_channels(), all = shape_.taps();
    const Index kernel = shape_.columns.kernel;
    Index *at = offsets_.data(), *from = at + outputs * all, before = 0;
    for (Index p = 0; p < phases_; ++p) {
      const GradientPhase down(shape_.rows, p / columns_phases()), across(shape_.columns, p % columns_phases());
      const Index *const offsets = at, *const order = from;
      for (Index o = 0; o < outputs; ++o)
        for (Index t = 0; t < all; ++t) {
          if (!has(down, across, t)) continue;
          const Index y = down.start - t / kernel * shape_.rows.dilation / shape_.rows.stride,
                      x = across.start - t % kernel * shape_.columns.dilation / shape_.columns.stride;
          *at++ = o * layout_.channel_step + (y + image_.rows.before) * layout_.row_step + x + image_.columns.before;
          *from++ = o * channels * all + t;
        }
      const Index count = at - offsets;
      const Correlation<T> work(channels, outputs, count, offsets, down.count, across.count, layout_.row_step);
      plan_.data()[p] = Phase{down, across, before, work};
      for (Index g = 0; g < shape_.groups; ++g)
        work.pack(weight + g * outputs * channels * all, all, order, extras_of(extras_, g, channels).scale,
                  weights_of(before) + g * work.packed_size());
      before += count / outputs;
    }
  }
  /// Where a phase's weights begin: each may take up to whole lanes.
  T* weights_of(Index taps_before) const { return weights_.data() + taps_before * shape_.outputs * padded_channels(); }
  Index padded_channels() const {
    return (shape_.group_channels() + lane_width<T> - 1) / lane_width<T> * lane_width<T>;
  }

  void one(const T* image, Index group, T* dx, int threads, T* scratch) const {
    const Index channels = shape_.group_channels();
    const Scratch<T> planes(strided() ? channels * shape_.input_plane() + lane_width<T> : 0);
    T* to = strided() ? planes.data() : dx;
    ConvolutionExtras<T> extras = extras_of(extras_, group, channels);
    if (strided()) extras.finish = {};
    for (Index p = 0; p < phases_; ++p) {
      const Phase& phase = plan_.data()[p];
      run_correlation(phase.work, image, weights_of(phase.before) + group * phase.work.packed_size(), extras, to,
                      phase.plane(), threads, scratch);
      to += channels * phase.plane();
    }
    if (strided()) join(planes.data(), dx);
  }

  /// The phases' planes to the places of dx.
  void join(const T* planes, T* dx) const {
    const Index across = columns_phases(), down = phases_ / across, width = shape_.columns.input;
    const Scratch<const T*> rows(across);
    const Scratch<Index> counts(across), starts(phases_);
    Index start = 0;
    for (Index p = 0; p < phases_; ++p) {
      const Phase& phase = plan_.data()[p];
      starts.data()[p] = start;
      start += shape_.group_channels() * phase.plane();
      counts.data()[p % across] = phase.across.count;
    }
    for (Index c = 0; c < shape_.group_channels(); ++c) {
      for (Index i = 0; i < down; ++i) {
        const Index height = plan_.data()[i * across].down.count;
        for (Index y = 0; y < height; ++y) {
          for (Index j = 0; j < across; ++j)
            rows.data()[j] = planes + starts.data()[i * across + j] + (c * height + y) * counts.data()[j];
          take_in_turn(rows.data(), counts.data(), across, dx + (y * shape_.rows.stride + i) * width);
        }
      }
      if (extras_.finish) extras_.finish(dx, shape_.input_plane());
      dx += shape_.input_plane();
    }
  }

  ConvolutionShape shape_;
  ConvolutionExtras<T> extras_;
  ConvolutionShape image_;
  ImageLayout<T> layout_;
  Index phases_ = 1;
  Scratch<Index> offsets_;
  Scratch<T> weights_;
  Scratch<Phase> plan_;
};

template <class T>
void convolution_input_gradient(const ConvolutionShape& shape, const T* dy, const T* weight, T* dx,
                                const ConvolutionExtras<T>& extras = {}) {
  if (shape.images == 0 || shape.input_plane() == 0) return;
  InputGradient<T>(shape, weight, extras).run(dy, dx);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
