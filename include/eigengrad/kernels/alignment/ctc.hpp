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
  using L = lane_t<S>;
  static constexpr Index width = lane_width<S>;

 public:
  /// log_probabilities [steps, batch, classes] -> loss [batch]. Where no alignment exists it is infinite, or 0 with
  /// `zero_infinity`.
  static void loss(const T* log_probabilities, const Sequences& sequences, bool zero_infinity, T* loss) {
    in_parallel(sequences, [&](Index n) {
      const Ctc example(log_probabilities, sequences, n, 2);
      for (Index t = 0; t < example.steps_; ++t) example.forward_step(t, example.row((t + 1) % 2), example.row(t % 2));
      const S total = example.total(example.row((example.steps_ + 1) % 2));
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
      const Index steps = sequences.input_lengths[n];
      if (steps == 0) return;
      const Ctc example(log_probabilities, sequences, n, steps + 2);
      for (Index t = 0; t < steps; ++t) example.forward_step(t, example.row(t > 0 ? t - 1 : 0), example.row(t));
      const S total = example.total(example.row(steps - 1));
      if (zero_infinity && plain_value(total) == lowest()) return;
      S *now = example.row(steps), *after = example.row(steps + 1);
      for (Index t = steps - 1; t >= 0; --t, std::swap(after, now)) {
        example.backward_step(t, after, now);
        // Of every state how likely it is; `after` is not needed any more.
        const S* const forward = example.row(t);
        for (Index s = 0; s < example.states_; s += width)
          lane::store<S>(after + s, exponential(L(lane::load(forward + s) + lane::load(now + s) - L(total))));
        T* const target = dlog + (t * sequences.batch + n) * sequences.classes;
        for (Index s = 0; s < example.states_; ++s) {
          T& number = target[example.labels()[s]];
          number = number - dloss[n] * static_cast<T>(after[s]);
        }
        example.close(after);
      }
    });
  }

 private:
  static constexpr Index margin = 2;  // places of no probability before and behind a row of states

  /// A target of n classes has 2 n + 1 states: a blank before each class, and one behind the last. `rows` rows of
  /// logarithms of states' probabilities are made, of no probability.
  Ctc(const T* log_probabilities, const Sequences& sequences, Index n, Index rows)
      : numbers_(log_probabilities + n * sequences.classes),
        step_(sequences.batch * sequences.classes),
        states_(2 * sequences.target_lengths[n] + 1),
        steps_(sequences.input_lengths[n]),
        row_((states_ + width - 1) / width * width + 2 * margin),
        memory_(bytes_of_numbers((rows + 2) * row_, sizeof(S))),
        labels_(bytes_of_numbers(states_, sizeof(Index))) {
    std::fill_n(static_cast<S*>(memory_.data()), (rows + 2) * row_, S(lowest()));
    const std::int64_t* const targets = sequences.targets + sequences.offsets[n];
    for (Index s = 0; s < states_; ++s) {
      labels()[s] = s % 2 == 0 ? sequences.blank : static_cast<Index>(targets[s / 2]);
      // The blank between two classes may be left out unless they are equal.
      if (s % 2 == 1 && s >= 3 && labels()[s] != labels()[s - 2]) skips()[s] = S(0);
    }
  }

  template <class Body>
  static void in_parallel(const Sequences& sequences, const Body& body) {
    const bool large = sequences.steps * sequences.batch >= 512;
    parallel_for(sequences.batch, large ? team_size() : 1, body);
  }
  static constexpr plain_t<S> lowest() { return -std::numeric_limits<plain_t<S>>::infinity(); }

  /// exp(x), 0 where that is hardly a number: processors take long over denormal ones.
  EIGENGRAD_INLINE static L exponential(const L& x) {
    if constexpr (is_lane<L>) {
      return math::select(x < L(-700), L(0), math::exp(math::clamp(x, -700, 700)));
    } else {
      using math::exp;
      return exp(x);
    }
  }
  /// log(exp(a) + exp(b) + exp(c)).
  EIGENGRAD_INLINE static L log_of_sum(const L& a, const L& b, const L& c) {
    if constexpr (is_lane<L>) {
      const L larger = math::select(a > b, a, b), largest = math::select(larger > c, larger, c), none(lowest());
      // Beside 1 what is smaller than exp(-64) does not count.
      const L sum = (math::exp(math::clamp(a - largest, -64, 0)) + math::exp(math::clamp(b - largest, -64, 0))) +
                    math::exp(math::clamp(c - largest, -64, 0));
      return math::select(a == none && b == none && c == none, none, largest + math::log(sum));
    } else {
      using math::log;
      const auto x = plain_value(a), y = plain_value(b), z = plain_value(c);
      if (x == lowest() && y == lowest() && z == lowest()) return a;
      const auto larger = x > y ? x : y, largest = larger > z ? larger : z;
      L sum(0);
      for (const L* each : {&a, &b, &c})
        if (plain_value(*each) != lowest()) sum = sum + exponential(L(*each - L(largest)));
      return L(largest) + log(sum);
    }
  }

  /// The logarithm of the sum over all ways to be in each state after step t.
  void forward_step(Index t, const S* before, S* now) const {
    read(t);
    for (Index s = 0; s < states_; s += width) {
      L ways = t > 0 ? log_of_sum(lane::load(before + s), lane::load(before + s - 1),
                                  L(lane::load(before + s - 2) + lane::load(skips() + s)))
                     : L(lowest());
      lane::store<S>(now + s, L(ways + lane::load(probabilities() + s)));
    }
    for (Index s = 0; t == 0 && s < (std::min)(states_, Index{2}); ++s) now[s] = probabilities()[s];
  }
  /// The same of all ways from each state after step t to the end. Overwrites `after`.
  void backward_step(Index t, S* after, S* now) const {
    if (t + 1 == steps_) {
      std::fill_n(now, states_, S(lowest()));
      std::fill_n(now + (std::max)(Index{0}, states_ - 2), (std::min)(states_, Index{2}), S(0));
      return;
    }
    read(t + 1);
    for (Index s = 0; s < states_; s += width)
      lane::store<S>(after + s, L(lane::load(after + s) + lane::load(probabilities() + s)));
    for (Index s = 0; s < states_; s += width)
      lane::store<S>(now + s, log_of_sum(lane::load(after + s), lane::load(after + s + 1),
                                         L(lane::load(after + s + 2) + lane::load(skips() + s + 2))));
    close(now);
  }
  /// Puts back what a row's last lane wrote behind its states.
  void close(S* row) const { std::fill(row + states_, row + row_ - margin, S(lowest())); }
  /// The probabilities of all states' classes at step t.
  void read(Index t) const {
    const T* const from = numbers_ + t * step_;
    for (Index s = 0; s < states_; ++s) probabilities()[s] = S(from[labels()[s]]);
  }
  S total(const S* last) const {
    if (steps_ == 0) return states_ == 1 ? S(0) : S(lowest());
    S two[extent(width)];
    const S before_last = states_ == 1 ? S(lowest()) : last[states_ - 2];
    lane::store<S>(two, log_of_sum(L(last[states_ - 1]), L(before_last), L(lowest())));
    return two[0];
  }

  S* row(Index r) const { return static_cast<S*>(memory_.data()) + (r + 2) * row_ + margin; }
  S* skips() const { return row(-2); }
  S* probabilities() const { return row(-1); }
  Index* labels() const { return static_cast<Index*>(labels_.data()); }

  const T* numbers_;
  Index step_, states_, steps_, row_;
  Block memory_, labels_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::alignment
