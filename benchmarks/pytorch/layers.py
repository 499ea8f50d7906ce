"""Works on layers in PyTorch; names as in works.txt."""
import torch
from torch import nn
from torch.nn import functional

RATE = 0.001  # of SGD, as in layers.cpp


def count(text):
    return int(text.removeprefix("b"))


def sizes_of(text):
    return [int(part) for part in text.split("x")]


def lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
                                  nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        self.shortcut = nn.Identity() if stride == 1 and before == after else nn.Sequential(
            nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    before = 16
    for after in (16, 32, 64):
        for i in range(3):
            layers.append(Block(before, after, 2 if i == 0 and after > 16 else 1))
            before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def depthwise():
    layers, before = [nn.Conv2d(3, 32, 3, 1, 1)], 32
    for after in (64, 64):
        layers += [nn.Conv2d(before, before, 3, 1, 1, groups=before, bias=False), nn.BatchNorm2d(before), nn.ReLU(),
                   nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def audio():
    return nn.Sequential(nn.Conv1d(1, 16, 9, 4, 4), nn.ReLU(), nn.Conv1d(16, 32, 9, 4, 4), nn.ReLU(),
                         nn.Conv1d(32, 64, 9, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 10))


def conv8():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10))


CLASSIFIERS = {"lenet": (lenet, (1, 28, 28)), "resnet20": (resnet20, (3, 32, 32)), "depthwise": (depthwise, (3, 32, 32)),
               "audio": (audio, (1, 16000)), "conv8": (conv8, (1, 8, 8))}


def classifier(name, batch):
    make, shape = CLASSIFIERS[name]
    labels = torch.arange(batch) * 7 % 10
    return make(), torch.rand(batch, *shape), lambda output: functional.cross_entropy(output, labels)


class Recurrent(nn.Module):
    def __init__(self, kind, inputs, hidden):
        super().__init__()
        self.layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](inputs, hidden)

    def forward(self, x):
        return self.layer(x)[0]


class Attend(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (each.view(batch, time, self.heads, -1).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, -1))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, width, heads, layers, time, vocabulary):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(time, width)
        self.blocks = nn.Sequential(*(Attend(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.tokens(x) + self.places.weight)))


def model(fields):
    """(module, input, loss of the output) for fields such as lenet, b64 or lstm, 100x32x64x128."""
    if fields[0] in CLASSIFIERS:
        return classifier(fields[0], count(fields[1]))
    sizes = sizes_of(fields[1])
    if fields[0] == "gpt":
        width, heads, layers, time, batch, vocabulary = sizes
        text = (torch.arange(batch * time) * 7 % vocabulary).view(batch, time)
        return (GPT(width, heads, layers, time, vocabulary), text,
                lambda output: functional.cross_entropy(output.view(-1, vocabulary), text.view(-1)))
    time, batch, inputs, hidden = sizes
    return Recurrent(fields[0], inputs, hidden), torch.randn(time, batch, inputs), lambda output: output.square().mean()


def step_of(loss, parameters, compiler):
    optimizer = torch.optim.SGD(parameters, lr=RATE, foreach=True)
    if compiler:
        loss = compiler(loss)

    def step():
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def model_step(fields, compiler):
    module, x, loss_of = model(fields)
    return step_of(lambda: loss_of(module(x)), list(module.parameters()), compiler)


def model_answer(fields, compiler):
    module, x, _ = model(fields)
    module.eval()
    f = compiler(lambda: module(x)) if compiler else lambda: module(x)

    def step():
        with torch.inference_mode():
            f()

    return step


def layer_step(fields, compiler):
    """Forward and backward of one operation, its input differentiated, too."""
    name, sizes = fields[0], sizes_of(fields[1])
    if name == "embedding":
        rows, width, indices = sizes
        module, where = nn.Embedding(rows, width), torch.arange(indices) * 7919 % rows
        call, inputs = (lambda: module(where)), list(module.parameters())
        dy = torch.randn(indices, width)
    elif name.endswith("attention"):
        inputs = [torch.randn(sizes, requires_grad=True) for _ in range(3)]
        causal = name.startswith("causal")
        call = lambda: functional.scaled_dot_product_attention(*inputs, is_causal=causal)
        dy = torch.randn(sizes)
    else:
        module = {"layer_norm": lambda: nn.LayerNorm(sizes[-1]), "batch_norm": lambda: nn.BatchNorm2d(sizes[1]),
                  "max_pool": lambda: nn.MaxPool2d(2)}[name]()
        x = torch.randn(sizes, requires_grad=True)
        call, inputs = (lambda: module(x)), [x, *module.parameters()]
        dy = torch.randn_like(call())
    if compiler:
        call = compiler(call)

    def step():
        call().backward(dy)
        for each in inputs:
            each.grad = None

    return step


KINDS = {f.__name__: f for f in (model_step, model_answer, layer_step)}
