"""Say what scheduled work takes at multiples of the base load, measured with the real functions.

    scripts/scale [--search] [--json]

For each line, the program `scale` (shared/simulator) fills a table in its process, has the function
run as its schedule starts it until nothing is left, and counts. How much there is, what a request
takes on AWS and at Stripe, and the time that a schedule leaves come from `infra/workload.py` and
`infra/limits.py`. Where a load is too much for a process, a part of it is measured, which the table
says, and the rest is taken to cost the same. A figure in italics is of the model alone.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import limits
import load
import workload
from workload import BASE, DAY_S, Day, Load, rust

FACTORS = (1, 100, 1_000)
RECONCILE = "functions/background/src/reconcile_stripe.rs"
SEARCHES = (100_000, 1_000_000)
"""Listings of the search index."""

LISTINGS = 1_000
"""On sale at the base load: a thousand times as many are what the search index is measured with."""
SHARED = 0.1
"""The part of sales that came through a member's link, each of which is a reward."""
BUSIEST_HOUR = 1 / 8
"""The part of a day's sales that becomes due in its busiest hour."""
SHELF = 10
"""Listings at the base load of a creator whose third strike is given."""
ROUNDED = 1.1
"""What is measured is rounded: up to this many times as much is all that there is."""
VIEWS = 100_000
"""Views that are summed for so many units: those of a day at the base load."""
SAMPLED = 3_000
"""Listings with views of a measurement, about."""


@dataclass(frozen=True)
class Work:
    """The scheduled work of a line."""

    line: str
    title: str
    block: str
    count: Callable[[Load], float]
    """How much there is for a day, or for a run that comes more often."""
    most: int
    """How much of it is measured: less than a minute."""
    window_s: float
    """How long the function may work until it must be done."""
    rate: str = ""
    """The parameter with its requests to Stripe a second."""
    at_once: float = 1
    """Pieces of work at a time."""
    units_of: int = 0
    """Of how many of them the table's units are said too, as they fall when more come at once."""


@dataclass(frozen=True)
class Result:
    """A line at one load: what was measured, for all that there is."""

    items: float
    measured: int
    one_in: float
    runs: int
    stripe_requests: float
    trips: float
    writes: float
    reads: float
    seconds: float
    own_s: float
    audited: float
    memory_mb: float | None
    used: float
    """The part of the window, or of the memory, that it takes."""


Measure = Callable[[dict[str, Any]], dict[str, Any]]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--binaries", type=Path, required=True, help="the target folder of cargo")
    parser.add_argument("--search", action="store_true", help="measure the search index too")
    parser.add_argument("--json", action="store_true", help="print the measurements")
    args = parser.parse_args()
    found = measured(lambda plan: run(args.binaries / "debug/scale", plan))
    bench = args.binaries / "release/search-bench"
    searches = [search(bench, listings) for listings in SEARCHES if args.search]
    if args.json:
        lines = {line: [asdict(it) for it in results] for line, results in found.items()}
        print(json.dumps({"lines": lines, "search": searches}, indent=2))
    else:
        print("".join(f"| {' | '.join(row)} |\n" for row in table(found, searches)), end="")


def run(program: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """What a measurement prints last; functions write their metrics to the same place."""
    done = subprocess.run([program, json.dumps(plan)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{plan['line']} was not measured with {plan}: see above")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def search(program: Path, listings: int) -> dict[str, str]:
    """What search-bench prints, by name."""
    print(f"  search over {listings:,} listings", file=sys.stderr)
    done = subprocess.run(
        [program, "--listings", str(listings)], stdout=subprocess.PIPE, text=True, check=True
    )
    lines = (line.split("  ", 1) for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, value in lines}


def measured(measure: Measure) -> dict[str, list[Result]]:
    """Every line at every load."""
    found: dict[str, list[Result]] = {}
    for work in works():
        for factor in FACTORS:
            busiest = load_of(factor)
            plan, one_in = planned(work, busiest)
            part = f", 1 in {one_in:,.0f}" if one_in > ROUNDED else ""
            print(f"  {work.title} at {factor:,} x{part}", file=sys.stderr)
            results = found.setdefault(work.line, [])
            results.append(result(work, busiest, one_in, measure(plan)))
    return found


def load_of(factor: float) -> Load:
    """The busiest minute of a multiple of the base."""
    return load.busiest(BASE.times(factor), workload.parameters("prod"))


def works() -> list[Work]:
    """The lines, in their order."""
    given = workload.parameters("prod")
    pay, nightly = "BackgroundPayCreators", "BackgroundReconcileStripe"
    nightly_rate = "ReconcileRequestsPerSecond"
    views = workload.COUNTS_VIEWS
    return [
        Work(
            "payouts",
            "pay-creators, payouts a day",
            pay,
            lambda it: it.day.payouts,
            2_000,
            workload.worked_s(pay),
            "PayoutRequestsPerSecond",
            given["PayoutsAtOnce"],
        ),
        Work(
            "events",
            "reconcile-stripe, events a night",
            nightly,
            lambda it: events(it.day),
            12_000,
            workload.worked_s(nightly),
            nightly_rate,
            rust(RECONCILE, "SLICES_AT_ONCE"),
        ),
        Work(
            "subscriptions",
            "reconcile-stripe, subscriptions a night",
            nightly,
            lambda it: it.day.members * workload.SUBSCRIPTIONS,
            2_000,
            workload.worked_s(nightly),
            nightly_rate,
        ),
        Work(
            "views",
            "rank-popular, views of ten minutes",
            views,
            viewed,
            0,
            one_run_s(views),
            units_of=VIEWS,
        ),
        Work(
            "popular",
            "rank-popular, listings on sale",
            views,
            lambda it: LISTINGS * it.day.members / BASE.members,
            5_000,
            one_run_s(views),
        ),
        Work(
            "revenue",
            "report-revenue, facts a day",
            "BackgroundReportRevenue",
            lambda it: it.day.generations + workload.SALE_FACTS * it.day.sales,
            10_000,
            one_run_s("BackgroundReportRevenue"),
        ),
        Work(
            "rewards",
            "grant-rewards, rewards of an hour",
            "BackgroundGrantRewards",
            lambda it: it.day.sales * SHARED * BUSIEST_HOUR,
            2_000,
            one_run_s("BackgroundGrantRewards"),
        ),
        Work(
            "sellers",
            "follow-sellers, listings of a creator",
            "BackgroundFollowSellers",
            lambda it: SHELF * it.day.members / BASE.members,
            1_000,
            one_run_s("BackgroundFollowSellers"),
        ),
    ]


def events(day: Day) -> float:
    """Events of a day, those we do not handle too."""
    return day.sales * workload.SALE_EVENTS + day.payouts * workload.PAYOUT_EVENTS


def viewed(busiest: Load) -> float:
    """The views of the busiest period of a run."""
    return busiest.a_second("views") * workload.period_s(workload.COUNTS_VIEWS)


def timeout_s(block: str) -> float:
    """The timeout of a function."""
    return float(workload.properties(block)["Timeout"])


def one_run_s(block: str) -> float:
    """How long one run works at most."""
    return limits.ENDS_ITSELF * timeout_s(block)


def planned(work: Work, busiest: Load) -> tuple[dict[str, Any], float]:
    """What is asked of the program, and of how many items it measures one."""
    items = work.count(busiest)
    within_s: float = workload.period_s(work.block)
    if work.line == "views":
        # Which views are left out depends on their listings: the program draws all of them.
        one_in, asked = max(1, math.ceil(busiest.viewed().listings / SAMPLED)), round(items)
    else:
        one_in, asked = max(1.0, items / work.most), max(1, round(min(items, work.most)))
    if work.line == "events":
        # As dense as they are: a part of the time, and not of the events of each minute.
        within_s = asked / items * DAY_S
    rate = busiest.parameters[work.rate] if work.rate else 0
    every_s = workload.RUNS_EVERY_S if work.rate else workload.period_s(work.block)
    plan = {
        "line": work.line,
        "items": asked,
        "within_s": within_s,
        "tallies": max(1, round(busiest.tallies() * workload.period_s(workload.COUNTS_VIEWS))),
        "listings": workload.LISTINGS,
        "one_in": int(one_in),
        "at_once": int(work.at_once),
        "trip_s": workload.TABLE_S,
        "written_s": limits.TRANSACTION_S / 100,
        "megabyte_s": limits.MEGABYTE_S,
        "stripe_s": workload.STRIPE_S,
        "stripe_every_s": 1 / rate if rate else 0.0,
        "timeout_s": timeout_s(work.block),
        "every_s": every_s,
    }
    return plan, one_in


def result(work: Work, busiest: Load, one_in: float, answer: dict[str, Any]) -> Result:
    """A measurement, taken for all that there is."""
    items = work.count(busiest)
    if work.line != "views":
        one_in = max(1.0, items / answer["items"])
    seconds = answer["worked_s"] * one_in
    grown_kib = answer["grown_kib"]
    memory_mb = None if grown_kib is None else grown_kib / 1_024
    runs = math.ceil(seconds / one_run_s(work.block)) if one_in > ROUNDED else 1
    return Result(
        items=items,
        measured=answer["items"],
        one_in=one_in,
        runs=max(runs, answer["runs"]),
        stripe_requests=answer["stripe_requests"] * one_in,
        trips=answer["trips"] * one_in,
        writes=answer["writes"] * one_in,
        reads=answer["reads"] * one_in,
        seconds=seconds,
        own_s=answer["own_s"] * one_in,
        audited=answer["audited"] * one_in,
        memory_mb=memory_mb,
        used=max(seconds / work.window_s, (memory_mb or 0) / workload.memory_mb(work.block)),
    )


def table(
    found: dict[str, list[Result]], searches: list[dict[str, str]]
) -> Iterator[list[str]]:
    """The rows of the table."""
    head = ["work", "", "base", *(f"{it:,} x" for it in FACTORS[1:]), "limit met at"]
    yield head
    yield ["---"] * len(head)
    for work in works():
        yield from rows(work, found[work.line])
    yield from modelled(found)
    for name in searches[0] if searches else ():
        yield ["search-bench", name, "", *(it[name] for it in searches), ""]


def rows(work: Work, results: list[Result]) -> Iterator[list[str]]:
    """The rows of a line."""
    most = results[-1]
    met = times(FACTORS[-1] / most.used) if most.used else ""
    yield [work.title, "of them measured", *map(share, results), met]
    summed = f"to sum {work.units_of:,}"
    figures: list[tuple[str, Callable[[Result], float | None]]] = [
        ("runs", lambda it: it.runs),
        (f"seconds, of {work.window_s:,.0f}", lambda it: it.seconds),
        ("requests to Stripe", lambda it: it.stripe_requests),
        ("trips to the table", lambda it: it.trips),
        ("units written", lambda it: it.writes),
        ("units read", lambda it: it.reads),
        (f"units written {summed}", lambda it: it.writes / it.items * work.units_of),
        (f"units read {summed}", lambda it: it.reads / it.items * work.units_of),
        ("seconds of this machine", lambda it: it.own_s),
        (f"MB more memory, of {workload.memory_mb(work.block):,}", lambda it: it.memory_mb),
    ]
    for name, of in figures:
        if any(of(it) for it in results):
            yield ["", name, *(figure(of(it)) for it in results), ""]


def share(it: Result) -> str:
    """How much of a load was measured."""
    return f"{it.items:,.0f}" + (f", 1 in {it.one_in:,.0f}" if it.one_in > ROUNDED else "")


def figure(it: float | None) -> str:
    """A number, if it is known."""
    return "-" if it is None else load.number(it)


def times(factor: float) -> str:
    """A multiple of the base."""
    return f"{factor:,.0f} x base"


def modelled(found: dict[str, list[Result]]) -> Iterator[list[str]]:
    """What no run measures: rates of partitions and queues that all members share."""
    chains = rust("shared/domain/src/audit.rs", "JOB_CHAINS")
    # Two records of a chain are one after the other: its head is read, then written. The rate at
    # which Stripe is asked bounds them, whatever the load.
    a_chain = 1 / (workload.TABLE_S + limits.TRANSACTION_S)
    rates = [it.audited / it.seconds / chains for it in found["payouts"]]
    title = f"audit records of payouts a second and chain, of {load.number(a_chain)}"
    yield [title, "measured", *map(load.number, rates), "none"]
    yield model("written to `HOT#<category>` a second, all in one", moved, limits.PARTITION_WRITES)
    for part in (
        "calls of Bria a minute",
        "written to `RATE#bria-submit` a second",
        "written to `OPEN#<shard>` a second",
        "written to `VIEWS` a second",
    ):
        allowed = named(load_of(1), part).allowed
        yield model(part, partial(needed, part), allowed)


def moved(busiest: Load) -> float:
    """Writes a second to the index by trending score: a listing leaves its place for another."""
    return 2 * busiest.viewed().listings / limits.counting_s(busiest)


def needed(part: str, busiest: Load) -> float:
    """What a load needs of a part."""
    return named(busiest, part).need


def named(busiest: Load, part: str) -> limits.Limit:
    """A limit of `scripts/load`."""
    found = (it for it in limits.limits(busiest) if it.part == part)
    return next(found, None) or sys.exit(f"infra/limits.py has no part {part!r}")


def model(title: str, need: Callable[[Load], float], allowed: float) -> list[str]:
    """A row of the model, and the multiple of the base at which the limit is met."""
    cells = (f"*{load.number(need(load_of(factor)))}*" for factor in FACTORS)
    return [f"{title}, of {load.number(allowed)}", "model", *cells, met_at(need, allowed)]


def met_at(need: Callable[[Load], float], allowed: float) -> str:
    """The multiple of the base that first needs more than is allowed, to a twentieth."""
    low, high = 0.0, 1.0
    while need(load_of(high)) < allowed:
        low, high = high, high * 2
        if high > 1_000_000:
            return "none"
    while high - low > high / 20:
        middle = (low + high) / 2
        low, high = (middle, high) if need(load_of(middle)) < allowed else (low, middle)
    return times(low)


if __name__ == "__main__":
    main()
