#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "../core/clock.hpp"
#include "history.hpp"
#include "text.hpp"

// What a training says while it runs.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// automatic: bar on a terminal, lines elsewhere. bar: one line, rewritten in place. lines: plain text, for a log file.
enum class Progress { automatic, none, lines, bar };

/// Whether text can be rewritten in place there.
inline bool is_terminal([[maybe_unused]] std::FILE* stream) {
#if defined(__unix__) || defined(__APPLE__)
  const char* kind = std::getenv("TERM");
  return kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb" && isatty(fileno(stream)) == 1;
#else
  return false;
#endif
}

/// An epoch as a line of text: "epoch  3/10: loss 0.2345, accuracy 97.1 %, 1.2 s".
EIGENGRAD_LAZY std::string epoch_line(const EpochRecord& record, Index epochs) {
  const std::string of = to_text(epochs);
  std::string line = "epoch " + report::left_padded(to_text(record.epoch), of.size()) + "/" + of;
  line += ": loss " + report::short_number(record.loss);
  if (!std::isnan(record.accuracy)) line += ", accuracy " + report::percent(record.accuracy);
  if (!std::isnan(record.validation_loss)) line += ", validation loss " + report::short_number(record.validation_loss);
  if (!std::isnan(record.validation_accuracy)) line += ", accuracy " + report::percent(record.validation_accuracy);
  return line + ", " + report::fixed(record.seconds, record.seconds < 10 ? 2 : 0) + " s";
}

/// Tells how training goes, on stderr or another stream. Some epochs, every `every`-th (0: some 20 in all), and the
/// last leave a line; on a terminal the current one is shown below, without colour, and no wider than the terminal.
EIGENGRAD_LAZY class BasicProgressLine {
 public:
  BasicProgressLine(Progress style, Index epochs, Index every = 0, std::FILE* stream = stderr)
      : style_(style != Progress::automatic ? style
               : is_terminal(stream)        ? Progress::bar
                                            : Progress::lines),
        epochs_(epochs),
        every_(every > 0 ? every : round_step(epochs)),
        stream_(stream) {
    if (const char* columns = std::getenv("COLUMNS")) width_ = std::atoi(columns);
    width_ = std::clamp(width_ - 1, 19, 500);
  }
  BasicProgressLine(const BasicProgressLine&) = delete;
  BasicProgressLine& operator=(const BasicProgressLine&) = delete;
  /// Ends a line that an exception left unfinished.
  ~BasicProgressLine() {
    if (shown_ > 0) write("\n");
  }

  Progress style() const { return style_; }

  /// After a batch: shown on a terminal, ten times a second at most.
  void batch(Index epoch, Index done, Index batches, double loss) {
    if (style_ != Progress::bar) return;
    const double now = seconds_now();
    if (now < next_) return;
    next_ = now + 0.1;
    constexpr Index cells = 20;
    const auto full = static_cast<std::size_t>(cells * done / std::max<Index>(batches, 1));
    show(to_text("epoch ", epoch, "/", epochs_, " [") + std::string(full, '#') + std::string(cells - full, '.') +
         to_text("] batch ", done, "/", batches, ", loss ") + report::short_number(loss));
  }

  void epoch(const EpochRecord& record) {
    if (style_ == Progress::none) return;
    last_ = record;
    if (record.epoch == 1 || record.epoch % every_ == 0 || record.epoch == epochs_)
      keep(epoch_line(record, epochs_));
    else if (style_ == Progress::bar && seconds_now() >= next_) {
      next_ = seconds_now() + 0.1;
      show(epoch_line(record, epochs_));
    }
  }

  /// At the end: the last epoch, unless it was told, and why the training stopped there or went back.
  void finish(const History& history) {
    if (style_ == Progress::none) return;
    if (last_.epoch != kept_) keep(epoch_line(last_, epochs_));
    if (history.stopped_early || history.restored_best) keep(history.reason);
  }

 private:
  // 1, 2, 5, 10, 20, 50, ...: some 20 lines.
  static Index round_step(Index epochs) {
    Index step = 1;
    for (int next = 0; epochs / step > 20; ++next) step = next % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
  }
  void keep(const std::string& line) {
    kept_ = last_.epoch;
    if (style_ == Progress::bar) {
      // The terminal may be given more than fits: what stays is worth reading to its end.
      write(to_text("\r", report::right_padded(line, shown_), "\n"));  // g++ 12 warns of "\r" + string
      shown_ = 0;
    } else {
      write(line + "\n");
    }
  }
  // Wrapping is off meanwhile, in case the terminal is narrower than COLUMNS tells.
  void show(std::string line) {
    line.resize((std::min)(line.size(), static_cast<std::size_t>(width_)));
    write(to_text("\r\x1b[?7l", report::right_padded(line, shown_), "\x1b[?7h"));
    shown_ = line.size();
  }
  void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
  }

  Progress style_;
  Index epochs_, every_;
  std::FILE* stream_;
  int width_ = 80;
  std::size_t shown_ = 0;  // characters on the line being rewritten
  Index kept_ = 0;         // the last epoch that left a line
  EpochRecord last_;
  double next_ = 0;
};
using ProgressLine = BasicProgressLine<>;

// Compiled once: class BasicProgressLine<>
}}  // namespace eigengrad::EIGENGRAD_ABI
