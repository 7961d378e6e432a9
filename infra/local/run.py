"""Run a scheduled function now, as its schedule does some time later."""

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import boto3


def main() -> None:
    """Invokes the function with the event of its schedule, as of now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("function", help="for example background-report-revenue")
    args = parser.parse_args()
    event = json.loads(Path(f"events/{args.function}.json").read_text())
    event["time"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    described = boto3.client("cloudformation").describe_stack_resource(
        StackName=args.stack,
        LogicalResourceId="".join(word.capitalize() for word in args.function.split("-")),
    )
    answer = boto3.client("lambda").invoke(
        FunctionName=described["StackResourceDetail"]["PhysicalResourceId"],
        Payload=json.dumps(event),
    )
    if error := answer.get("FunctionError"):
        sys.exit(f"{error}: {answer['Payload'].read().decode()}")


if __name__ == "__main__":
    main()
