"""Poll a running stack as members do who wait for a generation, and say how it answers.

    source .local/env && scripts/load --run [--members N] [--seconds S]

Each member has a connection and asks at a fixed pace, whether or not the answer before was late: a
latency counts from when the request was due. Members share the identities of a few people of the
sandbox, each of whom asks for one generation if there is none.
"""

import argparse
import http.client
import json
import math
import os
import platform
import random
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle, islice

CALLS_A_MINUTE = 500
"""Of one identity: less than the 600 of the plan Free (shared/domain/src/plan.rs)."""
TIMEOUT_S = 30

Connection = http.client.HTTPConnection


@dataclass
class Answers:
    """What came back, of all members."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, status: str, latency_ms: float) -> None:
        """Notes an answer. Threads add to it: each of the two calls is atomic."""
        self.latencies_ms.append(latency_ms)
        self.statuses.update([status])

    def percentile(self, percent: float) -> float:
        """The latency that so many answers are not slower than."""
        ordered = sorted(self.latencies_ms)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a run."""
    parser.add_argument("--run", action="store_true", help="poll the stack of .local/env")
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)


def run(members: int, seconds: float, every_s: float) -> None:
    """Polls for some seconds and prints a line of figures."""
    api, sandbox = (variable(it) for it in ("PROLIGHT_API_URL", "SANDBOX_URL"))
    identities = math.ceil(members * 60 / every_s / CALLS_A_MINUTE)
    people = [person(api, sandbox, number) for number in range(identities)]
    answers, began = Answers(), time.monotonic()
    threads = [
        threading.Thread(target=poll, args=(api, *it, answers, began + seconds, every_s))
        for it in islice(cycle(people), members)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    if not answers.latencies_ms:
        sys.exit("no request was sent: a run is longer than the time between two polls")
    good = answers.statuses["200"]
    told = ", ".join(f"{what} {count}" for what, count in sorted(answers.statuses.items()))
    print(
        f"{members} members, {len(answers.latencies_ms)} polls in {took:.0f} s"
        f" ({len(answers.latencies_ms) / took:.1f} a second):"
        f" p50 {answers.percentile(50):.0f} ms, p99 {answers.percentile(99):.0f} ms,"
        f" {len(answers.latencies_ms) - good} errors ({told});"
        f" {os.cpu_count()} processors, {platform.machine()}"
    )


def poll(api: str, path: str, token: str, answers: Answers, until: float, every_s: float) -> None:
    """One member: asks at their own pace until the end."""
    due = time.monotonic() + random.uniform(0, every_s)
    connection = connected(api)
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            connection.request("GET", path, headers=bearer(token))
            answer = connection.getresponse()
            answer.read()
            status = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            connection, status = connected(api), type(error).__name__
        answers.add(status, (time.monotonic() - due) * 1000)
        due += every_s
    connection.close()


def person(api: str, sandbox: str, number: int) -> tuple[str, str]:
    """The path of a generation of somebody, and their token."""
    form = {"grant_type": "password", "username": f"load-{number}@prolight.test"}
    told = asked(f"{sandbox}/token", urllib.parse.urlencode(form).encode(), {})
    token = str(told["access_token"])
    generations = f"{api}/api/v1/generations"
    listed = asked(f"{generations}?limit=1", None, bearer(token))["items"]
    if isinstance(listed, list) and listed:
        job = listed[0]
    else:
        body = json.dumps({"prompt": "a glass sphere on slate"}).encode()
        headers = bearer(token) | {"Idempotency-Key": str(uuid.uuid4())}
        job = asked(generations, body, headers | {"Content-Type": "application/json"})
    return f"{urllib.parse.urlsplit(generations).path}/{job['id']}", token


def asked(url: str, body: bytes | None, headers: dict[str, str]) -> dict[str, object]:
    """The JSON that a request is answered with."""
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answered {error.code}: {error.read().decode()}")


def connected(api: str) -> Connection:
    """A connection to the API that stays open."""
    url = urllib.parse.urlsplit(api)
    kind = http.client.HTTPSConnection if url.scheme == "https" else Connection
    return kind(str(url.hostname), url.port, timeout=TIMEOUT_S)


def bearer(token: str) -> dict[str, str]:
    """The header of somebody who is signed in."""
    return {"Authorization": f"Bearer {token}"}


def variable(name: str) -> str:
    """A variable of `.local/env`."""
    return os.environ.get(name) or sys.exit(f"{name} is not set: run `source .local/env` first")
