"""The works in PyTorch, eager and compiled by torch.compile; asked as the C++ programs are (see harness.hpp)."""
import argparse
import statistics
import sys
import time
import types

import torch
from torch import nn
from torch.nn import functional

import layers

SGD_RATE, ADAM_RATE, FORMULA_COLUMNS, REDUCE_COLUMNS = 0.001, 0.0001, 250, 1000  # as in work.hpp
WAYS = ("PyTorch eager", "torch.compile")


def count(text):
    """16M is 16,000,000, b64 is 64."""
    text = text.removeprefix("b")
    factor = {"k": 1000, "M": 1000000}.get(text[-1], 1)
    return int(text.rstrip("kM")) * factor


def network(fields):
    """(model, inputs, loss function of the output) for fields such as classifier, 784-128-10, b64."""
    kind, sizes, batch = fields[0], [count(s) for s in fields[1].split("-")], count(fields[2])
    layers = []
    for i, (before, after) in enumerate(zip(sizes, sizes[1:])):
        last = i + 2 == len(sizes)
        layers.append(nn.Linear(before, after))
        if kind == "xor":
            layers.append(nn.Sigmoid() if last else nn.Tanh())
        elif not last:
            layers.append(nn.ReLU())
    if kind == "classifier":
        labels = torch.arange(batch) * 7 % sizes[-1]
        loss = lambda output: functional.cross_entropy(output, labels)
    else:
        target = torch.rand(batch, sizes[-1])
        loss = lambda output: functional.mse_loss(output, target) * sizes[-1]
    return nn.Sequential(*layers), torch.rand(batch, sizes[0]), loss


def make_optimizer(name, parameters, compiled):
    """The fastest form of each: fused in eager mode, the one the compiler fuses otherwise."""
    kind, rate = {"sgd": (torch.optim.SGD, SGD_RATE), "adam": (torch.optim.Adam, ADAM_RATE)}[name]
    return kind(parameters, lr=rate, **({"foreach": True} if compiled else {"fused": True}))


def train(fields, compiler):
    model, x, loss_of = network(fields)
    optimizer = make_optimizer(fields[3], model.parameters(), compiler is not None)
    loss, update = (lambda: loss_of(model(x))), optimizer.step
    if compiler:
        loss, update = compiler(loss), compiler(lambda: optimizer.step())

    def step():
        loss().backward()
        update()
        optimizer.zero_grad()  # sets them to none

    return step


def forward(fields, compiler, with_loss=True):
    model, x, loss_of = network(fields)
    f = (lambda: loss_of(model(x))) if with_loss else (lambda: model(x))
    return no_gradient(compiler(f) if compiler else f)


def infer(fields, compiler):
    return forward(fields, compiler, with_loss=False)


def no_gradient(f):
    def step():
        with torch.inference_mode():
            f()

    return step


def gradient(fields, compiler):
    model, x, loss_of = network(fields)
    return backward_of(lambda: loss_of(model(x)), list(model.parameters()), compiler)


def backward_of(loss, parameters, compiler):
    if compiler:
        loss = compiler(loss)

    def step():
        loss().backward()
        for parameter in parameters:
            parameter.grad = None

    return step


def hvp(fields, compiler):
    model, x, loss_of = network(fields)
    if compiler:  # it cannot differentiate twice backwards; forward over reverse it can
        point = {name: p.detach() for name, p in model.named_parameters()}
        direction = {name: torch.randn_like(p) for name, p in point.items()}
        f = torch.func.grad(lambda p: loss_of(torch.func.functional_call(model, p, (x,))))
        return compiler(lambda: torch.func.jvp(f, (point,), (direction,))[1])
    parameters = list(model.parameters())
    direction = [torch.randn_like(p) for p in parameters]

    def step():
        gradients = torch.autograd.grad(loss_of(model(x)), parameters, create_graph=True)
        torch.autograd.grad(gradients, parameters, direction, allow_unused=True)

    return step


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(0.79788456 * (x + 0.044715 * x * x * x)))


def chain(x):
    return torch.tanh(torch.sqrt(torch.square(torch.sigmoid(1.5 * x + 0.5) - 0.3) + 0.1) * torch.exp(-(x * x)))


def normalise(x, gain, bias):
    deviation = torch.sqrt(x.var(-1, correction=0, keepdim=True) + 1e-5)
    return (x - x.mean(-1, keepdim=True)) / deviation * gain + bias


def formula(fields, compiler):
    f = {"gelu": gelu, "gelu_map": gelu, "chain": chain, "normalise": normalise}[fields[0]]
    size = count(fields[1])
    shapes = [(size,)]
    if f is normalise:
        shapes = [(size // FORMULA_COLUMNS, FORMULA_COLUMNS), (FORMULA_COLUMNS,), (FORMULA_COLUMNS,)]
    parameters = [torch.randn(shape, requires_grad=True) for shape in shapes]
    return backward_of(lambda: f(*parameters).sum(), parameters, compiler)


def function(fields, compiler):
    x = 3.9 * torch.rand(count(fields[2]), dtype=getattr(torch, fields[1])) + 0.1
    exponents = 3.9 * torch.rand_like(x) + 0.1
    f = {"pow": lambda: torch.pow(x, exponents), "cube": lambda: torch.pow(x, 3)}.get(
        fields[0], lambda: getattr(torch, fields[0])(x))
    return no_gradient(compiler(f) if compiler else f)


def reduce(fields, compiler):
    x = torch.randn(count(fields[1]) // REDUCE_COLUMNS, REDUCE_COLUMNS)
    f = {"sum": lambda: x.sum(), "mean_over_rows": lambda: x.mean(0), "max": lambda: x.max()}[fields[0]]
    return no_gradient(compiler(f) if compiler else f)


def weight_gradient(fields, compiler):
    rows, columns, batch = (count(s) for s in fields[0].split("x"))
    dy, x, dw = torch.randn(batch, rows), torch.randn(batch, columns), torch.empty(rows, columns)
    f = lambda: torch.mm(dy.t(), x, out=dw)
    return no_gradient(compiler(f) if compiler else f)


def softmax_cross_entropy(fields, compiler):
    rows, classes = (count(s) for s in fields[0].split("x"))
    x, labels = torch.randn(rows, classes, requires_grad=True), torch.randint(classes, (rows,))
    return backward_of(lambda: functional.cross_entropy(x, labels), [x], compiler)


def adam(fields, compiler):
    weights = torch.randn(count(fields[0]), requires_grad=True)
    weights.grad = torch.randn_like(weights)
    optimizer = make_optimizer("adam", [weights], compiler is not None)
    return compiler(lambda: optimizer.step()) if compiler else optimizer.step


KINDS = {f.__name__: f for f in (train, infer, forward, gradient, hvp, formula, function, reduce, weight_gradient,
                                 softmax_cross_entropy, adam)} | layers.KINDS
torch._dynamo.config.recompile_limit = 64  # the optimizers' inner functions are shared by all works
compiled_steps = {}  # compiling takes seconds, so what is compiled is kept


def with_own_code(f):
    """f with a code object of its own: the compiler keeps what it compiled by code, and looks through all of it."""
    return types.FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__, f.__closure__)


def prepare(way, name):
    kind, *fields = name.split("/")
    if kind not in KINDS:
        return None
    if way != "torch.compile":
        return KINDS[kind](fields, None)
    if name not in compiled_steps:
        try:
            whole = kind not in ("train", "adam", "model_step")  # an optimizer's step is compiled in two parts
            step = KINDS[kind](fields, lambda f: torch.compile(with_own_code(f), dynamic=False, fullgraph=whole))
            step()
        except Exception as problem:  # whatever the compiler fails with, this work it cannot do
            print(f"torch.compile, {name}: {problem}", file=sys.stderr)
            step = None
        compiled_steps[name] = step
    return compiled_steps[name]


def seconds_of(step, times):
    start = time.perf_counter()
    for _ in range(times):
        step()
    return time.perf_counter() - start


def measure(step, budget):
    """As measure() of harness.hpp."""
    batches = 8
    if seconds_of(step, 1) < 0.3:
        step()
    times, took = 1, seconds_of(step, 1)
    while took < budget / batches:
        times = max(times + 1, int(times * min(10.0, 1.1 * budget / batches / took)))
        took = seconds_of(step, times)
    found = [took]
    while sum(found) < budget:
        found.append(seconds_of(step, times))
    return statistics.median(found) / times


def peak_memory(step):
    for _ in range(10):
        step()
    with open("/proc/self/status", encoding="ascii") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def answer(way, name, budget, memory):
    try:
        step = prepare(way, name)
        if step is None:
            return "-"
        return f"{peak_memory(step) if memory else measure(step, budget):.6g}"
    except Exception as problem:
        return "error " + (str(problem).splitlines() or [repr(problem)])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--serve", action="store_true", help="answer lines of: way <tab> work <tab> seconds")
    parser.add_argument("--about", action="store_true")
    parser.add_argument("works", nargs="*")
    options = parser.parse_args()
    if options.about:
        print(f"PyTorch {torch.__version__}", *WAYS, sep="\n")
        return
    torch.set_num_threads(options.threads)
    if options.serve:
        for line in sys.stdin:
            way, name, budget = line.rstrip("\n").split("\t")
            print(answer(way, name, float(budget), options.memory), flush=True)
    for name in options.works:
        for way in [options.way] if options.way else WAYS:
            print(name, way, answer(way, name, options.seconds, options.memory), sep="\t", flush=True)


if __name__ == "__main__":
    main()
