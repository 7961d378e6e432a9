"""Have the revenue of yesterday reported, as the schedule does every night."""

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
    stack: str = parser.parse_args().stack
    event = json.loads(Path("events/background-report-revenue.json").read_text())
    event["time"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    described = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId="BackgroundReportRevenue"
    )
    answer = boto3.client("lambda").invoke(
        FunctionName=described["StackResourceDetail"]["PhysicalResourceId"],
        Payload=json.dumps(event),
    )
    if error := answer.get("FunctionError"):
        sys.exit(f"{error}: {answer['Payload'].read().decode()}")


if __name__ == "__main__":
    main()
