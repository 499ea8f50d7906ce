#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "bits.hpp"
#include "support/close.hpp"
#include "support/sanitizers.hpp"

// The team itself: every piece once, exceptions, nothing to do, teams within teams, fork.
namespace eg = eigengrad;

namespace {

/// How often each piece was run.
std::vector<int> counts_of(eg::Index pieces, int threads) {
  std::vector<std::atomic<int>> counts(static_cast<std::size_t>(pieces));
  eg::parallel_for(pieces, threads, [&](eg::Index p) { ++counts[static_cast<std::size_t>(p)]; });
  return {counts.begin(), counts.end()};
}

}  // namespace

TEST(Team, EveryPieceRunsOnce) {
  for (const eg::Index pieces : {0, 1, 2, 3, 7, 1000})
    for (const int threads : {1, 2, 3, 8, 100})
      for (int round = 0; round < 20; ++round)
        EXPECT_EQ(counts_of(pieces, threads), std::vector<int>(static_cast<std::size_t>(pieces), 1));
}

TEST(Team, RangesMakeUpTheWhole) {
  const support::ThreadsRestored restored;
  for (const int threads : {1, 2, 3, 8}) {
    eg::set_num_threads(threads);
    for (const eg::Index size : {0, 1, 15, 16, 17, 1000, 100'003})
      for (const eg::Index unit : {1, 16, 1024}) {
        std::vector<std::atomic<int>> counts(static_cast<std::size_t>(size));
        eg::parallel_ranges(size, unit, 100, [&](eg::Index begin, eg::Index end) {
          EXPECT_EQ(begin % unit, 0);
          for (eg::Index i = begin; i < end; ++i) ++counts[static_cast<std::size_t>(i)];
        });
        for (const auto& count : counts) ASSERT_EQ(count, 1);
      }
  }
}

TEST(Team, MoreThanOneThreadWorks) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(3);
  std::atomic<int> here{0};
  // Two pieces that end only when both have begun.
  eg::parallel_for(2, eg::team_size(), [&](eg::Index) {
    ++here;
    while (here < 2) std::this_thread::yield();
  });
  EXPECT_EQ(here, 2);
}

TEST(Team, AnExceptionReachesTheCaller) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(3);
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(eg::parallel_for(100, 3,
                                  [&](eg::Index p) {
                                    if (p % 7 == 3) throw std::runtime_error("a piece failed");
                                  }),
                 std::runtime_error);
    EXPECT_EQ(counts_of(50, 3), std::vector<int>(50, 1)) << "the team must be free again";
  }
}

TEST(Team, WithinATeamOneThreadWorks) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(4);
  std::atomic<int> runs{0};
  eg::parallel_for(8, 4, [&](eg::Index) {
    EXPECT_EQ(eg::team_size(), 1);
    const auto me = std::this_thread::get_id();
    eg::parallel_for(5, 4, [&](eg::Index) {
      EXPECT_EQ(std::this_thread::get_id(), me);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 40);
  EXPECT_EQ(eg::team_size(), 4);
}

TEST(Team, FromSeveralThreadsAtOnce) {
  std::vector<std::thread> running;
  std::atomic<int> wrong{0};
  for (int k = 0; k < 4; ++k)
    running.emplace_back([&] {
      for (int round = 0; round < 300; ++round) wrong += counts_of(37, 3) != std::vector<int>(37, 1);
    });
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Team, AChildOfForkHasATeamOfItsOwn) {
  if (EIGENGRAD_THREAD_SANITIZER) GTEST_SKIP() << "ThreadSanitizer wants no threads in a child of fork";
  const support::ThreadsRestored restored;
  eg::set_num_threads(3);
  const auto x = eg::Tensor<float>::full({400, 400}, 1.f);
  const eg::Tensor<float> before = matmul(x, x);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);  // rather than waiting for threads that are not there
    const eg::Tensor<float> after = matmul(x, x);
    _exit(support::same_bits(before, after) && counts_of(100, eg::team_size()) == std::vector<int>(100, 1) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(support::same_bits(before, matmul(x, x)));
}

TEST(Team, NothingToDo) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(8);
  using Tensor = eg::Tensor<float>;
  EXPECT_EQ(matmul(Tensor::zeros({0, 5}), Tensor::zeros({5, 3})).shape(), (eg::Shape{0, 3}));
  EXPECT_TRUE(support::same_bits(matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 3})), Tensor::zeros({2, 3})));
  EXPECT_EQ(sum(Tensor::zeros({0, 1'000'000})).item(), 0);
  EXPECT_EQ(Tensor(exp(Tensor::zeros({1'000'000, 0}))).size(), 0);
  EXPECT_EQ(sum(Tensor::zeros({1'000'000, 0}), 1).size(), 1'000'000);
}

TEST(Team, TheNumberOfThreads) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(5);
  EXPECT_EQ(eg::num_threads(), 5);
  const std::string message = support::message_of<eg::ValueError>([] { eg::set_num_threads(0); });
  EXPECT_TRUE(support::mentions(message, {"set_num_threads: 0 threads", "at least 1", "team.cpp"})) << message;
  EXPECT_THROW(eg::set_num_threads(-3), eg::ValueError);
  EXPECT_EQ(eg::num_threads(), 5);
}
