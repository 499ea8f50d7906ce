#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "work.hpp"

// How works are measured, the same for eigengrad's and libtorch's program (C++17). pytorch/works.py does it alike.

/// Does the work once.
using Step = std::function<void()>;
/// Prepares a work. Each kind of work has one for each way (each column of the table) to do it.
using Maker = Step (*)(const Work&);
struct Way {
  const char* name;
  Maker make;
};

struct Program {
  std::string about;               // versions, for the table's header
  void (*set_threads)(int count);  // how many threads a work may use
  std::vector<std::string> ways;
  std::map<std::string, std::vector<Way>> kinds;

  Maker find(const Work& work, const std::string& way) const {
    const auto kind = kinds.find(work.kind());
    if (kind != kinds.end())
      for (const Way& each : kind->second)
        if (each.name == way) return each.make;
    return nullptr;
  }
};

/// The compiler must take `value` for used, and memory for read and written.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

inline double seconds_of(const Step& step, long times) {
  const auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < times; ++i) step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds of wall time per step: the median of some eight batches that last about `budget` seconds together.
inline double measure(const Step& step, double budget) {
  constexpr double batches = 8;
  // Once for buffers, or to record a step; once more as the first replay is checked, unless the work takes very long.
  if (seconds_of(step, 1) < 0.3) step();
  long times = 1;
  double took = seconds_of(step, times);
  while (took < budget / batches) {
    const double wanted = took > 0 ? budget / batches / took : 10.0;
    times = std::max(times + 1, static_cast<long>(static_cast<double>(times) * std::min(10.0, 1.1 * wanted)));
    took = seconds_of(step, times);
  }
  std::vector<double> found{took};
  for (double total = took; total < budget; total += found.back()) found.push_back(seconds_of(step, times));
  std::nth_element(found.begin(), found.begin() + static_cast<long>(found.size() / 2), found.end());
  return found[found.size() / 2] / static_cast<double>(times);
}

/// The most memory this process has had, in bytes.
inline double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> word) return 1024 * std::stod(word);
  return 0;
}

/// A line to answer a question: seconds or bytes; "-" where this program has no such work.
inline std::string answer(const Program& program, const std::string& way, const std::string& name, double budget,
                          bool memory) {
  try {
    const Work work(name);
    const Maker make = program.find(work, way);
    if (make == nullptr) return "-";
    const Step step = make(work);
    if (step == nullptr) return "-";
    char text[32];
    for (int i = 0; memory && i < 10; ++i) step();
    std::snprintf(text, sizeof text, "%.6g", memory ? peak_memory() : measure(step, budget));
    return text;
  } catch (const std::exception& problem) {
    std::string text = problem.what();
    return "error " + text.substr(0, text.find('\n'));
  }
}

constexpr const char* usage =
    "[--threads <n>] [--way <name>] [--seconds <s>] [--memory] <work> ...   measures works, all ways or one\n"
    "       [--threads <n>] --serve    answers lines of: way <tab> work <tab> seconds\n"
    "       --about                    prints versions, then the ways, a line each\n";

inline int run(const Program& program, int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc), works, ways = program.ways;
  double budget = 0.1;
  int threads = 1;
  bool memory = false, serve = false, failed = false;
  try {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& argument = arguments[i];
      const auto value = [&] {
        return i + 1 < arguments.size() ? arguments[++i] : throw std::invalid_argument(argument);
      };
      if (argument == "--about") {
        std::cout << program.about << '\n';
        for (const std::string& way : program.ways) std::cout << way << '\n';
        return 0;
      } else if (argument == "--threads") {
        threads = std::stoi(value());
      } else if (argument == "--seconds") {
        budget = std::stod(value());
      } else if (argument == "--way") {
        ways = {value()};
      } else if (argument == "--memory") {
        memory = true;
      } else if (argument == "--serve") {
        serve = true;
      } else if (argument.compare(0, 1, "-") == 0) {
        throw std::invalid_argument(argument);
      } else {
        works.push_back(argument);
      }
    }
    if (!serve && works.empty()) throw std::invalid_argument("no work");
  } catch (const std::exception&) {
    std::cerr << "usage: " << argv[0] << ' ' << usage;
    return 2;
  }
  program.set_threads(threads);
  for (std::string line; serve && std::getline(std::cin, line);) {
    const std::vector<std::string> question = Work::split(line, '\t');
    std::cout << (question.size() == 3 ? answer(program, question[0], question[1], std::stod(question[2]), memory)
                                       : "error: way <tab> work <tab> seconds, please")
              << std::endl;
  }
  for (const std::string& work : works)
    for (const std::string& way : ways) {
      const std::string found = answer(program, way, work, budget, memory);
      failed = failed || found[0] == 'e';
      std::cout << work << '\t' << way << '\t' << found << std::endl;
    }
  return failed ? 1 : 0;
}
