#pragma once

#include "../autograd/draw.hpp"
#include "file.hpp"
#include "layers.hpp"
#include "style.hpp"

// The computation graph, with values and gradients.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Settings of draw_svg.
struct GraphOptions {
  std::string title = "Computation graph";
  double text_size = 13;
};

/// One picture of a computation graph: what flows forward in blue, what flows back in orange.
class GraphPicture {
 public:
  GraphPicture(const TapeGraph& graph, const GraphOptions& options) : options_(options) {
    std::vector<LayeredLayout::Box> boxes;
    std::vector<LayeredLayout::Edge> edges;
    for (const TapeGraph::Item& item : graph.items) {
      labels_.push_back(label_of(item));
      kinds_.push_back(item.kind);
      double width = 0;
      for (const Line& line : labels_.back())
        width = (std::max)(width, text_width(line.text, line.bold ? 1.1 * size() : size()));
      boxes.push_back({width + 2 * padding, static_cast<double>(labels_.back().size()) * line_height() + 2 * padding});
      any_value_ = any_value_ || !item.value.empty();
      any_gradient_ = any_gradient_ || !item.gradient.empty();
    }
    for (const auto& [from, to] : graph.edges) edges.push_back({from, to});
    layout_ = LayeredLayout(std::move(boxes), std::move(edges));
    layout_.arrange(48, 20);
  }

  std::string svg() const {
    const double head = options_.title.empty() ? 0 : 1.2 * size() + 16, foot = any_value_ ? 2 * size() : 0;
    const double width =
        (std::max)({layout_.width() + 2 * margin, text_width(options_.title, 1.2 * size()) + 2 * margin,
                    any_value_ ? 24 * size() : 0});
    Svg svg(width, layout_.height() + 2 * margin + head + foot, options_.title);
    svg.text(width / 2, margin + size(), options_.title,
             {.size = 1.2 * size(), .anchor = Anchor::middle, .bold = true});
    const Point origin{(width - layout_.width()) / 2, margin + head};
    for (std::size_t k = 0; k < layout_.edges.size(); ++k) draw_edge(svg, origin, k);
    for (std::size_t k = 0; k < labels_.size(); ++k) draw_box(svg, origin, k);
    if (any_value_) draw_key(svg, width / 2, origin.y + layout_.height() + margin + size());
    return std::move(svg).finish();
  }

 private:
  static constexpr double padding = 8, margin = 16, widest = 330;
  static constexpr Colour forward = 0x0072b2, backward = 0xc04a00, muted = 0x666666, arrow = 0x555555;
  struct Line {
    std::string text;
    Colour colour;
    bool bold = false;
  };

  double size() const { return options_.text_size; }
  double line_height() const { return std::round(1.35 * size()); }

  std::vector<Line> label_of(const TapeGraph::Item& item) const {
    std::vector<Line> lines;
    const auto add = [&](const std::string& text, Colour colour, bool bold = false) {
      if (!text.empty()) lines.push_back({shortened(text, size(), widest), colour, bold});
    };
    add(item.title, 0x222222, true);
    if (item.shape.rank() > 0) add("shape " + to_text(item.shape), muted);
    add(item.value, forward);
    add(item.gradient, backward);
    return lines;
  }
  void draw_box(Svg& svg, Point origin, std::size_t k) const {
    constexpr Colour fills[] = {0xe4f0f8, 0xf0f0f0, 0xffffff}, strokes[] = {forward, 0x999999, 0x333333};
    const auto kind = static_cast<std::size_t>(kinds_[k]);
    const LayeredLayout::Box& box = layout_.boxes[k];
    svg.element("rect", "x", origin.x + box.x, "y", origin.y + box.y, "width", box.width, "height", box.height, "rx",
                kinds_[k] == TapeGraph::Kind::operation ? 10 : 2, "fill", to_hex(fills[kind]), "stroke",
                to_hex(strokes[kind]), "stroke-width", 1.2);
    double y = origin.y + box.y + padding + 0.95 * size();
    for (const Line& text : labels_[k]) {
      svg.open("g", "fill", to_hex(text.colour));
      svg.text(origin.x + box.x + box.width / 2, y, text.text,
               {.size = size(), .anchor = Anchor::middle, .bold = text.bold});
      svg.close("g");
      y += line_height();
    }
  }
  /// Where an edge enters its target: the edges share the left side in the order they come from.
  double port(std::size_t k) const {
    const LayeredLayout::Edge& edge = layout_.edges[k];
    const auto comes_from = [&](const LayeredLayout::Edge& e) {
      const LayeredLayout::Box& box = layout_.boxes[e.way.empty() ? e.from : e.way.back()];
      return box.y + box.height / 2;
    };
    double before = 0, count = 0;
    for (std::size_t j = 0; j < layout_.edges.size(); ++j) {
      if (layout_.edges[j].to != edge.to) continue;
      ++count;
      const double other = comes_from(layout_.edges[j]), mine = comes_from(edge);
      if (other < mine || (other == mine && j < k)) ++before;
    }
    const LayeredLayout::Box& to = layout_.boxes[edge.to];
    return to.y + to.height * (before + 1) / (count + 1);
  }
  void draw_edge(Svg& svg, Point origin, std::size_t k) const {
    const LayeredLayout::Edge& edge = layout_.edges[k];
    const LayeredLayout::Box& from = layout_.boxes[edge.from];
    Point at{origin.x + from.x + from.width, origin.y + from.y + from.height / 2};
    std::string d = "M";
    const auto put = [&](double x, double y) {
      append_number(d, x);
      d += ' ';
      append_number(d, y);
    };
    const auto curve_to = [&](Point end) {
      const double middle = (at.x + end.x) / 2;
      d += 'C';
      put(middle, at.y);
      d += ' ';
      put(middle, end.y);
      d += ' ';
      put(end.x, end.y);
      at = end;
    };
    put(at.x, at.y);
    // Curves stay between the columns, so that they touch no box.
    const auto line_to = [&](double x) {
      if (x == at.x) return;
      d += 'L';
      at.x = x;
      put(at.x, at.y);
    };
    line_to(origin.x + from.right);
    for (const std::size_t place : edge.way) {
      const LayeredLayout::Box& box = layout_.boxes[place];
      curve_to({origin.x + box.x, origin.y + box.y + box.height / 2});
      line_to(origin.x + box.x + box.width);
    }
    const Point tip{origin.x + layout_.boxes[edge.to].x, origin.y + port(k)};
    curve_to({origin.x + layout_.boxes[edge.to].left - 7, tip.y});
    line_to(tip.x - 7);
    svg.element("path", "d", d, "fill", "none", "stroke", to_hex(arrow), "stroke-width", 1.2);
    d = "M";
    put(tip.x - 8, tip.y - 4);
    d += 'L';
    put(tip.x, tip.y);
    d += 'L';
    put(tip.x - 8, tip.y + 4);
    d += 'z';
    svg.element("path", "d", d, "fill", to_hex(arrow));
  }
  void draw_key(Svg& svg, double x, double y) const {
    svg.open("g", "fill", to_hex(forward));
    svg.text(x - size(), y, "value (forward)",
             {.size = size(), .anchor = any_gradient_ ? Anchor::end : Anchor::middle});
    svg.close("g");
    if (!any_gradient_) return;
    svg.open("g", "fill", to_hex(backward));
    svg.text(x + size(), y, "gradient (backward)", {.size = size()});
    svg.close("g");
  }

  GraphOptions options_;
  std::vector<std::vector<Line>> labels_;
  std::vector<TapeGraph::Kind> kinds_;
  LayeredLayout layout_;
  bool any_value_ = false, any_gradient_ = false;
};

/// The tape's computation graph as a picture, left to right, in SVG; eg::draw(tape) says which numbers it shows.
inline std::string draw_svg(const Tape& tape, const GraphOptions& options = {}) {
  return GraphPicture(graph_of(tape), options).svg();
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
