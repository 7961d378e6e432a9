"""Say what an environment costs on AWS, from its templates and the list prices of us-east-1.

    scripts/cost            print the tables
    python infra/cost.py --check     hold the tables in infra/README.md to it

Counts (alarms, secrets, queues, schedules, memory) are read from the templates; what a day of
members does, in units that `scripts/bench` measured, is in `infra/workload.py`. No bill was seen:
prices are list prices without free tiers or taxes, and those of Stripe are not here.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import workload
from samcli.yamlhelper import yaml_parse
from workload import BASE, DAY_S, Day, Load, template

README = Path("infra/README.md")
BEGIN, END = "<!-- scripts/cost -->\n\n", "\n<!-- end -->"
MILLION = 1_000_000
MONTH_DAYS, YEAR_MONTHS = 30, 12
MONTH_S = MONTH_DAYS * DAY_S

PRICES = {
    "alarm": 0.10,
    "composite alarm": 0.50,
    "custom metric": 0.30,
    "secret": 0.40,
    "invocations": 0.20 / MILLION,
    "GB-seconds on arm64": 13.3334 / MILLION,
    "DynamoDB writes": 0.625 / MILLION,
    "DynamoDB reads": 0.125 / MILLION,
    "GB stored in DynamoDB": 0.25,
    "GB that can be restored": 0.20,
    "SQS requests": 0.40 / MILLION,
    "S3 writes": 5.00 / MILLION,
    "S3 reads": 0.40 / MILLION,
    "GB stored in S3": 0.023,
    "GB not read for 30 days": 0.0125,
    "GB not read for 90 days": 0.004,
    "objects watched": 2.50 / MILLION,
    "objects moved to be watched": 10.00 / MILLION,
    "CDN requests": 1.00 / MILLION,
    "GB of logs": 0.50,
    "firewall": 5.00,
    "firewall rule": 1.00,
    "firewall requests": 0.60 / MILLION,
}
"""Dollars, a month where it is a thing that stays."""
STEPS = {
    "REST calls": ((333, 3.50), (667, 2.80), (19_000, 2.38), (0, 1.51)),
    "GB sent": ((10_000, 0.09), (40_000, 0.085), (100_000, 0.07), (0, 0.05)),
    "GB sent by the CDN": (
        (10_000, 0.085),
        (40_000, 0.08),
        (100_000, 0.06),
        (350_000, 0.04),
        (524_000, 0.03),
        (0, 0.025),
    ),
}
"""Prices that fall in a month: so much (calls in millions) at each, the rest at the last."""
POLLERS, POLL_S = 5, 20
"""Lambda polls an idle queue with five long polls at a time."""

CALL_LOG_KB, CALL_SENT_KB = 0.7, 2
"""The line of a call with that of the access log; its answer."""
IMAGE_MB, THUMBNAIL_MB, THUMBNAIL_READS = 1.5, 0.03, 10
"""The image as PNG, sent to its member once; its thumbnail in lists."""
JOB_MESSAGES, MESSAGE_REQUESTS = 3, 2.1
"""Messages of a job: to submit, to poll, when it is signalled; sent in tens, received, deleted."""
JOB_RELAYED, RELAY_S = 8, 0.03
"""Changes of a job that start the functions of the stream."""
JOB_STORED_KB = 5
"""What stays of a job in the table: itself, its input, its entries in the ledger."""
VIEW_MB, VIEW_FILES = 0.2, 3
"""Pictures of a listing that its page loads through its CDN."""
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
        sys.exit(f"the tables of costs in {README} are not what scripts/cost prints")
    print(f"{README} has the tables of scripts/cost")


def rendered() -> str:
    """The tables, as Markdown: what a unit costs, and what a month costs."""
    polls = Load(Day(), prod(), watching=MILLION / DAY_S * workload.promised().poll_s)
    lines = []
    for title, parts in (
        ("an idle month", idle()),
        ("a million polls of a generation", used(polls, 1)),
        ("1,000 generations", used(of(Day(generations=1_000)), 1)),
        ("1,000 sales", used(of(Day(sales=1_000)), 1)),
        ("100,000 views of listings", used(of(Day(views=100_000)), 1)),
    ):
        said = ", ".join(f"{what} {price:.2f}" for what, price in parts if price >= 0.005)
        lines.append(f"| {title} | {total(parts):.2f} | {said} |\n")
    low, high = (1000 * it for it in JOB_PROVIDER)
    lines.append(f"| Bria, 1,000 images | {low:.0f} to {high:.0f} | the plan's price |\n")
    return "| | dollars | of which |\n|---|---|---|\n" + "".join(lines) + "\n" + scaled()


def scaled() -> str:
    """A month of the base and of its multiples: the parts, the largest last first."""
    factors = (1, 100, 1_000)
    months = [dict(month(of(BASE.times(factor)))) for factor in factors]
    parts = sorted(months[-1], key=lambda part: -months[-1][part])
    lines = [(part, [it[part] for it in months]) for part in parts]
    lines.append(("**AWS, a month**", [sum(it.values()) for it in months]))
    images = [BASE.times(factor).generations * MONTH_DAYS for factor in factors]
    for name, price in zip(("lowest", "highest"), JOB_PROVIDER, strict=True):
        lines.append((f"Bria, at its {name} price", [price * it for it in images]))
    lines.append(("images stored in a year, TB", [stored_tb(it) for it in images]))
    lines.append(("the same without tiers, dollars a month", [untiered(it) for it in images]))
    head = "| dollars a month | base | 100 x base | 1,000 x base |\n|---|---|---|---|\n"
    return head + "".join(f"| {name} | {cells(row)} |\n" for name, row in lines)


def cells(row: list[float]) -> str:
    """Numbers as cells of a table."""
    return " | ".join(f"{it:,.0f}" if it >= 10 else f"{it:,.1f}" for it in row)


def total(parts: list[Row]) -> float:
    """The sum of prices."""
    return sum(price for _, price in parts)


def prod() -> workload.Parameters:
    """The parameters of production."""
    return workload.parameters("prod")


def of(day: Day) -> Load:
    """The mean second of a day."""
    return Load(day, prod())


def month(load: Load) -> list[Row]:
    """A month of such days, a year after the first."""
    return [("without a call", total(idle())), *used(load, MONTH_DAYS)]


def idle() -> list[Row]:
    """A month without a call."""
    stacks = [yaml_parse(path.read_text()) for path in sorted(Path("infra").glob("*.yaml"))]
    functions = functions_of(template())
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


def used(load: Load, days: float) -> list[Row]:
    """What so many days of a load cost, with the storage of a year of them."""
    seconds_all = days * DAY_S
    rates = load.rates()
    calls = sum(rate for _, rate in rates) * seconds_all
    jobs, views = load.day.generations * days, load.day.views * days
    units = load.units()
    cdn_gb = (views * VIEW_MB + jobs * image_sent_mb()) / 1000
    cdn_requests = views * VIEW_FILES + jobs * (1 + THUMBNAIL_READS)
    return [
        ("API Gateway", stepped("REST calls", calls / MILLION)),
        ("Lambda", run_cost(load) * seconds_all),
        (
            "DynamoDB",
            seconds_all
            * (units.writes * PRICES["DynamoDB writes"] + units.reads * PRICES["DynamoDB reads"]),
        ),
        ("firewall", calls * PRICES["firewall requests"]),
        ("logs", calls * CALL_LOG_KB / MILLION * PRICES["GB of logs"]),
        ("queues", jobs * JOB_MESSAGES * MESSAGE_REQUESTS * PRICES["SQS requests"]),
        ("images written and read", jobs * (2 * PRICES["S3 writes"] + reads_of_image())),
        ("images stored", stored(jobs)),
        ("table stored", jobs * YEAR_MONTHS * JOB_STORED_KB / MILLION * stored_in_table()),
        ("answers sent", stepped("GB sent", calls * CALL_SENT_KB / MILLION)),
        (
            "images and previews sent",
            stepped("GB sent by the CDN", cdn_gb) + cdn_requests * PRICES["CDN requests"],
        ),
    ]


def run_cost(load: Load) -> float:
    """What Lambda costs in a second: calls, the authorizer, workers and the stream's functions."""
    runs = [(rate, workload.memory_mb(it.block), it.seconds) for it, rate in load.rates()]
    jobs = load.a_second("generations")
    runs += [
        (load.authorizations(), workload.memory_mb("EdgeAuthorizer"), workload.POLL.seconds),
        (
            jobs * workload.JOB_STEPS,
            workload.memory_mb("BackgroundRunGeneration"),
            workload.JOB_S / workload.JOB_STEPS,
        ),
        (jobs * JOB_RELAYED, workload.memory_mb("BackgroundRelayOutbox"), RELAY_S),
    ]
    return sum(rate * (PRICES["invocations"] + seconds(mb, s)) for rate, mb, s in runs)


def stepped(what: str, amount: float) -> float:
    """The price of an amount of something whose price falls."""
    price = 0.0
    for size, each in STEPS[what]:
        here = min(amount, size) if size else amount
        price, amount = price + here * each, amount - here
    return price


def image_sent_mb() -> float:
    """What is sent of an image."""
    return IMAGE_MB + THUMBNAIL_READS * THUMBNAIL_MB


def reads_of_image() -> float:
    """The price of reading an image and its thumbnail."""
    return (1 + THUMBNAIL_READS) * PRICES["S3 reads"]


def stored_in_table() -> float:
    """A gigabyte of the table, which can be restored to any second of the last weeks."""
    return PRICES["GB stored in DynamoDB"] + PRICES["GB that can be restored"]


def stored(images: float) -> float:
    """A month of storing a year's images, so many of each month."""
    if not is_tiered():
        return untiered(images)
    first, older = PRICES["GB stored in S3"], PRICES["GB not read for 30 days"]
    oldest = PRICES["GB not read for 90 days"]
    each_gb = first + 2 * older + (YEAR_MONTHS - 3) * oldest
    watched = YEAR_MONTHS * PRICES["objects watched"] + PRICES["objects moved to be watched"]
    thumbnails = YEAR_MONTHS * THUMBNAIL_MB / 1000 * first
    return images * (IMAGE_MB / 1000 * each_gb + thumbnails + watched)


def untiered(images: float) -> float:
    """The same, if each image costs as much as in its first month."""
    return stored_tb(images) * 1000 * PRICES["GB stored in S3"]


def stored_tb(images: float) -> float:
    """What a year's images weigh, so many a month."""
    return images * YEAR_MONTHS * (IMAGE_MB + THUMBNAIL_MB) / MILLION


def tiering() -> dict[str, Any]:
    """The rule that lets S3 store images which are not read for less; empty without one."""
    data = yaml_parse(Path("infra/data.yaml").read_text())
    rules = data["Resources"]["Images"]["Properties"]["LifecycleConfiguration"]["Rules"]
    return next((it for it in rules if it["Id"] == "seldom-read"), {})


def is_tiered() -> bool:
    """Whether images are stored in tiers."""
    return bool(tiering())


def pays_from_bytes() -> float:
    """The size from which watching an object costs less than a month in the next tier saves."""
    saved_a_gb = PRICES["GB stored in S3"] - PRICES["GB not read for 30 days"]
    return PRICES["objects watched"] / saved_a_gb * 1e9


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


def events(function: dict[str, Any]) -> list[dict[str, Any]]:
    """What starts a function."""
    return list(function.get("Events", {}).values())


def is_queue(event: dict[str, Any]) -> bool:
    """Whether a function is started by a queue."""
    return bool(event["Type"] == "SQS")


def runs_a_month(function: dict[str, Any]) -> float:
    """How often schedules start a function."""
    return sum(
        MONTH_DAYS * workload.runs_a_day(event["Properties"]["Schedule"])
        for event in events(function)
        if event["Type"] == "Schedule"
    )


def metrics(folder: str) -> int:
    """How many metrics the sources of a folder name."""
    sources = "".join(path.read_text() for path in sorted(Path(folder).rglob("*.rs")))
    return len(set(re.findall(r'\.(?:count|millis|millis_each)\("([A-Z]\w+)"', sources)))


if __name__ == "__main__":
    main()
