"""The model of load and cost: what it names when a parameter, a measurement or a rule changes."""

import io
import json
import random
import tempfile
import threading
import unittest
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate, count
from pathlib import Path
from unittest.mock import patch

import cost
import load
import poll
import workload
from limits import limits
from workload import BASE, Parameters


def production(**changed: float) -> Parameters:
    """The parameters of production, some of them changed."""
    return workload.parameters("prod") | changed


class Promised(unittest.TestCase):
    """What a member may expect, as the parameters hold it."""

    def test_every_environment_holds_it(self) -> None:
        for name in load.environments():
            self.assertEqual(list(load.complaints(name, workload.parameters(name))), [])

    def test_a_parameter_that_breaks_it_is_named(self) -> None:
        for parameter, value, part in (
            ("PolledRequestsPerSecond", 200, "`GET /generations/{id}` a second"),
            ("RequestsPerSecond", 500, "requests to any other route"),
            ("RequestsPerSecond", 800, "units read of one listing"),
            ("EdgeConcurrency", 1, "`EdgeAuthorizer` at once"),
            ("EdgeConcurrency", 320, "functions at once"),
            ("BriaCallsPerMinute", 30, "calls of Bria a minute"),
            ("GenerationWorkers", 2, "`BackgroundRunGeneration`, workers"),
            ("GenerationBatchSize", 5, "seconds until a generation starts"),
            ("RelayWindowSeconds", 5, "seconds until a generation starts"),
            ("WafRequestsPerAddress", 1_000, "polls of one address"),
        ):
            with self.subTest(parameter=parameter, value=value):
                said = list(load.complaints("prod", production(**{parameter: value})))
                self.assertTrue([it for it in said if f": {part}" in it], said)

    def test_without_a_firewall_or_a_reservation_there_is_no_such_limit(self) -> None:
        open_to_all = production(EdgeConcurrency=0, WafRequestsPerAddress=0)
        self.assertEqual(list(load.complaints("dev", open_to_all)), [])


class Met(unittest.TestCase):
    """Which limit a load meets."""

    def exceeded(self, factor: float, **changed: float) -> list[str]:
        """What raises the limits that a multiple of the base exceeds, the first first."""
        found = limits(load.busiest(BASE.times(factor), production(**changed)))
        found.sort(key=lambda it: -it.used)
        return [it.raised_by for it in found if it.used > 1]

    def test_the_base_meets_none(self) -> None:
        self.assertEqual(self.exceeded(1), [])

    def test_a_limit_that_is_raised_makes_place_for_the_next(self) -> None:
        plan = {"BriaCallsPerMinute": 2_000}
        self.assertEqual(self.exceeded(100), ["BriaCallsPerMinute", "GenerationWorkers"])
        self.assertEqual(self.exceeded(100, **plan), ["GenerationWorkers"])
        self.assertEqual(self.exceeded(100, **plan, GenerationWorkers=100), [])
        self.assertEqual(list(load.complaints("prod", production(GenerationWorkers=100))), [])

    def test_without_a_window_the_sums_of_the_metrics_are_a_hot_partition(self) -> None:
        self.assertNotIn("MetricsWindowSeconds", self.exceeded(2_000))
        self.assertIn("MetricsWindowSeconds", self.exceeded(2_000, MetricsWindowSeconds=0))


    def test_a_thousand_times_the_payouts_and_the_reconciliation_fit_into_a_day(self) -> None:
        runs = "PayoutsAtOnce, PayoutRequestsPerSecond", "ReconcileRequestsPerSecond"
        self.assertFalse({*runs} & {*self.exceeded(1_000)})
        self.assertIn(runs[0], self.exceeded(1_000, PayoutsAtOnce=5))
        self.assertIn(runs[0], self.exceeded(1_000, PayoutRequestsPerSecond=15))
        self.assertIn(runs[1], self.exceeded(1_000, ReconcileRequestsPerSecond=5))

    def test_what_the_runs_ask_of_stripe_is_not_left_for_sales(self) -> None:
        quota = "the account's quota of Stripe"
        self.assertNotIn(quota, self.exceeded(500))
        self.assertIn(quota, self.exceeded(500, PayoutRequestsPerSecond=90))


class Scheduled(unittest.TestCase):
    """How often a schedule starts its function, and how long its runs can work."""

    def test_every_kind_of_schedule_is_counted(self) -> None:
        for schedule, runs in (
            ("rate(1 minute)", 1_440),
            ("rate(5 minutes)", 288),
            ("rate(1 hour)", 24),
            ("cron(0 2 * * ? *)", 1),
            ("cron(0/5 3-5 * * ? *)", 36),
            ("cron(0/5 6-23 * * ? *)", 216),
        ):
            with self.subTest(schedule=schedule):
                self.assertEqual(workload.runs_a_day(schedule), runs)

    def test_a_run_waits_for_the_next_start(self) -> None:
        hours = workload.worked_s("BackgroundPayCreators") / 3600
        self.assertAlmostEqual(hours, 18 * 810 / 1_110)


class Measured(unittest.TestCase):
    """Units come from the tables of `scripts/bench`."""

    def setUp(self) -> None:
        self.addCleanup(workload.measured.cache_clear)
        workload.measured.cache_clear()

    def bench(self, text: str) -> None:
        """Puts another page in place of the tables."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name, "README.md")
        file.write_text(text)
        tables = patch("workload.BENCH", file)
        tables.start()
        self.addCleanup(tables.stop)

    def test_another_measurement_is_another_load_and_another_cost(self) -> None:
        before = load.rendered(), cost.rendered()
        workload.measured.cache_clear()
        poll_row = "| GET /generations/{id} | 1 | 0 | 2 |"
        told = workload.BENCH.read_text()
        self.assertIn(poll_row, told)
        self.bench(told.replace(poll_row, "| GET /generations/{id} | 4 | 0 | 9 |"))
        self.assertNotEqual(before[0], load.rendered())
        self.assertNotEqual(before[1], cost.rendered())

    def test_an_operation_that_was_not_measured_is_no_zero(self) -> None:
        self.bench("| operation | round trips |\n")
        with self.assertRaises(SystemExit) as ended:
            load.rendered()
        self.assertIn("run scripts/bench", str(ended.exception))


class Views(unittest.TestCase):
    """What a run of background-rank-popular finds."""

    def test_as_many_listings_are_seen_as_when_views_are_drawn(self) -> None:
        chance = random.Random(7)
        listings = range(workload.LISTINGS)
        whole = list(accumulate(workload.shares()))
        for views in (10_000, 100_000, 300_000):
            with self.subTest(views=views):
                drawn = len(set(chance.choices(listings, cum_weights=whole, k=views)))
                told = workload.viewed(views, 0).listings
                self.assertLess(abs(told - drawn) / drawn, 0.02)

    def test_more_views_are_fewer_writes_for_each(self) -> None:
        few, many = (load.busiest(BASE.times(it), production()) for it in (1, 1_000))
        self.assertLess(many.viewed().listings, 100 * few.viewed().listings)
        self.assertLessEqual(many.viewed().listings, workload.LISTINGS)

    def test_the_visitors_of_a_day_make_a_listing_larger(self) -> None:
        quiet, busy = workload.viewed(100_000, 1_000), workload.viewed(100_000, 100_000_000)
        self.assertEqual(quiet.listings, busy.listings)
        self.assertEqual(quiet.more_writes, 0)
        self.assertGreater(busy.more_writes, busy.listings)

    def test_a_run_counts_what_a_thousand_times_the_base_looks_at(self) -> None:
        part = "views to be counted, seconds of a run"
        for factor, holds in ((1, True), (1_000, True), (10_000, False)):
            found = limits(load.busiest(BASE.times(factor), production()))
            used = next(it.used for it in found if it.part == part)
            self.assertEqual(used <= 1, holds, f"{factor} times the base")

    def test_a_schedule_is_read_from_the_template(self) -> None:
        self.assertEqual(workload.period_s(workload.COUNTS_VIEWS), 600)
        self.assertEqual(workload.seconds_of("rate(1 minute)"), 60)
        self.assertEqual(workload.seconds_of("cron(0 3 * * ? *)"), 86_400)


class Cost(unittest.TestCase):
    """Prices."""

    def test_a_price_falls_step_by_step(self) -> None:
        self.assertAlmostEqual(cost.stepped("GB sent", 10_000), 900)
        self.assertAlmostEqual(cost.stepped("GB sent", 50_001), 900 + 3_400 + 0.07)

    def test_images_are_watched_from_the_size_on_that_it_pays(self) -> None:
        least = int(cost.tiering()["ObjectSizeGreaterThan"])
        self.assertGreaterEqual(least, cost.pays_from_bytes())
        self.assertLess(least, cost.IMAGE_MB * 1_000_000)
        self.assertGreater(least, cost.THUMBNAIL_MB * 1_000_000)

    def test_without_the_rule_a_year_of_images_costs_more(self) -> None:
        with_rule = cost.stored(1_000_000)
        with patch("cost.tiering", return_value={}):
            self.assertGreater(cost.stored(1_000_000), 2 * with_rule)


class Api(BaseHTTPRequestHandler):
    """Enough of the sandbox and the API to be polled: every third poll is one too many."""

    polls = count()
    polled: list[int] = []
    created: list[str] = []

    def do_POST(self) -> None:
        """Signs somebody in, or makes a generation."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self.answer(200, {"access_token": "token"})
            return
        Api.created.append(self.headers["Authorization"])
        self.answer(202, {"id": "job_1"})

    def do_GET(self) -> None:
        """Answers a list without generations, or a poll."""
        if self.path.endswith("?limit=1"):
            self.answer(200, {"items": []})
            return
        found = self.path == "/stage/api/v1/generations/job_1"
        status = (429, 200, 200)[next(Api.polls) % 3] if found else 404
        Api.polled.append(status)
        self.answer(status, {})

    def answer(self, status: int, body: dict[str, object]) -> None:
        """Sends JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Poll(unittest.TestCase):
    """`scripts/load --run`, over a server."""

    def test_it_counts_what_came_back(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        said = io.StringIO()
        variables = {"PROLIGHT_API_URL": f"{url}/stage", "SANDBOX_URL": url}
        with patch.dict("os.environ", variables), redirect_stdout(said):
            poll.run(members=3, seconds=0.4, every_s=0.1)
        good, limited = Api.polled.count(200), Api.polled.count(429)
        self.assertIn(f"3 members, {good + limited} polls", said.getvalue())
        self.assertIn(f"{limited} errors (200 {good}, 429 {limited})", said.getvalue())
        self.assertEqual(len(Api.created), 4, "one for each identity that so many calls need")


if __name__ == "__main__":
    unittest.main()
