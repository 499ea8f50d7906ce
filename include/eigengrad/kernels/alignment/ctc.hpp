#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "../../simd/math.hpp"
#include "../sums.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace alignment {

/// What a batch is aligned with: example n has targets [offsets[n], offsets[n] + target_lengths[n]), and counts its
/// first input_lengths[n] steps. All targets lie in [0, classes) and are not the blank.
struct Sequences {
  const std::int64_t *targets, *offsets, *target_lengths, *input_lengths;
  Index steps, batch, classes;
  Index blank = 0;
};

/// -log of the probability that a sequence of classes, blanks and repetitions taken out, is the target: summed over all
/// alignments in log space. Graves, Fernandez, Gomez, Schmidhuber: Connectionist temporal classification, 2006.
template <class T>
class Ctc {
  using S = Total<T>;  // sums of logarithms over many steps

 public:
  /// log_probabilities [steps, batch, classes] -> loss [batch]. Where no alignment exists it is infinite, or 0 with
  /// `zero_infinity`.
  static void loss(const T* log_probabilities, const Sequences& sequences, bool zero_infinity, T* loss) {
    in_parallel(sequences, [&](Index n) {
      const Ctc example(log_probabilities, sequences, n);
      const Block memory(bytes_of_numbers(2 * example.states_, sizeof(S)));
      S *before = static_cast<S*>(memory.data()), *now = before + example.states_;
      for (Index t = 0; t < example.steps_; ++t, std::swap(before, now)) example.forward_step(t, before, now);
      const S total = example.total(before);
      loss[n] = zero_infinity && plain_value(total) == lowest() ? T(0) : static_cast<T>(S(0) - total);
    });
  }
  /// The derivative: dlog [steps, batch, classes], written whole, for upstream dloss [batch]. Where no alignment exists
  /// it is NaN, or 0 with `zero_infinity`; behind an example's steps it is 0.
  static void gradient(const T* log_probabilities, const Sequences& sequences, bool zero_infinity, const T* dloss,
                       T* dlog) {
    in_parallel(sequences, [&](Index n) {
      for (Index t = 0; t < sequences.steps; ++t)
        std::fill_n(dlog + (t * sequences.batch + n) * sequences.classes, sequences.classes, T(0));
      const Ctc example(log_probabilities, sequences, n);
      const Index states = example.states_, steps = example.steps_;
      if (steps == 0) return;
      const Block memory(bytes_of_numbers((steps + 2) * states, sizeof(S)));
      S* const forward = static_cast<S*>(memory.data());
      S *after = forward + steps * states, *now = after + states;
      for (Index t = 0; t < steps; ++t)
        example.forward_step(t, forward + (t > 0 ? t - 1 : 0) * states, forward + t * states);
      const S total = example.total(forward + (steps - 1) * states);
      const bool none = plain_value(total) == lowest();
      if (none && zero_infinity) return;
      for (Index t = steps - 1; t >= 0; --t, std::swap(after, now)) {
        example.backward_step(t, after, now);
        T* const row = dlog + (t * sequences.batch + n) * sequences.classes;
        for (Index s = 0; s < states; ++s) {
          const S chance = forward[t * states + s] + now[s];
          if (!none && plain_value(chance) == lowest()) continue;
          using math::exp;
          T& target = row[example.label(s)];
          target = target - dloss[n] * static_cast<T>(exp(S(chance - total)));
        }
      }
    });
  }

 private:
  /// A target of n classes has 2 n + 1 states: a blank before each class, and one behind the last.
  Ctc(const T* log_probabilities, const Sequences& sequences, Index n)
      : rows_(log_probabilities + n * sequences.classes),
        step_(sequences.batch * sequences.classes),
        targets_(sequences.targets + sequences.offsets[n]),
        states_(2 * sequences.target_lengths[n] + 1),
        steps_(sequences.input_lengths[n]),
        blank_(sequences.blank) {}

  template <class Body>
  static void in_parallel(const Sequences& sequences, const Body& body) {
    const bool large = sequences.steps * sequences.batch >= 512;
    parallel_for(sequences.batch, large ? team_size() : 1, body);
  }

  static constexpr plain_t<S> lowest() { return -std::numeric_limits<plain_t<S>>::infinity(); }
  Index label(Index state) const { return state % 2 == 0 ? blank_ : static_cast<Index>(targets_[state / 2]); }
  S log_probability(Index t, Index state) const { return S(rows_[t * step_ + label(state)]); }
  /// Whether the blank before a state may be left out: not between equal classes.
  bool may_skip_to(Index state) const { return state % 2 == 1 && state >= 3 && label(state) != label(state - 2); }

  /// log(exp(a) + exp(b)).
  static S add(const S& a, const S& b) {
    using math::exp;
    using math::log1p;
    if (plain_value(a) == lowest()) return b;
    if (plain_value(b) == lowest()) return a;
    const bool larger = plain_value(a) > plain_value(b);
    const S &high = larger ? a : b, &low = larger ? b : a;
    return high + log1p(S(exp(S(low - high))));
  }
  /// The logarithm of the sum over all ways to be in each state after step t.
  void forward_step(Index t, const S* before, S* now) const {
    for (Index s = 0; s < states_; ++s) {
      S ways(lowest());
      if (t == 0) {
        if (s < 2) ways = S(0);
      } else {
        ways = before[s];
        if (s > 0) ways = add(ways, before[s - 1]);
        if (may_skip_to(s)) ways = add(ways, before[s - 2]);
      }
      now[s] = plain_value(ways) == lowest() ? ways : S(ways + log_probability(t, s));
    }
  }
  /// The same of all ways from each state after step t to the end.
  void backward_step(Index t, const S* after, S* now) const {
    for (Index s = 0; s < states_; ++s) {
      if (t + 1 == steps_) {
        now[s] = s + 2 >= states_ ? S(0) : S(lowest());
        continue;
      }
      S ways = after[s] + log_probability(t + 1, s);
      if (s + 1 < states_) ways = add(ways, after[s + 1] + log_probability(t + 1, s + 1));
      if (s + 2 < states_ && may_skip_to(s + 2)) ways = add(ways, after[s + 2] + log_probability(t + 1, s + 2));
      now[s] = ways;
    }
  }
  S total(const S* last) const {
    if (steps_ == 0) return states_ == 1 ? S(0) : S(lowest());
    return states_ == 1 ? last[0] : add(last[states_ - 1], last[states_ - 2]);
  }

  const T* rows_;
  Index step_;
  const std::int64_t* targets_;
  Index states_, steps_, blank_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::alignment
