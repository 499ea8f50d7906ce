#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/functions.hpp"

// What a row of the gradient table holds. One row per operation, or per way of calling it, drives all checks: gradients
// (gradient_table.cpp) of first and second order (gradient_second.cpp), dual numbers (dual_table.cpp), compiled steps
// (gradient_replay.cpp), random programs (gradient_programs.cpp) and threads (tests/parallel/table.cpp). Operations
// without one are found by what the tape records (gradient_completeness.cpp).
namespace gradients {

namespace eg = eigengrad;
using List = std::vector<eg::Tensor<double>>;
using Shapes = std::vector<eg::Shape>;
using Dual = eg::Dual<double>;
using DualList = std::vector<eg::Tensor<Dual>>;

/// Where an input's random values come from, in a word.
struct Domain {
  const char* word;
  double low, high;
  bool both_signs = false;
};
inline constexpr Domain any{"any", -2, 2}, positive{"positive", 0.5, 2.5}, nonzero{"nonzero", 0.3, 2, true},
    above_minus_one{"above -1", -0.6, 2}, within_one{"within 1", -0.9, 0.9}, unit{"between 0 and 1", 0.1, 0.9};

/// Inputs at a kink or far out, each one number, and the gradient that is documented there.
struct Awkward {
  std::vector<double> inputs, gradients;
};

struct Row {
  std::string name;
  std::vector<Domain> domains;  // one per input; the last holds for the inputs after it too
  std::function<eg::Tensor<double>(const List&)> run;
  std::function<eg::Tensor<Dual>(const DualList&)> run_dual;
  std::vector<Shapes> shapes;  // small cases, each with one shape per input
  Shapes large = {};           // for one check in a random direction
  std::vector<Awkward> awkward = {};
  // Element-wise operations only: the same on single numbers.
  std::function<long double(const std::vector<long double>&)> precise = {};
  std::function<Dual(const std::vector<Dual>&)> dual = {};

  std::size_t inputs() const { return large.size(); }
};

/// Every class of shapes: none, one, vectors, matrices, batches, a lane's rest, empty ones, all broadcast pairs.
inline std::vector<Shapes> shape_classes(int inputs) {
  if (inputs == 1)
    return {{{}},     {{1}},       {{5}}, {{17}},   {{1, 1}}, {{1, 4}}, {{3, 1}},
            {{3, 4}}, {{2, 3, 4}}, {{0}}, {{0, 3}}, {{3, 0}}, {{0, 0}}};
  if (inputs == 2)
    return {{{}, {}},         {{1}, {1}},          {{5}, {5}},          {{3, 4}, {3, 4}}, {{3, 4}, {}},
            {{}, {3, 4}},     {{3, 4}, {1, 1}},    {{1, 1}, {3, 4}},    {{3, 4}, {1, 4}}, {{4}, {3, 4}},
            {{3, 4}, {3, 1}}, {{3, 1}, {3, 4}},    {{3, 1}, {1, 4}},    {{1, 4}, {3, 1}}, {{3, 1}, {4}},
            {{2, 3, 4}, {4}}, {{3, 1}, {2, 3, 4}}, {{2, 1, 4}, {3, 1}}, {{0}, {1}},       {{0, 3}, {3}},
            {{3, 1}, {3, 0}}, {{1, 1}, {1, 4}},    {{2, 19}, {19}},     {{2, 19}, {2, 1}}};
  return {{{}, {}, {}},      {{5}, {5}, {5}},       {{3, 4}, {3, 4}, {3, 4}}, {{3, 4}, {}, {}},
          {{}, {3, 4}, {4}}, {{3, 4}, {4}, {3, 1}}, {{2, 1, 4}, {3, 1}, {1}}, {{1, 4}, {3, 1}, {1, 1}},
          {{0, 3}, {3}, {1}}};
}

template <int inputs, class F, class X>
auto call(const F& f, const std::vector<X>& x) {
  if constexpr (inputs == 1)
    return f(x[0]);
  else if constexpr (inputs == 2)
    return f(x[0], x[1]);
  else
    return f(x[0], x[1], x[2]);
}

/// The rows of one file, told to all_row_files() before main begins.
struct RowFile {
  const char* name;
  std::vector<Row> (*rows)();
  bool on_duals;
};
inline std::vector<RowFile>& all_row_files() {
  static std::vector<RowFile> files;
  return files;
}
inline bool add_row_file(const RowFile& file) {
  all_row_files().push_back(file);
  return true;
}
/// The files for plain numbers, or for dual ones, in the order of their names.
inline std::vector<RowFile> row_files(bool on_duals) {
  std::vector<RowFile> files;
  for (const RowFile& file : all_row_files())
    if (file.on_duals == on_duals) files.push_back(file);
  std::sort(files.begin(), files.end(),
            [](const RowFile& a, const RowFile& b) { return std::string_view(a.name) < std::string_view(b.name); });
  return files;
}

// A file of rows, `GRADIENT_ROWS(structural) { return {...}; }`, is compiled twice, for compilers' sake: as it is for
// plain numbers, and by dual_structural.cpp, which defines GRADIENT_ROWS_ON_DUALS, for dual ones. table() joins the
// two.
#ifdef GRADIENT_ROWS_ON_DUALS
#define GRADIENT_ROWS(file) GRADIENT_ROWS_OF(file, dual_##file##_rows, true)
#else
#define GRADIENT_ROWS(file) GRADIENT_ROWS_OF(file, file##_rows, false)
#endif
#define GRADIENT_ROWS_OF(file, function, on_duals)                            \
  std::vector<Row> function();                                                \
  const bool function##_are_told = add_row_file({#file, function, on_duals}); \
  std::vector<Row> function()

/// Has a row run `f`, which takes a list of tensors.
template <class F>
void set_run(Row& row, const F& f) {
#ifdef GRADIENT_ROWS_ON_DUALS
  row.run_dual = [f](const DualList& x) { return eg::Tensor<Dual>(f(x)); };
#else
  row.run = [f](const List& x) { return eg::Tensor<double>(f(x)); };
#endif
}

/// The row of an element-wise operation.
template <int inputs, class F>
Row elementwise(const char* name, std::vector<Domain> domains, F f, std::vector<Awkward> awkward = {}) {
  Row row{name, std::move(domains), {}, {}, shape_classes(inputs)};
  row.large = Shapes(static_cast<std::size_t>(inputs), eg::Shape{32, 64});
  row.awkward = std::move(awkward);
  set_run(row, [f](const auto& x) { return call<inputs>(f, x); });
#ifndef GRADIENT_ROWS_ON_DUALS
  row.precise = [f](const std::vector<long double>& x) { return static_cast<long double>(call<inputs>(f, x)); };
  row.dual = [f](const std::vector<Dual>& x) { return Dual(call<inputs>(f, x)); };
#endif
  return row;
}

/// The row of any other operation: `f` takes the list of inputs.
template <class F>
Row structural(const char* name, std::vector<Domain> domains, F f, std::vector<Shapes> shapes, Shapes large) {
  Row row{name, std::move(domains), {}, {}, std::move(shapes)};
  row.large = std::move(large);
  set_run(row, f);
  return row;
}

/// All rows of all files.
const std::vector<Row>& table();

/// Random inputs from the row's domains.
inline List draw(const Row& row, const Shapes& shapes, eg::Generator& generator) {
  List inputs;
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    const Domain& domain = row.domains[std::min(k, row.domains.size() - 1)];
    eg::Tensor<double> input = eg::Tensor<double>::empty(shapes[k]);
    double* numbers = input.mutable_data();
    for (eg::Index i = 0; i < input.size(); ++i) {
      numbers[i] = domain.low + (domain.high - domain.low) * generator.uniform();
      if (domain.both_signs && generator.below(2) == 0) numbers[i] = -numbers[i];
    }
    inputs.push_back(input);
  }
  return inputs;
}

inline std::string text(const Shapes& shapes) {
  std::string result;
  for (const eg::Shape& shape : shapes) result += eg::to_text(shape) + " ";
  return result;
}

}  // namespace gradients
