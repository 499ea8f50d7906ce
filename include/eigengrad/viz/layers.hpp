#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

// A graph's items in layers, with few crossings.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// A directed graph without circles laid out in columns from left to right: boxes do not overlap, and an edge that
/// skips columns gets a place of its own in each. (K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of
/// hierarchical system structures, 1981; positions by isotonic regression.)
class LayeredLayout {
 public:
  struct Box {
    double width, height;
    double x = 0, y = 0;  // the upper left corner, after arrange()
    std::size_t column = 0;
    double left = 0, right = 0;  // its column's sides
    bool movable = false;        // no edge leads to it: it stands just before what it leads to
  };
  struct Edge {
    std::size_t from, to;
    std::vector<std::size_t> way = {};  // the places between, after arrange()
  };

  LayeredLayout() = default;
  LayeredLayout(std::vector<Box> all_boxes, std::vector<Edge> all_edges)
      : boxes(std::move(all_boxes)), edges(std::move(all_edges)), real_(boxes.size()) {}

  /// Every edge leads from a box with a smaller number to one with a larger one, but for the movable.
  void arrange(double column_gap, double row_gap) {
    choose_columns();
    split_edges();
    order_columns();
    place(column_gap, row_gap);
  }
  double width() const { return width_; }
  double height() const { return height_; }

  std::vector<Box> boxes;  // the given ones, then the places of edges that pass
  std::vector<Edge> edges;

 private:
  using List = std::vector<std::size_t>;

  void choose_columns() {
    for (std::size_t k = 0; k < real_; ++k) boxes[k].movable = true;
    for (const Edge& edge : edges) boxes[edge.to].movable = false;
    for (std::size_t k = 0; k < real_; ++k)
      if (!boxes[k].movable) boxes[k].column = 1;
    for (std::size_t k = 0; k < real_; ++k)
      for (const Edge& edge : edges)
        if (edge.to == k && !boxes[edge.from].movable)
          boxes[k].column = (std::max)(boxes[k].column, boxes[edge.from].column + 1);
    for (std::size_t k = 0; k < real_; ++k) {
      if (!boxes[k].movable) continue;
      std::size_t first = real_ + 1;
      for (const Edge& edge : edges)
        if (edge.from == k) first = (std::min)(first, boxes[edge.to].column);
      boxes[k].column = first > real_ ? 0 : first - 1;
    }
  }
  void split_edges() {
    for (Edge& edge : edges) {
      std::size_t before = edge.from;
      for (std::size_t column = boxes[edge.from].column + 1; column < boxes[edge.to].column; ++column) {
        edge.way.push_back(boxes.size());
        links_.push_back({before, boxes.size()});
        before = boxes.size();
        boxes.push_back({0, 10, 0, 0, column, 0, 0, false});
      }
      links_.push_back({before, edge.to});
    }
    before_.resize(boxes.size());
    after_.resize(boxes.size());
    for (const auto& [from, to] : links_) {
      after_[from].push_back(to);
      before_[to].push_back(from);
    }
    for (std::size_t k = 0; k < boxes.size(); ++k) {
      if (boxes[k].column >= columns_.size()) columns_.resize(boxes[k].column + 1);
      columns_[boxes[k].column].push_back(k);
    }
  }
  /// Each box goes near the middle of its neighbours, from left to right and back; the order with the fewest crossings
  /// stays.
  void order_columns() {
    rank_.resize(boxes.size());
    const auto number = [&](const List& column) {
      for (std::size_t i = 0; i < column.size(); ++i) rank_[column[i]] = static_cast<double>(i);
    };
    for (const List& column : columns_) number(column);
    std::vector<List> best = columns_;
    std::size_t fewest = crossings();
    for (int sweep = 0; sweep < 12 && fewest > 0; ++sweep) {
      const bool forward = sweep % 2 == 0;
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        List& column = columns_[forward ? c : columns_.size() - 1 - c];
        std::vector<double> middle = rank_;
        for (const std::size_t k : column) {
          const List& neighbours = forward ? before_[k] : after_[k];
          if (neighbours.empty()) continue;
          middle[k] = 0;
          for (const std::size_t other : neighbours) middle[k] += rank_[other] / static_cast<double>(neighbours.size());
        }
        std::stable_sort(column.begin(), column.end(),
                         [&](std::size_t a, std::size_t b) { return middle[a] < middle[b]; });
        number(column);
      }
      if (const std::size_t now = crossings(); now < fewest) {
        fewest = now;
        best = columns_;
      }
    }
    columns_ = std::move(best);
  }
  std::size_t crossings() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < links_.size(); ++i)
      for (std::size_t j = i + 1; j < links_.size(); ++j)
        if (boxes[links_[i].first].column == boxes[links_[j].first].column)
          count +=
              (rank_[links_[i].first] - rank_[links_[j].first]) * (rank_[links_[i].second] - rank_[links_[j].second]) <
                      0
                  ? 1u
                  : 0u;
    return count;
  }
  void place(double column_gap, double row_gap) {
    std::vector<double> centre(boxes.size(), 0);
    for (const List& column : columns_) settle(column, row_gap, centre, std::vector<double>(boxes.size(), 0));
    for (int round = 0; round < 24; ++round)
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const List& column = columns_[round % 2 == 0 ? c : columns_.size() - 1 - c];
        std::vector<double> wish = centre;
        for (const std::size_t k : column) {
          double total = 0;
          for (const List* neighbours : {&before_[k], &after_[k]})
            for (const std::size_t other : *neighbours) total += centre[other];
          const std::size_t count = before_[k].size() + after_[k].size();
          if (count > 0) wish[k] = total / static_cast<double>(count);
        }
        settle(column, row_gap, centre, wish);
      }
    double top = 0, bottom = 0;
    for (std::size_t k = 0; k < boxes.size(); ++k) {
      boxes[k].y = centre[k] - boxes[k].height / 2;
      top = k == 0 ? boxes[k].y : (std::min)(top, boxes[k].y);
      bottom = k == 0 ? boxes[k].y + boxes[k].height : (std::max)(bottom, boxes[k].y + boxes[k].height);
    }
    for (Box& box : boxes) box.y -= top;
    height_ = bottom - top;
    double x = 0;
    for (const List& column : columns_) {
      double widest = 0;
      for (const std::size_t k : column) widest = (std::max)(widest, boxes[k].width);
      for (const std::size_t k : column) {
        boxes[k].left = x;
        boxes[k].right = x + widest;
        // A passing edge goes straight through its column; what only leads on stands at the right.
        if (k >= real_) boxes[k].width = widest;
        boxes[k].x = x + (boxes[k].movable ? widest - boxes[k].width : (widest - boxes[k].width) / 2);
      }
      x += widest + column_gap;
    }
    width_ = (std::max)(0.0, x - column_gap);
  }
  /// The centres nearest to the wished ones, in the column's order and without overlaps: neighbours that want to pass
  /// each other settle for the mean of their wishes.
  void settle(const List& column, double row_gap, std::vector<double>& centre, const std::vector<double>& wish) const {
    struct Run {
      double sum;
      std::size_t count;
      double mean() const { return sum / static_cast<double>(count); }
    };
    std::vector<double> offset(column.size(), 0);
    std::vector<Run> runs;
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (i > 0) offset[i] = offset[i - 1] + (boxes[column[i - 1]].height + boxes[column[i]].height) / 2 + row_gap;
      runs.push_back({wish[column[i]] - offset[i], 1});
      while (runs.size() > 1 && runs[runs.size() - 2].mean() > runs.back().mean()) {
        const Run last = runs.back();
        runs.pop_back();
        runs.back().sum += last.sum;
        runs.back().count += last.count;
      }
    }
    std::size_t i = 0;
    for (const Run& run : runs)
      for (std::size_t n = 0; n < run.count; ++n, ++i) centre[column[i]] = run.mean() + offset[i];
  }

  std::size_t real_ = 0;  // how many of the boxes were given
  std::vector<std::pair<std::size_t, std::size_t>> links_;
  std::vector<List> before_, after_, columns_;
  std::vector<double> rank_;
  double width_ = 0, height_ = 0;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
