#pragma once

#include "eigengrad/kernels/convolution/input_gradient.hpp"
#include "eigengrad/kernels/convolution/weight_gradient.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

// What a convolution is, in seven loops, and shapes to try.
namespace reference {

namespace eg = eigengrad;
using eg::Index;

inline std::string name(const eg::ConvolutionShape& s) {
  const auto axis = [](const eg::ConvolutionAxis& a) {
    return std::to_string(a.input) + " kernel " + std::to_string(a.kernel) + " stride " + std::to_string(a.stride) +
           " padding " + std::to_string(a.before) + "+" + std::to_string(a.after) + " dilation " +
           std::to_string(a.dilation);
  };
  return std::to_string(s.images) + " images, " + std::to_string(s.channels) + " to " + std::to_string(s.outputs) +
         " channels, " + std::to_string(s.groups) + " groups; rows " + axis(s.rows) + "; columns " + axis(s.columns);
}

/// Calls body(place in x, place in the weight, place in y) for every product.
template <class Body>
void for_products(const eg::ConvolutionShape& s, const Body& body) {
  const Index height = s.rows.output(), width = s.columns.output(), outputs = s.group_outputs(),
              channels = s.group_channels();
  for (Index n = 0; n < s.images; ++n)
    for (Index o = 0; o < s.outputs; ++o)
      for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j)
          for (Index c = 0; c < channels; ++c)
            for (Index ky = 0; ky < s.rows.kernel; ++ky)
              for (Index kx = 0; kx < s.columns.kernel; ++kx) {
                const Index y = i * s.rows.stride - s.rows.before + ky * s.rows.dilation,
                            x = j * s.columns.stride - s.columns.before + kx * s.columns.dilation;
                if (y < 0 || y >= s.rows.input || x < 0 || x >= s.columns.input) continue;
                const Index channel = o / outputs * channels + c;
                body(((n * s.channels + channel) * s.rows.input + y) * s.columns.input + x,
                     ((o * channels + c) * s.rows.kernel + ky) * s.columns.kernel + kx,
                     ((n * s.outputs + o) * height + i) * width + j);
              }
}

template <class T>
struct Case {
  eg::ConvolutionShape shape;
  std::vector<T> x, weight, dy;

  /// Numbers by `next()`.
  template <class Next>
  Case(const eg::ConvolutionShape& s, Next next)
      : shape(s),
        x(static_cast<std::size_t>(s.images * s.channels * s.input_plane())),
        weight(static_cast<std::size_t>(s.weights())),
        dy(static_cast<std::size_t>(s.images * s.outputs * s.output_plane())) {
    for (std::vector<T>* each : {&x, &weight, &dy})
      for (T& number : *each) number = static_cast<T>(next());
  }
};

struct Results {
  std::vector<double> y, dx, dw;
};
template <class T>
Results expected(const Case<T>& c) {
  Results r{std::vector<double>(c.dy.size()), std::vector<double>(c.x.size()), std::vector<double>(c.weight.size())};
  for_products(c.shape, [&](Index x, Index w, Index y) {
    const auto at = [](const auto& numbers, Index i) {
      return static_cast<double>(numbers[static_cast<std::size_t>(i)]);
    };
    r.y[static_cast<std::size_t>(y)] += at(c.x, x) * at(c.weight, w);
    r.dx[static_cast<std::size_t>(x)] += at(c.dy, y) * at(c.weight, w);
    r.dw[static_cast<std::size_t>(w)] += at(c.dy, y) * at(c.x, x);
  });
  return r;
}

/// `count` shapes drawn by a seed: strides and dilations 1 to 3, kernels 1 to 7, paddings beyond the kernel, all kinds
/// of groups, 0 to 3 images, one row now and then.
inline std::vector<eg::ConvolutionShape> shapes(int count, unsigned seed) {
  std::mt19937 random(seed);
  const auto draw = [&](int low, int high) {
    return static_cast<Index>(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
  };
  const auto axis = [&](bool wide) {
    const Index kernel = draw(0, 2) == 0 ? 3 : draw(1, 7), padding = draw(0, 3) == 0 ? kernel + 1 : kernel / 2;
    return eg::ConvolutionAxis{draw(1, wide ? 50 : 12),
                               kernel,
                               draw(0, 1) == 0 ? 1 : draw(1, 3),
                               draw(0, 2) == 0 ? draw(0, 3) : padding,
                               draw(0, 2) == 0 ? draw(0, 3) : padding,
                               draw(0, 1) == 0 ? 1 : draw(1, 3)};
  };
  std::vector<eg::ConvolutionShape> result;
  while (static_cast<int>(result.size()) < count) {
    eg::ConvolutionShape s;
    s.images = draw(0, 9) == 0 ? 0 : draw(1, 3);
    s.groups = draw(0, 2) == 0 ? draw(1, 5) : 1;
    s.channels = s.groups * (draw(0, 2) == 0 ? 1 : draw(1, 5));
    s.outputs = s.groups * (draw(0, 2) == 0 ? draw(8, 40) : draw(0, 2) == 0 ? 1 : draw(1, 9));
    s.rows = axis(false);
    s.columns = axis(true);
    if (draw(0, 5) == 0) s.rows = {};
    result.push_back(s);
  }
  return result;
}

}  // namespace reference
