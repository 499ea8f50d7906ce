#pragma once

#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../ops/activations.hpp"
#include "../../ops/cast.hpp"
#include "../../ops/functions.hpp"
#include "../../ops/index.hpp"
#include "../../ops/statistics.hpp"
#include "../../ops/where.hpp"
#include "cross_entropy.hpp"
#include "loss.hpp"

// Losses that ask for a margin: between scores, distances, or the cosines of angles. Where a margin is just kept,
// gradients are PyTorch's.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Targets 1 and -1 of the shape that the loss wants, whole numbers or not, as T.
template <class T, Expression Q>
Tensor<T> signs_of(const char* loss, const Q& target, const Shape& shape, const Location& where) {
  using U = typename Q::Element;
  const Tensor<U>& signs = target.to_tensor();
  require<ShapeError>(signs.shape() == shape, loss, ": the target is ", signs.shape(), ", where ", shape,
                      " is needed: give 1 or -1 for each", where);
  for (const U sign : kernel_access(signs).number_span())
    require<ValueError>(sign == U(1) || sign == U(-1), loss, ": a target is ", static_cast<double>(plain_value(sign)),
                        ": give 1 or -1", where);
  if constexpr (std::is_same_v<T, U>)
    return signs;
  else
    return cast<T>(signs);
}

/// Settings of the losses below that have a margin alone.
struct MarginOptions {
  double margin = 0;
  Reduction reduction = Reduction::batch_mean;
};

/// 1 - cos(a, b) for pairs that belong together (target 1), max(0, cos(a, b) - margin) for others (-1): a and b
/// [n, features] and target [n], or [features] and []. -> [n] before it is brought together.
template <Expression A, Expression B, Expression Q>
auto cosine_embedding_loss(const A& a, const B& b, const Q& target, MarginOptions options = {},
                           Location where = Location::current()) {
  using T = scalar_of<A, B>;
  const char* const name = "cosine_embedding_loss";
  const Tensor<T>& x = tensor_of<T>(a);
  const Tensor<T>& y = tensor_of<T>(b);
  require<ShapeError>(x.rank() >= 1 && x.shape() == y.shape(), name, ": the pairs are ", x.shape(), " and ", y.shape(),
                      ": give two of [n, features]", where);
  const Tensor<T> signs = signs_of<T>(name, target, x.shape().without(x.rank() - 1), where);
  constexpr double tiny = 1e-12;  // PyTorch's
  const Tensor<T> cosine = sum(x * y, -1) / sqrt((sum(square(x), -1) + tiny) * (sum(square(y), -1) + tiny));
  return reduce_loss("cosine_embedding_loss",
                     eigengrad::where(signs > 0, 1 - cosine, maximum(cosine - options.margin, 0)), options.reduction,
                     where);
}

/// max(0, margin - y (a - b)): a should be ranked above b where the target y is 1, below it where it is -1; all of one
/// shape.
template <Expression A, Expression B, Expression Q>
auto margin_ranking_loss(const A& a, const B& b, const Q& target, MarginOptions options = {},
                         Location where = Location::current()) {
  using T = scalar_of<A, B>;
  const char* const name = "margin_ranking_loss";
  require_same_shape(name, a.shape(), b.shape(), where);
  const Tensor<T> signs = signs_of<T>(name, target, a.shape(), where);
  return reduce_loss("margin_ranking_loss", maximum(options.margin - signs * (a - b), 0), options.reduction, where);
}

/// A distance x where the target is 1, max(0, margin - x) where it is -1; of one shape.
template <Expression P, Expression Q>
auto hinge_embedding_loss(const P& prediction, const Q& target, MarginOptions options = {.margin = 1},
                          Location where = Location::current()) {
  using T = typename P::Element;
  const char* const name = "hinge_embedding_loss";
  const Tensor<T>& x = prediction.to_tensor();
  const Tensor<T> signs = signs_of<T>(name, target, x.shape(), where);
  return reduce_loss("hinge_embedding_loss", eigengrad::where(signs > 0, x, maximum(options.margin - x, 0)),
                     options.reduction, where);
}

/// log(1 + exp(-y x)) of scores x and targets y = 1 or -1, of one shape; does not overflow.
template <Expression P, Expression Q>
auto soft_margin_loss(const P& prediction, const Q& target, Reduction reduction = Reduction::batch_mean,
                      Location where = Location::current()) {
  using T = typename P::Element;
  const char* const name = "soft_margin_loss";
  const Tensor<T> signs = signs_of<T>(name, target, prediction.shape(), where);
  return reduce_loss("soft_margin_loss", softplus(-(signs * prediction)), reduction, where);
}

/// Settings of triplet_margin_loss: distances are p-norms of differences, to which epsilon is added; with `swap` the
/// negative is measured from the positive where that is nearer.
struct TripletMarginOptions {
  double margin = 1;
  double p = 2;
  double epsilon = 1e-6;
  bool swap = false;
  Reduction reduction = Reduction::batch_mean;
};
/// The p-norms of the rows of a - b + epsilon: [n, features] -> [n].
template <class T>
Tensor<T> distances(const Tensor<T>& a, const Tensor<T>& b, double p, double epsilon) {
  if (p == 2) return norm(a - b + epsilon, -1);
  if (p == 1) return sum(abs(a - b + epsilon), -1);
  return pow(sum(pow(abs(a - b + epsilon), p), -1), 1 / p);
}
/// max(0, |anchor - positive| - |anchor - negative| + margin), of three [n, features] or [features]. Balntas, Riba,
/// Ponsa, Mikolajczyk: Learning local feature descriptors with triplets and shallow convolutional networks, 2016.
template <Expression A, Expression P, Expression N>
auto triplet_margin_loss(const A& anchor, const P& positive, const N& negative, TripletMarginOptions options = {},
                         Location where = Location::current()) {
  using T = scalar_of<A, P, N>;
  const char* const name = "triplet_margin_loss";
  const Tensor<T>& a = tensor_of<T>(anchor);
  const Tensor<T>& p = tensor_of<T>(positive);
  const Tensor<T>& n = tensor_of<T>(negative);
  require<ShapeError>(a.rank() >= 1 && a.shape() == p.shape() && a.shape() == n.shape(), name, ": the anchor is ",
                      a.shape(), ", the positive is ", p.shape(), ", the negative is ", n.shape(),
                      ": give three of [n, features]", where);
  require<ValueError>(options.p > 0 && options.margin > 0, name, ": p = ", options.p, " and margin = ", options.margin,
                      " must be positive", where);
  Tensor<T> to_negative = distances(a, n, options.p, options.epsilon);
  if (options.swap) to_negative = minimum(to_negative, distances(p, n, options.p, options.epsilon));
  return reduce_loss("triplet_margin_loss",
                     maximum(distances(a, p, options.p, options.epsilon) - to_negative + options.margin, 0),
                     options.reduction, where);
}

/// Settings of multi_margin_loss: the margin, its power p, 1 or 2, and a factor for each class, or none.
template <class T>
struct MultiMarginOptions {
  double margin = 1;
  int p = 1;
  Tensor<plain_t<T>> weight = {};
  Reduction reduction = Reduction::batch_mean;
};
/// sum of max(0, margin - x_y + x_j)^p over the classes j other than the label y, divided by the number of classes:
/// scores [n, classes] and labels [n] -> [n] before it is brought together. Throws IndexError for a label out of range.
template <Expression P>
auto multi_margin_loss(const P& scores, const Tensor<std::int64_t>& labels,
                       const MultiMarginOptions<std::type_identity_t<typename P::Element>>& options = {},
                       Location where = Location::current()) {
  using T = typename P::Element;
  const char* const name = "multi_margin_loss";
  const Tensor<T>& x = scores.to_tensor();
  require_labels_of(name, x.shape(), labels.shape(), where);
  require_labels(name, x.shape(), labels, where);
  require<ValueError>(options.p == 1 || options.p == 2, name, ": p = ", options.p, " must be 1 or 2", where);
  const Index n = x.shape()[0], classes = x.shape()[1];
  require<ShapeError>(options.weight.shape() == Shape::empty() || options.weight.shape() == Shape{classes}, name,
                      ": the scores are ", x.shape(), ", the weights are ", options.weight.shape(),
                      ": give one for each class", where);
  const Tensor<T> own = gather(x, 1, reshape(labels, {n, 1}), where), others = 1 - one_hot_rows<T>(x.shape(), labels);
  const Tensor<T> missing = options.margin - own + x;
  Tensor<T> terms = eigengrad::where(missing > 0, missing, 0) * others;
  if (options.p == 2) terms = square(terms);
  terms = sum(terms, 1) / static_cast<double>(classes);
  if (options.weight.size() > 0) terms = terms * cast<T>(index_select(options.weight.detach(), 0, labels, where));
  return reduce_loss("multi_margin_loss", terms, options.reduction, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
