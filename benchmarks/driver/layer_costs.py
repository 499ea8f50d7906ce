"""Multiply-adds, weights and sizes of the works on layers (works.txt): what roofline.py needs to know of them."""

FLOAT, SGD = 4, 2


class Network:
    """One example's multiply-adds, the first layer's among them, and the weights, layer by layer."""

    def __init__(self, size):
        self.size, self.products, self.first, self.weights = size, 0, None, 0

    def add(self, products, weights):
        self.products += products
        self.first = products if self.first is None else self.first
        self.weights += weights

    def conv(self, before, after, kernel, rows, columns, groups=1):
        taps = before // groups * kernel
        self.add(rows * columns * after * taps, after * taps)

    def linear(self, before, after):
        self.add(before * after, before * after + after)


def lenet():
    result = Network(28 * 28)
    result.conv(1, 6, 25, 28, 28)
    result.conv(6, 16, 25, 10, 10)
    for before, after in ((400, 120), (120, 84), (84, 10)):
        result.linear(before, after)
    return result


def resnet20():
    result, before, side = Network(3 * 32 * 32), 16, 32
    result.conv(3, 16, 9, 32, 32)
    for after in (16, 32, 64):
        for i in range(3):
            shrinks = i == 0 and after > 16
            side //= 2 if shrinks else 1
            result.conv(before, after, 9, side, side)
            result.conv(after, after, 9, side, side)
            if shrinks:
                result.conv(before, after, 1, side, side)
            before = after
    result.linear(64, 10)
    return result


def depthwise():
    result, before = Network(3 * 32 * 32), 32
    result.conv(3, 32, 9, 32, 32)
    for after in (64, 64):
        result.conv(before, before, 9, 32, 32, before)
        result.conv(before, after, 1, 32, 32)
        before = after
    result.linear(64, 10)
    return result


def audio():
    result, before, length = Network(16000), 1, 16000
    for after in (16, 32, 64):
        length //= 4
        result.conv(before, after, 9, 1, length)
        before = after
    result.linear(64, 10)
    return result


def conv8():
    result = Network(64)
    result.conv(1, 4, 9, 8, 8)
    result.linear(64, 10)
    return result


IMAGES = {each.__name__: each for each in (lenet, resnet20, depthwise, audio, conv8)}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def model(name, sizes):
    """(multiply-adds of all, those of the first layer, weights, numbers in and out)."""
    if name in IMAGES:
        network, batch = IMAGES[name](), int(sizes[1:])
        return network.products * batch, network.first * batch, network.weights, (network.size + 10) * batch
    sizes = [int(size) for size in sizes.split("x")]
    if name == "gpt":
        width, _, layers, time, batch, words = sizes
        weights = layers * 12 * width * width + width * words
        # Causal: half of the places are looked at.
        return batch * time * (weights + layers * time * width), 0, weights + (words + time) * width, batch * time * words
    time, batch, before, hidden = sizes
    rows = GATES[name] * hidden
    return (time * batch * rows * (before + hidden), time * batch * rows * before, rows * (before + hidden + 2),
            time * batch * (before + hidden))


def needs(fields):
    """(operations, bytes) of a work on layers."""
    if fields[0] in ("model_step", "model_answer"):
        products, first, weights, ends = model(fields[1], fields[2])
        if fields[0] == "model_answer":
            return 2 * products, FLOAT * (weights + ends)
        return 6 * products - 2 * first + SGD * weights, FLOAT * (2 * weights + ends)
    sizes = [int(size) for size in fields[2].split("x")]
    numbers = 1
    for size in sizes:
        numbers *= size
    if fields[1] == "embedding":
        rows, width, indices = sizes
        return width * indices, FLOAT * width * (3 * indices + rows)
    if fields[1].endswith("attention"):  # two products forward, five back; q, k, v, y, dy and three gradients
        places = sizes[2] * sizes[2] / (2 if fields[1].startswith("causal") else 1)
        return 14 * sizes[0] * sizes[1] * places * sizes[3], FLOAT * 8 * numbers
    # Read x, write y; read x and dy, write dx.
    return {"layer_norm": 20, "batch_norm": 20, "max_pool": 2}[fields[1]] * numbers, FLOAT * (
        5 if fields[1] != "max_pool" else 2.5) * numbers
