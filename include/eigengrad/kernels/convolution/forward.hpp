#pragma once

#include "../../core/threads.hpp"
#include "correlation.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// As many products are worth a second thread.
inline constexpr Index large_convolution = Index{1} << 20;

/// What convolves one group of one image: work, the layout of what it reads, and how large its parts are. The groups of
/// all images are so many pieces of work; each has its numbers copied just before.
template <class T>
struct GroupWork {
  Index images, groups, products;
  const ImageLayout<T>& layout;
  Index image_size, result_size, outputs;  // of one group
  bool room;

  /// body(image, group, place of the group's result, threads, scratch) for every group of every image; on several
  /// threads, or, of few, one after another with threads for each.
  template <class Body>
  void run(const T* x, T* result, const Body& body) const {
    const int threads = products >= large_convolution ? team_size() : 1;
    const Index units = images * groups;
    const T* const end = x + units * image_size + (room ? lane_width<T> - 1 : 0);
    const auto some = [&](Index from, Index to, int threads_each) {
      const Scratch<T> copy = Scratch<T>::zeros(layout.copied() ? layout.size() : 0), scratch(Correlation<T>::stage);
      for (Index u = from; u < to; ++u) {
        const T* image = x + u * image_size;
        if (layout.copied()) {
          layout.copy(image, copy.data(), end);
          image = copy.data();
        }
        body(image, u % groups, result + u * result_size, threads_each, scratch.data());
      }
    };
    if (threads == 1 || units < threads) return some(0, units, threads);
    const Index pieces = std::min<Index>(units, 4 * threads);
    parallel_for(pieces, threads, [&](Index p) { some(units * p / pieces, units * (p + 1) / pieces, 1); });
  }
};

/// One group's result: on one thread with `scratch`, on several with their own.
template <class T>
void run_correlation(const Correlation<T>& work, const T* image, const T* weights, const ConvolutionExtras<T>& extras,
                     T* result, Index plane, int threads, T* scratch) {
  const Index chunks = work.chunks();
  if (threads == 1) return work.run(image, weights, extras, result, plane, 0, chunks, true, scratch);
  const Index pieces = std::min<Index>(chunks, 4 * threads);
  parallel_for(pieces, threads, [&](Index p) {
    const Scratch<T> own(Correlation<T>::stage);
    work.run(image, weights, extras, result, plane, chunks * p / pieces, chunks * (p + 1) / pieces, false, own.data());
  });
}

/// The extras of one group of `outputs` channels.
template <class T>
ConvolutionExtras<T> extras_of(ConvolutionExtras<T> extras, Index group, Index outputs) {
  if (extras.bias != nullptr) extras.bias += group * outputs;
  if (extras.scale != nullptr) extras.scale += group * outputs;
  return extras;
}

/// y = x convolved with the weight (what is called so: the kernel is not turned round), with bias, scale and what
/// finishes it from `extras`. y is written whole. The bits do not depend on the number of threads.
template <class T>
void convolution_forward(const ConvolutionShape& shape, const T* x, const T* weight, T* y,
                         const ConvolutionExtras<T>& extras = {}) {
  if (shape.images == 0 || shape.output_plane() == 0) return;
  const ImageLayout<T> layout(shape.of_one_group(), true, extras.room);
  const Index channels = shape.group_channels(), outputs = shape.group_outputs(), taps = channels * shape.taps();
  const Scratch<Index> tables(2 * taps);
  Index *const offsets = tables.data(), *const order = offsets + taps;
  layout.offsets(channels, shape.taps(), offsets);
  std::iota(order, order + taps, Index{0});
  const Correlation<T> work(outputs, channels, taps, offsets, shape.rows.output(), shape.columns.output(),
                            layout.row_step);
  const Scratch<T> packed(shape.groups * work.packed_size());
  for (Index g = 0; g < shape.groups; ++g)
    work.pack(weight + g * outputs * taps, taps, order, extras_of(extras, g, outputs).scale,
              packed.data() + g * work.packed_size());
  const Index plane = shape.output_plane();
  const GroupWork<T> all{shape.images,    shape.groups, shape.products(), layout, channels * shape.input_plane(),
                         outputs * plane, outputs,      extras.room};
  all.run(x, y, [&](const T* image, Index group, T* result, int threads, T* scratch) {
    run_correlation(work, image, packed.data() + group * work.packed_size(), extras_of(extras, group, outputs), result,
                    plane, threads, scratch);
  });
}

}}  // namespace eigengrad::EIGENGRAD_ABI
