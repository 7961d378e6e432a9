"""What our own code reads of answers: the structs of the clients that are made from JSON.

A struct that is read from an object of Stripe's says so in a line before its attributes,
`// Read from: transfer`, with all the names where there are several. Structs inside it need none.
A struct that is made from JSON and is neither named nor inside one that is, is a complaint.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stripe_types import ANY, Class, Type, objects, refusal, thin_event, v2_list

MARK = re.compile(r"\s*// Read from: (.+)")
STRUCT = re.compile(r"\s*(?:pub(?:\([a-z]+\))? )?struct (\w+)(?:<\w+>)? \{")
MEMBER = re.compile(r"\s*(?:pub(?:\([a-z]+\))? )?(\w+): (.+),$")
RENAME = re.compile(r'rename = "(\w+)"')


@dataclass
class Struct:
    """A struct of ours: its members by the names they have on the wire, and their types."""

    name: str
    file: Path
    line: int
    read_from: list[str]
    members: dict[str, str] = field(default_factory=dict)


def structs(file: Path) -> list[Struct]:
    """The structs of a file that are made from JSON."""
    found: list[Struct] = []
    lines = file.read_text().splitlines()
    read_from: list[str] = []
    attributes = ""
    current: Struct | None = None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if mark := MARK.match(line):
            read_from = [name.strip() for name in mark[1].split(",")]
        elif text.startswith("#["):
            attributes += text
        elif current and text == "}":
            found.append(current)
            current, attributes, read_from = None, "", []
        elif current and (member := MEMBER.match(line)):
            if "flatten" not in attributes:
                renamed = RENAME.search(attributes)
                current.members[renamed[1] if renamed else member[1]] = member[2]
            attributes = ""
        elif (struct := STRUCT.match(line)) and "Deserialize" in attributes:
            current, attributes = Struct(struct[1], file, number, read_from), ""
        elif not text.startswith("//"):
            attributes, read_from = "", read_from if current else []
    return found


def complaints(folder: Path) -> dict[str, list[str]]:
    """For each struct that is named in the code of `folder`, what it reads that is not there."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*.rs")):
        here = structs(file)
        reached: set[int] = set()
        for struct in here:
            if struct.read_from:
                types = [type_of(name) for name in struct.read_from]
                found[title(struct)] = list(checked(struct, types, here, reached))
        for struct in here:
            if struct.line not in reached:
                found[title(struct)] = ["says nowhere what it is read from (`// Read from: ...`)"]
    return found


def title(struct: Struct) -> str:
    """How a case is called."""
    return f"reads {struct.file.name}:{struct.line} {struct.name}"


def type_of(name: str) -> Class | None:
    """The class of an object by the name it carries; some answers carry none."""
    match name:
        case "refusal":
            return refusal()
        case "thin event":
            return thin_event()
        case "v2 list":
            return v2_list()
        case _:
            return objects().get(name)


def checked(
    struct: Struct, types: list[Class | None], here: list[Struct], reached: set[int]
) -> Iterator[str]:
    """What a struct reads that none of the types has."""
    if struct.line in reached:
        return
    reached.add(struct.line)
    known = [it for it in types if it is not None]
    if len(known) < len(types):
        yield f"is read from something the package does not know: {struct.read_from}"
    for name, rust in struct.members.items():
        fields = [it.fields()[name].type for it in known if name in it.fields()]
        if not fields:
            yield f"{struct.name}.{name}: is no field of {', '.join(it.name for it in known)}"
            continue
        inner = inside(rust, here, struct)
        if inner is not None and not inner.read_from:
            classes = [it for wanted in fields for it in classes_in(wanted)]
            yield from checked(inner, list(classes), here, reached)


def inside(rust: str, here: list[Struct], around: Struct) -> Struct | None:
    """The struct of ours that a member's type names: the nearest of that name."""
    names = set(re.findall(r"\w+", rust))
    fitting = [it for it in here if it.name in names]
    return min(fitting, key=lambda it: abs(it.line - around.line), default=None)


def classes_in(wanted: Type) -> Iterator[Class]:
    """The classes a field may hold, those inside lists and maps included."""
    for it in wanted.alternatives():
        if it.defined is not None:
            yield it.defined
        for part in it.parts if it.kind in ("list", "map") else ():
            if part is not ANY:
                yield from classes_in(part)
