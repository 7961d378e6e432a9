"""What each part of the system allows, and what a load asks of it.

Limits that we set are parameters of template.yaml. Those of AWS are what an account has by default.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import workload
from workload import POLL, Load, measured, rust

GATEWAY_A_SECOND = 10_000
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
LAMBDA_AT_ONCE = 1_000
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
LAMBDA_A_SECOND = 10 * LAMBDA_AT_ONCE
"""https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html"""
TABLE_A_SECOND = 40_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
STRIPE_A_SECOND = 100
"""https://docs.stripe.com/rate-limits"""
GATEWAY_QUOTA, LAMBDA_QUOTA, TABLE_QUOTA, STRIPE_QUOTA = (
    f"the account's quota of {it}" for it in ("API Gateway", "Lambda", "DynamoDB", "Stripe")
)
CODE = "code: "

EDGE = ("EdgeAuthorizer", "EdgeWebhookBria", "EdgeWebhookStripe")
"""Each reserves EdgeConcurrency, which is then its limit."""
DELIVERY_SHARE, DELIVERY_S = 0.1, 1
"""The share of generations whose end is sent to a webhook, and the seconds of a delivery."""
BUSY = 0.8
"""The part of its workers up to which a queue stays empty."""
JOB_INDEX_WRITES = 10
"""Of a job to the index of open jobs: in, to another place four times (two writes), out."""
SALE_WRITES = 4
"""Of a sale to the statistics of its listing."""
BEST_SHARE = 0.1
"""The part of all views and sales that one listing has."""
TRANSACTION_S, MEGABYTE_S = 0.05, 0.05
"""A transaction of nearly a hundred items, and a trip that reads a whole megabyte."""
DELETES_AT_ONCE = 25
"""Items that one request deletes."""
ENDS_ITSELF = 0.9
"""The part of its time after which a run ends by itself (`InvocationContext::ends_at`)."""
KEYS = "shared/store/src/keys.rs"
VIEWS = "shared/store/src/marketplace/community/views.rs"


@dataclass(frozen=True)
class Limit:
    """What one part is asked for, what it allows, and what raises that."""

    part: str
    need: float
    allowed: float
    raised_by: str

    @property
    def used(self) -> float:
        """Which part of it is used; above one it is exceeded."""
        return self.need / self.allowed


def limits(load: Load) -> list[Limit]:
    """Every limit that a load may meet; a part that reserves nothing has none of its own."""
    parts = (of_provider, of_requests, of_functions, of_table, of_stripe)
    return [it for part in parts for it in part(load)]


def of_provider(load: Load) -> Iterator[Limit]:
    """Bria's: a minute of an endpoint. A job submits once, and asks once for its outcome."""
    jobs, most = load.a_second("generations"), "BriaCallsPerMinute"
    yield Limit("calls of Bria a minute", jobs * 60, load.parameters[most], most)


def of_stripe(load: Load) -> Iterator[Limit]:
    """Those of Stripe, and what the two runs do in a day with their part of its requests."""
    given, day = load.parameters, load.day
    payouts_rate, nightly_rate = (
        given[it] for it in ("PayoutRequestsPerSecond", "ReconcileRequestsPerSecond")
    )
    # The two runs are at different hours, and leave the rest to those who pay.
    left = STRIPE_A_SECOND - max(payouts_rate, nightly_rate)
    needed = load.a_second("sales") * workload.SALE_REQUESTS
    yield Limit("requests to Stripe for sales a second", needed, left, STRIPE_QUOTA)
    a_second = min(
        payouts_rate / workload.PAYOUT_REQUESTS, given["PayoutsAtOnce"] / workload.PAYOUT_S
    )
    yield Limit(
        "payouts a day",
        day.payouts,
        a_second * workload.worked_s("BackgroundPayCreators"),
        "PayoutsAtOnce, PayoutRequestsPerSecond",
    )
    yield Limit(
        "seconds of a night's reconciliation",
        reconciled_s(load, nightly_rate),
        workload.worked_s("BackgroundReconcileStripe"),
        "ReconcileRequestsPerSecond",
    )


def reconciled_s(load: Load, rate: float) -> float:
    """How long a night's reconciliation asks Stripe: subscriptions come page after page."""
    day = load.day
    events = day.sales * workload.SALE_EVENTS + day.payouts * workload.PAYOUT_EVENTS
    late = day.payouts * workload.LATE_PAYOUTS
    at_once = events / workload.STRIPE_PAGE + late * workload.LATE_REQUESTS
    pages = day.members * workload.SUBSCRIPTIONS / workload.STRIPE_PAGE
    return at_once / rate + pages * max(workload.STRIPE_S, 1 / rate)


def of_requests(load: Load) -> Iterator[Limit]:
    """Those of API Gateway, a second: of the polled route, of the busiest other, of all."""
    rates = by_route(load)
    yield Limit(
        f"`{POLL.route}` a second",
        rates.pop(POLL.route),
        load.parameters["PolledRequestsPerSecond"],
        "PolledRequestsPerSecond",
    )
    busiest = max(rates, key=lambda route: rates[route])
    yield Limit(
        f"`{busiest}` a second",
        rates[busiest],
        load.parameters["RequestsPerSecond"],
        "RequestsPerSecond",
    )
    everything = load.polls + sum(rates.values())
    yield Limit("requests a second", everything, GATEWAY_A_SECOND, GATEWAY_QUOTA)


def of_functions(load: Load) -> Iterator[Limit]:
    """Those of Lambda: calls, functions at once, reserved ones, workers of a queue."""
    given, jobs = load.parameters, load.a_second("generations")
    edge = given["EdgeConcurrency"]
    calls = sum(rate for _, rate in load.rates()) + load.authorizations()
    yield Limit("calls of functions a second", calls, LAMBDA_A_SECOND, LAMBDA_QUOTA)
    at_once = running(load)
    reserved = {block: at_once.pop(block) for block in EDGE} if edge else {}
    left = LAMBDA_AT_ONCE - len(reserved) * edge
    yield Limit("functions at once", sum(at_once.values()), left, LAMBDA_QUOTA)
    for block, need in reserved.items():
        yield Limit(f"`{block}` at once", need, edge, "EdgeConcurrency")
    for block, need, most in (
        ("BackgroundRunGeneration", jobs * workload.JOB_S, "GenerationWorkers"),
        ("BackgroundDeliverWebhooks", jobs * DELIVERY_SHARE * DELIVERY_S, "DeliveryWorkers"),
    ):
        yield Limit(f"`{block}`, workers", need / BUSY, given[most], most)


def of_table(load: Load) -> Iterator[Limit]:
    """Those of DynamoDB: the table, partitions that all share, the one run that counts views."""
    units = load.units()
    yield Limit("units written a second", units.writes, TABLE_A_SECOND, TABLE_QUOTA)
    yield Limit("units read a second", units.reads, TABLE_A_SECOND, TABLE_QUOTA)
    yield from partitions(load)
    yield Limit(
        "views to be counted, seconds of a run",
        counting_s(load),
        ENDS_ITSELF * float(workload.properties(workload.COUNTS_VIEWS)["Timeout"]),
        f"{CODE}transactions of `background-rank-popular` side by side",
    )


def partitions(load: Load) -> Iterator[Limit]:
    """Partitions that all members write or read."""
    jobs, sales, views = (load.a_second(it) for it in ("generations", "sales", "views"))
    counted = load.counts() * workload.sums_writes()
    shards = rust(KEYS, "OPEN_SHARDS")
    # A job takes its place in a minute once, and a worker looks once for one in a minute that is full.
    places = jobs + load.parameters["GenerationWorkers"] / 60
    for key, writes, raised_by in (
        ("METRICS#<month>", counted, "MetricsWindowSeconds"),
        ("OPEN#<shard>", jobs * JOB_INDEX_WRITES / shards, f"{CODE}more of `OPEN_SHARDS`"),
        ("RATE#bria-submit", places, f"{CODE}several counters"),
        ("LISTING#<best>", BEST_SHARE * sales * SALE_WRITES, f"{CODE}statistics in shards"),
        # Written, and deleted by the run.
        ("VIEWS", 2 * load.tallies_kb(), f"{CODE}tallies in shards"),
    ):
        yield Limit(f"written to `{key}` a second", writes, PARTITION_WRITES, raised_by)
    read = BEST_SHARE * views * measured("GET /marketplace/listings/{id}").reads
    raised_by = f"{CODE}a cache of its page"
    yield Limit("read of `LISTING#<best>` a second", read, PARTITION_READS, raised_by)


def by_route(load: Load) -> dict[str, float]:
    """Requests a second of each route."""
    rates: dict[str, float] = {}
    for call, rate in load.rates():
        rates[call.route] = rates.get(call.route, 0) + rate
    return rates


def running(load: Load) -> dict[str, float]:
    """How many of each function run at once: calls a second, each as long as it takes."""
    at_once: dict[str, float] = {}
    for call, rate in load.rates():
        at_once[call.block] = at_once.get(call.block, 0) + rate * call.seconds
    waited_a_minute = rust("shared/domain/src/generation/waiting.rs", "WAITED_S_A_MINUTE_BY_ALL")
    at_once[POLL.block] += waited_a_minute / 60
    at_once["EdgeAuthorizer"] = load.authorizations() * POLL.seconds
    at_once["BackgroundRunGeneration"] = load.a_second("generations") * workload.JOB_S
    return at_once


def counting_s(load: Load) -> float:
    """How long a run of background-rank-popular takes to count the views of its period.

    It reads the tallies and whose the listings are; reads and writes some listings at a time, one
    transaction after the other; and deletes the tallies, as fast as one partition is written.
    """
    period_s, listings = workload.period_s(workload.COUNTS_VIEWS), load.viewed().listings
    tallies, units = load.tallies() * period_s, load.tallies_kb() * period_s
    read_s = max(
        tallies / rust(VIEWS, "TALLIES_A_TRIP") * workload.TABLE_S,
        units * workload.WRITE_B / 1_000_000 * MEGABYTE_S,
        units * workload.WRITE_B / workload.READ_B / PARTITION_READS,
    )
    owners_s = listings / rust(VIEWS, "STATS_A_TRIP") * workload.TABLE_S
    added_s = listings / rust(VIEWS, "LISTINGS_AT_ONCE") * (workload.TABLE_S + TRANSACTION_S)
    deleted_s = max(tallies / DELETES_AT_ONCE * workload.TABLE_S, units / PARTITION_WRITES)
    return read_s + owners_s + added_s + deleted_s
