"""Checks values against the types of `stripe_types`: what was sent, and what was answered."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from stripe_types import ANY, Class, Type, objects

Complaints = Iterator[str]


def decoded(encoded: str) -> tuple[dict[str, Any], list[str]]:
    """A form or a query as nested maps with texts at the leaves, and what is wrong with its form.

    An index makes a map here; whether it is a list is for the type to say.
    """
    tree: dict[str, Any] = {}
    wrong = []
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        place = tree
        for step in steps[:-1]:
            inner = place.setdefault(step or str(len(place)), {})
            if not isinstance(inner, dict):
                wrong.append(f"{name}: is a value and a map")
                break
            place = inner
        else:
            last = steps[-1] or str(len(place))
            if last in place:
                wrong.append(f"{name}: is repeated without an index")
            place[last] = value
    return tree, wrong


def sent(value: Any, wanted: Type, at: str, form: bool) -> Complaints:
    """What is wrong with a parameter. In a form every leaf is text; in JSON it has its type."""
    alternatives = wanted.alternatives()
    literals = {word for it in alternatives if it.kind == "literal" for word in it.values}
    if value == "" and "" not in literals and ANY not in alternatives:
        yield f"{at}: is empty"
        return
    closed = literals - {""}
    if closed and isinstance(value, str) and value != "":
        others = [it for it in alternatives if it.kind not in ("literal", "str")]
        if value not in closed and all(list(sent(value, it, at, form)) for it in others):
            yield f"{at}: {value!r} is none of its values"
        return
    likely = alike(value, alternatives)
    yield from fewest(list(sent_as(value, it, at, form)) for it in likely)


def sent_as(value: Any, wanted: Type, at: str, form: bool) -> Complaints:
    """What is wrong with a parameter of one type, which is no union."""
    match wanted.kind:
        case "any":
            return
        case "class" if wanted.defined is not None:
            yield from sent_map(value, wanted.defined, at, form)
        case "map":
            if not isinstance(value, dict):
                yield f"{at}: must be a map"
                return
            for name, inner in value.items():
                # An empty value takes a key away.
                if inner != "":
                    yield from sent(inner, wanted.parts[0], f"{at}[{name}]", form)
        case "list":
            items = list_of(value) if form else value
            if not isinstance(items, list):
                yield f"{at}: must be a list"
                return
            for index, item in enumerate(items):
                yield from sent(item, wanted.parts[0], f"{at}[{index}]", form)
        case kind:
            fits = text_fits if form else json_fits
            if not fits(value, kind, wanted):
                yield f"{at}: {json.dumps(value)} is no {kind}"


def sent_map(value: Any, wanted: Class, at: str, form: bool) -> Complaints:
    """What is wrong with the members of a map whose members are named."""
    if not isinstance(value, dict):
        yield f"{at}: must be a map"
        return
    fields = wanted.fields()
    for name, inner in value.items():
        here = f"{at}[{name}]" if at else name
        if name not in fields:
            yield f"{here}: is no parameter"
        else:
            yield from sent(inner, fields[name].type, here, form)
    for name, field in fields.items():
        if field.required and name not in value:
            yield f"{at}[{name}]: is missing" if at else f"{name}: is missing"


def list_of(value: Any) -> Any:
    """The list that a map of a form stands for."""
    if not isinstance(value, dict) or set(value) != {str(index) for index in range(len(value))}:
        return None
    return [value[str(index)] for index in range(len(value))]


def text_fits(value: Any, kind: str, wanted: Type) -> bool:
    """Whether the text of a form reads as a type."""
    if not isinstance(value, str):
        return False
    match kind:
        case "int":
            return re.fullmatch(r"-?\d+", value) is not None
        case "float":
            return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        case "bool":
            return value in ("true", "false")
        case "literal":
            return value in {str(word) for word in wanted.values}
        case _:
            return kind == "str"


def json_fits(value: Any, kind: str, wanted: Type) -> bool:
    """Whether a value of JSON is of a type."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match kind:
        case "int":
            return number and isinstance(value, int)
        case "float":
            # A decimal is sent as text, so that it keeps its digits.
            return number or (isinstance(value, str) and text_fits(value, kind, wanted))
        case "bool":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "literal":
            return value in wanted.values
        case _:
            return kind == "str" and isinstance(value, str)


def answered(value: Any, wanted: Type, at: str) -> Complaints:
    """What is wrong with a field of an answer: a field that is not there, or of another type."""
    alternatives = wanted.alternatives()
    literals = {word for it in alternatives if it.kind == "literal" for word in it.values}
    named = isinstance(value, str) and literals and value not in literals
    if named and not any(it.kind == "class" for it in alternatives):
        yield f"{at}: {value!r} is none of its values"
        return
    yield from fewest(list(answered_as(value, it, at)) for it in alike(value, alternatives))


def answered_as(value: Any, wanted: Type, at: str) -> Complaints:
    """The same for one type, which is no union."""
    name = value.get("object") if isinstance(value, dict) else None
    known = objects().get(name) if isinstance(name, str) else None
    match wanted.kind:
        case "any" | "map" if known is not None:
            yield from answered_map(value, known, ANY, at)
        case "any":
            return
        case "class" if wanted.defined is not None:
            bound = wanted.parts[0] if wanted.parts else ANY
            yield from answered_map(value, wanted.defined, bound, at)
        case "map":
            if not isinstance(value, dict):
                yield f"{at}: must be a map"
                return
            for name, inner in value.items():
                yield from answered(inner, wanted.parts[0], f"{at}.{name}")
        case "list":
            if not isinstance(value, list):
                yield f"{at}: must be a list"
                return
            for item in value:
                yield from answered(item, wanted.parts[0], f"{at}[]")
        case kind:
            if not json_fits(value, kind, wanted):
                yield f"{at}: {json.dumps(value)[:60]} is no {kind}"


def answered_map(value: Any, wanted: Class, bound: Type, at: str) -> Complaints:
    """What is wrong with the fields of an object."""
    if not isinstance(value, dict):
        yield f"{at}: must be an object"
        return
    fields = wanted.fields(bound)
    for name, inner in value.items():
        # A list says so without a field of its own.
        if name == "object" and name not in fields:
            continue
        if name not in fields:
            yield f"{at}.{name}: is no field of {wanted.name}"
        else:
            yield from answered(inner, fields[name].type, f"{at}.{name}")


def alike(value: Any, alternatives: tuple[Type, ...]) -> tuple[Type, ...]:
    """The alternatives a value may be meant as: of an object those with members, if any."""
    membered = ("class", "map", "any", "list")
    nested = isinstance(value, (dict, list))
    likely = tuple(it for it in alternatives if (it.kind in membered) == nested or it.kind == "any")
    return likely or alternatives


def fewest(tries: Iterable[list[str]]) -> list[str]:
    """The complaints of the alternative that fits best: none if one fits."""
    return min(tries, key=len, default=[])
