"""The table of scripts/scale: what it says of a load of which a part was measured."""

import unittest
from typing import Any

import scale
import workload


def told(plan: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A measurement in which each item takes two trips and a hundredth of a second."""
    items = plan["items"]
    return {
        "items": items,
        "runs": 1,
        "worked_s": items / 100,
        "own_s": 1.0,
        "stripe_requests": 4 * items,
        "trips": 2 * items,
        "writes": 1.0,
        "reads": 1.0,
        "audited": items,
        "grown_kib": 1_024,
    } | changed


class Parts(unittest.TestCase):
    """A load that is too much for a process."""

    def line(self, name: str) -> scale.Work:
        """A line by its name."""
        return next(it for it in scale.works() if it.line == name)

    def test_a_part_is_measured_taken_for_all_and_said(self) -> None:
        work, busiest = self.line("payouts"), scale.load_of(1_000)
        plan, one_in = scale.planned(work, busiest)
        self.assertEqual((plan["items"], one_in), (2_000, 100))
        found = scale.result(work, busiest, one_in, told(plan))
        self.assertEqual((found.stripe_requests, found.trips), (800_000, 400_000))
        self.assertEqual(found.runs, 3)
        self.assertEqual(scale.share(found), "200,000, 1 in 100")

    def test_the_base_is_measured_whole(self) -> None:
        work, busiest = self.line("payouts"), scale.load_of(1)
        plan, one_in = scale.planned(work, busiest)
        self.assertEqual((plan["items"], one_in), (200, 1))
        self.assertEqual(scale.share(scale.result(work, busiest, one_in, told(plan))), "200")

    def test_events_of_a_part_of_the_night_are_as_dense(self) -> None:
        plan, _ = scale.planned(self.line("events"), scale.load_of(1_000))
        a_second = scale.events(workload.BASE.times(1_000)) / workload.DAY_S
        self.assertAlmostEqual(plan["items"] / plan["within_s"], a_second)

    def test_memory_is_a_limit_and_does_not_grow_with_the_load(self) -> None:
        work, busiest = self.line("revenue"), scale.load_of(1_000)
        plan, one_in = scale.planned(work, busiest)
        for grown_mb, used in ((512, 0.5), (2_048, 2)):
            grown = told(plan, worked_s=0.001, grown_kib=1_024 * grown_mb)
            self.assertEqual(scale.result(work, busiest, one_in, grown).used, used)

    def test_the_units_of_views_are_said_of_a_hundred_thousand(self) -> None:
        work = self.line("views")
        found: list[scale.Result] = []
        for factor in scale.FACTORS:
            busiest = scale.load_of(factor)
            plan, one_in = scale.planned(work, busiest)
            part = work.count(busiest) / one_in
            units = told(plan, writes=part / 2, reads=part / 4)
            found.append(scale.result(work, busiest, one_in, units))
        rows = {row[1]: row[2:5] for row in scale.rows(work, found)}
        written, read = (rows[f"units {it} to sum 100,000"] for it in ("written", "read"))
        self.assertEqual([written, read], [["50,000"] * 3, ["25,000"] * 3])

    def test_every_line_and_limit_is_a_row(self) -> None:
        rows = list(scale.table(scale.measured(told), []))
        self.assertEqual({len(row) for row in rows}, {6})
        for work in scale.works():
            self.assertIn(work.title, [row[0] for row in rows])


if __name__ == "__main__":
    unittest.main()
