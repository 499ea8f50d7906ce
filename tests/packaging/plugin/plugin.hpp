// What a program and a shared library that it opens have between them.
#include <eigengrad/nn/activation.hpp>
#include <eigengrad/nn/linear.hpp>
#include <eigengrad/nn/loss.hpp>
#include <eigengrad/nn/sequential.hpp>
#include <eigengrad/optim/sgd.hpp>

namespace eg = eigengrad;

struct [[gnu::visibility("default")]] Plugin {
  virtual ~Plugin() = default;
  virtual eg::Sequential<float>& model() = 0;
  virtual eg::Tensor<float> run(const eg::Tensor<float>& x) = 0;
  virtual eg::Tensor<float> nothing() = 0;
  virtual double random() = 0;
  virtual void fail() = 0;
};
extern "C" [[gnu::visibility("default")]] Plugin* make_plugin();
