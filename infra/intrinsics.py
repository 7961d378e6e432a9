"""Evaluate the intrinsic functions of a template that need nothing but its parameters."""

import re
from typing import Any

Stack = dict[str, Any]


def truth(node: Any, given: dict[str, str], stack: Stack) -> bool:
    """Whether a condition holds for these parameters."""
    ((function, argument),) = node.items()
    if function == "Fn::Equals":
        one, other = (given[it["Ref"]] if isinstance(it, dict) else it for it in argument)
        return str(one) == str(other)
    if function == "Condition":
        return truth(stack["Conditions"][argument], given, stack)
    parts = [truth(it, given, stack) for it in argument]
    return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[function]


def conditions(given: dict[str, str], stack: Stack) -> dict[str, bool]:
    """Every condition of a stack with these parameters."""
    return {name: truth(it, given, stack) for name, it in stack.get("Conditions", {}).items()}


def chosen(node: Any, holds: dict[str, bool]) -> Any:
    """A value, after its condition."""
    if isinstance(node, dict) and "Fn::If" in node:
        condition, then, otherwise = node["Fn::If"]
        return chosen(then if holds[condition] else otherwise, holds)
    return node


def references(node: Any) -> set[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(node, list):
        return {name for item in node for name in references(item)}
    if not isinstance(node, dict):
        return set()
    found = {name for value in node.values() for name in references(value)}
    if "Ref" in node:
        found.add(str(node["Ref"]))
    if isinstance(got := node.get("Fn::GetAtt"), (list, str)):
        found.add((got if isinstance(got, list) else got.split("."))[0])
    if text := node.get("Fn::Sub"):
        found |= set(re.findall(r"\$\{(\w+)", text if isinstance(text, str) else text[0]))
    return found


def resolved(node: Any, given: dict[str, str], holds: dict[str, bool]) -> Any:
    """A part of a template with `Fn::If`, `Ref` and `Fn::Sub` replaced by what they come to.

    What refers to more than a parameter stays as it is.
    """
    node = chosen(node, holds)
    if isinstance(node, list):
        return [resolved(item, given, holds) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Ref"}:
        return given.get(node["Ref"], node)
    if set(node) == {"Fn::Sub"}:
        text, own = node["Fn::Sub"], {}
        if isinstance(text, list):
            text, own = text[0], resolved(text[1], given, holds)
        names = given | own
        return re.sub(r"\$\{(\w+)\}", lambda it: str(names.get(it[1], it[0])), text)
    return {key: resolved(value, given, holds) for key, value in node.items()}
