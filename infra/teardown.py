"""Say what deleting an environment would delete and what it would leave, or delete it.

    scripts/teardown ENV             say it
    scripts/teardown ENV --delete    ask for the stack's name, then delete it

What is left costs money and holds personal data: it is deleted by hand, after it was looked at.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import deployed
from samcli.yamlhelper import yaml_parse

KEPT = ("Retain", "RetainExceptOnCreate")
STACK = "AWS::CloudFormation::Stack"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("environment")
    parser.add_argument("--delete", action="store_true")
    args = parser.parse_args()
    stack = deployed.deployed(args.environment)
    client = boto3.client("cloudformation", deployed.region(args.environment))
    stays = set(retained())
    deleted = 0
    print(f"{stack['StackName']}: this stays")
    for resource in resources(client, stack["StackName"]):
        if (resource["ResourceType"], resource["LogicalResourceId"]) in stays:
            print(f"  {resource['ResourceType']:<32}{resource['PhysicalResourceId']}")
        else:
            deleted += 1
    print("  the metrics, for fifteen months, and the archives of sam in its own bucket")
    print(f"{deleted} other resources are deleted, the logs among them")
    if args.delete:
        delete(client, stack)


def delete(client: Any, stack: dict[str, Any]) -> None:
    """Deletes a stack after a person typed its name."""
    name = stack["StackName"]
    if input(f"type {name} to delete it: ") != name:
        sys.exit("nothing is deleted")
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    client.delete_stack(StackName=name)
    print(f"{name} is being deleted, which takes some minutes")
    waiter = client.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack["StackId"], WaiterConfig={"Delay": 15, "MaxAttempts": 160})
    print(f"{name} is deleted")


def retained() -> Iterator[tuple[str, str]]:
    """The types and logical ids of what CloudFormation does not delete."""
    for path in (Path("template.yaml"), *sorted(Path("infra").glob("*.yaml"))):
        for name, resource in yaml_parse(path.read_text())["Resources"].items():
            if resource.get("DeletionPolicy") in KEPT:
                yield resource["Type"], name


def resources(client: Any, stack: str) -> Iterator[dict[str, Any]]:
    """Every resource of a stack and of those nested in it."""
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (it for page in pages for it in page["StackResourceSummaries"]):
        if resource["ResourceType"] == STACK:
            yield from resources(client, resource["PhysicalResourceId"])
        else:
            yield resource


if __name__ == "__main__":
    main()
