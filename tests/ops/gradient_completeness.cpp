// Every operation has a row in the gradient table. Which operations there are, the headers say; which of them the rows
// carry out, forward, backward and once more, the tape says: a row that only claims a name does not count.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "eigengrad/ops/sum.hpp"
#include "gradient_row.hpp"
#include "support/source_dir.hpp"

namespace gradients {

using Names = std::set<std::string>;

/// What has a name that a function is given, but is never recorded.
const Names not_differentiable = {"argmax", "argmin", "all", "any", "one_hot"};
/// Functions that take a name for their errors alone begin with one of these words.
const std::vector<std::string> only_for_errors = {"require", "checked", "forbid", "fail", "m", "in_range"};

bool is_name(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
}
/// The word that ends before `end`, over template arguments: record of `record<T>(`.
std::string word_before(const std::string& code, std::size_t end) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  if (end > 0 && code[end - 1] == '>')
    for (int depth = 0; end > 0;) {
      --end;
      depth += code[end] == '>' ? 1 : code[end] == '<' ? -1 : 0;
      if (depth == 0) break;
    }
  std::size_t begin = end;
  while (begin > 0 && is_letter(code[begin - 1])) --begin;
  return code.substr(begin, end - begin);
}

/// The names under which a header records: `name = "tanh"` of an operation's struct, unless it is a predicate; what is
/// given first to a function, as in record("matmul", ... or compute<T>({"flip", where}, ...; and {"sum", where}
/// anywhere.
Names names_in(const std::string& header) {
  Names names;
  std::string code;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header.compare(i, 2, "//") == 0) i = std::min(header.find('\n', i), header.size() - 1);
    code += header[i];
  }
  for (std::size_t at = code.find('"'); at != std::string::npos; at = code.find('"', at + 1)) {
    const std::size_t end = code.find('"', at + 1);
    if (end == std::string::npos) break;
    const std::string name = code.substr(at + 1, end - at - 1);
    std::size_t before = code.find_last_not_of(" \n", at - 1) + 1;  // behind what stands before it
    const auto take = [&](const std::string& text) {
      if (before < text.size() || code.compare(before - text.size(), text.size(), text) != 0) return false;
      before = code.find_last_not_of(" \n", before - text.size() - 1) + 1;
      return true;
    };
    bool recorded = false;
    if (take("name =")) {
      recorded = code.substr(end, code.find("};", end) - end).find("is_predicate") == std::string::npos;
    } else {
      const bool braced = take("{"), called = take("(");
      const std::string function = called ? word_before(code, before) : "";
      recorded =
          (braced && code.compare(end + 1, 7, ", where") == 0) ||
          (!function.empty() && std::none_of(only_for_errors.begin(), only_for_errors.end(), [&](const auto& word) {
            return function == word || function.rfind(word + "_", 0) == 0;
          }));
    }
    if (recorded && is_name(name) && !not_differentiable.count(name)) names.insert(name);
    at = end;
  }
  return names;
}

/// name -> the header that has it, of all in these folders.
std::map<std::string, std::string> names_under(const std::vector<std::string>& folders) {
  const std::filesystem::path root = support::source_dir() + "/include/eigengrad";
  std::map<std::string, std::string> found;
  for (const std::string& folder : folders)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path());
      for (const std::string& name : names_in({std::istreambuf_iterator<char>(file), {}}))
        found.emplace(name, std::filesystem::relative(entry.path(), root).string());
    }
  return found;
}

/// What a row records: its value, its gradient, and two orders more.
Names recorded_by(const Row& row) {
  eg::Generator generator(3);
  Names names;
  for (const Shapes& shapes : row.shapes) {
    const List inputs = draw(row, shapes, generator);
    const std::vector<eg::Parameter<double>> leaves(inputs.begin(), inputs.end());
    const std::vector<eg::ParameterRef<double>> parameters(leaves.begin(), leaves.end());
    eg::Tape tape;
    const eg::Tensor<double> y = row.run({leaves.begin(), leaves.end()});
    eg::Tensor<double> loss = sum(y * eg::Tensor<double>::randn(y.shape(), generator));
    for (int order = 0; order < 3 && eg::is_recorded(loss); ++order) {
      const List gradients = tape.gradient(loss, parameters, {.create_graph = true});
      loss = eg::Tensor<double>::zeros({});
      for (const auto& gradient : gradients) loss = loss + sum(gradient * gradient);
    }
    for (std::string& name : tape.operations()) names.insert(std::move(name));
  }
  return names;
}

const Names& recorded_by_all() {
  static const Names all = [] {
    Names names;
    for (const Row& row : table()) names.merge(recorded_by(row));
    return names;
  }();
  return all;
}

TEST(GradientTable, HasARowForEveryOperation) {
  const auto operations = names_under({"ops", "nn"});
  EXPECT_GT(operations.size(), 60u);
  for (const auto& [name, header] : operations)
    EXPECT_TRUE(recorded_by_all().count(name))
        << header << " records \"" << name << "\", which no row of the gradient table does. Add one to\n"
        << "tests/ops/gradient_elementwise.cpp:  elementwise<1>(\"" << name << "\", {any}, UNARY(eg::" << name
        << "(x))), or\ntests/ops/gradient_structural.cpp:   structural(\"" << name << "\", {any}, OF(" << name
        << "(x[0])), unary, large),\nor, where it is never differentiated, to not_differentiable in " << __FILE__;
}

// A name that a row records and the headers do not show would be one for which no row could be missed.
TEST(GradientTable, KnowsAllNamesThatAreRecorded) {
  const auto operations = names_under({"ops", "nn", "formula", "autograd"});
  for (const std::string& name : recorded_by_all())
    EXPECT_TRUE(operations.count(name)) << "\"" << name
                                        << "\" is recorded, but names_in does not find it in a header: let " << __FILE__
                                        << " know how it is given";
}

TEST(GradientTable, RecordsWhatItsRowsAreCalled) {
  for (const Row& row : table())
    EXPECT_TRUE(recorded_by_all().count(row.name)) << "no row records \"" << row.name << "\", as one is called";
}

TEST(GradientTable, FindsNamesInHeaders) {
  const auto names = names_in(R"(
struct CubeOperation {
  static constexpr const char* name = "cube";
};
struct LessOperation {
  static constexpr const char* name = "less";
  static constexpr bool is_predicate = true;
};
  return record("flip", result);   // map("gelu", x)
  return pick("row", t);
  return compute<T>({"roll", where}, shape);
  return compute<Tensor<T>>(
      {"turn", calling_line()}, shape);
  checked("begin", 1); require_same_shape("loss", a); m("weight", weight); const OperationName at{"sum", where};
  require<ShapeError>(fits, "flip: shape");)");
  EXPECT_EQ(names, (Names{"cube", "flip", "row", "roll", "turn", "sum"}));
}

}  // namespace gradients
