#include <eigengrad/train/progress.hpp>

#include "data/files.hpp"

#include <fcntl.h>

namespace eg = eigengrad;
using eg::Progress;

/// An environment variable, for one test.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old, was_set_ = true;
    setenv(name, value, 1);
  }
  ~Setting() { was_set_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string old_;
  bool was_set_ = false;
};

/// What `tell(progress)` writes to a file.
template <class Tell>
static std::string written(Progress style, eg::Index epochs, eg::Index every, Tell tell) {
  std::FILE* file = std::tmpfile();
  {
    eg::ProgressLine progress(style, epochs, every, file);
    tell(progress);
  }
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  return text;
}
static void tell_epochs(eg::ProgressLine& progress, eg::Index epochs) {
  for (eg::Index epoch = 1; epoch <= epochs; ++epoch) {
    progress.batch(epoch, 1, 2, 0.5);
    progress.epoch({.epoch = epoch, .loss = 0.5, .seconds = 0.25});
  }
}

TEST(Progress, WritesAnEpochAsALine) {
  EXPECT_EQ(eg::epoch_line({3, 0.2345, 0.971, 0.2456, 0.965, 1.234}, 10),
            "epoch  3/10: loss 0.2345, accuracy 97.1 %, validation loss 0.2456, accuracy 96.5 %, 1.23 s");
  EXPECT_EQ(eg::epoch_line({.epoch = 7, .loss = 1.5e-7, .seconds = 61.7}, 9), "epoch 7/9: loss 1.5e-07, 62 s");
}

TEST(Progress, WritesPlainLinesToALogFile) {
  const auto text = written(Progress::automatic, 3, 0, [](auto& progress) {
    EXPECT_EQ(progress.style(), Progress::lines);
    tell_epochs(progress, 3);
    progress.finish({});
  });
  EXPECT_EQ(text, "epoch 1/3: loss 0.5, 0.25 s\nepoch 2/3: loss 0.5, 0.25 s\nepoch 3/3: loss 0.5, 0.25 s\n");
}

TEST(Progress, LeavesSomeEpochsOutOfTheLog) {
  const auto count = [](eg::Index epochs, eg::Index every) {
    const auto text = written(Progress::lines, epochs, every, [&](auto& progress) {
      tell_epochs(progress, epochs);
      progress.finish({});
    });
    expect_contains(text, eg::to_text("epoch ", epochs, "/", epochs));
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(count(20, 0), 20);
  EXPECT_EQ(count(21, 0), 12) << "the first, every second and the last";
  EXPECT_EQ(count(2000, 0), 21);
  EXPECT_EQ(count(10, 4), 4) << "1, 4, 8, 10";
  EXPECT_EQ(count(1, 100), 1);
}

TEST(Progress, TellsTheLastEpochAndTheReasonOfAnEarlyStop) {
  eg::History history;
  history.stopped_early = true;
  history.reason = "enough";
  EXPECT_EQ(written(Progress::lines, 100, 50,
                    [&](auto& progress) {
                      tell_epochs(progress, 3);
                      progress.finish(history);
                    }),
            "epoch   1/100: loss 0.5, 0.25 s\nepoch   3/100: loss 0.5, 0.25 s\nenough\n");
  EXPECT_EQ(written(Progress::lines, 0, 0, [](auto& progress) { progress.finish({}); }), "") << "no epochs, no lines";
}

TEST(Progress, CanBeSilent) {
  EXPECT_EQ(written(Progress::none, 3, 0,
                    [](auto& progress) {
                      tell_epochs(progress, 3);
                      progress.finish({.stopped_early = true, .reason = "enough"});
                    }),
            "");
}

TEST(Progress, RewritesOneLineOnATerminal) {
  const Setting columns("COLUMNS", "80");
  const auto text = written(Progress::bar, 3, 5, [](auto& progress) {
    tell_epochs(progress, 3);
    progress.finish({});
  });
  EXPECT_EQ(text,
            "\r\x1b[?7lepoch 1/3 [##########..........] batch 1/2, loss 0.5\x1b[?7h"
            "\repoch 1/3: loss 0.5, 0.25 s                         \n"
            "\repoch 3/3: loss 0.5, 0.25 s\n")
      << "rewritten ten times a second at most, and the rest of a longer line is blanked";
}

TEST(Progress, KeepsToTheTerminalsWidth) {
  for (const char* width : {"30", "3", "nonsense"}) {
    const Setting columns("COLUMNS", width);
    const auto text = written(Progress::bar, 3, 5, [](auto& progress) { progress.batch(1, 1, 2, 0.5); });
    EXPECT_LE(text.size(), std::string(width) == "30" ? 29u + 12 : 19u + 12) << text;
    EXPECT_EQ(text.back(), '\n') << "an unfinished line is ended, as after an exception";
  }
}

TEST(Progress, KnowsATerminal) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(master, 0);
  ASSERT_EQ(grantpt(master), 0);
  ASSERT_EQ(unlockpt(master), 0);
  std::FILE* terminal = std::fopen(ptsname(master), "w");
  ASSERT_NE(terminal, nullptr);
  {
    const Setting kind("TERM", "xterm");
    EXPECT_TRUE(eg::is_terminal(terminal));
    EXPECT_EQ(eg::ProgressLine(Progress::automatic, 3, 0, terminal).style(), Progress::bar);
    std::FILE* file = std::tmpfile();
    EXPECT_FALSE(eg::is_terminal(file));
    std::fclose(file);
  }
  {
    const Setting kind("TERM", "dumb");
    EXPECT_FALSE(eg::is_terminal(terminal));
    EXPECT_EQ(eg::ProgressLine(Progress::automatic, 3, 0, terminal).style(), Progress::lines);
  }
  std::fclose(terminal);
  close(master);
}
