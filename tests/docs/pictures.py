"""pictures.py <docs/pictures> <folder the examples drew into> [file ...]
Fails when a picture in the documentation is not what the examples draw: other elements, other words, a line or point
that lies elsewhere by more than what compilers and processors round differently, or an image in other colours. Without
files, all are compared."""
import base64
import os
import re
import sys
import xml.etree.ElementTree
import zlib

TOLERANCE = 4  # pixels
COLOUR_TOLERANCE = 12  # of 255, on average over an image
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")


def points_of(path):
    """Points on a path's lines, closer together than the tolerance; its shapes are M, L, h, v, a and z."""
    points, at, start = [], (0.0, 0.0), (0.0, 0.0)
    for command, rest in re.findall(r"([MLhvaz])([^MLhvaz]*)", path):
        numbers = [float(word) for word in NUMBER.findall(rest)]
        if command in "ML":
            to = (numbers[0], numbers[1])
        elif command == "h":
            to = (at[0] + numbers[0], at[1])
        elif command == "v":
            to = (at[0], at[1] + numbers[0])
        elif command == "a":
            to = (at[0] + numbers[5], at[1] + numbers[6])
        else:
            to = start
        if command == "M":
            start = at = to
        steps = max(1, int(max(abs(to[0] - at[0]), abs(to[1] - at[1]))))
        points += [(at[0] + (to[0] - at[0]) * k / steps, at[1] + (to[1] - at[1]) * k / steps) for k in range(steps + 1)]
        at = to
    return points


def strays(points, others):
    """The first point that has none of the others within the tolerance."""
    cells = {}
    for x, y in others:
        cells.setdefault((x // TOLERANCE, y // TOLERANCE), []).append((x, y))
    for x, y in points:
        near = [other for i in (-1, 0, 1) for j in (-1, 0, 1)
                for other in cells.get((x // TOLERANCE + i, y // TOLERANCE + j), [])]
        if not any((x - a) ** 2 + (y - b) ** 2 <= TOLERANCE ** 2 for a, b in near):
            return f"({x:.1f}, {y:.1f})"
    return None


def colours_of(address):
    """Width and height of an image as include/eigengrad/viz/png.hpp writes it, and its pixels' red, green and blue."""
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    chunks, at = {}, 8
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        chunks[data[at + 4:at + 8]] = data[at + 8:at + 8 + length]
        at += 12 + length
    size = width, height = [int.from_bytes(chunks[b"IHDR"][i:i + 4], "big") for i in (0, 4)]
    lines, palette = zlib.decompress(chunks[b"IDAT"]), chunks.get(b"PLTE")
    pixels = b"".join(lines[row * (width + 1) + 1:(row + 1) * (width + 1)] for row in range(height))
    return size, [each for i in pixels for each in (palette[3 * i:3 * i + 3] if palette else (i, i, i))]


def looks_alike(was, now):
    """Two images of one size, in about the same colours?"""
    if not (was.startswith("data:image/png") and now.startswith("data:image/png")):
        return was == now
    (size, colours), (other_size, others) = colours_of(was), colours_of(now)
    return size == other_size and sum(abs(a - b) for a, b in zip(colours, others)) <= COLOUR_TOLERANCE * len(colours)


def difference(committed, drawn):
    """What differs first between two pictures, or None."""
    ours, theirs = (list(xml.etree.ElementTree.fromstring(text).iter()) for text in (committed, drawn))
    for a, b in zip(ours, theirs):
        name = a.tag.rpartition("}")[2]
        if a.tag != b.tag or a.keys() != b.keys():
            return f"<{name} {a.attrib}> became <{b.tag.rpartition('}')[2]} {b.attrib}>"
        if (a.text or "").strip() != (b.text or "").strip():
            return f"'{a.text}' became '{b.text}'"
        for key in a.keys():
            was, now = a.get(key), b.get(key)
            if key == "d":
                stray = strays(points_of(was), points_of(now)) or strays(points_of(now), points_of(was))
                if stray:
                    return f"a line of <{name} {a.attrib.get('stroke', a.attrib.get('fill', ''))}> moved at {stray}"
            elif key in ("x", "y", "width", "height", "transform", "viewBox"):
                if NUMBER.sub("", was) != NUMBER.sub("", now) or any(
                        abs(float(p) - float(q)) > TOLERANCE for p, q in zip(NUMBER.findall(was), NUMBER.findall(now))):
                    return f"{key} of <{name}> {was} became {now}"
            elif key == "href":
                if not looks_alike(was, now):
                    return f"an image of {a.get('width')} x {a.get('height')} has other colours or another size"
            elif was != now:
                return f"{key} of <{name}> {was} became {now}"
    return None if len(ours) == len(theirs) else f"{len(ours)} elements became {len(theirs)}"


def main(documented, drawn, names):
    committed = sorted(name for name in os.listdir(documented) if name.endswith(".svg") and not name.startswith("bench"))
    problems = []
    for name in names or committed:
        place = os.path.join(drawn, name)
        if not os.path.exists(place):
            problems.append(f"no example draws {name}: take it out of the documentation")
            continue
        with open(os.path.join(documented, name), encoding="utf-8") as a, open(place, encoding="utf-8") as b:
            found = difference(a.read(), b.read())
        if found:
            problems.append(f"{name} is not what the examples draw now: {found}; look at {place} and copy it")
    print("\n".join(problems) or f"{len(names or committed)} pictures are as drawn")
    return 1 if problems or not committed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
