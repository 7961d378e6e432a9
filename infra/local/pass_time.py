"""Let days pass for creators' money on the local stack, and pay creators: see `scripts/pass-time`.

A sale is payable after a hold of seven days. Here the end of every hold is moved, in the sale and
in its key of the index, as if it had begun earlier. Then background-pay-creators runs by hand.
"""

import argparse
import os
import sys
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import boto3
import run

Item = dict[str, Any]

DAYS_MAX = 365
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HELD = "SALES#HELD"
"""Index partition of sales on hold, by the end of the hold."""
DUE = "CREATORS#DUE"
"""Index partition of creators with something payable."""
ALL = "~"
"""An index key above all others."""
REASONS = {
    "below_minimum": "ten dollars are the least",
    "account_not_ready": "Stripe does not know their bank account yet; open the page of\n"
    "    POST /api/v1/marketplace/creator/onboarding, then run ./scripts/pass-time 0",
    "frozen_dispute": "a dispute holds it",
    "negative_balance": "more was taken back than sold",
    "banned": "they are suspended",
    "email_unverified": "their e-mail address is not verified",
}
"""Why a creator is not paid, by the reason of a payout that was skipped."""


def main() -> None:
    """Moves the holds, runs the function, and says what became of each creator's money."""
    parser = argparse.ArgumentParser(prog="scripts/pass-time")
    parser.add_argument("days", nargs="?", type=int, default=7, metavar="DAYS")
    days = parser.parse_args().days
    if not 0 <= days <= DAYS_MAX:
        parser.error(f"DAYS is a number from 0 to {DAYS_MAX}")
    table = Table(os.environ["PROLIGHT_TABLE"])
    held = table.indexed(HELD) if days else []
    moved = [sale["pk"] for sale in held if table.move(sale, days)]
    if days:
        print(f"the holds of {len(moved)} sales end {days} days earlier")
    due = [item["pk"] for item in table.indexed(DUE) + table.indexed(HELD, due_bound(now()))]
    before = {creator: table.last_payout(creator) for creator in sorted({*moved, *due})}
    run.invoke(client, os.environ["PROLIGHT_STACK"], "background-pay-creators", None)
    if table.indexed(HELD, due_bound(now())):
        sys.exit("not all was paid, perhaps by another run at the same time: ./scripts/pass-time 0")
    if not before:
        sys.exit("there is nothing to pay: buy a listing, as ./scripts/up says at its end")
    for creator, was in before.items():
        name = table.read(creator, "ACCOUNT").get("email", creator)
        left = payable(table.read(creator, "CREATOR"))
        last = table.last_payout(creator)
        print(f"{name}: {told(was, last, left, os.environ['SANDBOX_URL'])}")
    print("creators see it at GET /api/v1/marketplace/creator/payouts")


def client(service: str) -> Any:
    """A client of the local engine, and of nothing else."""
    made = boto3.client(service)
    require_local(made.meta.endpoint_url)
    return made


def require_local(url: str) -> None:
    """Ends the program if a URL does not lead to this machine."""
    if urlsplit(url).hostname not in LOOPBACK:
        sys.exit(f"{url} is no local stack: time passes only by itself there")


class Table:
    """The local table; `shared/store/src/keys.rs` describes its keys."""

    def __init__(self, name: str) -> None:
        """Connects; nothing is read yet."""
        dynamodb = boto3.resource("dynamodb")
        require_local(dynamodb.meta.client.meta.endpoint_url)
        self.table = dynamodb.Table(name)
        self.changed = dynamodb.meta.client.exceptions.ConditionalCheckFailedException

    def indexed(self, partition: str, below: str = ALL) -> list[Item]:
        """The keys of everything in an index partition, up to a sort key."""
        found: list[Item] = []
        start: Item = {}
        while True:
            page = self.table.query(
                IndexName="gsi1",
                KeyConditionExpression="gsi1pk = :partition AND gsi1sk < :below",
                ExpressionAttributeValues={":partition": partition, ":below": below},
                **start,
            )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def read(self, pk: str, sk: str) -> Item:
        """An item as it is now; without attributes if there is none."""
        return self.table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item", {})

    def last_payout(self, creator: str) -> Item:
        """A creator's payout of the latest day that has one."""
        found = self.table.query(
            KeyConditionExpression="pk = :creator AND begins_with(sk, :payout)",
            ExpressionAttributeValues={":creator": creator, ":payout": "PAYOUT#"},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=1,
        )
        return next(iter(found["Items"]), {})

    def move(self, entry: Item, days: int) -> bool:
        """Moves the hold of a sale, unless the sale changes at the same time."""
        sale = self.read(entry["pk"], entry["sk"])
        if sale.get("gsi1pk") != HELD:
            return False
        hold = earlier(sale["hold_until"], days)
        try:
            self.table.update_item(
                Key={"pk": sale["pk"], "sk": sale["sk"]},
                UpdateExpression="SET hold_until = :hold, gsi1sk = :place, version = :next",
                ConditionExpression="version = :version",
                ExpressionAttributeValues={
                    ":hold": hold,
                    ":place": f"{hold}#{sale['purchase_id']}",
                    ":version": sale["version"],
                    ":next": sale["version"] + 1,
                },
            )
        except self.changed:
            return False
        return True


def now() -> datetime:
    """The time, as the functions read it."""
    return datetime.now(timezone.utc)


def written(time: datetime) -> str:
    """A time as the table has it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def earlier(time: str, days: int) -> str:
    """A time of the table, so many days earlier."""
    return written(datetime.fromisoformat(time.replace("Z", "+00:00")) - timedelta(days=days))


def due_bound(time: datetime) -> str:
    """An index key above everything that is due by then and below everything else."""
    return f"{written(time)}$"


def payable(balance: Item) -> int:
    """What a creator is owed by now, in cents: an account that we owe is negative."""
    accounts = balance.get("balances", {})
    return -int(accounts.get("creator_available", 0)) - int(accounts.get("creator_debt", 0))


def told(before: Item, last: Item, left: int, sandbox: str) -> str:
    """What became of a creator's money, and what to do next.

    `before` and `last` are the last payout before and after the run, and `left` is what is payable
    after it, in cents.
    """
    amount, state = dollars(int(last.get("amount", 0))), last.get("state")
    if last == before:
        if left <= 0:
            return "nothing is payable"
        return (
            f"{dollars(left)} waits: a creator is paid once a day (UTC),\n"
            f"    and the payout of {last.get('date', 'today')} is {state}"
        )
    if state == "skipped":
        return f"{amount} is not sent: {REASONS.get(last['reason'], last['reason'])}"
    if state != "sent":
        return f"the payout of {amount} is {state} ({last.get('code', 'the next run continues')})"
    return (
        f"{amount} for {last['sales']} sales is sent to Stripe's account {last['account']}.\n"
        "    Its bank receives it within two days of the sandbox, or at once with\n"
        f"    curl -d '{{\"account\": \"{last['account']}\"}}' {sandbox}/_sandbox/stripe/bank/pay"
    )


def dollars(cents: int) -> str:
    """An amount as a person reads it."""
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100}.{abs(cents) % 100:02}"


if __name__ == "__main__":
    main()
