#pragma once

#include "../../core/dual.hpp"
#include "../run_sums.hpp"
#include "embedding.hpp"

// Sums, means or maxima of bags of a table's rows: bag b has the indices from offsets[b] up to the next bag's, or to
// the end. A bag of nothing gives zeros. Rows numbered `padding` (-1: none) are not in any bag.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace lookup {

struct Bags {
  const std::int64_t *indices, *offsets;
  Index count, bags;  // how many indices, how many offsets
  Index padding = -1;

  Index begin(Index bag) const { return offsets[bag]; }
  Index end(Index bag) const { return bag + 1 < bags ? offsets[bag + 1] : count; }
  /// How many rows a bag has.
  Index rows_in(Index bag) const {
    Index result = 0;
    for (Index i = begin(bag); i < end(bag); ++i) result += indices[i] != padding ? 1 : 0;
    return result;
  }
  /// The first offset that is smaller than the one before, or beyond the indices, or not 0 as the first; -1 if none.
  Index first_wrong_offset() const {
    for (Index b = 0; b < bags; ++b)
      if (b == 0 ? offsets[b] != 0 : offsets[b] < offsets[b - 1] || offsets[b] > count) return b;
    return -1;
  }
};

/// What a bag's rows are multiplied by: 1, or in a mean 1 / their number.
template <class T>
EIGENGRAD_INLINE T share_of_row(const Bags& bags, Index bag, bool mean) {
  if (!mean) return T(1);
  const Index rows = bags.rows_in(bag);
  return T(1) / T(static_cast<plain_t<T>>(rows == 0 ? 1 : rows));
}

/// y[b] = sum, or mean, of the bag's rows, each times its weight (null: 1); table [rows, size] -> y [bags, size].
template <class T>
EIGENGRAD_OUTLINE void sum_bags(const T* table, const Bags& bags, const std::type_identity_t<T>* weights, bool mean,
                                Index size, T* y) {
  parallel_ranges(bags.bags, 1, (Index{1} << 15) / (size + 1) + 1, [&](Index from, Index to) {
    for (Index b = from; b < to; ++b) {
      T* const sum = y + b * size;
      std::fill_n(sum, size, T(0));
      const Index begin = bags.begin(b), end = bags.end(b);
      const bool many = end - begin > few_numbers;
      const Totals<T> totals = many ? Totals<T>(1, size) : Totals<T>();
      for (Index i = begin; i < end; ++i) {
        if (bags.indices[i] != bags.padding)
          weights == nullptr ? add_numbers(table + bags.indices[i] * size, size, sum)
                             : add_scaled(table + bags.indices[i] * size, weights[i], size, sum);
        if (many && (i - begin) % sum_run == sum_run - 1) totals.take_numbers(0, sum, size);
      }
      if (many) totals.add_to(sum, 0, size);
      if (!mean) continue;
      const T rows(static_cast<plain_t<T>>((std::max)(Index{1}, bags.rows_in(b))));
      for (Index j = 0; j < size; ++j) sum[j] = sum[j] / rows;
    }
  });
}
/// Its gradient: dy [bags, size] -> dtable [rows, size], written whole, in the order of the indices.
template <class T>
EIGENGRAD_OUTLINE void sum_bags_gradient(const T* dy, const Bags& bags, const std::type_identity_t<T>* weights,
                                         bool mean, Index rows, Index size, T* dtable) {
  for_parts_of_table(rows, bags.count * size + rows * size / 4, [&](Index from, Index to) {
    std::fill(dtable + from * size, dtable + to * size, T(0));
    OftenMet<T> met(from, to, size, dtable);
    for (Index b = 0; b < bags.bags; ++b) {
      const T share = share_of_row<T>(bags, b, mean);
      for (Index i = bags.begin(b); i < bags.end(b); ++i)
        if (const Index r = bags.indices[i]; r >= from && r < to && r != bags.padding) {
          // A full row gathers a run of one, and hands it over.
          const bool full = met.is_full(r);
          const Totals<T>* const totals = full ? &met.totals(r) : nullptr;
          add_scaled(dy + b * size, weights == nullptr ? share : T(share * weights[i]), size, dtable + r * size);
          if (full) totals->take_numbers(0, dtable + r * size, size);
        }
    }
    met.end();
  });
}
/// The gradient with respect to the weights of a sum's rows: dweights[i] = dy[bag] . table[indices[i]].
template <class T>
EIGENGRAD_OUTLINE void bag_weights_gradient(const T* table, const T* dy, const Bags& bags, Index size, T* dweights) {
  for (Index b = 0; b < bags.bags; ++b)
    for (Index i = bags.begin(b); i < bags.end(b); ++i) {
      T sum(0);
      if (bags.indices[i] != bags.padding)
        for (Index j = 0; j < size; ++j) sum = sum + dy[b * size + j] * table[bags.indices[i] * size + j];
      dweights[i] = sum;
    }
}

/// y[b][j] = the largest of the bag's rows' numbers j, and in winners [bags, size] which row has it, -1 in an empty
/// bag. The first of equals counts; NaN beats all.
template <class T>
EIGENGRAD_OUTLINE void max_bags(const T* table, const Bags& bags, Index size, T* y, std::int64_t* winners) {
  parallel_ranges(bags.bags, 1, (Index{1} << 15) / (size + 1) + 1, [&](Index from, Index to) {
    for (Index b = from; b < to; ++b) {
      T* const best = y + b * size;
      std::int64_t* const rows = winners + b * size;
      std::fill_n(best, size, T(0));
      std::fill_n(rows, size, std::int64_t{-1});
      for (Index i = bags.begin(b); i < bags.end(b); ++i) {
        const std::int64_t r = bags.indices[i];
        if (r == bags.padding) continue;
        const T* const row = table + r * size;
        for (Index j = 0; j < size; ++j) {
          const auto number = plain_value(row[j]), before = plain_value(best[j]);
          if (rows[j] < 0 || number > before || (number != number && before == before)) {
            best[j] = row[j];
            rows[j] = r;
          }
        }
      }
    }
  });
}
/// Its gradient: dy [bags, size] -> dtable [rows, size], written whole, bag after bag.
template <class T>
EIGENGRAD_OUTLINE void max_bags_gradient(const T* dy, const std::int64_t* winners, Index bags, Index rows, Index size,
                                         T* dtable) {
  for_parts_of_table(rows, bags * size + rows * size / 4, [&](Index from, Index to) {
    std::fill(dtable + from * size, dtable + to * size, T(0));
    OftenMet<T> met(from * size, to * size, 1, dtable);
    for (Index k = 0; k < bags * size; ++k)
      if (const Index r = winners[k]; r >= from && r < to) {
        const Index place = r * size + k % size;
        if (met.is_full(place))
          met.totals(place).add(0, Sum<T>(dy[k]));
        else
          dtable[place] = dtable[place] + dy[k];
      }
    met.end();
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::lookup
