"""Which cases a line of the sandbox's log belongs to, and what it says against them.

A case is a kind of request (its endpoint and which parameters it has), the answers of an endpoint,
or a struct of ours. A request that the sandbox refused with 400 is not ours to defend: either a test
made it up, or it fails a test.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bria_types
import reads
import stripe_types
import values

CLIENTS = Path("shared/clients/src")
STRIPE, BRIA = "/stripe", "/bria/v2"
PAGE = "page"
"""v2 puts it into the address of the next page; it is no parameter of a first one."""


def check(folder: Path) -> dict[str, list[str]]:
    """Every case, by name, and what is wrong with it."""
    found: dict[str, list[str]] = defaultdict(list)
    requests: Counter[str] = Counter()
    for file in sorted(folder.glob("*.jsonl")):
        with file.open() as lines:
            for text in lines:
                for name, wrong in of_line(json.loads(text)):
                    found[name] += wrong
                    requests["all"] += 1
    if not requests:
        found["the log of requests"].append(f"there is none in {folder}")
    found |= reads.complaints(CLIENTS / "stripe")
    found |= bria_types.reads(CLIENTS / "bria")
    print(f"{requests['all']} requests and answers of the log were looked at")
    return found


def of_line(line: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The cases that a line of the log belongs to, and what it says against them."""
    if "full" in line:
        yield "the log of requests", ["is full: what came after is not in it"]
        return
    of = of_stripe if line["vendor"] == "stripe" else of_bria
    yield from of(line)


def of_stripe(line: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The same for a request to Stripe."""
    method, path = line["method"], line["path"].removeprefix(STRIPE)
    if line["status"] == 400:
        return
    endpoint = stripe_types.endpoint(method, path)
    if endpoint is None:
        yield f"{method} {path}", ["the package knows no such path"]
        return
    params, wrong = sent_to_stripe(line, method, path)
    kind = "+".join(sorted(params)) or "nothing"
    wrong += headers(line, method, path)
    if endpoint.params is not None and endpoint.params.defined is not None:
        form = path.startswith("/v1/") or method == "GET"
        wrong += values.sent_map(params, endpoint.params.defined, "", form)
    elif params:
        wrong.append(f"takes no parameters: {kind}")
    yield f"{method} {endpoint.path} with {kind}", wrong
    answer = line.get("answer")
    if answer is None:
        return
    if line["status"] < 300:
        complaints = list(values.answered(answer, endpoint.answer, ""))
        yield f"answer to {method} {endpoint.path}", complaints
    else:
        refusal = stripe_types.Type("class", defined=stripe_types.refusal())
        complaints = list(values.answered(answer, refusal, ""))
        yield f"refusal {line['status']} of {method} {endpoint.path}", complaints


def sent_to_stripe(
    line: dict[str, Any], method: str, path: str
) -> tuple[dict[str, Any], list[str]]:
    """The parameters of a request, and what is wrong with how they are written."""
    params, wrong = values.decoded(line["query"])
    kind = line["content_type"] or ""
    if path.startswith("/v2/"):
        params.pop(PAGE, None)
        if line["body"]:
            if not kind.startswith("application/json"):
                wrong.append(f"v2 takes JSON, not {kind}")
            params |= json.loads(line["body"])
    elif line["body"]:
        if not kind.startswith("application/x-www-form-urlencoded"):
            wrong.append(f"v1 takes forms, not {kind}")
        form, ill_formed = values.decoded(line["body"])
        params, wrong = params | form, wrong + ill_formed
    return params, wrong


def headers(line: dict[str, Any], method: str, path: str) -> list[str]:
    """What is wrong with the headers of a request."""
    wrong = []
    if line["version"] != stripe_types.api_version():
        wrong.append(f"the version is {line['version']}, not {stripe_types.api_version()}")
    if method == "POST" and not line["key"]:
        wrong.append("a POST without an idempotency key")
    if path.startswith("/v2/") and line["account"]:
        wrong.append("v2 knows no Stripe-Account")
    return wrong


def of_bria(line: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The same for a request to Bria."""
    method, path = line["method"], line["path"].removeprefix(BRIA)
    if line["status"] == 400:
        return
    path = re.sub(r"^/status/[^/]+$", "/status/{}", path)
    if method == "POST":
        kind = "+".join(sorted(json.loads(line["body"]))) or "nothing"
        yield f"Bria {path} with {kind}", list(bria_types.request(path, line["body"]))
    elif path != "/status/{}":
        yield f"Bria {method} {path}", ["is not documented"]
    if line.get("answer") is not None:
        yield f"Bria answer {line['status']} to {path}", list(bria_types.answer(line["answer"]))
