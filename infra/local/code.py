"""Give a deployed local stack new code without deploying its template again.

`update` sends the archives that changed since the last deployment straight to their functions, if
nothing else did: template, parameters and engine are as they were. It ends with status 3 if the
template has to be deployed. `record` writes down what was deployed, for the next `update`.
"""

import argparse
import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from package import CODE_URI

RECORD = Path(".local/run/tmp/deployed.json")
DEPLOY_FIRST = 3
FUNCTION = "AWS::Lambda::Function"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["update", "record"])
    parser.add_argument("stack")
    parser.add_argument("parameters", help="what the stack is deployed with, as one text")
    args = parser.parse_args()
    if args.action == "record":
        RECORD.write_text(json.dumps(state(args.stack, args.parameters)))
    elif not update(args.stack, args.parameters):
        sys.exit(DEPLOY_FIRST)


def update(stack: str, parameters: str) -> bool:
    """Updates the functions whose archives changed; false if the template has to be deployed."""
    before = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    now = state(stack, parameters)
    if now["stack_id"] is None or {**now, "code": before.get("code")} != before:
        return False
    changed = [name for name, digest in now["code"].items() if before["code"].get(name) != digest]
    if changed:
        lambdas, functions = boto3.client("lambda"), physical_names(stack)
        with ThreadPoolExecutor() as pool:
            jobs = [
                pool.submit(
                    lambdas.update_function_code,
                    FunctionName=functions[logical_id(name)],
                    ZipFile=archive(name).read_bytes(),
                )
                for name in changed
            ]
        for job in jobs:
            job.result()
        RECORD.write_text(json.dumps(now))
    print(f"{len(changed)} of {len(now['code'])} functions have new code")
    return True


def state(stack: str, parameters: str) -> dict[str, Any]:
    """What decides whether the template has to be deployed, and the code of each function."""
    templates = [Path("template.yaml"), *sorted(Path("infra").glob("*.yaml"))]
    template = hashlib.sha256(b"\0".join(it.read_bytes() for it in templates)).hexdigest()
    names = [name for _, name in CODE_URI.findall(Path("template.yaml").read_text())]
    # An archive is written only if its binary changed, and its stamp with it.
    code = {name: archive(name).with_suffix(".stamp").read_text() for name in names}
    return {
        "stack_id": stack_id(stack),
        "template": template,
        "parameters": parameters,
        "code": code,
    }


def stack_id(stack: str) -> str | None:
    """The id of the stack if it is completely deployed."""
    try:
        described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError:
        return None
    complete = described["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return described["StackId"] if complete else None


def physical_names(stack: str) -> dict[str, str]:
    """The names of the stack's functions by their logical ids."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    resources = (
        it for page in pages.paginate(StackName=stack) for it in page["StackResourceSummaries"]
    )
    return {
        it["LogicalResourceId"]: it["PhysicalResourceId"]
        for it in resources
        if it["ResourceType"] == FUNCTION
    }


def archive(name: str) -> Path:
    """Where a function's archive is."""
    return Path(".local/lambda") / name / "bootstrap.zip"


def logical_id(name: str) -> str:
    """The block of a binary: `generation-get-generation` is `GenerationGetGeneration`."""
    return "".join(part.capitalize() for part in name.split("-"))


if __name__ == "__main__":
    main()
