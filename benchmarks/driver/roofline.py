"""How near each work comes to what the machine can do: its roofline (Williams, Waterman, Patterson, 2009).

Floating-point operations are those that the work cannot do without: two for a multiply-add; for element-wise functions
as many as the textbook's shortest series take for float precision. Bytes are the least that must move: what is read
and written at least once, each number one time, from the smallest memory that holds all of it."""
import layer_costs
from results import EIGENGRAD, aligned, digits, quantity

FLOAT = 4
# Operations for one element: value and derivative, by the shortest series and quotients for float precision.
GELU, CHAIN, NORMALISE, EXPONENTIAL = 34, 95, 22, 14
ADAM, SGD = 13, 2
# What a level of memory holds, and the work whose arrays lie in it: its bytes, half read and half written.
LEVELS = ((48e3, "16k", 16 << 10), (1e6, "512k", 512 << 10), (24e6, "8M", 8 << 20), (float("inf"), "256M", 256 << 20))


def count(text):
    text = text.lstrip("b")
    return int(text.rstrip("kM")) * {"k": 1000, "M": 1000000}.get(text[-1], 1)


def network(fields):
    sizes, batch = [int(size) for size in fields[2].split("-")], count(fields[3])
    pairs = list(zip(sizes, sizes[1:]))
    return pairs, batch, sum(a * b + b for a, b in pairs), sum(2 * batch * a * b for a, b in pairs)


def needs(work):
    """(operations, bytes) of a work; None where they are not counted."""
    fields = work.split("/")
    kind = fields[0]
    if kind in ("train", "gradient", "forward", "infer", "hvp"):
        pairs, batch, weights, product = network(fields)
        first = 2 * batch * pairs[0][0] * pairs[0][1]
        ends = FLOAT * batch * (pairs[0][0] + pairs[-1][1])
        if kind in ("forward", "infer"):
            return product, FLOAT * weights + ends
        if kind == "gradient":
            return 3 * product - first, 2 * FLOAT * weights + ends
        if kind == "hvp":  # Pearlmutter's R operator: values, their tangents, adjoints, their tangents, the product
            return 8 * product - 3 * first, 3 * FLOAT * weights + ends
        adam = fields[4] == "adam"
        return 3 * product - first + (ADAM if adam else SGD) * weights, (6 if adam else 2) * FLOAT * weights + ends
    if kind in ("model_step", "model_answer", "layer_step"):
        return layer_costs.needs(fields)
    if kind == "formula":
        size = count(fields[2])
        each = {"gelu": GELU, "gelu_map": GELU, "chain": CHAIN, "normalise": NORMALISE}.get(fields[1])
        return (each * size, 2 * FLOAT * size) if each else None
    if kind == "function":  # a double is two floats, to compute as to move
        size = count(fields[3]) * (2 if fields[2] == "double" else 1)
        return (2 if fields[1] == "cube" else EXPONENTIAL) * size, (3 if fields[1] == "pow" else 2) * FLOAT * size
    if kind == "reduce":
        return count(fields[2]), FLOAT * count(fields[2])
    if kind == "weight_gradient":
        m, n, k = (int(size) for size in fields[1].split("x"))
        return 2 * m * n * k, FLOAT * (m * k + k * n + m * n)
    if kind == "softmax_cross_entropy":
        rows, classes = (int(size) for size in fields[1].split("x"))
        return EXPONENTIAL * rows * classes, 2 * FLOAT * rows * classes
    if kind == "adam":
        return ADAM * count(fields[1]), 7 * FLOAT * count(fields[1])
    return None


def machine(rows):
    """Operations per second, and bytes per second by level, as measured; None without those works."""
    found = {row.work: row.median(EIGENGRAD) for row in rows if row.work.startswith("machine/") and row.threads == 1}
    if "machine/multiply_adds" not in found or "machine/scale/256M" not in found or not all(found.values()):
        return None
    return 1e6 / found["machine/multiply_adds"], {size: moved / found["machine/scale/" + size]
                                                  for _, size, moved in LEVELS if "machine/scale/" + size in found}


def roofline(rows):
    """The table, for one thread; empty where the machine was not measured."""
    known = machine(rows)
    if known is None:
        return ""
    peak, speeds = known
    lines = [["work, one thread", "operations", "least bytes", "could take", "takes", "reached", "bound by"]]
    for row in rows:
        own, least = row.median(EIGENGRAD), needs(row.work)
        if row.threads != 1 or not own or least is None:
            continue
        operations, moved = least
        size = next(name for most, name, _ in LEVELS if moved <= most and name in speeds)
        computing, moving = operations / peak, moved / speeds[size]
        best = max(computing, moving)
        lines.append([row.work, f"{operations:.3g}", quantity(moved, "B"), quantity(best, "s"), quantity(own, "s"),
                      f"{100 * best / own:.0f} %", "computing" if computing > moving else f"memory of {size}B"])
    if len(lines) == 1:
        return ""
    speed = ", ".join(f"{digits(value / 1e9)} GB/s from {size}B" for size, value in speeds.items())
    return (f"Roofline: {digits(peak / 1e9)} GFLOP/s in registers; {speed} (half read, half written).\n\n" + aligned(lines))
