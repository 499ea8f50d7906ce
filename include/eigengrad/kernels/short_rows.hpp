#pragma once

#include "softmax_rows.hpp"

// Cross-entropy of few classes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Softmax cross-entropy of rows of few classes. Row by row most of a lane would lie idle, so the exponentials of many
/// rows are taken as one run of numbers, and their logarithms, too.
template <class T>
class ShortRows {
  static constexpr Index width = lane_width<T>, room = 1024, most_rows = 64;

 public:
  static constexpr Index most_classes = 4 * width;

  /// The sum of the rows' losses, log(sum(exp(x))) - x[label]; each in `loss` too unless null. `to`, unless null, gets
  /// the derivative times `scale`. Near 0 and 1 everything is made of what the other classes sum up to, so that no
  /// digit is lost. A row that holds infinity or NaN is left to `other(i)`, which gives its loss and writes its
  /// derivative.
  template <class Other>
  static Total<T> losses(const T* x, Index rows, Index classes, const std::int64_t* labels, T scale, T* to, T* loss,
                         const Other& other) {
    ShortRows block;
    Total<T> total(0);
    for (Index first = 0, end = 0; first < rows; first = end) {
      end = (std::min)(rows, first + (std::min)(most_rows, room / classes));
      block.exponentials(x + first * classes, end - first, classes);
      block.sums(x + first * classes, end - first, classes, labels + first, scale,
                 to == nullptr ? nullptr : to + first * classes);
      for (Index i = 0; i < end - first; ++i) {
        const T term = block.sound_[i] ? block.terms_[i] : other(first + i);
        if (loss != nullptr) loss[first + i] = term;
        total += term;
      }
    }
    return total;
  }

 private:
  void exponentials(const T* x, Index rows, Index classes) {
    T* next = numbers_;
    for (Index i = 0; i < rows; ++i, x += classes, next += classes) {
      T largest = x[0];
      for (Index j = 1; j < classes; ++j) largest = x[j] > largest ? x[j] : largest;
      shifts_[i] = largest;
      for (Index j = 0; j < classes; ++j) next[j] = x[j] - largest;
    }
    std::fill_n(next, width, T(0));
    for (T* at = numbers_; at < next; at += width) lane::store<T>(at, exp(lane::load(at)));
  }
  void sums(const T* x, Index rows, Index classes, const std::int64_t* labels, T scale, T* to) {
    T* e = numbers_;
    for (Index i = 0; i < rows; ++i, e += classes, x += classes) {
      const Index label = labels[i];
      const T here = e[label], distance = shifts_[i] - x[label];
      e[label] = T(0);
      Total<T> others(0);
      for (Index j = 0; j < classes; ++j) others += e[j];
      const Total<T> sum = others + here;
      // Beside the label another may be as large, from which it differs by a tangent.
      terms_[i] = static_cast<T>(distance == T(0) ? others + (here - Total<T>(1)) : sum - Total<T>(1));
      distances_[i] = distance;
      sound_[i] = sum - sum == Total<T>(0);
      if (to == nullptr || !sound_[i]) continue;
      const T factor = static_cast<T>(scale / sum);
      T* const row = to + i * classes;
      for (Index j = 0; j < classes; ++j) row[j] = e[j] * factor;
      row[label] = -static_cast<T>(others * factor);
    }
    for (Index i = 0; i < rows; i += width)
      lane::store<T>(terms_ + i, log1p(lane::load(terms_ + i)) + lane::load(distances_ + i));
  }

  T numbers_[extent(room + width)], shifts_[extent(most_rows)];
  T terms_[extent(most_rows)] = {}, distances_[extent(most_rows)] = {};
  bool sound_[extent(most_rows)];
};

}}  // namespace eigengrad::EIGENGRAD_ABI
