"""What is deployed where: the environments of samconfig.toml, and their stacks."""

import sys
from pathlib import Path
from typing import Any

import boto3
import tomlkit
from botocore.exceptions import ClientError

SAMCONFIG = Path("infra/samconfig.toml")
LOCAL = "local"
"""The stack of `scripts/up`, once `.local/env` is in the shell."""
NEVER_DEPLOYED = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
"""What a stack is before its first deployment, and after one that failed."""
ALIAS = "live"
"""By which a function is called whose new code is tried first (`infra/canary.py`)."""
ROOTS = ("FrontendUrl", "PublicApiUrl", "PreviewsUrl")
"""URLs that a path is added to, or that are compared with an origin: without a slash at the end."""


def section(environment: str) -> dict[str, Any]:
    """An environment in samconfig.toml."""
    if environment == LOCAL:
        return {"deploy": {"parameters": {"stack_name": "prolight-local", "region": "us-east-1"}}}
    sections = tomlkit.parse(SAMCONFIG.read_text()).unwrap()
    if environment not in sections:
        sys.exit(f"{SAMCONFIG} has no environment {environment}")
    return dict(sections[environment])


def parameters(environment: str) -> dict[str, str]:
    """The parameters of an environment as they are deployed."""
    told = section(environment)["deploy"]["parameters"]["parameter_overrides"]
    pairs = (pair.split("=", 1) for pair in told)
    plain = {name: value.strip('"').strip() for name, value in pairs}
    return plain | {name: plain[name].rstrip("/") for name in ROOTS if name in plain}


def region(environment: str) -> str:
    """The region of an environment."""
    return str(section(environment)["deploy"]["parameters"]["region"])


def canary(environment: str) -> str:
    """How CodeDeploy lets new code into an environment; empty if it is there at once."""
    return str(section(environment).get("canary", {}).get("type", ""))


def stack_name(environment: str) -> str:
    """The name of an environment's stack."""
    return str(section(environment)["deploy"]["parameters"]["stack_name"])


def stack(environment: str) -> dict[str, Any] | None:
    """The deployed stack of an environment; nothing if it was never deployed."""
    client = boto3.client("cloudformation", region(environment))
    try:
        described = client.describe_stacks(StackName=stack_name(environment))["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if described["StackStatus"] in NEVER_DEPLOYED else dict(described)


def deployed(environment: str) -> dict[str, Any]:
    """The deployed stack of an environment, which must be there."""
    return stack(environment) or sys.exit(f"{environment} is not deployed")


def outputs(environment: str) -> dict[str, str]:
    """The outputs of an environment's stack."""
    return {it["OutputKey"]: it["OutputValue"] for it in deployed(environment)["Outputs"]}


def resources(environment: str, kind: str) -> dict[str, str]:
    """The physical names of the stack's resources of one type, by their logical ids."""
    client = boto3.client("cloudformation", region(environment))
    pages = client.get_paginator("list_stack_resources").paginate(
        StackName=stack_name(environment)
    )
    listed = (it for page in pages for it in page["StackResourceSummaries"])
    return {
        it["LogicalResourceId"]: it["PhysicalResourceId"]
        for it in listed
        if it["ResourceType"] == kind
    }
