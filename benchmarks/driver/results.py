"""What was measured, and how it is printed."""
import math
import statistics

EIGENGRAD, REPLAYED, BY_HAND, LIBTORCH, EAGER, COMPILED = WAYS = (
    "eigengrad", "replayed", "by hand", "libtorch", "PyTorch eager", "torch.compile")
PEERS = (BY_HAND, LIBTORCH, EAGER, COMPILED)


class Row:
    """A work at a number of threads: what every round found, for each way to do it."""

    def __init__(self, work, threads, unit, rounds=None):
        self.work, self.threads, self.unit = work, threads, unit  # unit: s, B, or "" for a plain number
        self.rounds = rounds or {}  # way -> list of numbers

    def add(self, way, number):
        if number is not None:
            self.rounds.setdefault(way, []).append(number)

    def median(self, way):
        return statistics.median(self.rounds[way]) if self.rounds.get(way) else None

    def ratio(self, way):
        """How many times eigengrad's figure is the other's; above 1, eigengrad is ahead. None where one is missing."""
        own, other = self.median(EIGENGRAD), self.median(way)
        return other / own if own and other else None

    def as_dict(self):
        return {"work": self.work, "threads": self.threads, "unit": self.unit, "rounds": self.rounds,
                "medians": {way: self.median(way) for way in self.rounds},
                "ratios": {way: self.ratio(way) for way in self.rounds if self.ratio(way) is not None}}


def gradient_to_forward(rows):
    """Rows that say how many times as long as the loss alone a gradient takes, where both were measured."""
    forward = {(row.work, row.threads): row for row in rows if row.work.startswith("forward/")}
    found = []
    for row in rows:
        kind, _, network = row.work.partition("/")
        below = forward.get(("forward/" + network, row.threads)) if kind == "gradient" else None
        if below is None:
            continue
        ratios = Row("gradient:forward/" + network, row.threads, "")
        for way in row.rounds:
            if below.median(way):
                ratios.add(way, row.median(way) / below.median(way))
        found.append(ratios)
    return found


def digits(number):
    """Three digits that count: 0.123, 1.23, 12.3, 123."""
    if number == 0:
        return "0"
    return f"{number:.{max(0, min(6, 2 - math.floor(math.log10(abs(number)))))}f}"


def quantity(number, unit):
    """12.3 us, 4.56 MB, or the plain number; - for None."""
    if number is None:
        return "-"
    scales = {"s": ((1e-6, 1e9, "ns"), (1e-3, 1e6, "us"), (1, 1e3, "ms"), (math.inf, 1, "s")),
              "B": ((1e6, 1e-3, "kB"), (1e9, 1e-6, "MB"), (math.inf, 1e-9, "GB"))}
    for below, factor, name in scales.get(unit, ()):
        if number < below:
            return f"{digits(number * factor)} {name}"
    return digits(number)


def cell(row, way):
    text, ratio = quantity(row.median(way), row.unit), row.ratio(way)
    return text if way == EIGENGRAD or not row.unit or ratio is None else f"{text} ({digits(ratio)})"


def aligned(rows):
    """A table in Markdown, which is readable as it is: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(text.rjust(width) if i else text.ljust(width)
                               for i, (text, width) in enumerate(zip(row, widths))) + " |" for row in rows]
    rule = "| " + " | ".join("-" * (width - 1) + ":" if i else "-" * width for i, width in enumerate(widths)) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])


def table(rows):
    return aligned([["work", "threads", *WAYS]] +
                   [[row.work, str(row.threads or "-"), *(cell(row, way) for way in WAYS)] for row in rows])


def behind(rows):
    """A line for each figure in which a peer is ahead of eigengrad, and of its recorded step replayed, if any."""
    lines = []
    for row in rows:
        for way in PEERS if row.unit else ():
            best = min(filter(None, (row.median(EIGENGRAD), row.median(REPLAYED))), default=None)
            other = row.median(way)
            if best and other and other < best:
                threads = f", {row.threads} thread{'s' * (row.threads > 1)}" if row.threads else ""
                lines.append(f"{row.work}{threads}: {quantity(best, row.unit)}, {way} {quantity(other, row.unit)} "
                             f"({digits(best / other)} times as much)")
    return lines


def slowed_by_threads(rows):
    """A line for each work that takes eigengrad longer with more threads: by more than a twentieth, as less is noise."""
    first = {}
    lines = []
    for row in rows:
        own, alone = row.median(EIGENGRAD), first.setdefault(row.work, row)
        before = alone.median(EIGENGRAD)
        if row.threads and row.unit and row is not alone and own and before and own > 1.05 * before:
            lines.append(f"{row.work}: {quantity(own, row.unit)} with {row.threads} threads, "
                         f"{quantity(before, row.unit)} with {alone.threads}")
    return lines


def caption(header):
    """On what machine, by which compiler: stands with every table, as a figure says little without."""
    names = ("processor", "machine at the start", "machine at the end", "eigengrad", "threads")
    return "; ".join((name + " " if name.startswith(("machine", "threads")) else "") + header[name]
                     for name in names if name in header)


def report(header, rows):
    """The whole text that is printed."""
    lines = [f"{name}: {value}" for name, value in header.items()]
    lines += ["", *filter(None, [caption(header)]), "", "In brackets: how many times eigengrad's own figure; above 1, eigengrad is ahead.", ""]
    lines += [table(rows), ""]
    late = behind(rows)
    lines += (["A peer is ahead of eigengrad, recorded and replayed, in:", *("  " + line for line in late)] if late
              else ["eigengrad is ahead in every line."])
    slowed = slowed_by_threads(rows)
    if slowed:
        lines += ["", "More threads take eigengrad longer in:", *("  " + line for line in slowed)]
    return "\n".join(lines)
