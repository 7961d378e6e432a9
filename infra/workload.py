"""What a day of members asks of the system, in units that `scripts/bench` measured.

`infra/load.py` and `infra/cost.py` share it. Units and times of functions come from the tables in
shared/testing/README.md, parameters and memory from template.yaml, what Rust decides from its
constants. What was not measured is an assumption below, with its reason.
"""

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import deployed
from samcli.yamlhelper import yaml_parse

BENCH = Path("shared/testing/README.md")
PROMISE = Path("functions/README.md")
PROMISE_TITLE = "## What a member may expect"
DAY_S = 86_400

PEAK = 5
"""The busiest minute of a day against its mean: the busiest hour has an eighth of a day."""
SESSION_S = 1800
"""How long a member stays."""
IMAGE_S = 30
"""Until Bria's image is there, typically: `Job::expected_at`."""
TABLE_S = 0.005
"""A round trip to DynamoDB on AWS, whose page says single-digit milliseconds."""
STRIPE_S = 0.5
"""A request to Stripe."""
SALE_REQUESTS = 4
"""Requests to Stripe of a sale: its page is opened, then session, payment and fee are looked up."""
PAYOUT_REQUESTS, PAYOUT_TRIPS = 4, 18
"""Of a payout: the account twice, the creator's transfers, the transfer; and to the table."""
PAYOUT_S = PAYOUT_REQUESTS * STRIPE_S + PAYOUT_TRIPS * TABLE_S
"""How long a payout takes."""
SALE_EVENTS, PAYOUT_EVENTS = 6, 1
"""Events that Stripe lists of a sale and of a payout, those we do not handle too."""
STRIPE_PAGE = 100
"""Events, or subscriptions, of a page."""
SUBSCRIPTIONS = 1
"""Subscriptions ever made, for each member of a day."""
LATE_PAYOUTS, LATE_REQUESTS = 0.01, 7
"""The share of payouts that no bank confirms in five days, and the requests to look at one."""
RUN_S, RUNS_EVERY_S = 810, 300
"""How long a run works, nine tenths of its timeout, and at most until the next one starts."""
FULL_CPU_MB = 1769
"""The memory with which Lambda gives a function one processor; with less, that part of it."""
JOB_STEPS = 2
"""A worker submits a job, and takes its image when Bria's webhook says that it is there."""
JOB_S = 2.5
"""Both steps together: two requests to Bria, then decoding, encoding and storing the image."""
JOB_CLAIMS = 3
"""Writes of the worker like a claim: claimed, accepted, claimed again. The webhook's is one too."""
SALE_FACTS = 5
"""What a sale states for the metrics: itself, the fee, its shares."""
LISTINGS = 100_000
"""Listings on sale, whatever the load: as many as the search index is measured with. Views fall on
them by Zipf's law: the second has half as many as the first, the third a third."""
TALLY_S = 10
"""How often a process writes down the views that it saw."""
VISITOR_B, LISTING_B = 7, 35
"""In an item of the table, a visitor and the name of a listing."""
WRITE_B, READ_B = 1_024, 4_096
"""What a unit of the table writes, and what it reads."""
STREAM_POLL_S = 0.25
"""How often Lambda polls a shard of a stream."""
SHARDS, SHARD_WRITES = 4, 1_000
"""Shards of the stream: one for each partition of the table. A new one has four."""

READ, WRITE = "generation-get-generation", "generation-create-generation"
"""The measured functions whose processor time is used for all that read, and all that write."""
NOTHING = ""
"""The operation of a call that the process answers from its memory."""
CLAIM = "worker: claim a job"
SETTLE = "worker: settle a job with its image"
TALLY = "flush of ten seconds of views"
VIEW_SUM = "sum of the views of one listing"
COUNTS_VIEWS = "BackgroundRankPopular"
"""The function that counts them."""
VISITOR = "shared/domain/src/marketplace/community/visitor.rs"
REPORT = "GET /admin/revenue/stats, 1,000 members"

Parameters = dict[str, float]


@dataclass(frozen=True)
class Promise:
    """What functions/README.md promises, row by row."""

    members: float
    poll_s: float
    requests_a_second: float
    behind_address: float
    generations_a_minute: float
    starts_in_s: float


@dataclass(frozen=True)
class Day:
    """How much of each there is in a day."""

    members: float = 0
    generations: float = 0
    sales: float = 0
    views: float = 0
    payouts: float = 0

    def times(self, factor: float) -> "Day":
        """So many of these days in one."""
        return Day(*(factor * it for it in vars(self).values()))


BASE = Day(members=1_000, generations=5_000, sales=500, views=100_000, payouts=200)


@dataclass(frozen=True)
class Usage:
    """What an operation costs: requests to the table, one after the other, and units."""

    trips: float = 0
    writes: float = 0
    reads: float = 0


@dataclass(frozen=True)
class Call:
    """Calls of a route: so many for each member, generation, sale or view of a day."""

    route: str
    block: str
    each: str
    count: float
    operation: str
    cpu: str = READ
    waits_s: float = 0
    is_signed_in: bool = True

    @property
    def usage(self) -> Usage:
        """Its use of the table."""
        return measured(self.operation) if self.operation else Usage()

    @property
    def seconds(self) -> float:
        """How long its function runs."""
        cpu_s = warm_s(self.cpu) * max(1, FULL_CPU_MB / memory_mb(self.block))
        return cpu_s + self.usage.trips * TABLE_S + self.waits_s


POLL = Call(
    "GET /generations/{id}", "GenerationGetGeneration", "generations", 0, "GET /generations/{id}"
)
"""As often as the members who wait for an image ask."""
CALLS = (
    # A member opens the page, works, and looks at what it costs.
    Call("GET /me", "AccountGetMe", "members", 8, "GET /me"),
    Call("GET /generations", "GenerationListGenerations", "members", 6, "GET /generations"),
    Call("GET /billing/credits", "BillingGetCredits", "members", 4, "GET /billing/credits"),
    Call(
        "POST /generations",
        "GenerationCreateGeneration",
        "generations",
        1,
        "POST /generations",
        WRITE,
    ),
    Call(
        "POST /marketplace/purchases",
        "MarketplaceCreatePurchase",
        "sales",
        1,
        "POST /marketplace/purchases, Stripe aside",
        WRITE,
        STRIPE_S,
    ),
    Call(
        "POST .../downloads",
        "MarketplaceDownloadPurchase",
        "sales",
        1,
        "POST .../downloads, the first time",
    ),
    Call(
        "GET /marketplace/listings/{id}",
        "MarketplaceGetListing",
        "views",
        1,
        "GET /marketplace/listings/{id}",
        is_signed_in=False,
    ),
    Call(
        "GET .../listings/search",
        "MarketplaceSearchListings",
        "views",
        0.5,
        NOTHING,
        is_signed_in=False,
    ),
    Call(
        "GET .../listings/popular",
        "MarketplaceListPopular",
        "views",
        0.2,
        NOTHING,
        is_signed_in=False,
    ),
    Call("POST /webhooks/bria", "EdgeWebhookBria", "generations", 1, CLAIM, is_signed_in=False),
    # Stripe tells of a session, a payment and a charge; one of them settles the sale.
    Call(
        "POST /webhooks/stripe",
        "EdgeWebhookStripe",
        "sales",
        1,
        "webhook of a paid purchase, settled",
        WRITE,
        STRIPE_S,
        is_signed_in=False,
    ),
    Call(
        "POST /webhooks/stripe",
        "EdgeWebhookStripe",
        "sales",
        2,
        "the same event again",
        is_signed_in=False,
    ),
)


@dataclass(frozen=True)
class Load:
    """A second of a day, with the parameters of an environment."""

    day: Day
    parameters: Parameters
    peak: float = 1
    watching: float | None = None
    """Members who poll a generation; without it, those who wait for one of that day."""

    def a_second(self, each: str) -> float:
        """Generations, sales or views a second."""
        return float(getattr(self.day, each)) * self.peak / DAY_S

    @property
    def members(self) -> float:
        """Members at once."""
        return max(self.a_second("members") * SESSION_S, self.watching or 0)

    @property
    def polls(self) -> float:
        """Polls of generations a second."""
        waiting = self.a_second("generations") * IMAGE_S
        return (waiting if self.watching is None else self.watching) / promised().poll_s

    def rates(self) -> list[tuple[Call, float]]:
        """Each call, with its rate."""
        return [(POLL, self.polls), *((it, self.a_second(it.each) * it.count) for it in CALLS)]

    def authorizations(self) -> float:
        """Calls of the authorizer a second: one for each member there and time of its cache."""
        signed_in = sum(rate for call, rate in self.rates() if call.is_signed_in)
        return min(signed_in, self.members / authorizer_ttl_s())

    def counts(self) -> float:
        """Transactions a second that count facts for staff: as many as batches, or as they need."""
        facts = self.a_second("generations") + SALE_FACTS * self.a_second("sales")
        at_once = rust("shared/store/src/metrics.rs", "FACTS_AT_ONCE")
        shards = max(SHARDS, total(self.table()).writes / SHARD_WRITES)
        batches = shards / max(STREAM_POLL_S, self.parameters["MetricsWindowSeconds"])
        return max(facts / at_once, min(facts, batches))

    def tallies(self) -> float:
        """Tallies of views a second: one of each process that shows listings, and of each view."""
        views = self.a_second("views")
        shows = next(call for call in CALLS if call.each == "views")
        return min(views, max(1, views * shows.seconds) / TALLY_S)

    def tallies_kb(self) -> float:
        """What is written of tallies in a second, in units; each view may be of another listing."""
        return self.tallies() + self.a_second("views") * (VISITOR_B + LISTING_B) / WRITE_B

    def viewed(self) -> "Viewed":
        """What one run counts."""
        return viewed(self.a_second("views") * period_s(COUNTS_VIEWS), self.day.views)

    def table(self) -> list[tuple[Usage, float]]:
        """How calls and workers use the table, each with its rate."""
        jobs, run, runs = self.a_second("generations"), self.viewed(), 1 / period_s(COUNTS_VIEWS)
        return [(call.usage, rate) for call, rate in self.rates()] + [
            (measured(CLAIM), JOB_CLAIMS * jobs),
            (measured(SETTLE), jobs),
            (measured(TALLY), self.tallies_kb()),
            (measured(VIEW_SUM), run.listings * runs),
            (Usage(writes=run.more_writes, reads=run.more_reads), runs),
        ]

    def units(self) -> Usage:
        """What the table does in a second."""
        return total([*self.table(), (Usage(writes=sums_writes(), reads=1), self.counts())])


@dataclass(frozen=True)
class Viewed:
    """What a run that counts views finds."""

    listings: float
    """Those that were seen, each of which is written once."""
    more_writes: float
    more_reads: float
    """What the visitors of their day take beyond the one unit of a listing that was measured."""


@cache
def viewed(views: float, views_a_day: float) -> Viewed:
    """What so many views leave to a run, on average: they fall on listings by Zipf's law.

    The visitors that are stored of a listing are half of those of its day, over all runs of the day.
    """
    most = rust(VISITOR, "VISITORS_A_DAY")
    listings = writes = reads = 0.0
    for share in shares():
        seen = -math.expm1(views * math.log1p(-share))
        size_b = min(most, views_a_day * share) / 2 * VISITOR_B
        listings += seen
        # A transaction writes twice.
        writes += seen * 2 * int(size_b / WRITE_B)
        reads += seen * int(size_b / READ_B)
    return Viewed(listings, writes, reads)


@cache
def shares() -> list[float]:
    """The share of all views that each listing has, by Zipf's law."""
    weights = [1 / rank for rank in range(1, LISTINGS + 1)]
    whole = sum(weights)
    return [weight / whole for weight in weights]


def total(table: list[tuple[Usage, float]]) -> Usage:
    """The sum of uses of the table, each times its rate."""
    trips, writes, reads = (
        sum(getattr(usage, it) * rate for usage, rate in table)
        for it in ("trips", "writes", "reads")
    )
    return Usage(trips, writes, reads)


def sums_writes() -> float:
    """The units of a transaction that counts facts: it writes a day's sums, whole and twice.

    A report reads those of its thirty days and of the thirty before, half a unit for 4 KB.
    """
    kilobytes_a_day = measured(REPORT).reads * 8 / 60
    return 2 * kilobytes_a_day


@cache
def measured(operation: str) -> Usage:
    """The trips and units of an operation, as `scripts/bench` measured them."""
    trips, writes, reads = bench_row(operation)[:3]
    return Usage(float(trips), float(writes), float(reads))


@cache
def warm_s(function: str) -> float:
    """The median of a function's warm requests, on a whole processor and without the table."""
    return float(bench_row(f"`{function}`")[3].split(" / ")[0]) / 1000


def bench_row(name: str) -> list[str]:
    """The cells of a row in the tables of `scripts/bench`, after its name."""
    for row in rows(BENCH):
        if row[0] == name:
            return row[1:]
    sys.exit(f"{BENCH} has no row {name!r}: run scripts/bench and write its table there")


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every row of the tables in a page."""
    for line in page.read_text().splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def promised() -> Promise:
    """The promise: the number of each row."""
    told = PROMISE.read_text().partition(f"{PROMISE_TITLE}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[2].strip() for line in told.splitlines() if line.startswith("|")][2:]
    return Promise(*(float(cell.split()[0].replace(",", "")) for cell in cells))


@cache
def rust(source: str, name: str) -> float:
    """A number that a Rust source gives a constant."""
    found = re.search(rf"const {name}: \w+ = ([\d_.]+);", Path(source).read_text())
    return float(found[1]) if found else sys.exit(f"{source} has no constant {name}")


@cache
def template() -> dict[str, Any]:
    """template.yaml."""
    return dict(yaml_parse(Path("template.yaml").read_text()))


def properties(block: str) -> dict[str, Any]:
    """The properties of a function, and those that all have."""
    common, own = template()["Globals"]["Function"], template()["Resources"][block]["Properties"]
    return {**common, **own}


def period_s(block: str) -> int:
    """The seconds between two runs of a function; every `cron` of ours is daily."""
    events = properties(block)["Events"].values()
    return next(seconds_of(it["Properties"]["Schedule"]) for it in events)


def seconds_of(schedule: str) -> int:
    """The seconds between two runs of a schedule."""
    units = {"minute": 60, "hour": 3600, "day": 86_400}
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    return int(rate[1]) * units[rate[2]] if rate else units["day"]


def memory_mb(block: str) -> int:
    """The megabytes of a function, in production where a parameter says it."""
    size = properties(block)["MemorySize"]
    return int(parameters("prod")[size["Ref"]] if isinstance(size, dict) else size)


def runs_a_day(schedule: str) -> float:
    """How often a schedule starts its function."""
    units = {"minute": 60, "hour": 3600, "day": DAY_S}
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule):
        return DAY_S / (int(rate[1]) * units[rate[2]])
    minutes, hours = schedule.removeprefix("cron(").split()[:2]
    return times(minutes, 60) * times(hours, 24)


def times(field: str, of: int) -> int:
    """How many values a field of a `cron` has, of so many: `3`, `6-23`, `0/5`."""
    if "/" in field:
        first, step = field.split("/")
        return len(range(int(first), of, int(step)))
    first, _, last = field.partition("-")
    return int(last or first) - int(first) + 1


def worked_s(block: str) -> float:
    """How long a day the runs of a function work if each has more to do than it has time for."""
    events = template()["Resources"][block]["Properties"]["Events"].values()
    schedule = next(it["Properties"]["Schedule"] for it in events if it["Type"] == "Schedule")
    starts_for_s = runs_a_day(schedule) * RUNS_EVERY_S
    return starts_for_s * RUN_S / (RUN_S + RUNS_EVERY_S)


def authorizer_ttl_s() -> int:
    """How long API Gateway remembers what the authorizer said of a token."""
    api = template()["Resources"]["Api"]["Properties"]
    return int(api["Auth"]["Authorizers"]["Oidc"]["Identity"]["ReauthorizeEvery"])


def parameters(environment: str) -> Parameters:
    """The numbers among the parameters of an environment: its own, else the template's."""
    told = {
        name: parameter["Default"]
        for name, parameter in template()["Parameters"].items()
        if parameter["Type"] == "Number"
    }
    own = deployed.parameters(environment)
    return {name: float(own.get(name, default)) for name, default in told.items()}
