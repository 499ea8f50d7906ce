#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "gradient_row.hpp"

// A new operation without a row in the gradient table fails here, and is told which row to add.
namespace gradients {

/// What has a name but no gradient.
const std::set<std::string> not_differentiable = {"argmax", "argmin", "all", "any"};
/// What only the rules of others record: the second-order check of slice, element, gather and max goes through them.
const std::set<std::string> inner = {"pick", "place", "scatter"};

/// The names of the differentiable operations that a header defines: `name = "tanh"`, and what is given first to one of
/// `calls`, as in `record("matmul", ...`.
std::set<std::string> operations_in(const std::string& header, const std::vector<std::string>& calls) {
  std::vector<std::string> lines(1);
  for (const char letter : header)
    if (letter == '\n')
      lines.emplace_back();
    else
      lines.back() += letter;
  lines.emplace_back();
  std::set<std::string> names;
  std::vector<std::string> places = calls;
  places.push_back(" name = ");
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const std::string code = lines[i].substr(0, lines[i].find("//"));
    if (lines[i + 1].find("is_predicate") != std::string::npos || code.find("checked(\"") != std::string::npos)
      continue;
    for (const std::string& place : places) {
      const auto at = code.find(place + '"');
      if (at == std::string::npos) continue;
      const auto from = at + place.size() + 1;
      const std::string name = code.substr(from, code.find('"', from) - from);
      const bool is_name = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
      if (is_name && !name.empty() && !not_differentiable.count(name) && !inner.count(name)) names.insert(name);
    }
  }
  return names;
}

/// Demands a row for every name in a folder's headers; returns how many there are.
std::size_t check_folder(const std::string& folder, const std::vector<std::string>& calls) {
  std::set<std::string> rows, found;
  for (const Row& row : table()) rows.insert(row.name);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(EIGENGRAD_SOURCE_DIR "/include/eigengrad/" + folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    for (const std::string& name : operations_in({std::istreambuf_iterator<char>(file), {}}, calls)) {
      found.insert(name);
      EXPECT_TRUE(rows.count(name)) << entry.path().filename() << " defines \"" << name
                                    << "\", which the gradient table does not check. Add a row to\n"
                                    << "tests/ops/gradient_elementwise.cpp:  elementwise<1>(\"" << name
                                    << "\", {any}, UNARY(eg::" << name << "(x))), or\n"
                                    << "tests/ops/gradient_structural.cpp:   structural(\"" << name << "\", {any}, OF("
                                    << name << "(x[0])), unary, large),";
    }
  }
  return found.size();
}

TEST(GradientTable, HasARowForEveryOperation) { EXPECT_GT(check_folder("ops", {"(", "({"}), 50u); }
TEST(GradientTable, HasARowForEveryLoss) {
  EXPECT_GE(check_folder("nn", {"record(", "record({", "records(", "reduce_loss("}), 7u);
}

TEST(GradientTable, FindsNamesInHeaders) {
  const auto names = operations_in(R"(
struct CubeOperation {
  static constexpr const char* name = "cube";
};
struct LessOperation {
  static constexpr const char* name = "less";
  static constexpr bool is_predicate = true;
};
  return record("flip", result);   // map("gelu", x)
  return pick("row", t);
  require<ShapeError>(fits, "flip: shape");)",
                                   {"("});
  EXPECT_EQ(names, (std::set<std::string>{"cube", "flip", "row"}));
}

}  // namespace gradients
