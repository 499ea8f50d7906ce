"""What a header declares, with the comments that begin with ///. It relies on the project's format: clang-format's, one
namespace, no macro in the middle of a declaration but those that are taken away below."""

import dataclasses
import re


@dataclasses.dataclass
class Declaration:
    kind: str               # class, enum, function, field, concept, alias, macro, namespace
    name: str
    signature: str          # shortened, on one line
    documentation: str = ""
    trailing: str = ""      # the comment behind it on its line
    members: list = dataclasses.field(default_factory=list)
    static: bool = False
    follows: bool = False   # right behind the one before, without a blank line
    applies: str = ""       # the operation that a function's body applies
    hidden: bool = False    # private, deleted, an override, a copy or move


def masked(text):
    """The same length, with comments, strings and preprocessor lines as blanks."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![\w])'(?:\\.|[^'\\\n])'", blank, text, flags=re.S)


def closing(code, at):
    """The position behind the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(code)


def behind_template(head):
    """The head without `template <...>`, which may nest."""
    head = head.strip()
    while head.startswith("template"):
        depth, i = 0, head.index("<")
        for i in range(head.index("<"), len(head)):
            depth += {"<": 1, ">": -1}.get(head[i], 0)
            if depth == 0:
                break
        head = head[i + 1:].strip()
        if head.startswith("requires"):
            head = behind_requirement(head)
    return head


def behind_requirement(head):
    """The head without a requires clause in front: (...), a name with arguments, or those joined by && and ||."""
    rest = head[len("requires"):].strip()
    while True:
        rest = rest.removeprefix("!").strip()
        if rest.startswith("requires"):
            rest = rest[len("requires"):].strip()
        if rest.startswith("("):
            rest = rest[closing(rest, 0):].strip()
            if rest.startswith("{"):
                rest = rest[closing(rest, 0):].strip()
        elif rest.startswith("{"):
            rest = rest[closing(rest, 0):].strip()
        else:
            word = re.match(r"[\w:]+\s*", rest)
            rest = rest[word.end():] if word else rest
            if rest.startswith("<"):
                depth, i = 0, 0
                for i, letter in enumerate(rest):
                    depth += {"<": 1, ">": -1}.get(letter, 0)
                    if depth == 0:
                        break
                rest = rest[i + 1:].strip()
        joined = re.match(r"(&&|\|\|)\s*", rest)
        if not joined:
            return rest.strip()
        rest = rest[joined.end():]


# What a signature does without.
NOISE = re.compile(r"\b(?:EIGENGRAD_\w+|inline|constexpr|explicit|virtual|static|friend|extern|noexcept|override|final|"
                   r"typename|const)\b(?:\(.*?\))?|\[\[\w+(?:::\w+)?\]\]|std::(?=(?:string|vector|size_t|int64_t|pair|"
                   r"initializer_list|span|ostream|function|optional|tuple|array|uint64_t|uint8_t|uint32_t)\b)")


def split_arguments(text):
    """At commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += {"(": 1, "[": 1, "{": 1, "<": 1, ")": -1, "]": -1, "}": -1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in parts + [text[start:]] if part.strip()]


def tidy(text):
    text = re.sub(r"\bBasic(\w+)<(?:[^<>]|<[^<>]*>)*>", r"\1", text)  # the name that users write
    return re.sub(r"(?<=[<(]) | (?=[>,)])", "", re.sub(r"\s+", " ", text)).strip()


def short_argument(argument, templates):
    """`const Tensor<T>& x = {}` as `Tensor<T> x = {}`; of a template's own type, only the name."""
    if re.match(r"(?:const )?Location\b", argument):
        return ""
    argument = re.sub(r"\b(?:const )?char ?\*|std::string_view", "string", NOISE.sub("", argument))
    argument = re.sub(r"[&]+|\b\w+::Element\b", lambda match: "T" if match[0][0] != "&" else "", argument)
    argument = tidy(argument)
    words = argument.split(" ")
    if len(words) > 1 and words[0].rstrip(".") in templates | {"auto"} and words[0] != "T":
        argument = ("..." if words[0].endswith("...") else "") + " ".join(words[1:])
    return argument


def short_type(text):
    text = re.sub(r"\bchar ?\*|std::string_view", "string", NOISE.sub("", text))
    text = re.sub(r"\b\w+::Element\b", "T", text)
    text = tidy(text.replace("&", ""))
    return "" if text in ("auto", "void", "decltype(auto)") else text


def template_names(head):
    names = set()
    for match in re.finditer(r"template <", head):
        depth, i = 0, match.end() - 1
        for i in range(match.end() - 1, len(head)):
            depth += {"<": 1, ">": -1}.get(head[i], 0)
            if depth == 0:
                break
        for each in split_arguments(head[match.end():i]):
            words = re.findall(r"\w+", each.split("=")[0])
            if words:
                names.add(words[-1])
    return names


def function_signature(head):
    """(name, signature) of a function's head."""
    templates, plain = template_names(head), behind_template(re.sub(r"\s+", " ", head))
    plain = re.sub(r"\((\w+)\)\(", r" \1(", plain)  # (max)(...), safe from macros
    if conditional := re.match(r"explicit ?\(", plain):
        plain = plain[closing(plain, conditional.end() - 1):].strip()
    match = re.search(r"(operator\s*(?:\(\)|\[\]|[^\s(\w]+|[\w:]+(?:<[^(]*>)?)|~?\w+)\s*\(", plain)
    if not match:
        return None, None
    begin = match.end() - 1
    end = closing(plain, begin)
    arguments = [short_argument(each, templates) for each in split_arguments(plain[begin + 1:end - 1])]
    name = re.sub(r"\s+", " ", match[1]).strip()
    returned = short_type(plain[:match.start()])
    arrow = re.match(r"\s*(?:const)?\s*->\s*(.*)", plain[end:])
    if arrow:
        returned = short_type(arrow[1])
    shown = name + "(" + ", ".join(each for each in arguments if each) + ")"
    if name.startswith("operator") and not name.startswith("operator()") and len(arguments) <= 2:
        symbol = name[len("operator"):].strip()
        if symbol == "[]":
            shown = "[" + ", ".join(arguments) + "]"
        elif len(arguments) == 2:
            shown = f"{arguments[0].split(' ')[-1]} {symbol} {arguments[1].split(' ')[-1]}"
        elif len(arguments) == 1 and not symbol[:1].isalpha():
            shown = symbol + " " + arguments[0].split(" ")[-1]
    elif name == "operator()":
        shown = shown.replace("operator()", "", 1)
    return name, (returned + " " if returned else "") + shown


def comment_above(text, position):
    """The /// lines right above."""
    lines = text[:text.rfind("\n", 0, position) + 1].split("\n")[:-1]
    found = []
    while lines and re.match(r"\s*///( |$)", lines[-1]):
        line = re.sub(r"^\s*/// ?", "", lines.pop())
        found.append("`" + line.strip() + "`" if line.startswith("  ") else line)  # indented: code
    return " ".join(reversed(found)).strip()


def trailing_comment(text, end):
    """What stands behind it on its line, and on the next ones where a // continues it."""
    lines = text[end:].split("\n")
    match = re.match(r"\s*//+ (.*)$", lines[0])
    if not match:
        return ""
    parts = [match[1]]
    for line in lines[1:]:
        more = re.match(r"\s{20,}// (.*)$", line)
        if not more:
            break
        parts.append(more[1])
    return " ".join(parts)


def ends_with_requires(code):
    """Whether a `{` behind it opens a requires expression: `requires` stands there, or `requires(...)` of parameters."""
    if code.endswith("requires"):
        return True
    return any(closing(code, match.end()) == len(code) for match in re.finditer(r"\brequires *(?=\()", code)
               if re.match(r"\((const )?\w+.*[&\w]\)$", code[match.end():]) and " " in code[match.end():])


def end_of_head(code, at, stop):
    """Where a declaration's head ends: at its `;`, or at the `{` of its body."""
    i = at
    while i < stop:
        letter = code[i]
        if letter == ";":
            return i
        if letter in "([":
            i = closing(code, i)
            continue
        if letter == "{":
            before = code[at:i].rstrip()
            if before.endswith("=") or ends_with_requires(before) or (
                    re.search(r"\w$", before) and "(" not in before and
                    not re.search(r"\b(class|struct|enum|namespace|union)\b", before)):
                i = closing(code, i)
                continue
            return i
        i += 1
    return stop


def parse(text, code, at, stop, in_class=None):
    """The declarations between two positions."""
    result, public = [], in_class != "class"
    for_inside = False
    while True:
        at = min(at, stop)
        blank = re.compile(r"[\s;]*").match(code, at, stop)
        between = text[at:blank.end()]
        if in_class and re.search(r"^ +// For (the )?(tape|kernels|operations|what|those|whoever|the library)", between, re.M):
            for_inside = True
        at = blank.end()
        if at >= stop:
            return result
        access = re.compile(r"(public|private|protected):").match(code, at)
        if access:
            public, at = access[1] == "public", access.end()
            continue
        macro = re.compile(r"(EIGENGRAD_[A-Z_]+)\(").match(code, at)
        if macro and not in_class:
            end = closing(code, macro.end() - 1)
            arguments = split_arguments(text[macro.end():end - 1])
            if re.match(r"[ \t]*(//[^\n]*)?\n", text[end:end + 200]):
                result.append(Declaration("macro", arguments[0], macro[1], comment_above(text, at), applies=(
                    arguments[1] if len(arguments) > 1 else "")))
                at = end
                continue
        start = at
        end = end_of_head(code, at, stop)
        head = text[start:end]
        head_code = re.sub(r"//[^\n]*", "", head)
        documentation = comment_above(text, start)
        body = (end, closing(code, end)) if end < stop and code[end] == "{" else None
        at = body[1] if body else end + 1
        hidden = not public or for_inside
        flat = re.sub(r"\s+", " ", behind_template(re.sub(r"\s+", " ", head_code))).strip()
        flat = re.sub(r"\((\w+)\)\(", r" \1(", re.sub(r"^(EIGENGRAD_\w+ )+", "", flat))
        namespace = re.match(r"(inline )?namespace (\w*)", flat)
        if namespace:
            inner = parse(text, code, body[0] + 1, body[1] - 1)
            if namespace[2] in ("eigengrad", "EIGENGRAD_ABI"):
                result += inner
            elif namespace[2]:
                for each in inner:
                    each.signature = re.sub(rf"(?<![\w:]){re.escape(each.name)}\b", f"{namespace[2]}::{each.name}",
                                            each.signature, count=1)
                result += inner
            continue
        kind = re.match(r"(class|struct|union|enum class|enum)\b(?: \[\[\w+\]\])? (\w+)", flat)
        if kind and body:
            templates = [each for each in template_names(head_code)]
            if "<" in flat[:kind.end() + 1].replace(kind[0], "", 1) or re.match(r"[^:{]*\b" + kind[2] + "<", flat):
                continue  # a specialisation
            declaration = Declaration("enum" if kind[1].startswith("enum") else "class", kind[2], kind[2] + (
                "<T>" if "T" in templates else ""), documentation, trailing_comment(text, at), hidden=hidden)
            if declaration.kind == "enum":
                declaration.members = [re.match(r"\w+", each.strip())[0] for each in split_arguments(
                    re.sub(r"//[^\n]*", "", text[body[0] + 1:body[1] - 1])) if re.match(r"\w+", each.strip())]
            else:
                declaration.members = parse(text, code, body[0] + 1, body[1] - 1, kind[1])
            result.append(declaration)
            continue
        if kind or re.match(r"(using namespace|friend|static_assert|template|extern template|typedef)\b", flat):
            continue
        if concept := re.match(r"concept (\w+)", flat):
            result.append(Declaration("concept", concept[1], concept[1], documentation, hidden=hidden))
            continue
        if re.match(r"using [^=]*$", flat):
            continue
        if alias := re.match(r"using (\w+) ?= ?(\w*)(.*)", flat):
            named = next((each for each in result if each.kind == "class" and each.name == alias[2]), None)
            if named and alias[3] in ("<>", "<T>"):  # the class's name for users
                named.members = [dataclasses.replace(each, signature=re.sub(rf"\b{named.name}(<\w*>)?", alias[1],
                                                                            each.signature),
                                                     name=alias[1] if each.name == named.name else each.name)
                                 for each in named.members]
                named.name = named.signature = alias[1]
                continue
            result.append(Declaration("alias", alias[1], alias[1], documentation, hidden=hidden))
            continue
        deleted = re.search(r"=\s*delete", code[start:end]) is not None
        is_function = re.search(r"\w\s*\(|operator", re.sub(r"=[^=].*", "", re.sub(r"operator\s*[^\s\w(]+", "operator",
                                                                                  flat)))
        if is_function:
            name, signature = function_signature(head_code)
            if name is None or re.search(rf"::\s*{re.escape(name)}\b", flat.split("(")[0]):
                continue  # a definition outside of its class
            applied = re.search(r"apply<(\w+)>", text[body[0]:body[1]]) if body else None
            special = deleted or name.startswith("~") or "override" in flat or name == "operator=" or (
                "= default" in flat and "(" in flat) or "->" in flat and name == flat.split("(")[0].strip() and not in_class
            if in_class and re.match(rf"(explicit )?{name}\((const )?{name}\s*&", flat):
                special = True
            result.append(Declaration("function", name, signature, documentation, trailing_comment(text, at),
                                      follows="\n\n" not in between, static=re.search(r"\bstatic\b", head_code) is not None,
                                      applies=applied[1] if applied else "", hidden=hidden or special))
            continue
        field = re.match(r"(.*?)(\w+)(?:\s*=\s*(.*)|\s*\{(.*)\}|\s*\[.*)?$", flat)
        if field:
            value = (field[3] or field[4] or "").strip()
            value = re.sub(r"^T\((.*)\)$", r"\1", re.sub(r", (?=\w+ = )", ", .", value))
            shown = field[2] + (" = " + value if value else "")
            result.append(Declaration("field", field[2], shown, documentation, trailing_comment(text, at), hidden=hidden))


def declarations_of(text):
    return parse(text, masked(text), 0, len(text))


def purpose_of(text):
    """The first sentences of the comment right above the namespace, or of the first comment where it holds no namespace."""
    match = re.search(r"((?:^//(?! NOLINT)[^\n]*\n)+)(?:#[^\n]*\n|EIGENGRAD[^\n]*\n|\n)*^namespace", text, re.M)
    if not match:
        match = re.search(r"((?:^//[^\n]*\n)+)", text, re.M)
    if not match:
        return ""
    lines = [re.sub(r"^///? ?", "", line) for line in match[1].strip().split("\n")]
    code = next((i for i, line in enumerate(lines) if line.startswith(" ")), len(lines))
    return " ".join(lines[:code])
