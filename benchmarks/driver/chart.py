"""Bar charts in SVG: how many times eigengrad's time the others take, on a logarithmic scale."""
import math
from xml.sax.saxutils import escape

from results import PEERS, digits

COLOURS = dict(zip(PEERS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7")))  # Okabe and Ito's, told apart by everybody
NAMES, LABELS, PLOT, RIGHT, BAR, GAP, HEAD, TOP = 270, 320, 560, 70, 11, 8, 30, 96
MOST = 12  # works in a picture, unless one kind has more


def text(x, y, words, size=12, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def sections(rows):
    """Rows by the first word of their works, in the order they come."""
    found = {}
    for row in rows:
        bars = [(way, row.ratio(way)) for way in PEERS if row.ratio(way)]
        if row.unit == "s" and bars:
            kind, _, rest = row.work.partition("/")
            found.setdefault(kind, []).append((rest or kind, bars))
    return found


def pages(groups):
    """Kinds of work that share a picture: neighbours, as long as their works are few."""
    found = []
    for kind, works in groups.items():
        if found and sum(map(len, found[-1].values())) + len(works) <= MOST:
            found[-1][kind] = works
        else:
            found.append({kind: works})
    return found


def charts(header, rows):
    """A picture for each kind of work, few together, by their names: rows of one number of threads."""
    groups = sections(rows)
    ratios = [ratio for works in groups.values() for _, bars in works for _, ratio in bars] or [1]
    ends = min(-1, math.floor(math.log10(min(ratios)))), max(1, math.ceil(math.log10(max(ratios))))
    return {f"bench_{next(iter(page))}.svg": chart(header, page, ends) for page in pages(groups)}


def chart(header, groups, ends):
    """One picture as text; `ends` are the scale's, as powers of ten."""
    low, high = ends
    place = lambda ratio: LABELS + PLOT * (math.log10(ratio) - low) / (high - low)
    one = place(1)
    body, y = [], TOP
    for kind, works in groups.items():
        y += HEAD
        body.append(text(14, y - 8, kind, 14, extra=' font-weight="bold"'))
        for name, bars in works:
            height = len(bars) * BAR
            body.append(text(NAMES, y + height / 2 + 4, name, 12, "end"))
            for i, (way, ratio) in enumerate(bars):
                end, top = place(ratio), y + i * BAR
                body.append(f'<rect x="{min(one, end):.1f}" y="{top:.1f}" width="{max(1, abs(end - one)):.1f}" '
                            f'height="{BAR - 1}" fill="{COLOURS[way]}"/>')
                side, anchor = (4, "start") if ratio >= 1 else (-4, "end")
                body.append(text(end + side, top + BAR - 2, digits(ratio), 10, anchor))
            y += height + GAP
    width, height = LABELS + PLOT + RIGHT, y + 24
    grid = []
    for power in range(low, high + 1):
        x, label = place(10.0 ** power), f"{10.0 ** power:g}"
        colour = "#333" if power == 0 else "#ddd"
        grid.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y}" stroke="{colour}"/>')
        grid += [text(x, TOP - 6, label, 11, "middle"), text(x, y + 16, label, 11, "middle")]
    legend, x = [], LABELS
    for way in PEERS:
        if any(way == found for works in groups.values() for _, bars in works for found, _ in bars):
            legend.append(f'<rect x="{x}" y="58" width="12" height="12" fill="{COLOURS[way]}"/>')
            legend.append(text(x + 17, 68, way))
            x += 40 + 7 * len(way)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(14, 26, "How many times eigengrad's time others take", 18, extra=' font-weight="bold"'),
        text(14, 46, header + "; to the right of 1 eigengrad is faster, to the left the other is", 12,
             extra=' fill="#444"'),
        *legend, *grid, *body, "</svg>", ""])
