#pragma once

#include <optional>

#include "../../autograd/parameter.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/bags.hpp"
#include "../../ops/lookup.hpp"
#include "../module/init.hpp"
#include "../module/module.hpp"

// Tables of learned rows: one vector for each word, sign or category.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of Embedding. The row `padding_idx` starts as 0 and gets no gradient (negative: counted from the end).
/// A max_norm is refused: it would change the table while it is read.
struct EmbeddingOptions {
  std::optional<Index> padding_idx = {};
  std::optional<double> max_norm = {};
};
/// Settings of EmbeddingBag, as of embedding_bag, and as of Embedding.
struct EmbeddingBagLayerOptions {
  BagMode mode = BagMode::mean;
  std::optional<Index> padding_idx = {};
  bool include_last_offset = false;
  std::optional<double> max_norm = {};
};

/// The table that layers which look up have: its rows N(0, 1), but for that of padding, which is 0.
template <class T>
struct EmbeddingTable : Module<T> {
  void members(Members<T>& m) override { m("weight", weight); }

  Parameter<T> weight;

 protected:
  EIGENGRAD_COLD void refuse_norm(const std::optional<double>& max_norm) const {
    if (max_norm)
      fail<ValueError>(this->kind(), ": max_norm = ", *max_norm,
                       " would change the table while it is read, which no gradient follows: leave it out, and shorten "
                       "the rows after a step, by weight.set_value(...)");
  }
  EIGENGRAD_COLD void start(Index rows, Index features, std::optional<Index>& padding, Generator& generator) {
    require<ValueError>(rows >= 0 && features >= 0, this->kind(), ": sizes ", rows, " and ", features,
                        " must not be negative");
    const auto draw = [](const Shape& shape, double deviation, Generator& from) {
      return init::normal<T>(shape, 0, deviation, from);
    };
    weight.initialize_as({rows, features}, {draw, 1.0}, generator);
    if (!padding) return;
    padding = padding_row(this->kind().c_str(), padding, weight.shape(), {});
    Tensor<T> table = weight.value();
    std::fill_n(table.mutable_data() + *padding * features, features, T(0));
    weight.initialize(table);
  }
  EIGENGRAD_COLD void start(const Tensor<T>& rows, std::optional<Index>& padding, bool freeze) {
    require_table(this->kind().c_str(), rows.shape(), {});
    if (padding) padding = padding_row(this->kind().c_str(), padding, rows.shape(), {});
    weight = Parameter<T>(rows);
    weight.set_requires_grad(!freeze);
  }
};

/// A table of `count` rows of `features` learned numbers: table(indices) looks them up, [...] -> [..., features].
/// Starts N(0, 1). Throws IndexError for an index out of range, and says at which position.
template <class T>
class Embedding : public EmbeddingTable<T> {
 public:
  EIGENGRAD_COLD Embedding(Index count, Index features, EmbeddingOptions options = {},
                           Generator& generator = default_generator())
      : options_(options) {
    this->refuse_norm(options.max_norm);
    this->start(count, features, options_.padding_idx, generator);
  }
  /// A table of rows that are there already, [count, features]; with `freeze` they are not trained.
  EIGENGRAD_COLD static Embedding from_pretrained(const Tensor<T>& rows, bool freeze = true,
                                                  EmbeddingOptions options = {}) {
    Embedding result(0, 0, {.max_norm = options.max_norm});
    result.options_ = options;
    result.start(rows, result.options_.padding_idx, freeze);
    return result;
  }

  Tensor<T> operator()(const Tensor<std::int64_t>& indices, Location where = Location::current()) {
    return this->called_from(where,
                             [&] { return embedding(indices, this->weight, options_.padding_idx, calling_line()); });
  }
  std::string kind() const override { return "Embedding"; }
  std::optional<Index> padding_idx() const { return options_.padding_idx; }

 private:
  EmbeddingOptions options_;
};

/// The same for bags of rows, of which it gives the sum, the mean or the largest numbers: bags(indices) of [bags, n],
/// or bags(indices, offsets) of bags of any sizes, -> [bags, features]. An empty bag gives 0.
template <class T>
class EmbeddingBag : public EmbeddingTable<T> {
 public:
  EIGENGRAD_COLD EmbeddingBag(Index count, Index features, EmbeddingBagLayerOptions options = {},
                              Generator& generator = default_generator())
      : options_(options_of(options)) {
    this->refuse_norm(options.max_norm);
    this->start(count, features, options_.padding_idx, generator);
  }
  EIGENGRAD_COLD static EmbeddingBag from_pretrained(const Tensor<T>& rows, bool freeze = true,
                                                     EmbeddingBagLayerOptions options = {}) {
    EmbeddingBag result(0, 0, {.max_norm = options.max_norm});
    result.options_ = options_of(options);
    result.start(rows, result.options_.padding_idx, freeze);
    return result;
  }

  Tensor<T> operator()(const Tensor<std::int64_t>& indices, Location where = Location::current()) {
    return this->called_from(where, [&] { return embedding_bag(indices, this->weight, options_, calling_line()); });
  }
  Tensor<T> operator()(const Tensor<std::int64_t>& indices, const Tensor<std::int64_t>& offsets,
                       Location where = Location::current()) {
    return (*this)(indices, offsets, Tensor<T>(), where);
  }
  /// With what each index' row is multiplied by, in a sum.
  Tensor<T> operator()(const Tensor<std::int64_t>& indices, const Tensor<std::int64_t>& offsets,
                       const Tensor<T>& per_sample_weights, Location where = Location::current()) {
    return this->called_from(where, [&] {
      return embedding_bag(indices, this->weight, offsets, per_sample_weights, options_, calling_line());
    });
  }
  std::string kind() const override { return "EmbeddingBag"; }

 private:
  static EmbeddingBagOptions options_of(const EmbeddingBagLayerOptions& options) {
    return {options.mode, options.padding_idx, options.include_last_offset};
  }

  EmbeddingBagOptions options_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
