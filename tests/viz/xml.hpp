#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <eigengrad/viz/svg.hpp>

#include "support/message.hpp"

using support::message_of;

/// Why the text is not well-formed XML, or "" when it is; knows as much XML as our writer uses.
inline std::string xml_problem(std::string_view text) {
  std::vector<std::string> open;
  const auto near = [&](std::string_view what, std::size_t at) {
    return std::string(what) + " near \"" + std::string(text.substr(at, 60)) + "\"";
  };
  const auto characters_problem = [&](std::size_t begin, std::size_t end) -> std::string {
    for (std::size_t i = begin; i < end;) {
      if (text[i] == '<') return near("a bare <", i);
      if (text[i] == '&') {
        const auto name = text.substr(i, text.find(';', i) - i + 1);
        if (name != "&amp;" && name != "&lt;" && name != "&gt;" && name != "&quot;" && name != "&#39;")
          return near("a bare &", i);
      }
      if (text[i] == '\n') {
        ++i;
        continue;
      }
      const std::size_t length = eigengrad::viz::character_length(text.substr(i));
      if (length == 0) return near("a forbidden character", i);
      i += length;
    }
    return "";
  };
  std::size_t at = 0;
  bool had_root = false;
  while (at < text.size()) {
    const std::size_t next = std::min(text.find('<', at), text.size());
    if (const auto problem = characters_problem(at, next); !problem.empty()) return problem;
    if (open.empty() && text.substr(at, next - at).find_first_not_of('\n') != text.npos)
      return near("text outside the root", at);
    if (next == text.size()) break;
    const bool closing = text[next + 1] == '/';
    std::size_t i = next + (closing ? 2 : 1);
    const std::size_t name_end = text.find_first_of(" />", i);
    if (name_end == text.npos) return near("an unfinished tag", next);
    const std::string name(text.substr(i, name_end - i));
    if (closing) {
      if (open.empty() || open.back() != name) return near("a stray closing tag", next);
      open.pop_back();
      at = name_end + 1;
      continue;
    }
    if (open.empty() && had_root) return near("a second root", next);
    had_root = true;
    std::vector<std::string> names;
    for (i = name_end; text[i] == ' ';) {
      const std::size_t equals = text.find("=\"", i), end = equals == text.npos ? equals : text.find('"', equals + 2);
      if (end == text.npos) return near("an unfinished attribute", i);
      names.emplace_back(text.substr(i + 1, equals - i - 1));
      if (names.back().find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != std::string::npos)
        return near("an odd attribute", i);
      if (std::count(names.begin(), names.end(), names.back()) > 1) return near("an attribute twice", i);
      if (const auto problem = characters_problem(equals + 2, end); !problem.empty()) return problem;
      i = end + 1;
    }
    const bool empty = text[i] == '/';
    if (empty) ++i;
    if (text[i] != '>') return near("an unfinished tag", next);
    if (!empty) open.push_back(name);
    at = i + 1;
  }
  return open.empty() && had_root ? "" : "unclosed elements";
}

/// How often `part` stands in the text.
inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}
