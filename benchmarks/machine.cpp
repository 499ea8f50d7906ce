#include <eigengrad/eigengrad.hpp>

#include "ways.hpp"

// What the machine can do at most, to hold the other figures against (driver/roofline.py).
namespace eg = eigengrad;

namespace {

using Lane = eg::lane_t<float>;

/// A million operations on registers: multiply-adds in chains, as each takes several cycles and many begin in one.
Step multiply_adds() {
  constexpr int chains = 12;
  constexpr long rounds = 1'000'000 / (2 * chains * eg::lane_width<float>);
  return [] {
    Lane sums[chains] = {}, a(0.999f), b(0.001f);
    keep(a);
    keep(b);
    for (long i = 0; i < rounds; ++i)
      eg::for_indices<chains>([&](auto k) EIGENGRAD_INLINE_LAMBDA { sums[k] = sums[k] * a + b; });
    for (const Lane& sum : sums) keep(sum);
  };
}
/// y = 2 x of so many bytes together.
Step scale(long bytes) {
  const auto x = eg::Tensor<float>::ones({bytes / 8});
  return [x, y = eg::Tensor<float>::zeros(x.shape())]() mutable {
    const float* const from = x.data();
    float* const to = y.mutable_data();
    for (eg::Index i = 0; i < x.size(); i += eg::lane_width<float>)
      eg::lane::store<float>(to + i, eg::lane::load(from + i) * 2.f);
    keep(*to);
  };
}

Step machine(const Work& work) {
  if (work.field(1) == "multiply_adds") return multiply_adds();
  if (work.field(1) != "scale") return nullptr;
  const std::string& size = work.field(2);
  return scale(std::stol(size) << (size.back() == 'k' ? 10 : 20));
}

}  // namespace

std::map<std::string, std::vector<Way>> machine_works() { return {{"machine", {{"eigengrad", machine}}}}; }
