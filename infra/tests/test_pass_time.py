"""`scripts/pass-time`: what it moves, whom it refuses, and what it says."""

import io
import json
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

sys.path.append(str(Path(__file__).parent.parent / "local"))
import pass_time  # noqa: E402  (beside the other tools of the local engines)
import run  # noqa: E402

SALE = {
    "pk": "USER#kim",
    "sk": "SALE#pur_1",
    "gsi1pk": "SALES#HELD",
    "gsi1sk": "2026-12-07T18:33:27.430Z#pur_1",
    "hold_until": "2026-12-07T18:33:27.430Z",
    "purchase_id": "pur_1",
    "version": 3,
}
ENTRY = {name: SALE[name] for name in ("pk", "sk", "gsi1pk", "gsi1sk")}
SANDBOX = "http://127.0.0.1:4570"


class Changed(Exception):
    """What the table raises when a condition does not hold."""


def table(endpoint: str = "http://127.0.0.1:4566") -> tuple[pass_time.Table, Any]:
    """A table at this address, and what it is asked."""
    with patch("pass_time.boto3") as boto3:
        dynamodb = boto3.resource.return_value
        dynamodb.meta.client.meta.endpoint_url = endpoint
        dynamodb.meta.client.exceptions.ConditionalCheckFailedException = Changed
        made = pass_time.Table("table")
    return made, dynamodb.Table.return_value


class LocalOnly(unittest.TestCase):
    """Time passes on the local stack only."""

    def test_this_machine_is_local_and_nothing_else_is(self) -> None:
        for url in ("http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:4566"):
            pass_time.require_local(url)
        for url in (
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "127.0.0.1",
        ):
            with self.assertRaises(SystemExit, msg=url):
                pass_time.require_local(url)

    def test_neither_a_table_nor_a_function_elsewhere_is_touched(self) -> None:
        with self.assertRaises(SystemExit):
            table("https://dynamodb.us-east-1.amazonaws.com")
        with patch("pass_time.boto3") as boto3, self.assertRaises(SystemExit):
            boto3.client.return_value.meta.endpoint_url = "https://lambda.amazonaws.com"
            pass_time.client("lambda")


class Holds(unittest.TestCase):
    """The holds of sales."""

    def test_a_time_keeps_its_form(self) -> None:
        for time, days, expected in (
            ("2026-12-07T18:33:27.430Z", 7, "2026-11-30T18:33:27.430Z"),
            ("2027-01-03T00:00:00.000Z", 4, "2026-12-30T00:00:00.000Z"),
            ("2028-03-01T00:00:00.001Z", 1, "2028-02-29T00:00:00.001Z"),
        ):
            self.assertEqual(pass_time.earlier(time, days), expected)

    def test_a_hold_is_moved_in_the_sale_and_in_the_index(self) -> None:
        made, asked = table()
        asked.get_item.return_value = {"Item": SALE}
        self.assertTrue(made.move(ENTRY, 7))
        update = asked.update_item.call_args.kwargs
        self.assertEqual(update["Key"], {"pk": "USER#kim", "sk": "SALE#pur_1"})
        self.assertEqual(
            update["ExpressionAttributeValues"],
            {
                ":hold": "2026-11-30T18:33:27.430Z",
                ":place": "2026-11-30T18:33:27.430Z#pur_1",
                ":version": 3,
                ":next": 4,
            },
        )
        self.assertEqual(update["ConditionExpression"], "version = :version")

    def test_a_sale_that_is_held_no_more_or_changes_meanwhile_is_left_alone(self) -> None:
        made, asked = table()
        for item in ({}, {**SALE, "gsi1pk": "SALES#PAYABLE#kim"}):
            asked.get_item.return_value = {"Item": item} if item else {}
            self.assertFalse(made.move(ENTRY, 7))
        asked.update_item.assert_not_called()
        asked.get_item.return_value = {"Item": SALE}
        asked.update_item.side_effect = Changed
        self.assertFalse(made.move(ENTRY, 7))

    def test_every_page_of_the_index_is_read(self) -> None:
        made, asked = table()
        asked.query.side_effect = [{"Items": [1], "LastEvaluatedKey": "a"}, {"Items": [2]}]
        self.assertEqual(made.indexed("SALES#HELD"), [1, 2])
        self.assertEqual(asked.query.call_args.kwargs["ExclusiveStartKey"], "a")


class Run(unittest.TestCase):
    """The run of a function."""

    def event(self, time: str | None) -> dict[str, Any]:
        """The event that a run is started with."""
        clients = MagicMock()
        clients("lambda").invoke.return_value = {}
        run.invoke(clients, "stack", "background-pay-creators", time)
        asked = clients("cloudformation").describe_stack_resource.call_args.kwargs
        self.assertEqual(asked["LogicalResourceId"], "BackgroundPayCreators")
        event: dict[str, Any] = json.loads(clients("lambda").invoke.call_args.kwargs["Payload"])
        return event

    def test_a_run_by_hand_has_no_time(self) -> None:
        self.assertNotIn("time", self.event(None))
        self.assertEqual(self.event("2026-11-30T06:00:00Z")["time"], "2026-11-30T06:00:00Z")

    def test_a_run_that_fails_is_said(self) -> None:
        clients = MagicMock()
        failed = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"why")}
        clients("lambda").invoke.return_value = failed
        with self.assertRaisesRegex(SystemExit, "Unhandled: why"):
            run.invoke(clients, "stack", "background-pay-creators", None)


class Told(unittest.TestCase):
    """What is said about a creator's money."""

    skipped = {"state": "skipped", "reason": "account_not_ready", "amount": 5200, "version": 1}
    sent = {
        "state": "sent",
        "amount": 5205,
        "sales": 6,
        "account": "acct_1",
        "date": "2026-11-30",
        "version": 5,
    }

    def told(self, before: dict[str, Any], last: dict[str, Any], left: int = 0) -> str:
        """The words for these payouts."""
        return pass_time.told(before, last, left, SANDBOX)

    def test_what_was_sent_and_how_the_bank_gets_it(self) -> None:
        for before in ({}, self.skipped):
            said = self.told(before, self.sent)
            self.assertIn("$52.05 for 6 sales is sent", said)
            told = f"curl -d '{{\"account\": \"acct_1\"}}' {SANDBOX}/_sandbox/stripe/bank/pay"
            self.assertIn(told, said)

    def test_why_nothing_was_sent(self) -> None:
        said = self.told({}, self.skipped)
        self.assertIn("$52.00 is not sent", said)
        self.assertIn("creator/onboarding", said)
        again = self.told(self.skipped, {**self.skipped, "version": 2, "reason": "new_reason"})
        self.assertIn("new_reason", again)

    def test_that_a_creator_is_paid_once_a_day(self) -> None:
        said = self.told(self.sent, self.sent, 1920)
        self.assertIn("$19.20 waits", said)
        self.assertIn("the payout of 2026-11-30 is sent", said)
        self.assertEqual(self.told(self.sent, self.sent), "nothing is payable")
        self.assertEqual(self.told({}, {}), "nothing is payable")

    def test_that_a_payout_failed_or_goes_on(self) -> None:
        failed = {"state": "reopened", "code": "account_closed", "amount": 1000}
        self.assertEqual(self.told({}, failed), "the payout of $10.00 is reopened (account_closed)")
        sending = {"state": "sending", "amount": 1000}
        self.assertIn("the next run continues", self.told({}, sending))

    def test_what_is_payable_is_less_the_debt(self) -> None:
        balances = {"creator_available": -1920, "creator_debt": 500, "creator_pending": -80}
        self.assertEqual(pass_time.payable({"balances": balances}), 1420)
        self.assertEqual(pass_time.payable({}), 0)
        self.assertEqual(pass_time.dollars(-5), "-$0.05")


if __name__ == "__main__":
    unittest.main()
