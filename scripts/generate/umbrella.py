"""The umbrella header's list: every header must be reached from it, but those of optional targets."""

import re

PATH = "include/eigengrad/eigengrad.hpp"
# What needs zlib, or a target of its own, or is for programs that keep files or hand models on, is a collection that other headers' names stand in, or is
# brought by the operations that call it.
OPTIONAL = (r"viz/|export/|simd/|kernels/|.*(gzip|_gz|fashion_mnist)\.hpp$|autograd/engine/joint\.hpp$"
            r"|nn/(activation|linear|loss)\.hpp$"
            r"|io/(atomic_file|mapped_file|escaped|half|number_format|renamed|stored_numbers)\.hpp$"
            r"|io/(npy|npz|safetensors|zip)[a-z_]*\.hpp$")


def is_collection(text):
    """Whether a header holds nothing but includes."""
    return not re.sub(r"//[^\n]*|^\s*#[^\n]*", "", text, flags=re.M).strip()


def includes_of(header, text):
    """The project's headers that it includes."""
    result = []
    for each in re.findall(r'^ *# *include "([^"]+)"', text, re.M):
        parts = header.split("/")[:-1]
        for part in each.split("/"):
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        result.append("/".join(parts))
    return result


def reached(headers):
    """All that the umbrella brings; `headers` are names and texts."""
    found, open_ones = set(), ["eigengrad.hpp"]
    while open_ones:
        header = open_ones.pop()
        if header not in found and header in headers:
            found.add(header)
            open_ones += includes_of(header, headers[header])
    return found


def completed(headers):
    """The umbrella's text with a line for every header that it would not reach, in order."""
    headers = dict(headers)
    for header in sorted(headers):
        if header in reached(headers) or re.match(OPTIONAL, header):
            continue
        lines = headers["eigengrad.hpp"].rstrip("\n").split("\n")
        own = [i for i, line in enumerate(lines) if line.startswith("#include")]
        last_block = [i for i in own if all(lines[j].startswith("#include") for j in range(i, own[-1] + 1))]
        place = next((i for i in last_block if lines[i] > f'#include "{header}"'), last_block[-1] + 1)
        lines.insert(place, f'#include "{header}"')
        headers["eigengrad.hpp"] = "\n".join(lines) + "\n"
    return headers["eigengrad.hpp"]


def generated(project):
    root = project / "include/eigengrad"
    return completed({file.relative_to(root).as_posix(): file.read_text() for file in sorted(root.rglob("*.hpp"))})
