#pragma once

#include "../core/tensor.hpp"
#include "../nn/losses/loss.hpp"

// What fit, evaluate and diagnose take as a loss: eg::mse_loss and the others by name, or a function.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A loss as fit, evaluate and diagnose take it: a function of (prediction, targets), or one of the library's by its
/// name, as in fit(model, eg::mse_loss, ...): a mean over the batch. Refers to what it was made from.
template <class T, class Y>
class LossReference {
 public:
  using Function = Tensor<T>(const Tensor<T>& prediction, const Tensor<Y>& targets);
  using Named = Tensor<T>(const Tensor<T>& prediction, const Tensor<Y>& targets, Reduction, Location);
  using NamedWithDelta = Tensor<T>(const Tensor<T>& prediction, const Tensor<Y>& targets, double delta, Reduction,
                                   Location);

  template <class Loss>
    requires std::is_class_v<Loss>
  LossReference(const Loss& given)
      : object_(&given),
        call_([](const LossReference& self, const Tensor<T>& prediction, const Tensor<Y>& targets) -> Tensor<T> {
          return (*static_cast<const Loss*>(self.object_))(prediction, targets);
        }) {}
  LossReference(Function* loss)
      : function_(loss), call_([](const LossReference& self, const Tensor<T>& prediction, const Tensor<Y>& targets) {
          return self.function_(prediction, targets);
        }) {}
  LossReference(Named* loss, Location where = Location::current())
      : named_(loss),
        call_([](const LossReference& self, const Tensor<T>& prediction, const Tensor<Y>& targets) {
          return self.named_(prediction, targets, Reduction::batch_mean, self.where_);
        }),
        where_(where) {}
  LossReference(NamedWithDelta* loss, Location where = Location::current())
      : with_delta_(loss),
        call_([](const LossReference& self, const Tensor<T>& prediction, const Tensor<Y>& targets) {
          return self.with_delta_(prediction, targets, 1, Reduction::batch_mean, self.where_);
        }),
        where_(where) {}

  Tensor<T> operator()(const Tensor<T>& prediction, const Tensor<Y>& targets) const {
    return call_(*this, prediction, targets);
  }

 private:
  union {
    const void* object_;
    Function* function_;
    Named* named_;
    NamedWithDelta* with_delta_;
  };
  Tensor<T> (*call_)(const LossReference& self, const Tensor<T>& prediction, const Tensor<Y>& targets);
  Location where_ = {};
};
/// As a parameter from which nothing is deduced, so that a name of several functions can be given.
template <class T, class Y>
using LossArgument = std::type_identity_t<LossReference<T, Y>>;

}}  // namespace eigengrad::EIGENGRAD_ABI
