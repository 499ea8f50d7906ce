#pragma once

#include <iosfwd>

#include "../../core/shape.hpp"
#include "../engine/tape_state.hpp"
#include "watch.hpp"

// What each record took, as a table: Tape tape({.profile = true}), then std::cout << tape.profile().
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What one record took.
struct ProfileRow {
  Index number;  // its place on the tape
  std::string operation, formula;
  Shape shape;
  std::size_t bytes;                 // of the output, and of what else is known to be kept
  double forward = 0, backward = 0;  // seconds
  Location where;

  double seconds() const { return forward + backward; }
};

/// A tape's records, the slowest first. The time forward is what passed since the record before, so what the program
/// does in between, or computes unrecorded, counts with the next record.
struct Profile {
  std::vector<ProfileRow> rows;

  EIGENGRAD_LAZY double forward() const {
    double total = 0;
    for (const ProfileRow& row : rows) total += row.forward;
    return total;
  }
  EIGENGRAD_LAZY double backward() const {
    double total = 0;
    for (const ProfileRow& row : rows) total += row.backward;
    return total;
  }
  EIGENGRAD_LAZY double seconds() const { return forward() + backward(); }
  EIGENGRAD_LAZY std::size_t bytes() const {
    std::size_t total = 0;
    for (const ProfileRow& row : rows) total += row.bytes;
    return total;
  }
};

/// "12.3": microseconds with one decimal.
EIGENGRAD_LAZY std::string microseconds(double seconds) {
  const auto tenths = static_cast<std::int64_t>(std::llround(seconds * 1e7));
  return to_text(tenths / 10, ".", tenths % 10);
}

EIGENGRAD_LAZY Profile profile_of(const TapeState& tape, const Location& where) {
  const Watch<>* watch = watch_of(tape);
  require<GradientError>(watch != nullptr && watch->options().profile,
                         "profile: this tape measures nothing: make it as Tape tape({.profile = true})", where);
  Delayed<Profile, Lazy> result;
  for (const Watch<>::Record& record : watch->records())
    result.rows.push_back({static_cast<Index>(result.rows.size()), record.node->name, record.formula,
                           record.node->shape(), record.bytes, record.forward, record.backward, record.node->where});
  std::stable_sort(result.rows.begin(), result.rows.end(),
                   [](const ProfileRow& a, const ProfileRow& b) { return a.seconds() > b.seconds(); });
  return result;
}

/// Writes a table of the rows with their shares, and the sums.
EIGENGRAD_LAZY void append(std::string& text, const Profile& profile) {
  const double all = profile.seconds();
  TextTable<> table({"share", "forward us", "backward us", "bytes", "record", "formula", "shape", "line"}, "rrrrrlll");
  for (const ProfileRow& row : profile.rows)
    table.add({to_text(all > 0 ? std::llround(100 * row.seconds() / all) : 0, " %"), microseconds(row.forward),
               microseconds(row.backward), to_text(row.bytes), to_text("%", row.number), row.formula,
               to_text(row.shape), line_of(row.where)});
  table.add({"100 %", microseconds(profile.forward()), microseconds(profile.backward()), to_text(profile.bytes()), "",
             "all", "", ""});
  text += table.text();
}
template <class C, class Traits>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Profile& profile) {
  const std::string text = to_text(profile);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
