#pragma once

#include "../../core/threads.hpp"
#include "correlation.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// As many products are worth a second thread.
inline constexpr Index large_convolution = Index{1} << 20;

/// body(begin, end, thread's own threads) over ranges of images, or, of few images, over one after another with threads
/// for each.
template <class Body>
void for_images(Index images, Index products, const Body& body) {
  const int threads = products >= large_convolution ? team_size() : 1;
  if (threads == 1) return body(0, images, 1);
  if (images < threads) {
    for (Index n = 0; n < images; ++n) body(n, n + 1, threads);
    return;
  }
  const Index pieces = std::min<Index>(images, 4 * threads);
  parallel_for(pieces, threads, [&](Index p) { body(images * p / pieces, images * (p + 1) / pieces, 1); });
}

/// All groups of one image; each group's channels, weights and results follow those of the one before.
template <class T>
struct GroupedCorrelation {
  Correlation<T> work;
  Index groups, image_step, weight_step, outputs, plane;

  /// On one thread with `scratch`, on several with their own.
  void run(const T* image, const T* weights, const ConvolutionExtras<T>& extras, T* result, int threads,
           T* scratch) const {
    const Index chunks = work.chunks();
    if (threads == 1) {
      for (Index g = 0; g < groups; ++g) one(g, image, weights, extras, result, 0, chunks, true, scratch);
      return;
    }
    const Index pieces = std::min<Index>(groups * chunks, 4 * threads);
    parallel_for(pieces, threads, [&](Index p) {
      const Scratch<T> own(Correlation<T>::stage);
      Index at = groups * chunks * p / pieces;
      for (const Index end = groups * chunks * (p + 1) / pieces; at < end;) {
        const Index group = at / chunks, first = at % chunks, last = (std::min)(chunks, first + end - at);
        one(group, image, weights, extras, result, first, last, false, own.data());
        at += last - first;
      }
    });
  }

 private:
  void one(Index group, const T* image, const T* weights, ConvolutionExtras<T> extras, T* result, Index begin,
           Index end, bool in_order, T* scratch) const {
    if (extras.bias != nullptr) extras.bias += group * outputs;
    work.run(image + group * image_step, weights + group * weight_step, extras, result + group * outputs * plane, plane,
             begin, end, in_order, scratch);
  }
};

/// y = x convolved with the weight (what is called so: the kernel is not turned round), with bias, scale and what
/// finishes it from `extras`. y is written whole. The bits do not depend on the number of threads.
template <class T>
void convolution_forward(const ConvolutionShape& shape, const T* x, const T* weight, T* y,
                         const ConvolutionExtras<T>& extras = {}) {
  if (shape.images == 0 || shape.output_plane() == 0) return;
  const ImageLayout<T> layout(shape, true, extras.room);
  const Index channels = shape.group_channels(), outputs = shape.group_outputs(), taps = channels * shape.taps();
  const Scratch<Index> tables(2 * taps);
  Index *const offsets = tables.data(), *const order = offsets + taps;
  layout.offsets(channels, shape.taps(), offsets);
  std::iota(order, order + taps, Index{0});
  const Correlation<T> one(outputs, channels, taps, offsets, shape.rows.output(), shape.columns.output(),
                           layout.row_step);
  const GroupedCorrelation<T> work{one,     shape.groups,        channels * layout.channel_step, one.packed_size(),
                                   outputs, shape.output_plane()};
  const Scratch<T> packed(shape.groups * one.packed_size());
  for (Index g = 0; g < shape.groups; ++g)
    one.pack(weight + g * outputs * taps, taps, order, extras.scale != nullptr ? extras.scale + g * outputs : nullptr,
             packed.data() + g * one.packed_size());
  const Index image_size = shape.channels * shape.input_plane(), result_size = shape.outputs * shape.output_plane();
  for_images(shape.images, shape.products(), [&](Index begin, Index end, int threads) {
    const Scratch<T> copy = Scratch<T>::zeros(layout.copied() ? layout.size() : 0);
    const Scratch<T> scratch = Scratch<T>(Correlation<T>::stage);
    for (Index n = begin; n < end; ++n) {
      const T* image = x + n * image_size;
      if (layout.copied()) {
        layout.copy(image, copy.data(), x + shape.images * image_size + (extras.room ? lane_width<T> - 1 : 0));
        image = copy.data();
      }
      work.run(image, packed.data(), extras, y + n * result_size, threads, scratch.data());
    }
  });
}

}}  // namespace eigengrad::EIGENGRAD_ABI
