// Gives a fuzz target each file of its stored corpus, and each file cut short: without libFuzzer, in every test run.
//   replay <folder>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::size_t inputs = 0;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 50);
    for (std::size_t size = bytes.size();; size = size > step ? size - step : 0) {
      const std::vector<std::uint8_t> input(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++inputs;
      if (size == 0) break;
    }
  }
  std::printf("%zu files, %zu inputs\n", files.size(), inputs);
  return files.size() > 5 ? 0 : 1;
}
