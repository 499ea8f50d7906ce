#include <eigengrad/data/loader.hpp>

#include <set>

#include "files.hpp"
#include "support/sanitizers.hpp"

namespace eg = eigengrad;

static eg::Dataset<float> counted(eg::Index samples) {
  eg::Tensor<float> inputs = eg::Tensor<float>::empty({samples, 2}), targets = eg::Tensor<float>::empty({samples});
  for (eg::Index i = 0; i < samples; ++i) {
    inputs.at(i, 0) = inputs.at(i, 1) = static_cast<float>(i);
    targets.at(i) = static_cast<float>(10 * i);
  }
  return {inputs, targets};
}

static std::vector<float> run_epoch(eg::DataLoader<float>& loader) {
  std::vector<float> order;
  for (const auto& [inputs, targets] : loader)
    for (eg::Index i = 0; i < inputs.shape()[0]; ++i) {
      order.push_back(inputs(i, 1));
      EXPECT_EQ(targets(i), 10 * inputs(i, 0)) << "inputs and targets stay together";
    }
  return order;
}

TEST(DataLoader, EveryBatchSizeCoversEverySampleOnce) {
  for (const eg::Index samples : {0, 1, 5, 7, 32})
    for (const eg::Index batch_size : {1, 2, 5, 7, 100})
      for (const bool shuffle : {false, true}) {
        eg::DataLoader loader(counted(samples), {.batch_size = batch_size, .shuffle = shuffle});
        eg::Index batches = 0, last = 0;
        for (const auto& batch : loader) {
          ++batches;
          last = batch.size();
        }
        EXPECT_EQ(batches, (samples + batch_size - 1) / batch_size);
        EXPECT_EQ(batches, loader.size());
        if (batches > 0) {
          EXPECT_EQ(last, (samples - 1) % batch_size + 1) << "the last batch holds what is left";
        }
        const auto order = run_epoch(loader);
        EXPECT_EQ(order.size(), static_cast<std::size_t>(samples));
        EXPECT_EQ(std::set<float>(order.begin(), order.end()).size(), order.size());
      }
}

TEST(DataLoader, DropLastLeavesThePartialBatchOut) {
  eg::DataLoader loader(counted(10), {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(loader.size(), 2);
  EXPECT_EQ(run_epoch(loader).size(), 8u);
  eg::DataLoader large(counted(3), {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(run_epoch(large).size(), 0u);
}

TEST(DataLoader, RefusesABatchSizeBelowOne) {
  expect_contains(message_of<eg::ValueError>([] { eg::DataLoader(counted(3), {.batch_size = 0}); }), "batch_size is 0");
  EXPECT_THROW(eg::DataLoader(counted(3), {.batch_size = -1}), eg::ValueError);
  EXPECT_THROW(eg::DataLoader(eg::Tensor<float>::zeros({3, 2}), eg::Tensor<float>::zeros({2, 1})), eg::ShapeError);
}

TEST(DataLoader, UnshuffledBatchesShareTheStorage) {
  eg::DataLoader loader(counted(10), {.batch_size = 4, .shuffle = false});
  eg::Index first = 0;
  for (const auto& [inputs, targets] : loader) {
    EXPECT_EQ(inputs.data(), loader.dataset().inputs.data() + 2 * first);
    EXPECT_EQ(targets.data(), loader.dataset().targets.data() + first);
    first += inputs.shape()[0];
  }
  EXPECT_EQ(first, 10);
}

TEST(DataLoader, ShufflesByTheSeedAndTheEpoch) {
  eg::DataLoader loader(counted(50), {.batch_size = 8, .seed = 3}), same(counted(50), {.batch_size = 16, .seed = 3});
  eg::DataLoader other(counted(50), {.batch_size = 8, .seed = 4});
  const auto first = run_epoch(loader), second = run_epoch(loader), third = run_epoch(loader);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_NE(first, second);
  EXPECT_NE(first, run_epoch(other));
  EXPECT_EQ(first, run_epoch(same)) << "whatever the batch size";
  EXPECT_EQ(loader.epoch(), 3u);

  eg::DataLoader resumed(counted(50), {.batch_size = 8, .seed = 3});
  resumed.set_epoch(1);
  EXPECT_EQ(run_epoch(resumed), second);
  EXPECT_EQ(run_epoch(resumed), third);
}

TEST(DataLoader, ABreakEndsTheEpoch) {
  eg::DataLoader loader(counted(50), {.batch_size = 8}), whole(counted(50), {.batch_size = 8});
  for ([[maybe_unused]] const auto& batch : loader) break;
  run_epoch(whole);
  EXPECT_EQ(run_epoch(loader), run_epoch(whole));
}

TEST(DataLoader, ALoopWithinALoopOverTheSameLoaderIsRefused) {
  eg::DataLoader loader(counted(50), {.batch_size = 8});
  expect_contains(message_of<eg::Error>([&] {
                    for ([[maybe_unused]] const auto& batch : loader)
                      for ([[maybe_unused]] const auto& other : loader) break;
                  }),
                  "copy the loader");
}

TEST(DataLoader, ASteadyEpochTakesItsBuffersFromThePool) {
  eg::DataLoader loader(counted(100), {.batch_size = 8});
  std::set<const float*> buffers, later;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& [inputs, targets] : loader) buffers.insert({inputs.data(), targets.data()});
  for (int epoch = 0; epoch < 3; ++epoch)
    for (const auto& [inputs, targets] : loader) later.insert({inputs.data(), targets.data()});
#if !EIGENGRAD_ADDRESS_SANITIZER
  for (const float* buffer : later) EXPECT_TRUE(buffers.contains(buffer));
  EXPECT_LE(buffers.size(), 4u);
#endif
}

TEST(DataLoader, ImagesKeepTheirAxes) {
  const auto images = eg::Tensor<float>::zeros({5, 3, 4, 4});
  eg::DataLoader loader(images, eg::Tensor<std::int64_t>::zeros({5}), {.batch_size = 2});
  for (const auto& [inputs, labels] : loader) EXPECT_EQ(inputs.shape().without(0), (eg::Shape{3, 4, 4}));
}

TEST(Loader, GoesOnInTheMiddleOfAnEpoch) {
  const auto samples = eg::Tensor<float>::arange(23);
  const auto first_of = [](const auto& batch) { return batch.inputs(0); };
  eg::DataLoader<float> loader(samples, samples, {.batch_size = 4, .seed = 5});
  for (const auto& batch : loader) (void)batch;
  eg::NamedTensors state;
  std::vector<float> rest;
  int count = 0;
  for (const auto& batch : loader) {
    if (count > 2) rest.push_back(first_of(batch));
    if (count++ == 2) state = loader.state_dict();
  }
  for (const auto& batch : loader) rest.push_back(first_of(batch));

  eg::DataLoader<float> other(samples, samples, {.batch_size = 4, .seed = 77});
  other.load_state_dict(state);
  std::vector<float> continued;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (const auto& batch : other) continued.push_back(first_of(batch));
  EXPECT_EQ(continued, rest);
  EXPECT_EQ(other.epoch(), loader.epoch());
  EXPECT_EQ(other.state_dict().at<std::int64_t>("position").item(), 0) << "the epoch has ended";
}

TEST(Loader, AStateOfOtherDataIsRefusedAndChangesNothing) {
  const auto samples = eg::Tensor<float>::zeros({10}), fewer = eg::Tensor<float>::zeros({9});
  eg::DataLoader<float> loader(samples, samples, {.batch_size = 4}),
      other(fewer, fewer, {.batch_size = 3, .shuffle = false});
  const std::string message = message_of<eg::ShapeError>([&] { other.load_state_dict(loader.state_dict()); });
  for (const char* part : {"samples is 10, the loader's is 9", "batch_size is 4, the loader's is 3", "shuffle is"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(other.epoch(), 0u);
}
