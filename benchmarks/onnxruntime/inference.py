"""Answers of networks, eigengrad's program beside ONNX Runtime, in turns, on one thread. The graphs are built here,
their weights drawn: what is compared is time. Wants a python with onnx and onnxruntime (pip install onnx onnxruntime), and
benchmarks that are built (scripts/bench.sh does it)."""
import argparse
import os
import statistics
import sys
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "benchmarks", "driver"))
from programs import Program  # noqa: E402
from results import EIGENGRAD, aligned, digits, quantity  # noqa: E402

WORKS = ("model_answer/lenet/b64", "model_answer/lenet/b1", "model_answer/lstm/16x1x8x8", "model_answer/lstm/1x1x8x8",
         "model_answer/lstm/100x32x64x128")


class Graph:
    """Nodes one behind the other, with weights that are drawn as PyTorch does."""

    def __init__(self, shape, output):
        self.shape, self.output, self.nodes, self.weights, self.last = shape, output, [], [], "x"
        self.random = numpy.random.default_rng(1)

    def weight(self, shape, inputs):
        values = self.random.uniform(-1, 1, shape) / inputs**0.5
        self.weights.append(numpy_helper.from_array(values.astype(numpy.float32), f"w{len(self.weights)}"))
        return self.weights[-1].name

    def add(self, kind, *weights, outputs=1, **attributes):
        names = [f"{kind}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [self.last, *weights], names, **attributes))
        self.last = names[0]
        return self

    def conv(self, before, after, padding):
        inputs = before * 25
        return self.add("Conv", self.weight((after, before, 5, 5), inputs), self.weight((after,), inputs),
                        pads=[padding] * 4).add("Relu")

    def linear(self, before, after):
        return self.add("Gemm", self.weight((after, before), before), self.weight((after,), before), transB=1)

    def session(self):
        output = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, self.output)
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        model = helper.make_model(helper.make_graph(self.nodes, "network", [given], [output], self.weights),
                                  opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def lenet(batch):
    graph = Graph((batch, 1, 28, 28), (batch, 10))
    for before, after, padding in ((1, 6, 2), (6, 16, 0)):
        graph.conv(before, after, padding).add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Flatten")
    return graph.linear(400, 120).add("Relu").linear(120, 84).add("Relu").linear(84, 10)


def lstm(steps, batch, inputs, hidden):
    graph = Graph((steps, batch, inputs), (steps, 1, batch, hidden))
    weights = (graph.weight((1, 4 * hidden, inputs), hidden), graph.weight((1, 4 * hidden, hidden), hidden),
               graph.weight((1, 8 * hidden), hidden))
    return graph.add("LSTM", *weights, outputs=3, hidden_size=hidden)


def graph_of(work):
    _, name, sizes = work.split("/")
    return lenet(int(sizes[1:])) if name == "lenet" else lstm(*map(int, sizes.split("x")))


def steps_of(work):
    """The two ways to ask: with arrays, or with buffers that are bound once."""
    graph = graph_of(work)
    session = graph.session()
    x = numpy.random.default_rng(2).random(graph.shape, dtype=numpy.float32)
    feed, binding = {"x": x}, session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    y = onnxruntime.OrtValue.ortvalue_from_numpy(session.run(None, feed)[0])
    binding.bind_ortvalue_output(graph.last, y)
    return (lambda: session.run(None, feed)), (lambda: session.run_with_iobinding(binding))


def measure(step, budget):
    """As measure() of harness.hpp."""
    def seconds(times):
        start = time.perf_counter()
        for _ in range(times):
            step()
        return time.perf_counter() - start

    times, took = 1, seconds(3) / 3
    while took < budget / 8:
        times = max(times + 1, int(times * min(10.0, 1.1 * budget / 8 / took)))
        took = seconds(times)
    return statistics.median([took] + [seconds(times) for _ in range(7)]) / times


def main(arguments):
    parser = argparse.ArgumentParser(prog="inference.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("works", nargs="*", default=WORKS)
    options = parser.parse_args(arguments)
    build = os.path.join(SOURCE, "build", "bench")
    program = Program([os.path.join(build, "benchmarks", "eigengrad")], (EIGENGRAD,), build)
    print(f"{program.about()}\nONNX Runtime {onnxruntime.__version__}, one thread; the least of {options.rounds} "
          "rounds in turns, in brackets the medians' ratio\n")
    rows = [["work", "eigengrad", "ONNX Runtime", "ratio"]]
    for work in options.works:
        ways, own, other = steps_of(work), [], []
        for _ in range(options.rounds):
            own.append(program.ask(EIGENGRAD, work, 1, options.seconds))
            other.append(min(measure(step, options.seconds) for step in ways))
        rows.append([work, quantity(min(own), "s"), quantity(min(other), "s"),
                     f"{digits(min(own) / min(other))} ({digits(statistics.median(own) / statistics.median(other))})"])
    program.close()
    print(aligned(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
