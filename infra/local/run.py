"""Run a scheduled function now, as its schedule does some time later."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3


def main() -> None:
    """Invokes the function with the event of its schedule, as of now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("function", help="for example background-report-revenue")
    args = parser.parse_args()
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    invoke(boto3.client, args.stack, args.function, now)


def invoke(client: Callable[[str], Any], stack: str, function: str, time: str | None) -> None:
    """Invokes a function with the event of its schedule.

    Without a time it is a run by hand: a function that works once a day does the work of the day
    once more.
    """
    event = json.loads(Path(f"events/{function}.json").read_text())
    event.pop("time", None)
    if time is not None:
        event["time"] = time
    described = client("cloudformation").describe_stack_resource(
        StackName=stack,
        LogicalResourceId="".join(word.capitalize() for word in function.split("-")),
    )
    answer = client("lambda").invoke(
        FunctionName=described["StackResourceDetail"]["PhysicalResourceId"],
        Payload=json.dumps(event),
    )
    if error := answer.get("FunctionError"):
        sys.exit(f"{error}: {answer['Payload'].read().decode()}")


if __name__ == "__main__":
    main()
