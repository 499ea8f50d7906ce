#pragma once

#include <concepts>
#include <initializer_list>
#include <vector>

#include "../core/tensor.hpp"

// What can be drawn: a vector, span, tensor or formula.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Numbers to draw, copied as double from a vector, a span, a tensor (flat, row-major) or a formula.
class Numbers {
 public:
  Numbers() = default;
  Numbers(std::initializer_list<double> values) : values_(values) {}
  Numbers(std::vector<double> values) : values_(std::move(values)) {}
  template <class Source>
  requires(!std::same_as<Source, Numbers>) &&
      (
          requires(const Source& s) { double(*s.data()), s.size(); } || requires(const Source& s) { s.to_tensor(); })
          Numbers(const Source& source) {
    if constexpr (requires { double(*source.data()), source.size(); })
      copy(source.data(), source.size());
    else {
      const auto tensor = source.to_tensor();
      copy(tensor.data(), tensor.size());
    }
  }

  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  double operator[](std::size_t i) const { return values_[i]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  template <class Number, class Count>
  void copy(const Number* data, Count count) {
    values_.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<double>(data[i]);
  }

  std::vector<double> values_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
