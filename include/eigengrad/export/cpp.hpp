#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../io/atomic_file.hpp"
#include "../nn/module/module.hpp"
#include "cpp_functions.hpp"
#include "cpp_kernels.hpp"
#include "cpp_operations.hpp"
#include "cpp_writer.hpp"
#include "fold_norms.hpp"
#include "graph.hpp"
#include "module_graph.hpp"

// A trained model as one C++ header that needs nothing: for microcontrollers, plugins, and programs without eigengrad.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of export_cpp: the shape of what predict is given, as {1, 2}, and what the header's struct is called.
struct CppOptions {
  Shape input;
  std::string name = "net";
};

/// Whether a text calls a function of this name.
EIGENGRAD_COLD inline bool calls_function(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
    const std::size_t behind = at + name.size();
    const bool begins = at == 0 || !CppConstants::is_letter(text[at - 1]);
    if (begins && behind < text.size() && (text[behind] == '(' || text[behind] == '<')) return true;
  }
  return false;
}
/// The functions that a text needs, and those that they need, in their order.
EIGENGRAD_COLD inline std::string functions_for(const std::string& text) {
  std::vector<cpp_text::Function> all(std::begin(cpp_text::functions), std::end(cpp_text::functions));
  all.insert(all.end(), std::begin(cpp_text::kernels), std::end(cpp_text::kernels));
  std::string result;
  while (!all.empty()) {  // the last first: those before it may be called by it
    const cpp_text::Function each = all.back();
    all.pop_back();
    if (calls_function(text, each.name) || calls_function(result, each.name)) result.insert(0, each.text);
  }
  return result;
}
/// Throws ValueError for what is no name for the struct: no identifier, a keyword, or the name of one of its members.
EIGENGRAD_COLD inline void require_cpp_name(const std::string& name, const Location& where) {
  constexpr std::string_view taken =
      " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t "
      "class co_await co_return co_yield compl concept const consteval constexpr constinit const_cast continue "
      "decltype default delete do double dynamic_cast else enum explicit export extern false float for friend "
      "goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private "
      "protected public register reinterpret_cast requires return short signed sizeof static static_assert "
      "static_cast std struct switch template this thread_local throw true try typedef typeid typename union "
      "unsigned using virtual void volatile wchar_t while xor xor_eq main index input_size output_size "
      "workspace_size state_size predict step x y state workspace ";
  bool good = !name.empty() && name.find("__") == std::string::npos && !(name[0] >= '0' && name[0] <= '9');
  for (const char c : name) good = good && CppConstants::is_letter(c);
  good = good && name[0] != '_' && taken.find(" " + name + " ") == taken.npos;
  for (const cpp_text::Function& each : cpp_text::functions) good = good && each.name != name;
  for (const cpp_text::Function& each : cpp_text::kernels) good = good && each.name != name;
  require<ValueError>(good, "export_cpp: the name '", name,
                      "' is none for a struct, or one that it needs itself: give another C++ identifier, as \"net\"",
                      where);
}

/// The struct's public part, up to the beginning of the function that computes. That one is compiled apart, as g++
/// would not vectorise what it inlines into code that it takes for cold.
struct CppStruct {
  const std::string& name;
  const Shape &from, &to;
  Index workspace, state;

  EIGENGRAD_COLD std::string begin() const {
    const std::string guard = "EIGENGRAD_EXPORTED_" + name;
    return "// Written by eigengrad's export_cpp. C++17, freestanding: no heap, no exceptions, no library.\n#ifndef " +
           guard + "\n#define " + guard +
           "\n\n#include <cstddef>\n#include <cstdint>\n\n/// A trained model: " + to_text(from) + " -> " +
           to_text(to) + ".\nstruct " + name +
           " {\n  static constexpr std::size_t input_size = " + std::to_string(from.size()) +
           ", output_size = " + std::to_string(to.size()) +
           ",\n                               workspace_size = " + std::to_string(workspace > 0 ? workspace : 1) +
           ", state_size = " + std::to_string(state) + ";\n\n" + (state > 0 ? recurrent() : plain());
  }

 private:
  static const char* plain() {
    return "  /// Reads input_size numbers at x and writes output_size at y, which must not overlap.\n"
           "  static void predict(const float* x, float* y) noexcept {\n"
           "    alignas(64) float workspace[workspace_size];\n    predict(x, y, workspace);\n  }\n"
           "  /// The same with memory of one's own for workspace_size numbers, where the stack is small.\n"
           "  [[gnu::hot, gnu::noinline]] static void predict(const float* __restrict x, float* __restrict y,\n"
           "                                                  float* __restrict workspace) noexcept {\n";
  }
  static const char* recurrent() {
    return "  /// Reads input_size numbers at x and writes output_size at y, which must not overlap; from a state of "
           "zeros.\n"
           "  static void predict(const float* x, float* y) noexcept {\n"
           "    float state[state_size] = {};\n    step(x, y, state);\n  }\n"
           "  /// The same from where the call before left the state, state_size numbers, which begins as zeros.\n"
           "  static void step(const float* x, float* y, float* state) noexcept {\n"
           "    alignas(64) float workspace[workspace_size];\n    step(x, y, state, workspace);\n  }\n"
           "  /// With memory of one's own for workspace_size numbers, where the stack is small.\n"
           "  [[gnu::hot, gnu::noinline]] static void step(const float* __restrict x, float* __restrict y,\n"
           "                                               float* __restrict state,\n"
           "                                               float* __restrict workspace) noexcept {\n";
  }
};

/// The header's text, as export_cpp writes it, of a graph of one input and one output.
template <class T>
EIGENGRAD_COLD std::string cpp_header(ExportGraph<T> graph, const std::string& name,
                                      Location where = Location::current()) {
  require_cpp_name(name, where);
  fold_norms(graph);
  const auto row_of = [&](const ExportNode& node) {
    const CppOperation<T>* row = cpp_operation<T>(node.operation);
    require<ValueError>(row != nullptr || node.operation == "reshape", "export_cpp: ", node.operation, " of ",
                        node.origin, " has no counterpart in C++ yet: export the part of the model before it", where);
    return row;
  };
  const CppMemory memory(graph, [&](const ExportNode& node) {
    const CppOperation<T>* row = row_of(node);
    return row != nullptr && row->in_place;
  });

  std::vector<std::string> names(graph.values().size());
  std::string pointers;
  std::vector<Index> offsets;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const CppMemory::Place place = memory.of(i);
    if (place.kind == CppMemory::Kind::input) names[i] = "x";
    if (place.kind == CppMemory::Kind::output) names[i] = "y";
    if (place.kind != CppMemory::Kind::workspace) continue;
    names[i] = "a" + std::to_string(place.offset);
    bool known = false;
    for (const Index offset : offsets) known = known || offset == place.offset;
    if (known) continue;
    offsets.push_back(place.offset);
    pointers += "    float* const " + names[i] + " = workspace + " + std::to_string(place.offset) + ";\n";
  }
  if (pointers.empty()) pointers = "    static_cast<void>(workspace);\n";

  CppConstants constants;
  std::string body;
  Index state_size = 0;
  for (const ExportNode& node : graph.nodes()) {
    const CppOperation<T>* row = row_of(node);
    if (row != nullptr) body += "    " + row->write(CppCall<T>{graph, node, constants, names, state_size}) + "\n";
  }
  const std::size_t input = graph.inputs()[0], output = graph.outputs()[0];
  const Shape &from = graph.value(input).shape, &to = graph.value(output).shape;
  if (memory.same(input, output))
    body += "    for (index i = 0; i < " + std::to_string(to.size()) + "; ++i) y[i] = x[i];\n";

  CppStruct result{name, from, to, memory.size(), state_size};
  return result.begin() + pointers + body + "  }\n\n private:\n  using index = std::ptrdiff_t;\n" +
         functions_for(body) + "\n" + constants.text() + "};\n\n#endif\n";
}

/// Writes the model, as it is in evaluation, to one C++17 header: export_cpp("net.hpp", model, {.input = {1, 2}}) gives
/// net::predict(const float* x, float* y). It needs nothing but <cstddef> and <cstdint>, and computes in float, to
/// about 1e-6. Throws ValueError naming the first layer without counterpart, FileError for what cannot be written.
template <class T>
EIGENGRAD_COLD void export_cpp(const std::string& path, Module<T>& model, const CppOptions& options,
                               Location where = Location::current()) {
  write_file(path, cpp_header(module_graph(model, options.input, where), options.name, where));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
