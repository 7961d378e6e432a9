"""Say what an environment costs on AWS, from its templates and the list prices of us-east-1.

    scripts/cost            print the table
    python infra/cost.py --check     hold the table in infra/README.md to it

Counts (alarms, secrets, queues, schedules, memory) are read from the templates; what a call does is
an assumption below, after the measurements of `scripts/bench`. No bill was seen: prices are list
prices without free tiers or taxes, and those of Stripe are not here.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

README = Path("infra/README.md")
BEGIN, END = "<!-- scripts/cost -->\n\n", "\n<!-- end -->"
MILLION = 1_000_000
MONTH_S = 30 * 86_400

PRICES = {
    "alarm": 0.10,
    "composite alarm": 0.50,
    "custom metric": 0.30,
    "secret": 0.40,
    "REST calls": 3.50 / MILLION,
    "invocations": 0.20 / MILLION,
    "GB-seconds on arm64": 13.3334 / MILLION,
    "DynamoDB writes": 0.625 / MILLION,
    "DynamoDB reads": 0.125 / MILLION,
    "SQS requests": 0.40 / MILLION,
    "S3 writes": 5.00 / MILLION,
    "GB stored in S3": 0.023,
    "GB of logs": 0.50,
    "firewall": 5.00,
    "firewall rule": 1.00,
    "firewall requests": 0.60 / MILLION,
}
"""Dollars, a month where it is a thing that stays."""
POLLERS, POLL_S = 5, 20
"""Lambda polls an idle queue with five long polls at a time."""

CALL_S, CALL_LOG_KB = 0.015, 0.7
"""A warm call, with its line and the line of the access log."""
CALLS_PER_AUTHORIZER_CALL = 5
"""API Gateway remembers a token's policy for a minute."""
READS_PER_CALL, WRITES_PER_CALL = 1, 0.5
JOB_WRITES = 14
"""Six to accept a job, eight to claim, save and settle it."""
JOB_S, JOB_CALLS, JOB_OBJECTS, JOB_MB = 2.5, 6, 2, 2.0
"""Work on a job, calls about it, and the image with its thumbnail."""
JOB_PROVIDER = (0.02, 0.04)
"""What Bria asks for an image: of the plan, not of AWS."""

Row = tuple[str, float]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true")
    table = rendered()
    if not parser.parse_args().check:
        print(table, end="")
        return
    held = README.read_text().partition(BEGIN)[2].partition(END)[0]
    if held != table:
        sys.exit(f"the table of costs in {README} is not what scripts/cost prints")
    print(f"{README} has the table of scripts/cost")


def rendered() -> str:
    """The table, as Markdown."""
    rows = []
    for title, parts in (
        ("an idle month", idle()),
        ("a million calls", million_calls()),
        ("1,000 generations", generations(1000)),
    ):
        total = sum(price for _, price in parts)
        said = ", ".join(f"{what} {price:.2f}" for what, price in parts if price >= 0.005)
        rows.append(f"| {title} | {total:.2f} | {said} |\n")
    low, high = (1000 * it for it in JOB_PROVIDER)
    rows.append(f"| Bria, 1,000 images | {low:.0f} to {high:.0f} | the plan's price |\n")
    return "| | dollars | of which |\n|---|---|---|\n" + "".join(rows)


def idle() -> list[Row]:
    """A month without a call."""
    stacks = [yaml_parse(path.read_text()) for path in sorted(Path("infra").glob("*.yaml"))]
    main_stack = yaml_parse(Path("template.yaml").read_text())
    functions = functions_of(main_stack)
    runs = sum(runs_a_month(it) for it in functions)
    polled = sum(is_queue(event) for it in functions for event in events(it))
    polls = polled * POLLERS * MONTH_S / POLL_S
    rules = count(stacks, "AWS::WAFv2::WebACL", lambda it: len(it["Rules"]))
    return [
        ("alarms", PRICES["alarm"] * count(stacks, "AWS::CloudWatch::Alarm")),
        ("alarm on alarms", PRICES["composite alarm"]),
        ("metrics of the runs", PRICES["custom metric"] * metrics("functions/background/src")),
        ("secrets", PRICES["secret"] * count(stacks, "AWS::SecretsManager::Secret")),
        ("firewall", PRICES["firewall"] + PRICES["firewall rule"] * rules),
        ("polling of queues", PRICES["SQS requests"] * polls),
        (
            "runs",
            runs * (PRICES["invocations"] + seconds(256, 0.1) + 10 * PRICES["DynamoDB reads"]),
        ),
        ("logs", runs * CALL_LOG_KB / 2 / MILLION * PRICES["GB of logs"]),
    ]


def million_calls() -> list[Row]:
    """A million calls of members, behind the firewall."""
    authorized = MILLION / CALLS_PER_AUTHORIZER_CALL
    return [
        ("API Gateway", MILLION * PRICES["REST calls"]),
        ("Lambda", (MILLION + authorized) * (PRICES["invocations"] + seconds(256, CALL_S))),
        (
            "DynamoDB",
            MILLION
            * (
                READS_PER_CALL * PRICES["DynamoDB reads"]
                + WRITES_PER_CALL * PRICES["DynamoDB writes"]
            ),
        ),
        ("firewall", MILLION * PRICES["firewall requests"]),
        ("logs", MILLION * CALL_LOG_KB / MILLION * PRICES["GB of logs"]),
    ]


def generations(jobs: int) -> list[Row]:
    """Jobs, from the call to the stored image, and a month of storing it."""
    memory = function_memory("BackgroundRunGeneration")
    calls = sum(price for _, price in million_calls()) / MILLION
    return [
        ("calls", jobs * JOB_CALLS * calls),
        ("DynamoDB", jobs * JOB_WRITES * PRICES["DynamoDB writes"]),
        ("Lambda", jobs * (3 * PRICES["invocations"] + seconds(memory, JOB_S))),
        ("S3", jobs * JOB_OBJECTS * PRICES["S3 writes"]),
        ("storage for a month", jobs * JOB_MB / 1000 * PRICES["GB stored in S3"]),
    ]


def seconds(memory_mb: int, duration_s: float) -> float:
    """The price of one run of a function."""
    return memory_mb / 1024 * duration_s * PRICES["GB-seconds on arm64"]


def count(stacks: list[dict[str, Any]], kind: str, weight: Any = lambda _: 1) -> int:
    """How many resources of a type there are, each with its weight."""
    return sum(
        weight(resource["Properties"])
        for stack in stacks
        for resource in stack["Resources"].values()
        if resource["Type"] == kind
    )


def functions_of(stack: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties of every function."""
    return [
        resource["Properties"]
        for resource in stack["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]


def function_memory(name: str) -> int:
    """The megabytes of one function."""
    stack = yaml_parse(Path("template.yaml").read_text())
    return int(stack["Resources"][name]["Properties"]["MemorySize"])


def events(function: dict[str, Any]) -> list[dict[str, Any]]:
    """What starts a function."""
    return list(function.get("Events", {}).values())


def is_queue(event: dict[str, Any]) -> bool:
    """Whether a function is started by a queue."""
    return bool(event["Type"] == "SQS")


def runs_a_month(function: dict[str, Any]) -> float:
    """How often schedules start a function."""
    return sum(
        MONTH_S / period_s(event["Properties"]["Schedule"])
        for event in events(function)
        if event["Type"] == "Schedule"
    )


def period_s(schedule: str) -> int:
    """The seconds between two runs; every `cron` of ours is daily."""
    units = {"minute": 60, "hour": 3600, "day": 86_400}
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    return int(rate[1]) * units[rate[2]] if rate else units["day"]


def metrics(folder: str) -> int:
    """How many metrics the sources of a folder name."""
    sources = "".join(path.read_text() for path in sorted(Path(folder).rglob("*.rs")))
    return len(set(re.findall(r'\.(?:count|millis|millis_each)\("([A-Z]\w+)"', sources)))


if __name__ == "__main__":
    main()
