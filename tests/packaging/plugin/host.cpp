// Opens a library that uses eigengrad too, trains its network here and there, passes tensors over, closes it again.
#include <dlfcn.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "plugin.hpp"

static int faults = 0;
static void check(bool right, const char* what) {
  if (right) return;
  ++faults;
  std::printf("wrong: %s\n", what);
}

static const eg::Tensor<float> inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets = {{0}, {1}, {1}, {0}};

template <class Forward>
static float trained(Plugin& plugin, const Forward& forward) {
  eg::SGD<float> optimizer(plugin.model().parameters(), {.learning_rate = 0.1f, .momentum = 0.9f});
  float last = 0;
  for (int step = 0; step < 500; ++step) {
    eg::Tape tape;
    const auto loss = eg::mse_loss(forward(), targets);
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
    last = loss.item();
  }
  return last;
}

static void use(Plugin& plugin) {
  check(trained(plugin, [&] { return plugin.run(inputs); }) < 1e-3f,
        "the library's network learns under the program's tape");
  const auto p = plugin.model().parameters();
  check(
      trained(plugin, [&] { return eg::linear(eg::Tensor<float>(tanh(eg::linear(inputs, p[0], p[1]))), p[2], p[3]); }) <
          1e-3f,
      "the library's parameters learn in the program's network");
  check(plugin.model().at<eg::Linear<float>>(0).weight.size() == 16, "a layer is of the type it was made as");
  {
    const eg::NoGrad pause;
    eg::Tape tape;
    const eg::Parameter<float> scale(eg::Tensor<float>{2});
    tape.backward(sum(plugin.run(scale * inputs)));
    check(scale.has_grad(), "a gradient passes through the library");
  }
  std::vector<eg::Tensor<float>> mine;
  for (int i = 0; i < 10; ++i) {
    mine.push_back(plugin.nothing());
    mine.push_back(eg::Tensor<float>::full({4}, static_cast<float>(i)));
    mine.push_back(plugin.run(inputs));
  }
  for (auto& tensor : mine) tensor = plugin.nothing();
  check(mine.back().shape() == eg::Shape{0}, "an empty tensor from the library is empty");
  eg::manual_seed(5);
  const double first = plugin.random();
  eg::manual_seed(5);
  check(plugin.random() == first && eg::default_generator().uniform() != first, "both draw from one generator");
  try {
    plugin.fail();
    check(false, "an error is thrown");
  } catch (const eg::ShapeError&) {
  } catch (...) {
    check(false, "an error keeps its type");
  }
}

int main(int, char** arguments) {
  eg::Tensor<float> kept;
  for (int round = 0; round < 2; ++round) {
    void* const library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return std::printf("%s\n", dlerror()), 1;
    const auto make = reinterpret_cast<decltype(&make_plugin)>(dlsym(library, "make_plugin"));
    use(*std::unique_ptr<Plugin>(make()));
    std::thread([make] { use(*std::unique_ptr<Plugin>(make())); }).join();
    kept = std::unique_ptr<Plugin>(make())->run(inputs);
    check(dlclose(library) == 0, "the library is closed");
  }
  check(kept.shape() == eg::Shape{4, 1}, "a tensor outlives the library that made it");
  kept = {};
  std::printf(faults == 0 ? "all right\n" : "%d faults\n", faults);
  return faults != 0;
}
