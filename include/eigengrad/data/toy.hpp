#pragma once

#include <cmath>
#include <numbers>

#include "../core/tensor.hpp"
#include "dataset.hpp"

// Small problems to try things on: gates and points in the plane.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A truth table: inputs [4, 2] in the order 00, 01, 10, 11, targets [4, 1] computed by `gate(a, b)`.
template <class T, class Gate>
Dataset<T> logic_gate(Gate gate) {
  Tensor<T> inputs = Tensor<T>::empty({4, 2}), targets = Tensor<T>::empty({4, 1});
  T* in = inputs.writable_numbers();
  T* out = targets.writable_numbers();
  for (const bool a : {false, true})
    for (const bool b : {false, true}) {
      *in++ = static_cast<T>(a);
      *in++ = static_cast<T>(b);
      *out++ = gate(a, b) ? T(1) : T(0);
    }
  return {std::move(inputs), std::move(targets)};
}

// clang-format off
/// The gates by name.
template <class T> Dataset<T> and_gate()  { return logic_gate<T>([](bool a, bool b) { return a && b; }); }
template <class T> Dataset<T> or_gate()   { return logic_gate<T>([](bool a, bool b) { return a || b; }); }
template <class T> Dataset<T> xor_gate()  { return logic_gate<T>([](bool a, bool b) { return a != b; }); }
template <class T> Dataset<T> nand_gate() { return logic_gate<T>([](bool a, bool b) { return !(a && b); }); }
template <class T> Dataset<T> nor_gate()  { return logic_gate<T>([](bool a, bool b) { return !(a || b); }); }
template <class T> Dataset<T> xnor_gate() { return logic_gate<T>([](bool a, bool b) { return a == b; }); }
// clang-format on

/// `noise` is the standard deviation of what is added to every coordinate.
struct ToyOptions {
  double noise = 0;
  std::uint64_t seed = 0;
};
/// Settings of circles.
struct CirclesOptions {
  double noise = 0;
  std::uint64_t seed = 0;
  double factor = 0.8;  // the inner circle's radius
};
/// Settings of spirals.
struct SpiralsOptions {
  Index classes = 3;
  double noise = 0;
  std::uint64_t seed = 0;
  double turns = 0.75;  // how often each arm goes round
};

/// Points in the plane, sample i of class i % classes: inputs [samples, 2], labels [samples]. `place(label, share)`
/// gives a class' point at share 0 to 1 along its curve.
template <class T, class Place>
Dataset<T, std::int64_t> planar_classes(Index samples, Index classes, double noise, std::uint64_t seed, Place place,
                                        Location where) {
  require<ValueError>(samples >= 0 && classes > 0 && noise >= 0, "toy data: ", samples, " samples, ", classes,
                      " classes, noise ", noise, ": none may be negative, and one class is needed", where);
  Tensor<T> inputs = Tensor<T>::empty({samples, 2});
  Tensor<std::int64_t> labels = Tensor<std::int64_t>::empty({samples});
  Generator generator(seed);
  T* in = inputs.writable_numbers();
  std::int64_t* label_out = labels.writable_numbers();
  for (Index i = 0; i < samples; ++i) {
    const Index label = i % classes, members = (samples - label + classes - 1) / classes;
    const Index member = i / classes;
    const double share = members > 1 ? static_cast<double>(member) / static_cast<double>(members - 1) : 0;
    const auto [x, y] = place(label, share, static_cast<double>(members));
    const double dx = noise * generator.normal(), dy = noise * generator.normal();
    *in++ = static_cast<T>(x + dx);
    *in++ = static_cast<T>(y + dy);
    *label_out++ = label;
  }
  return {std::move(inputs), std::move(labels)};
}

/// Two interleaving half circles; inputs [samples, 2], labels 0 (upper) and 1. As scikit-learn's make_moons.
template <class T>
Dataset<T, std::int64_t> moons(Index samples, ToyOptions options = {}, Location where = Location::current()) {
  const auto place = [](Index label, double share, double) {
    const double angle = std::numbers::pi * share;
    return label == 0 ? std::pair(std::cos(angle), std::sin(angle))
                      : std::pair(1 - std::cos(angle), 0.5 - std::sin(angle));
  };
  return planar_classes<T>(samples, 2, options.noise, options.seed, place, where);
}

/// A circle in a circle; inputs [samples, 2], labels 0 (radius 1) and 1 (radius `factor`). As make_circles.
template <class T>
Dataset<T, std::int64_t> circles(Index samples, CirclesOptions options = {}, Location where = Location::current()) {
  require<ValueError>(options.factor >= 0 && options.factor < 1, "circles: factor is ", options.factor,
                      ": it must lie in 0 to below 1", where);
  const auto place = [&](Index label, double share, double members) {
    // The last point must not fall on the first.
    const double angle = 2 * std::numbers::pi * share * (members - 1) / members;
    const double radius = label == 0 ? 1 : options.factor;
    return std::pair(radius * std::cos(angle), radius * std::sin(angle));
  };
  return planar_classes<T>(samples, 2, options.noise, options.seed, place, where);
}

/// Spiral arms from the centre to radius 1, one per class; inputs [samples, 2], labels [samples].
template <class T>
Dataset<T, std::int64_t> spirals(Index samples, SpiralsOptions options = {}, Location where = Location::current()) {
  const auto place = [&](Index label, double share, double) {
    const double start = static_cast<double>(label) / static_cast<double>(options.classes);
    const double angle = 2 * std::numbers::pi * (start + options.turns * share), radius = 0.05 + 0.95 * share;
    return std::pair(radius * std::cos(angle), radius * std::sin(angle));
  };
  return planar_classes<T>(samples, options.classes, options.noise, options.seed, place, where);
}

/// sin(x) with noise for x evenly from -pi to pi; inputs [samples, 1], targets [samples, 1].
template <class T>
Dataset<T> noisy_sine(Index samples, ToyOptions options = {}, Location where = Location::current()) {
  require<ValueError>(samples >= 0 && options.noise >= 0, "noisy_sine: ", samples, " samples, noise ", options.noise,
                      ": neither may be negative", where);
  Tensor<T> inputs = Tensor<T>::empty({samples, 1}), targets = Tensor<T>::empty({samples, 1});
  Generator generator(options.seed);
  T* in = inputs.writable_numbers();
  T* out = targets.writable_numbers();
  for (Index i = 0; i < samples; ++i) {
    const double share = samples > 1 ? static_cast<double>(i) / static_cast<double>(samples - 1) : 0.5;
    const double x = std::numbers::pi * (2 * share - 1);
    *in++ = static_cast<T>(x);
    *out++ = static_cast<T>(std::sin(x) + options.noise * generator.normal());
  }
  return {std::move(inputs), std::move(targets)};
}

}}  // namespace eigengrad::EIGENGRAD_ABI
