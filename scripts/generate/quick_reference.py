"""docs/quick_reference.md: what each public header offers, from its comments."""

import pathlib
import re

import declarations
import umbrella

PATH = "docs/quick_reference.md"
MARK = "<!-- From here on by scripts/generate.py, of the /// comments in the headers: change those. -->\n"

FOLDERS = [
    ("core", "core: tensors"), ("autograd", "autograd: the tape"), ("transform", "transform: functions of functions"),
    ("formula", "formula: the engine of element-wise operations"), ("ops", "ops: operations"),
    ("nn", "nn: layers and losses"), ("optim", "optim: optimizers"), ("train", "train: the loop, and what it came to"),
    ("data", "data: data sets"), ("io", "io: files"), ("viz", "viz: pictures (target `eigengrad::viz`, namespace `eg::viz`; `viz/viz.hpp` brings all)"),
    ("", "Beside the folders"),
]
# The library's inside, which is listed in one line each. A new header is public where it is not named here.
INSIDE = [r"simd/", r"kernels/", r"compiled/", r"autograd/engine/(?!compute|record\.|tape_state)", r"autograd/inspect/(labels|table)",
          r"formula/(?!apply|expression|formula\.hpp)",
          r"core/(thread_state|program_notes|size|exact|pack|releasable|element_access|host_access|pool_allocator|nested|"
          r"print_numbers|loop|replay_tensors|clock|path|float_rules|state_check)\.hpp",
          r"ops/groups", r"transform/(module_state|number_type|push|step_plan|step_record)",
          r"nn/module/(class_name|mode_guard)", r"optim/line_search", r"io/(csv_(cells|number|header)|file_kind|number|npy_header|safetensors_header|stored_numbers|zip_(reader|writer)|half)\.hpp",
          r"train/text", r"viz/(svg|layers|path|draw|legend|contour|file|png)\.hpp"]


# What has a comment, and is spoken of in tests, but is no part of the public face. New helpers do better with a // comment.
NOT_FOR_USERS = set("""
    AnyTensor::duplicate_of AnyTensor::place Arithmetic Block BufferPool Constant contribute cost data_beside_header
    decltype Delayed differentiated directions dot_escaped Edge epoch_line extent extreme for_each_row
    Formula::describe Formula::for_each_leaf Formula::forward Formula::reverse Formula::trace Formula::write_to give
    is_real is_terminal keep kept List Location::current Measure Module::came_through name_classes parallel_for
    parallel_ranges ParameterRef::appear ParameterRef::copy_reached_instead ParameterRef::draw ParameterRef::is_fresh
    ParameterRef::require_all_here ParameterRef::state Parameters permuted pick print::Layout print::put print::skips
    Product root rounded settings Several std stretch sum_of take_step Tape::state team_size Tensor::element_at
    Tensor::empty_with_room Transposed true unreduced viz::Axis viz::check_levels viz::check_range viz::chosen_levels
    viz::decimal viz::Extent viz::Layer viz::linear_ticks viz::log_ticks viz::padded viz::Tick viz::title_lines wrt
""".split())


def is_inside(header):
    return any(re.match(pattern, header) for pattern in INSIDE)


def mentioned_words(project):
    """What examples, pages and tests speak of: the rest of a public header is its own business."""
    files = [*project.glob("examples/*.cpp"), project / "README.md",
             *(each for each in project.glob("docs/*.md") if each.name != "quick_reference.md"),
             *(each for each in project.glob("tests/**/*.[ch]pp"))]
    words = set()
    for file in files:
        if file.exists():
            words |= set(re.findall(r"\w+", file.read_text()))
    return words


def first_sentences(text, most=260):
    """As many whole sentences as fit, and always one."""
    sentences = re.split(r"(?<=[.;])\s+(?=[A-Z`'(])", text)
    result = sentences[0]
    for sentence in sentences[1:]:
        if len(result) + 1 + len(sentence) > most:
            break
        result += " " + sentence
    return result.rstrip(";:")


def plain(text):
    """As Markdown that shows the same letters."""
    parts = re.split(r"(`[^`]*`)", text)
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"(?<=\S)\*|\*(?=\S)|<(?=\w|/)|(?<=\])(?=\()|\|", lambda match: "\\" + match[0] if match[0]
                          else "\\", parts[i])
    return "".join(parts)


def with_text(head, text):
    return head + (": " + plain(first_sentences(text)) if text else "")


def fields_line(fields):
    """Settings: with their comments as a list, without as one line."""
    if any(each.trailing or each.documentation for each in fields):
        return ["  - " + with_text(f"`{each.signature}`", each.documentation or each.trailing) for each in fields]
    return ["  - `{" + ", ".join("." + each.signature for each in fields) + "}`"]


def class_lines(declaration, words):
    lines = ["- " + with_text(f"**`{declaration.signature}`**", declaration.documentation)]
    visible = [each for each in declaration.members if not each.hidden]
    settings = declaration.name.endswith("Options")
    fields = [each for each in visible if each.kind == "field" and (settings or each.name in words or each.documentation)
              and not re.match(r"name|cost|is_\w+|element_\w+|Element", each.name)]
    if fields:
        lines += fields_line(fields)
    bare, seen, group = [], set(), None
    for each in visible:
        if each.kind == "class" and each.members:
            inner = [member for member in each.members if member.kind == "field" and not member.hidden]
            if inner and (each.documentation or each.name in words):
                lines.append("  - " + with_text(f"`{declaration.name}::{each.name}{{" + ", ".join(
                    "." + member.signature for member in inner) + "}`", each.documentation))
        if each.kind != "function" or each.signature in seen or (
                each.name in NOT_FOR_USERS or f"{declaration.name}::{each.name}" in NOT_FOR_USERS):
            continue
        if each.static:
            each.signature = re.sub(rf"^(?:{declaration.name}(?:<T>)? )?(.*?)\b{each.name}\(",
                                    rf"\1{declaration.signature}::{each.name}(", each.signature)
        seen.add(each.signature)
        documentation = each.documentation or each.trailing
        if documentation:
            lines.append("  - " + with_text(f"`{each.signature}`", documentation))
            group = len(lines) - 1
        elif each.name == declaration.name or each.name in words or each.name.startswith("operator"):
            bare.append(f"`{each.signature}`")
    if bare:
        lines.append("  - " + ", ".join(bare))
    return lines


def qualified(name, signature):
    """The name with the namespaces that its signature shows."""
    match = re.search(rf"(?:\w+::)*{re.escape(name)}\b", signature)
    return match[0] if match else name


def header_lines(text, words):
    """What a public header offers."""
    found = [each for each in declarations.declarations_of(text)
             if not each.hidden and qualified(each.name, each.signature) not in NOT_FOR_USERS]
    operations = {each.name: each.documentation for each in found if each.kind == "class"}
    lines, functions, place, last = [], {}, {}, None
    for each in found:
        if each.kind == "class" and each.name.endswith("Operation"):
            continue
        if each.kind == "function":
            documentation = each.documentation or operations.get(each.applies, "")
            if each.name not in words and not each.name.startswith("operator"):
                continue
            if not documentation and each.name not in place:
                if each.follows and lines and last == len(lines) - 1:
                    lines[-1] = lines[-1].replace("`: ", f"`, `{each.signature}`: ", 1)
                else:
                    last = None
                continue
            last = len(lines)
            if each.name in place and each.signature not in functions[each.name]:
                # The same name again: beside it, and under its own text if it has one.
                if not each.documentation or each.name.startswith("operator"):
                    functions[each.name].append(each.signature)
                    at = place[each.name]
                    head, colon, rest = lines[at].partition("`: ")
                    lines[at] = head + f"`, `{each.signature}" + colon + rest
                    continue
            elif each.name in place:
                continue
            functions.setdefault(each.name, []).append(each.signature)
            place.setdefault(each.name, len(lines))
            lines.append("- " + with_text(f"`{each.signature}`", documentation))
        elif each.kind == "class" and (each.documentation or fields_of(each)) and (
                each.name in words or each.name.endswith("Options")):
            lines += class_lines(each, words)
        elif each.kind == "macro" and each.documentation and not each.name.endswith("Operation"):
            lines.append("- " + with_text(f"`{each.name}`", each.documentation))
        elif each.kind == "enum" and each.name in words:
            values = ", ".join(f"`{value}`" for value in each.members)
            lines.append("- " + with_text(f"**`{each.name}`** ({values})", each.documentation))
        elif each.kind in ("concept", "alias", "field") and each.documentation and each.name in words:
            lines.append("- " + with_text(f"`{each.signature}`", each.documentation))
    return lines


def fields_of(declaration):
    return [each for each in declaration.members if not each.hidden and each.kind == "field"]


def folder_of(header):
    return header.split("/")[0] if "/" in header else ""


def generated(project):
    root = project / "include/eigengrad"
    headers = {file.relative_to(root).as_posix(): file.read_text() for file in sorted(root.rglob("*.hpp"))}
    words = mentioned_words(project)
    page = (project / PATH).read_text() if (project / PATH).exists() else ""
    lines = [page.partition(MARK)[0].rstrip() + "\n", MARK]
    known = {folder for folder, _ in FOLDERS} | {folder_of(header) for header in headers if is_inside(header)}
    others = [(folder, folder) for folder in sorted({folder_of(header) for header in headers} - known)]
    reached = umbrella.reached(headers)
    for folder, title in FOLDERS[:-1] + others + FOLDERS[-1:]:
        sections = []
        for header, text in headers.items():
            if folder_of(header) != folder or is_inside(header) or umbrella.is_collection(text) and header != "version.hpp":
                continue
            purpose = declarations.purpose_of(text)
            also = [other for other, each in headers.items() if other != header and umbrella.is_collection(each)
                    and other not in ("viz/viz.hpp",) and folder_of(other) == folder and folder
                    and header in umbrella.includes_of(other, each)]
            title_line = f"### `{header}`" + "".join(f", `{other}`" for other in also)
            alone = "" if header in reached or folder == "viz" else " Include it by itself."
            described = (plain(first_sentences(purpose)) + alone).strip()
            sections.append("\n\n".join(each for each in (title_line, described, "\n".join(header_lines(text, words)))
                                        if each) + "\n")
        if sections:
            lines += [f"## {title}\n", *sections]
    lines += ["## Inside\n", "Not for use, and free to change.\n"]
    named = "\n".join(lines)
    rest = [header for header in headers if f"`{header}`" not in named]
    lines += ["\n".join("- " + with_text(f"`{header}`", declarations.purpose_of(headers[header])) for header in rest) + "\n"]
    return "\n".join(lines)
