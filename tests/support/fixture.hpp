#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/core/named_tensors.hpp"
#include "eigengrad/core/print.hpp"
#include "eigengrad/nn/module/module.hpp"
#include "eigengrad/ops/arithmetic.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/source_dir.hpp"

// What PyTorch gave, as tests/fixtures/fixture.py stored it, and how ours is compared with it.
namespace fixture {

namespace eg = eigengrad;

/// The same numbers as fixture.py's.
inline eg::Tensor<double> numbers(const eg::Shape& shape, eg::Index start) {
  eg::Tensor<double> result = eg::Tensor<double>::empty(shape);
  double* to = result.mutable_data();
  for (eg::Index i = 0; i < result.size(); ++i) to[i] = static_cast<double>(((i + start) * 37 + 11) % 23 - 11) / 8;
  return result;
}

/// Every number within `tolerance` of what is expected, relative to the largest of them; infinities and NaN as they
/// are.
inline void expect_close(const eg::Tensor<double>& actual, const eg::Tensor<double>& expected, const std::string& what,
                         double tolerance) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  double size = 1;
  for (const double number : expected)
    if (std::isfinite(number)) size = std::max(size, std::abs(number));
  for (eg::Index i = 0; i < expected.size(); ++i) {
    const double a = actual.data()[i], e = expected.data()[i];
    const bool same =
        std::isfinite(e) ? std::abs(a - e) <= tolerance * size : a == e || (std::isnan(a) && std::isnan(e));
    ASSERT_TRUE(same) << what << ": number " << i << " of " << eg::to_text(expected.shape()) << " is "
                      << testing::PrintToString(a) << ", not " << testing::PrintToString(e);
  }
}

/// What a case's function is given: what was stored, differentiable where it was there.
class Inputs {
 public:
  /// A recorded tensor; throws where there is none.
  eg::Tensor<double> operator[](const std::string& name) const { return parameters_.at(name).to_tensor(); }
  /// The same, or an empty tensor where it was left out.
  eg::Tensor<double> given(const std::string& name) const { return has(name) ? (*this)[name] : eg::Tensor<double>(); }
  bool has(const std::string& name) const { return parameters_.count(name) > 0; }
  eg::Tensor<std::int64_t> whole(const std::string& name) const { return others_.at(name).as<std::int64_t>(); }
  eg::Tensor<bool> mask(const std::string& name) const { return others_.at(name).as<bool>(); }
  bool has_other(const std::string& name) const { return others_.contains(name); }

 private:
  friend class Case;
  std::map<std::string, eg::Parameter<double>> parameters_;
  eg::NamedTensors others_;
};

/// One call, with its options in words.
class Case {
 public:
  Case(const std::string& text, eg::NamedTensors tensors) : text_(text), tensors_(std::move(tensors)) {
    std::istringstream words(text);
    words >> name_;
    for (std::string word; words >> word;) {
      const std::size_t is = word.find('=');
      options_[word.substr(0, is)] = word.substr(is + 1);
    }
  }
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  bool has(const std::string& key) const { return options_.count(key) > 0 && options_.at(key) != "None"; }
  const std::string& word(const std::string& key) const { return options_.at(key); }
  eg::Index integer(const std::string& key) const { return std::stoll(options_.at(key)); }
  double number(const std::string& key) const { return std::stod(options_.at(key)); }
  bool flag(const std::string& key) const { return has(key) && options_.at(key) != "0"; }
  std::vector<std::string> words(const std::string& key) const {
    std::vector<std::string> result;
    std::istringstream parts(options_.at(key));
    for (std::string part; std::getline(parts, part, ',');) result.push_back(part);
    return result;
  }
  std::vector<eg::Index> integers(const std::string& key) const {
    std::vector<eg::Index> result;
    for (const std::string& part : words(key)) result.push_back(std::stoll(part));
    return result;
  }
  const eg::NamedTensors& tensors() const { return tensors_; }

  /// f(inputs) gives the outputs, in a std::vector; they, their gradients and the second order must be PyTorch's.
  template <class F>
  void compare(const F& f, double tolerance = 1e-10) const {
    run(f, {}, tolerance);
  }
  /// The same of a module, which gets its state from the case; its parameters' gradients and its buffers count too.
  template <class F>
  void compare_module(eg::Module<double>& module, const F& f, double tolerance = 1e-10) const {
    const eg::NamedTensors state = tensors_.below("in.state.");
    module.load_state_dict(state);
    std::vector<std::pair<std::string, eg::ParameterRef<double>>> parameters;
    for (const auto& [key, parameter] : module.named_parameters()) parameters.push_back({"state." + key, parameter});
    run(
        [&](const Inputs& in) {
          module.load_state_dict(state);
          return f(in);
        },
        parameters, tolerance);
    module.load_state_dict(state);
    f(inputs());
    const eg::NamedTensors now = module.state_dict();
    const eg::NamedTensors after = tensors_.below("after.");
    for (const auto& entry : after) {
      const std::string& key = entry.name;
      const eg::AnyTensor& expected = entry.tensor;
      ASSERT_TRUE(now.contains(key)) << text_ << ": there is no buffer " << key;
      if (expected.holds<double>())
        expect_close(now.at<double>(key), expected.as<double>(), "buffer " + key, tolerance);
      else
        EXPECT_EQ(eg::to_text(now.at<std::int64_t>(key)), eg::to_text(expected.as<std::int64_t>())) << key;
    }
  }

 private:
  using Parameters = std::vector<std::pair<std::string, eg::ParameterRef<double>>>;

  Inputs inputs() const {
    Inputs in;
    for (const auto& [key, tensor] : tensors_.below("in.")) {
      if (key.starts_with("state.")) continue;
      if (tensor.holds<double>())
        in.parameters_.emplace(key, eg::Parameter<double>(tensor.as<double>()));
      else
        in.others_.add(key, tensor);
    }
    return in;
  }
  template <class F>
  void run(const F& f, const Parameters& of_module, double tolerance) const {
    const Inputs in = inputs();
    Parameters parameters = of_module;
    for (const auto& [key, parameter] : in.parameters_) parameters.push_back({key, parameter});
    std::vector<eg::ParameterRef<double>> wanted;  // in the order in which they are numbered
    std::vector<std::string> keys;
    if (has("differentiable"))
      for (const std::string& key : words("differentiable"))
        for (const auto& [name, parameter] : parameters)
          if (name == key) {
            keys.push_back(key);
            wanted.push_back(parameter);
          }
    const bool first_order = has_any("grad."), second_order = has_any("second.");
    if (first_order) {
      ASSERT_EQ(keys.size(), words("differentiable").size()) << text_ << ": a parameter is missing";
    }
    const auto loss_of = [&](const std::vector<eg::Tensor<double>>& outputs) {
      eg::Tensor<double> loss = eg::Tensor<double>::zeros({});
      for (std::size_t k = 0; k < outputs.size(); ++k)
        if (eg::is_recorded(outputs[k]))
          loss = loss + sum(outputs[k] * numbers(outputs[k].shape(), 5 + static_cast<eg::Index>(k)));
      return loss;
    };
    {
      eg::Tape tape;
      const std::vector<eg::Tensor<double>> outputs = f(in);
      for (std::size_t k = 0; k < outputs.size(); ++k)
        expect_close(outputs[k], tensors_.at<double>("out." + std::to_string(k)), "output " + std::to_string(k),
                     tolerance);
      EXPECT_FALSE(tensors_.contains("out." + std::to_string(outputs.size()))) << "there are more outputs";
      if (!first_order) return;
      const auto gradients = tape.gradient(loss_of(outputs), wanted);
      for (std::size_t i = 0; i < keys.size(); ++i)
        expect_close(gradients[i], tensors_.at<double>("grad." + keys[i]), "gradient of " + keys[i], tolerance);
    }
    if (!second_order) return;
    eg::Tape tape;
    const auto gradients = tape.gradient(loss_of(f(in)), wanted, {.create_graph = true});
    eg::Tensor<double> loss = eg::Tensor<double>::zeros({});
    for (std::size_t i = 0; i < keys.size(); ++i) {
      expect_close(gradients[i], tensors_.at<double>("grad." + keys[i]), "recorded gradient of " + keys[i], tolerance);
      loss = loss + sum(gradients[i] * numbers(gradients[i].shape(), 11 + static_cast<eg::Index>(i)));
    }
    std::vector<eg::Tensor<double>> again;
    if (eg::is_recorded(loss)) again = tape.gradient(loss, wanted);
    for (std::size_t i = 0; i < keys.size(); ++i)
      expect_close(again.empty() ? eg::Tensor<double>::zeros(gradients[i].shape()) : again[i],
                   tensors_.at<double>("second." + keys[i]), "second order of " + keys[i], tolerance);
  }
  bool has_any(const std::string& prefix) const {
    return std::any_of(tensors_.begin(), tensors_.end(), [&](const auto& e) { return e.name.starts_with(prefix); });
  }

  std::string text_, name_;
  std::map<std::string, std::string> options_;
  eg::NamedTensors tensors_;
};

/// What of JSON is in a safetensors header: nested names, texts, and whole numbers.
class Header {
 public:
  using Told = void (*)(void* to, const std::vector<std::string>& path, const std::string& value);

  Header(const std::string& text, Told told, void* to) : text_(text), told_(told), to_(to) { value(); }

 private:
  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string quoted() {
    std::string result;
    for (++at_; text_.at(at_) != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
      result += text_.at(at_);
    }
    ++at_;
    return result;
  }
  void value() {
    const char first = next();
    if (first == '"') return told_(to_, path_, quoted());
    if (first != '{' && first != '[') {
      const std::size_t begin = at_;
      at_ = text_.find_first_of(",]} \n", at_);
      return told_(to_, path_, text_.substr(begin, at_ - begin));
    }
    const char last = first == '{' ? '}' : ']';
    ++at_;
    for (int i = 0; next() != last; ++i) {
      if (text_[at_] == ',') ++at_, next();
      path_.push_back(first == '{' ? quoted() : std::to_string(i));
      if (first == '{') {
        if (next() != ':') throw std::runtime_error("fixture: the header is no JSON at " + std::to_string(at_));
        ++at_;
      }
      value();
      path_.pop_back();
    }
    ++at_;
  }

  const std::string& text_;
  Told told_;
  void* to_;
  std::size_t at_ = 0;
  std::vector<std::string> path_;
};

/// The cases of tests/fixtures/<name>.safetensors, in order.
inline std::vector<Case> load(const std::string& name) {
  const std::string path = support::source_dir() + "/tests/fixtures/" + name + ".safetensors";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("fixture: cannot open " + path);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::uint64_t length = 0;
  std::memcpy(&length, all.data(), sizeof length);
  struct Entry {
    std::string dtype;
    std::vector<eg::Index> shape;
    std::size_t begin = 0;
  };
  struct Found {
    std::map<std::string, Entry> entries;
    std::map<std::string, std::string> texts;
  } found;
  const std::string header = all.substr(8, length);
  Header(
      header,
      [](void* to, const std::vector<std::string>& keys, const std::string& value) {
        auto& here = *static_cast<Found*>(to);
        if (keys[0] == "__metadata__") {
          here.texts[keys[1]] = value;
        } else if (keys[1] == "dtype") {
          here.entries[keys[0]].dtype = value;
        } else if (keys[1] == "shape") {
          here.entries[keys[0]].shape.push_back(std::stoll(value));
        } else if (keys[2] == "0") {
          here.entries[keys[0]].begin = std::stoull(value);
        }
      },
      &found);
  std::map<std::string, eg::NamedTensors> cases;
  for (const auto& each : found.entries) {
    const std::string& full = each.first;  // no structured binding: clang 14 captures none
    const Entry& entry = each.second;
    const std::size_t slash = full.find('/');
    const char* from = all.data() + 8 + length + entry.begin;
    const auto read = [&]<class T>(T) {
      eg::Tensor<T> tensor = eg::Tensor<T>::empty(eg::Shape(entry.shape.begin(), entry.shape.end()));
      if (tensor.size() > 0)
        std::memcpy(tensor.mutable_data(), from, static_cast<std::size_t>(tensor.size()) * sizeof(T));
      cases[full.substr(0, slash)].add(full.substr(slash + 1), tensor);
    };
    if (entry.dtype == "F64")
      read(double());
    else if (entry.dtype == "F32")
      read(float());
    else if (entry.dtype == "I64")
      read(std::int64_t());
    else if (entry.dtype == "BOOL")
      read(bool());
    else
      throw std::runtime_error("fixture: " + full + " is of type " + entry.dtype);
  }
  std::vector<Case> result;
  for (const auto& [number, text] : found.texts)  // beside them stand versions, of no tensors
    if (cases.count(number) > 0) result.emplace_back(text, std::move(cases[number]));
  return result;
}

}  // namespace fixture
