"""The checker's own cases: what is right passes, and each kind of mistake is found."""

import json
import tempfile
from pathlib import Path
from typing import Any

import bria_types
import check as checker
import reads
import stripe_types

VERSION = stripe_types.api_version()
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def run() -> dict[str, list[str]]:
    """Every case by name, and what is wrong with it."""
    found = {}
    for name, (complaints, expected) in {**stripe(), **answers(), **bria(), **rust()}.items():
        text = "; ".join(complaints)
        right = expected in text if expected else not text
        found[name] = [] if right else [f"expected {expected or 'nothing'!r}, found {text!r}"]
    return found


Cases = dict[str, tuple[list[str], str]]


def looked_at(line: dict[str, Any]) -> list[str]:
    """All that the checker says against a line of the log."""
    return [wrong for _, complaints in checker.of_line(line) for wrong in complaints]


def line(method: str, path: str, query: str = "", body: Any = "", **more: Any) -> dict[str, Any]:
    """A line of the log, of a request to Stripe."""
    text = body if isinstance(body, str) else json.dumps(body)
    kind = (FORM if isinstance(body, str) else JSON) if text else None
    return {
        "vendor": "stripe",
        "method": method,
        "path": checker.STRIPE + path,
        "query": query,
        "content_type": kind,
        "body": text,
        "version": VERSION,
        "account": False,
        "key": method == "POST",
        "status": 200,
        **more,
    }


def stripe() -> Cases:
    """Requests to Stripe."""
    page = "success_url=https://a.test&mode=payment&line_items[0][quantity]=1"
    onboarding = {"return_url": "https://a.test", "refresh_url": "https://a.test"}

    def link(**within: Any) -> dict[str, Any]:
        case = {"type": "account_onboarding", "account_onboarding": onboarding | within}
        return line("POST", "/v2/core/account_links", body={"account": "acct_1", "use_case": case})

    lines = {
        "a form": (line("POST", "/v1/checkout/sessions", body=page), ""),
        "a page of a list": (line("GET", "/v1/events", "limit=100&created[gte]=5"), ""),
        "metadata": (line("POST", "/v1/customers", body="metadata[a]=b&metadata[c]="), ""),
        "an account link": (link(), ""),
        "an account": (line("GET", "/v2/core/accounts/acct_1", "include[0]=requirements"), ""),
        "a removed parameter": (link(configurations=["recipient"]), "configurations]: is no par"),
        "an unknown parameter": (line("GET", "/v1/events", "since=5"), "since: is no parameter"),
        "an empty parameter": (line("GET", "/v1/events", "starting_after="), "is empty"),
        "a bare parameter": (line("GET", "/v1/events", "starting_after"), "is empty"),
        "a missing parameter": (
            line("POST", "/v1/prices", body="product=p"),
            "currency: is missing",
        ),
        "a missing member": (
            line("POST", "/v2/core/account_links", body={"account": "a", "use_case": {}}),
            "use_case[type]: is missing",
        ),
        "no number": (line("GET", "/v1/events", "limit=many"), '"many" is no int'),
        "no truth": (line("GET", "/v1/prices", "active=1"), '"1" is no bool'),
        "no list": (line("GET", "/v1/events", "types=a"), "types: must be a list"),
        "no value of an enumeration": (
            line("POST", "/v1/checkout/sessions", body=page.replace("payment", "hire")),
            "'hire' is none of its values",
        ),
        "text for a number in JSON": (
            line("POST", "/v2/core/accounts", body={"include": "requirements"}),
            "include: must be a list",
        ),
        "repeated without an index": (
            line("GET", "/v2/core/accounts/acct_1", "include=identity&include=requirements"),
            "include: is repeated without an index",
        ),
        "no such path": (line("GET", "/v1/wishes"), "knows no such path"),
        "another version": (line("GET", "/v1/balance", version="2020-08-27"), "the version is"),
        "no key": (line("POST", "/v1/customers", key=False), "without an idempotency key"),
        "a form to v2": (
            line("POST", "/v2/core/accounts", body={}, content_type=FORM),
            "v2 takes JSON",
        ),
        "refused already": (line("GET", "/v1/events", "since=5", status=400), ""),
        "a full log": ({"full": True}, "is full"),
    }
    return {name: (looked_at(sent), expected) for name, (sent, expected) in lines.items()}


def answers() -> Cases:
    """Answers of Stripe's."""

    def refund(**fields: Any) -> dict[str, Any]:
        return {"object": "refund", "id": "re_1", "amount": 5, "status": "succeeded", **fields}

    def case(answer: Any, path: str = "/v1/refunds/re_1", **more: Any) -> list[str]:
        return looked_at(line("GET", path, answer=answer, **more))

    listed = {"object": "list", "data": [refund(unheard="of")], "has_more": False, "url": "/"}
    charge = {"object": "charge", "id": "ch_1", "invoice": "in_1"}
    event = {"object": "event", "id": "evt_1", "data": {"object": charge}}
    return {
        "an answer": (case(refund(charge=None, metadata={"a": "b"})), ""),
        "an unknown field": (case(refund(unheard="of")), ".unheard: is no field of Refund"),
        "an unknown field in a list": (case(listed, "/v1/refunds"), ".data[].unheard: is no"),
        "another type": (case(refund(amount="5")), '.amount: "5" is no int'),
        "an unknown value": (case(refund(object="refunds")), "is none of its values"),
        "an expanded field": (
            case(refund(charge=charge)),
            ".charge.invoice: is no field of Charge",
        ),
        "the object of an event": (
            case(event, "/v1/events/evt_1"),
            ".data.object.invoice: is no field of Charge",
        ),
        "a refusal": (case({"error": {"type": "card_error", "code": "x"}}, status=402), ""),
        "an unknown field of a refusal": (
            case({"error": {"type": "card_error", "reason": "x"}}, status=402),
            ".error.reason: is no field of ErrorObject",
        ),
    }


def bria() -> Cases:
    """Requests to Bria, and its answers."""
    image, tailored = "/image/generate", "/image/generate/tailored"

    def sent(path: str, **body: Any) -> list[str]:
        return list(bria_types.request(path, json.dumps({"prompt": "a cup", **body})))

    def got(**body: Any) -> list[str]:
        return list(bria_types.answer(body))

    error = {"code": 422, "message": "a", "details": "b"}
    result = {"image_url": "https://a.test/1.png", "seed": 7}
    return {
        "a prompt": (sent(image, seed=7, aspect_ratio="3:2", sync=False), ""),
        "a tailored model": (sent(tailored, tailored_model_id="m"), ""),
        "another name of the model": (sent(tailored, model_id="m"), "model_id: is no parameter"),
        "no model": (sent(tailored), "tailored_model_id: is missing"),
        "a seed of 32 bits": (sent(image, seed=2**31), "seed: 2147483648 does not fit"),
        "a structured prompt as an object": (sent(image, structured_prompt={}), "does not fit"),
        "a parameter of another endpoint": (
            sent("/structured_prompt/generate", aspect_ratio="1:1"),
            "aspect_ratio: is no parameter",
        ),
        "a webhook of what is awaited": (
            sent(image, sync=True, webhook_url="https://a.test"),
            "webhook_url: only of",
        ),
        "a path of nobody": (sent("/image/paint"), "is not documented"),
        "a status": (got(request_id="r", status="COMPLETED", result=result), ""),
        "an error": (got(request_id="r", status="ERROR", error=error), ""),
        "an error without details": (got(error={"code": 422, "message": "a"}), "error: has"),
        "an unknown status": (got(request_id="r", status="MELTED"), "'MELTED' is none"),
        "an unknown result": (got(result={"url": "x"}), "result.url: is not documented"),
    }


def rust() -> Cases:
    """Structs of ours."""
    derive = "#[derive(Deserialize)]\n"
    money = f"// Read from: transfer\n{derive}struct Money {{\n    id: String,\n    CODE,\n}}\n"
    inner = f"{derive}struct Inner {{\n    unheard: String,\n}}\n"
    return {
        "a struct": (in_rust(money.replace("CODE", "amount: i64")), ""),
        "a struct of nothing": (
            in_rust(f"{derive}struct A {{\n    id: String,\n}}\n"),
            "says nowhere",
        ),
        "a field that is not there": (
            in_rust(money.replace("CODE", "fee: Option<i64>")),
            "Money.fee: is no field of Transfer",
        ),
        "a renamed field": (
            in_rust(money.replace("CODE", '#[serde(rename = "fee")]\n    amount: i64')),
            "Money.fee: is no field of Transfer",
        ),
        "a field inside another": (
            in_rust(money.replace("CODE", "reversals: Inner") + inner),
            "Inner.unheard: is no field of ListObject",
        ),
        "an object of no name": (
            in_rust(money.replace("transfer", "gift").replace("CODE", "amount: i64")),
            "does not know",
        ),
    }


def in_rust(code: str) -> list[str]:
    """What is said against the structs of a file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.rs").write_text(code)
        return [wrong for found in reads.complaints(Path(folder)).values() for wrong in found]
