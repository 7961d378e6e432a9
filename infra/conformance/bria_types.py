"""What Bria's documentation and its own client `bria-client` say of requests and answers.

The client has types of answers only, which are read from its source. What a request may hold stands
in Bria's description of its API (docs.bria.ai/image-generation, docs.bria.ai/tailored-generation),
which no package carries, so it is written down here once.
"""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

RATIOS = {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9"}
WIDE_RATIOS = {
    *("16:10", "10:16", "2:1", "1:2", "21:9", "9:21"),
    *("3:1", "1:3", "4:1", "1:4", "5:1", "1:5"),
}
SEED_MAX = 2**31 - 1
"""No range is documented; the largest seed of a public client is this."""

INPUTS = {
    "prompt": str,
    "structured_prompt": str,
    "seed": range(SEED_MAX + 1),
    "sync": bool,
    "webhook_url": str,
    "prompt_content_moderation": bool,
}
SEEN = {"images": list, "ip_signal": bool, "visual_input_content_moderation": bool}
DRAWN = {
    "aspect_ratio": RATIOS | WIDE_RATIOS,
    "output_type": {"png", "jpeg"},
    "model_version": {"FIBO"},
    "visual_output_content_moderation": bool,
}
FULL = {"resolution": {"1MP", "4MP"}, "steps_num": range(35, 51), "negative_prompt": str}
TAILORED = {
    "tailored_model_id": str,
    "tailored_model_influence": float,
    "negative_prompt": str,
    "guidance_scale": range(3, 6),
    "aspect_ratio": RATIOS,
    "steps_num": range(20, 51),
    "visual_output_content_moderation": bool,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "/image/generate": INPUTS | SEEN | DRAWN | FULL,
    "/image/generate/lite": INPUTS | SEEN | DRAWN,
    "/image/generate/tailored": INPUTS | TAILORED,
    "/structured_prompt/generate": INPUTS | SEEN,
    "/structured_prompt/generate/lite": INPUTS | SEEN,
}
REQUIRED = {"/image/generate/tailored": {"tailored_model_id"}}
RESULT = {
    "image_url": str,
    "structured_prompt": str,
    "seed": int,
    "prompt": str,
    "refined_prompt": str,
}
WARNING = "warning"
"""Documented of `ip_signal`; the client drops it."""
STATUS_OF_OLD = "FAILED"
"""Not documented any more, but the client had it up to version 0.1."""

POINTER = re.compile(r'"(/[a-z_/]+)"')
NOT_OF_BRIA = {"/message", "/detail"}
"""Read of errors that something before Bria answered with."""


@cache
def client_types() -> dict[str, dict[str, bool]]:
    """The classes of the client's answers: their fields, and whether each is required."""
    found = importlib.util.find_spec("bria_client")
    if found is None or found.origin is None:
        raise SystemExit("bria-client is not installed: see infra/conformance/requirements.txt")
    classes: dict[str, dict[str, bool]] = {}
    for name in ("models", "response"):
        tree = ast.parse((Path(found.origin).parent / "toolkit" / f"{name}.py").read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = dict(members(node))
    return classes


def members(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """The fields of a class, or the values of an enumeration."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield item.target.id, item.value is None
        elif isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
            yield str(item.value.value), True


def request(path: str, body: str) -> Iterator[str]:
    """What is wrong with a request."""
    wanted = REQUESTS.get(path)
    if wanted is None:
        yield f"{path}: is not documented"
        return
    sent = json.loads(body)
    for name, value in sent.items():
        if name not in wanted:
            yield f"{name}: is no parameter"
        elif value == "" or not fits(value, wanted[name]):
            yield f"{name}: {json.dumps(value)[:60]} does not fit"
    for name in REQUIRED.get(path, set()) - set(sent):
        yield f"{name}: is missing"
    if not {"prompt", "structured_prompt", "images"} & set(sent):
        yield "one of prompt, structured_prompt and images is required"
    if sent.get("sync") and "webhook_url" in sent:
        yield "webhook_url: only of asynchronous requests"


def fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of a type, in a range, or one of a set."""
    if isinstance(wanted, range):
        return isinstance(value, int) and not isinstance(value, bool) and value in wanted
    if isinstance(wanted, set):
        return value in wanted
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def answer(value: Any) -> Iterator[str]:
    """What is wrong with an answer: of a submission, of a status, or a refusal."""
    types = client_types()
    for name in value:
        if name not in types["BriaResponse"] and name != WARNING:
            yield f"{name}: is no field of BriaResponse"
    status = value.get("status")
    if status is not None and status not in types["Status"] and status != STATUS_OF_OLD:
        yield f"status: {status!r} is none of its values"
    for name, inner in (value.get("result") or {}).items():
        if name not in RESULT:
            yield f"result.{name}: is not documented"
        elif not fits(inner, RESULT[name]):
            yield f"result.{name}: {json.dumps(inner)[:60]} does not fit"
    error = value.get("error")
    if error is not None:
        wanted = types["BriaError"]
        if set(error) != set(wanted):
            yield f"error: has {sorted(error)}, not {sorted(wanted)}"


def reads(folder: Path) -> dict[str, list[str]]:
    """For each pointer into an answer that the client in `folder` reads, what is wrong with it."""
    types = client_types()
    inside = {"result": set(RESULT), "error": set(types["BriaError"])}
    found = {}
    for file in sorted(folder.rglob("*.rs")):
        code = file.read_text().split("#[cfg(test)]\nmod tests")[0]
        for pointer in sorted(set(POINTER.findall(code))):
            first, *rest = pointer.strip("/").split("/")
            if first not in types["BriaResponse"] or pointer in NOT_OF_BRIA:
                continue
            known = not rest or rest[0] in inside.get(first, set())
            found[f"reads {file.name} {pointer}"] = [] if known else ["is not documented"]
    return found
