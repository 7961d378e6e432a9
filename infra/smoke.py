"""Try a deployed API as a frontend would: its health, signing in, a search.

    python infra/smoke.py ENV

SMOKE_TOKEN, a token of a member, is tried too if it is in the environment; without it, only that a
call without one is refused is tried. Nothing is written.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import deployed

TRIES = 3
"""A new stage may answer 403 for some seconds."""


def main() -> None:
    """Prints a line for each call, and ends with status 1 if one was not answered as it should."""
    api = deployed.outputs(sys.argv[1])["ApiUrl"].rstrip("/")
    failed = [said for said, works in calls(api, os.environ.get("SMOKE_TOKEN")) if not works]
    if failed:
        sys.exit(f"{len(failed)} calls failed. Deploy the previous commit, or fix this one")


def calls(api: str, token: str | None) -> Iterator[tuple[str, bool]]:
    """Each call and whether it was answered as it should."""
    wanted: list[tuple[str, dict[str, str], int, str]] = [
        ("/health", {}, 200, ""),
        ("/api/v1/marketplace/listings/search?q=studio", {}, 200, "items"),
        ("/api/v1/me", {}, 401, "code"),
    ]
    if token:
        wanted.append(("/api/v1/me", {"Authorization": f"Bearer {token}"}, 200, "user_id"))
    for path, headers, status, field in wanted:
        works = False
        for left in reversed(range(TRIES)):
            answered, body, took = ask(f"{api}{path}", headers)
            works = answered == status and (field == "" or field in body)
            if works or left == 0:
                break
            time.sleep(5)
        said = f"{path}: {answered}, {took:.0f} ms"
        print(f"{'ok' if works else 'FAILED'} {said}")
        yield said, works


def ask(url: str, headers: dict[str, str]) -> tuple[int, dict[str, object], float]:
    """The status, the JSON and the milliseconds of one call; status 0 if there was no answer."""
    began = time.monotonic()
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError:
        status, body = 0, b""
    took = (time.monotonic() - began) * 1000
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    return status, told if isinstance(told, dict) else {}, took


if __name__ == "__main__":
    main()
