"""The types of the official `stripe` package, read from its source without importing it.

The package is generated from Stripe's description of its API. Its services say which parameters a
path takes and what it answers with, `stripe.params` says what the parameters are made of, and the
resource classes say which fields an answer has.
"""

import ast
import importlib.util
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

OPTIONS = {"RequestOptions", "TypedDict", "StripeObject", "Generic", "Protocol"}
"""Bases that say nothing about parameters or fields."""

RENAMED = {"from_": "from", "return_": "return"}
"""Fields whose names are words of Python."""


@dataclass(frozen=True)
class Type:
    """A type: its kind and what it is made of."""

    kind: str  # str, int, float, bool, null, any, literal, union, list, map, class
    parts: tuple["Type", ...] = ()
    values: frozenset[Any] = frozenset()
    defined: "Class | None" = None

    def alternatives(self) -> tuple["Type", ...]:
        """The members of a union; a type that is none is its only one."""
        return self.parts if self.kind == "union" else (self,)


ANY = Type("any")
NULL = Type("null")
PLAIN = {
    "str": Type("str"),
    "int": Type("int"),
    "float": Type("float"),
    "bool": Type("bool"),
    "Decimal": Type("float"),
    "Any": ANY,
    "object": ANY,
    "IO": ANY,
    "StripeObject": ANY,
    "UntypedStripeObject": ANY,
    "None": NULL,
}


@dataclass(frozen=True)
class Field:
    """A parameter or a field of an answer."""

    type: Type
    required: bool


@dataclass(eq=False)
class Class:
    """A class of the package: its fields, and the classes inside it."""

    name: str
    module: "Module"
    node: ast.ClassDef
    inner: dict[str, "Class"] = field(default_factory=dict)

    def fields(self, bound: Type = ANY) -> dict[str, Field]:
        """The fields by name, those of its bases included; `bound` stands for `T`."""
        return fields_of(self, bound)


@dataclass(eq=False)
class Module:
    """A module of the package."""

    name: str
    classes: dict[str, Class]
    imported: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Endpoint:
    """What a path takes and answers with."""

    method: str
    path: str
    params: Type | None
    answer: Type


@cache
def root() -> Path:
    """Where the package is installed."""
    found = importlib.util.find_spec("stripe")
    if found is None or found.origin is None:
        raise SystemExit(
            "the package stripe is not installed: see infra/conformance/requirements.txt"
        )
    return Path(found.origin).parent


def api_version() -> str:
    """The version of Stripe's API that the package is made for."""
    text = (root() / "_api_version.py").read_text()
    found = re.search(r'CURRENT = "([^"]+)"', text)
    assert found, "the package names no API version"
    return found.group(1)


@cache
def module(name: str) -> Module:
    """A module by its dotted name."""
    path = root().parent / Path(*name.split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    tree = ast.parse(file.read_text())
    read = Module(name, {}, {})
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                read.imported[alias.asname or alias.name] = (node.module, alias.name)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            read.classes[node.name] = class_of(node, read)
    return read


def class_of(node: ast.ClassDef, within: Module) -> Class:
    """A class and the classes inside it."""
    made = Class(node.name, within, node)
    for inner in node.body:
        if isinstance(inner, ast.ClassDef):
            made.inner[inner.name] = class_of(inner, within)
    return made


def find(name: str, within: Module) -> Class | None:
    """A class by the name that a module knows it under."""
    if name in within.classes:
        return within.classes[name]
    if name not in within.imported:
        return None
    where, original = within.imported[name]
    if not where.startswith("stripe") or where == name:
        return None
    return find(original, module(where))


@cache
def fields_of(of: Class, bound: Type) -> dict[str, Field]:
    """See `Class.fields`."""
    fields: dict[str, Field] = {}
    total = all(
        not (word.arg == "total" and isinstance(word.value, ast.Constant) and not word.value.value)
        for word in of.node.keywords
    )
    for base in of.node.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        parent = find(name, of.module) if name not in OPTIONS else None
        if parent is not None:
            fields |= parent.fields(bound)
    for node in of.node.body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        name, annotation = node.target.id, node.annotation
        if name.startswith("_") or name == "OBJECT_NAME" or is_a(annotation, "ClassVar"):
            continue
        optional = is_a(annotation, "NotRequired")
        if optional or is_a(annotation, "Required"):
            assert isinstance(annotation, ast.Subscript)
            annotation = annotation.slice
        fields[RENAMED.get(name, name)] = Field(
            resolve(annotation, of, bound), total and not optional
        )
    return fields


def is_a(node: ast.expr, name: str) -> bool:
    """Whether an annotation is `name[...]`."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def resolve(node: ast.expr, of: Class | Module, bound: Type = ANY) -> Type:
    """What an annotation stands for, seen from a class or a module."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return NULL
        return resolve(ast.parse(str(node.value), mode="eval").body, of, bound)
    if isinstance(node, ast.BinOp):
        return union(resolve(node.left, of, bound), resolve(node.right, of, bound))
    if isinstance(node, ast.Name):
        return named(node.id, of, bound)
    if isinstance(node, ast.Attribute):
        outer = resolve(node.value, of, bound)
        inner = outer.defined.inner.get(node.attr) if outer.defined else None
        return Type("class", defined=inner) if inner else ANY
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return subscripted(node.value.id, node.slice, of, bound)
    return ANY


def named(name: str, of: Class | Module, bound: Type) -> Type:
    """What a bare name stands for."""
    if name == "T":
        return bound
    if name in PLAIN:
        return PLAIN[name]
    within = of
    if isinstance(of, Class):
        if name in of.inner:
            return Type("class", defined=of.inner[name])
        within = of.module
    assert isinstance(within, Module)
    found = find(name, within)
    return Type("class", defined=found) if found else ANY


def subscripted(name: str, inside: ast.expr, of: Class | Module, bound: Type) -> Type:
    """What `name[inside]` stands for."""
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        return Type("literal", values=frozenset(ast.literal_eval(part) for part in parts))
    types = [resolve(part, of, bound) for part in parts]
    match name:
        case "Optional":
            return union(types[0], NULL)
        case "Union":
            return union(*types)
        case "ExpandableField":
            return union(PLAIN["str"], types[0])
        case "List" | "list" | "Sequence":
            return Type("list", (types[0],))
        case "Dict" | "dict" | "Mapping":
            return Type("map", (types[1],))
        case "UntypedStripeObject":
            return Type("map", (types[0],))
        case "ListObject" | "SearchResultObject":
            listed = named(name, of, bound)
            return Type("class", (types[0],), defined=listed.defined)
        case _:
            return types[0]


def union(*parts: Type) -> Type:
    """Any one of the parts."""
    flat = tuple(inner for part in parts for inner in part.alternatives())
    return flat[0] if len(flat) == 1 else Type("union", flat)


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every path of the API, as the services of the package call it."""
    found = []
    for file in sorted(root().rglob("*_service.py")):
        name = ".".join(("stripe", *file.relative_to(root()).with_suffix("").parts))
        within = module(name)
        for service in within.classes.values():
            for method in service.node.body:
                if isinstance(method, ast.FunctionDef):
                    found += list(called_in(method, within))
    return tuple(found)


def called_in(method: ast.FunctionDef, within: Module) -> list[Endpoint]:
    """The request a method of a service makes, if it makes one."""
    for node in ast.walk(method):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "_request" or len(node.args) < 2:
            continue
        verb, path = node.args[0], template(node.args[1])
        arguments = [*method.args.args, *method.args.kwonlyargs]
        params = [it.annotation for it in arguments if it.arg == "params" and it.annotation]
        taken = resolve(params[0], within) if params else None
        if taken is not None:
            taken = next((it for it in taken.alternatives() if it.kind == "class"), None)
        answer = resolve(method.returns, within) if method.returns else ANY
        assert isinstance(verb, ast.Constant)
        return [Endpoint(str(verb.value).upper(), path, taken, answer)]
    return []


def template(node: ast.expr) -> str:
    """A path with `{}` for each id."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    assert isinstance(node, ast.Constant)
    return re.sub(r"\{[^}]*\}", "{}", str(node.value))


def endpoint(method: str, path: str) -> Endpoint | None:
    """The endpoint of a request. A path without ids goes before one with."""
    steps = path.split("/")
    fitting = [
        it
        for it in endpoints_by_shape().get((method, len(steps)), [])
        if all(named in ("{}", step) for named, step in zip(it.path.split("/"), steps))
    ]
    return min(fitting, key=lambda it: it.path.count("{}"), default=None)


@cache
def endpoints_by_shape() -> dict[tuple[str, int], list[Endpoint]]:
    """The endpoints by method and number of steps."""
    found: dict[tuple[str, int], list[Endpoint]] = {}
    for it in endpoints():
        found.setdefault((it.method, it.path.count("/") + 1), []).append(it)
    return found


@cache
def objects() -> dict[str, Class]:
    """The resource classes by the name that their objects carry in `object`."""
    tree = ast.parse((root() / "_object_classes.py").read_text())
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for name, (where, what) in ast.literal_eval(node.value).items():
                known = module(where).classes.get(what)
                if known is not None:
                    found[name] = known
    return found


def thin_event() -> Class:
    """What a webhook brings of a v2 object."""
    return module("stripe.v2.core._event").classes["UnknownEventNotification"]


def v2_list() -> Class:
    """A page of a list of v2."""
    return module("stripe.v2._list_object").classes["ListObject"]


def refusal() -> Class:
    """What is answered to a request that is refused."""
    within = module("stripe._error_object")
    node = ast.parse("class Refusal:\n    error: ErrorObject").body[0]
    assert isinstance(node, ast.ClassDef)
    return class_of(node, within)
