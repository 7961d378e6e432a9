"""Check what LocalStack reports as success or only logs.

`started`: its scripts in `start.d` ran without an error. `deployed STACK`: every nested stack is
complete. LocalStack leaves the parent complete if a nested stack fails.
"""

import argparse
import json
import os
import sys
import urllib.request

import boto3

COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NESTED = "AWS::CloudFormation::Stack"


def main() -> None:
    """Reads the command line; ends with a message if something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("started")
    actions.add_parser("deployed").add_argument("stack")
    args = parser.parse_args()
    failed = failed_scripts() if args.action == "started" else failed_stacks(args.stack)
    if failed:
        sys.exit("\n".join(failed))


def failed_scripts() -> list[str]:
    """The scripts that did not succeed, or a message if none was found."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{os.environ['AWS_ENDPOINT_URL']}/_localstack/init/start", timeout=10) as it:
        scripts = json.load(it)["scripts"]
    if not scripts:
        return ["LocalStack found no script in infra/local/start.d"]
    return [
        f"{it['name']}: {it['state']}: see LocalStack's log"
        for it in scripts
        if it["state"] != "SUCCESSFUL"
    ]


def failed_stacks(parent: str) -> list[str]:
    """The nested stacks of `parent` that are not complete."""
    cloudformation = boto3.client("cloudformation")
    listed = cloudformation.describe_stack_resources(StackName=parent)["StackResources"]
    nested = {
        it["LogicalResourceId"]: it.get("PhysicalResourceId")
        for it in listed
        if it["ResourceType"] == NESTED
    }
    return [
        f"nested stack {name}: {status}: see LocalStack's log, then run ./scripts/down"
        for name, stack_id in nested.items()
        if (status := stack_status(stack_id)) not in COMPLETE
    ]


def stack_status(stack_id: str | None) -> str:
    """The status of a stack; a stack without an id was not created."""
    if stack_id is None:
        return "NOT_CREATED"
    described = boto3.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"][0]
    status: str = described["StackStatus"]
    return status


if __name__ == "__main__":
    main()
