#pragma once

#include <limits>

#include "../../autograd/engine/joint.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../kernels/alignment/ctc.hpp"
#include "../../ops/arithmetic.hpp"
#include "../../ops/cast.hpp"
#include "../../ops/index.hpp"
#include "../../ops/join.hpp"
#include "../../ops/softmax.hpp"
#include "../../ops/sum.hpp"
#include "../../ops/where.hpp"
#include "loss.hpp"

// Connectionist temporal classification: a sequence beside a shorter one, where nobody says what belongs to what.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of ctc_loss. `mean` divides each loss by its target's length before it takes the mean over the batch;
/// `batch_mean` is the mean of the losses. With zero_infinity a target that is too long for its input counts 0.
struct CtcOptions {
  Index blank = 0;
  Reduction reduction = Reduction::mean;
  bool zero_infinity = false;
};

/// The targets of a batch: [n, longest], or one after another in [sum of lengths].
struct CtcBatch {
  Shape numbers;  // [steps, n, classes]
  Index blank;
  bool zero_infinity;
  Location where;

  Index steps() const { return numbers[0]; }
  Index size() const { return numbers[1]; }
  /// Throws IndexError and ValueError for lengths and classes that are out of range. Writes where each target begins.
  alignment::Sequences sequences(const Tensor<std::int64_t>& targets, const Tensor<std::int64_t>& input_lengths,
                                 const Tensor<std::int64_t>& target_lengths, std::int64_t* offsets) const {
    const char* const name = "ctc_loss";
    const std::int64_t *const labels = kernel_access(targets).numbers(),
                              *const lengths = kernel_access(target_lengths).numbers(),
                              *const inputs = kernel_access(input_lengths).numbers();
    const bool padded = targets.rank() == 2;
    Index next = 0;
    for (Index n = 0; n < size(); ++n) {
      require<ValueError>(inputs[n] >= 0 && inputs[n] <= steps(), name, ": input length ", inputs[n], " of example ", n,
                          " is not within 0 and the ", steps(), " steps of ", numbers, where);
      require<ValueError>(lengths[n] >= 0 && lengths[n] <= (padded ? targets.shape()[1] : targets.size() - next), name,
                          ": target length ", lengths[n], " of example ", n, " does not fit the targets ",
                          targets.shape(), where);
      offsets[n] = padded ? n * targets.shape()[1] : next;
      next += lengths[n];
      for (Index k = 0; k < lengths[n]; ++k) {
        const std::int64_t label = labels[offsets[n] + k];
        require<IndexError>(label >= 0 && label < numbers[2] && label != blank, name, ": target ", label,
                            " at position ", k, " of example ", n, " is the blank, or outside 0 to ", numbers[2] - 1,
                            where);
      }
    }
    require<ShapeError>(padded || next == targets.size(), name, ": the target lengths sum to ", next,
                        ", the targets are ", targets.shape(), ": give as many", where);
    return {labels, offsets, lengths, inputs, steps(), size(), numbers[2], blank};
  }
};

/// The same losses by recorded operations, step after step, for who differentiates the gradient again: of every order,
/// and slow.
template <class T>
Tensor<T> ctc_by_steps(const Tensor<T>& x, const CtcBatch& batch, const Tensor<std::int64_t>& targets,
                       const Tensor<std::int64_t>& input_lengths, const Tensor<std::int64_t>& target_lengths) {
  const T impossible(-std::numeric_limits<plain_t<T>>::infinity());
  const Index steps = batch.steps(), n = batch.size();
  // A step that is replayed may come with other lengths.
  Index longest = targets.rank() == 2 ? targets.shape()[1] : targets.size();
  if (thread_state().replay_plan == nullptr) {
    longest = 0;
    for (const std::int64_t length : kernel_access(target_lengths).number_span())
      longest = (std::max)(longest, static_cast<Index>(length));
  }
  const Index states = 2 * longest + 1;
  // Per example and state: its class at every step; 0 or -infinity where a sequence may begin, may leave out a blank,
  // may end; and per example and step whether it goes on.
  const Tensor<T> start = Tensor<T>::empty({n, states}), skip = Tensor<T>::empty({n, states}),
                  end = Tensor<T>::empty({n, states}), goes_on = Tensor<T>::empty({steps, n, 1}),
                  without_steps = Tensor<T>::empty({n});
  const auto lay_out = [=](std::int64_t* classes, const Tensor<std::int64_t>& all, const Tensor<std::int64_t>& inputs,
                           const Tensor<std::int64_t>& lengths, T* starts, T* skips, T* ends, T* on, T* none) {
    Tensor<std::int64_t> offsets = Tensor<std::int64_t>::empty({n});
    const alignment::Sequences of = batch.sequences(all, inputs, lengths, kernel_access(offsets).shared_data());
    for (Index e = 0; e < n; ++e) {
      const Index last = 2 * of.target_lengths[e];
      const auto class_of = [&](Index s) {
        return s % 2 == 0 || s > last ? std::int64_t{batch.blank} : of.targets[of.offsets[e] + s / 2];
      };
      for (Index s = 0; s < states; ++s) {
        for (Index t = 0; t < steps; ++t) classes[(t * n + e) * states + s] = class_of(s);
        starts[e * states + s] = s < 2 && s <= last ? T(0) : impossible;
        skips[e * states + s] = s % 2 == 1 && s >= 3 && s < last && class_of(s) != class_of(s - 2) ? T(0) : impossible;
        ends[e * states + s] = s == last || s + 1 == last ? T(0) : impossible;
      }
      for (Index t = 0; t < steps; ++t) on[t * n + e] = t < of.input_lengths[e] ? T(1) : T(0);
      none[e] = of.input_lengths[e] > 0 ? T(1) : last == 0 ? T(0) : -impossible;
    }
  };
  const auto classes = compute_values<std::int64_t>(
      "ctc_loss", {steps, n, states}, lay_out, targets, input_lengths, target_lengths, extra_output(start),
      extra_output(skip), extra_output(end), extra_output(goes_on), extra_output(without_steps));
  const Tensor<T> emitted = gather(x, 2, classes);
  const auto nothing = compute_values<T>("ctc_loss", {n, 1}, [=](T* to) { std::fill_n(to, n, impossible); });
  Tensor<T> ways = select(emitted, 0, 0) + start;
  for (Index t = 1; t < steps; ++t) {
    const Tensor<T> by_one = concatenate({nothing, slice(ways, 1, 0, states - 1)}, 1);
    std::vector<Tensor<T>> all{ways, by_one};
    if (states > 2) all.push_back(concatenate({nothing, nothing, slice(ways, 1, 0, states - 2)}, 1) + skip);
    const Tensor<T> next = log_sum_exp(stack(all), 0) + select(emitted, 0, t);
    ways = where(select(goes_on, 0, t) > 0, next, ways);
  }
  const Tensor<T> losses = where(input_lengths > 0, -log_sum_exp(ways + end, 1), without_steps);
  return batch.zero_infinity ? Tensor<T>(where(losses == -impossible, 0, losses)) : losses;
}

/// -log of the probability of targets under logarithms of probabilities [steps, n, classes] (behind a LogSoftmax), all
/// alignments summed in log space. Targets: [n, longest], or all one after another; lengths: [n]. -> [n] before it is
/// brought together. Gradient: the true derivative. Graves, Fernandez, Gomez, Schmidhuber, 2006.
template <Expression P>
auto ctc_loss(const P& log_probabilities, const Tensor<std::int64_t>& targets,
              const Tensor<std::int64_t>& input_lengths, const Tensor<std::int64_t>& target_lengths,
              CtcOptions options = {}, Location where = Location::current()) {
  using T = typename P::Element;
  const char* const name = "ctc_loss";
  const Tensor<T>& x = log_probabilities.to_tensor();
  const Shape& shape = x.shape();
  require<ShapeError>(
      shape.rank() == 3 && (targets.rank() == 1 || (targets.rank() == 2 && targets.shape()[0] == shape[1])), name,
      ": the logarithms are ", shape, ", the targets are ", targets.shape(),
      ": give [steps, n, classes], and targets [n, longest] or one after another", where);
  require<ShapeError>(input_lengths.shape() == Shape{shape[1]} && target_lengths.shape() == Shape{shape[1]}, name,
                      ": the logarithms are ", shape, ", the lengths are ", input_lengths.shape(), " and ",
                      target_lengths.shape(), ": give one of each for every example", where);
  require<ValueError>(options.blank >= 0 && options.blank < shape[2], name, ": the blank ", options.blank,
                      " is no class of ", shape, ": use 0 to ", shape[2] - 1, where);
  require<ShapeError>(shape[0] > 0, name, ": the logarithms are ", shape, ": there must be at least one step", where);
  const CtcBatch batch{shape, options.blank, options.zero_infinity, where};
  const auto run = [batch](T* to, std::span<const Tensor<T>> operands, const Tensor<std::int64_t>& all,
                           const Tensor<std::int64_t>& inputs, const Tensor<std::int64_t>& lengths) {
    Tensor<std::int64_t> offsets = Tensor<std::int64_t>::empty({batch.size()});
    alignment::Ctc<T>::loss(kernel_access(operands[0]).numbers(),
                            batch.sequences(all, inputs, lengths, kernel_access(offsets).shared_data()),
                            batch.zero_infinity, to);
  };
  const auto back = [=](const Tensor<T>& dy, const std::array<bool, 1>&) {
    const auto slopes_of = [batch](T* to, const Tensor<T>& upstream, const Tensor<T>& numbers,
                                   const Tensor<std::int64_t>& all, const Tensor<std::int64_t>& inputs,
                                   const Tensor<std::int64_t>& lengths) {
      Tensor<std::int64_t> offsets = Tensor<std::int64_t>::empty({batch.size()});
      alignment::Ctc<T>::gradient(kernel_access(numbers).numbers(),
                                  batch.sequences(all, inputs, lengths, kernel_access(offsets).shared_data()),
                                  batch.zero_infinity, kernel_access(upstream).numbers(), to);
    };
    return std::array{
        compute_values<T>("ctc_loss", batch.numbers, slopes_of, dy, x, targets, input_lengths, target_lengths)};
  };
  const auto composed = [=](std::span<const Tensor<T>> operands) {
    return ctc_by_steps(operands[0], batch, targets, input_lengths, target_lengths);
  };
  const Tensor<T> losses =
      compute<T>({name, where}, Shape{shape[1]}, run, with_respect_to_all(std::array{Tensor<T>(x)}, back, composed),
                 targets, input_lengths, target_lengths);
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::mean)
    return reduce_loss("ctc_loss", losses / cast<T>(maximum(target_lengths, 1)), options.reduction, where);
  return reduce_loss("ctc_loss", losses, options.reduction, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
