"""Check what can be checked of the templates without an account.

The SAM transform must succeed, each stack must stay well under the 500 resources and the megabyte
that CloudFormation allows one, and no policy of ours may allow an action or a resource by `*`,
tracing apart. Every function that may touch the table is held to partitions. Named policies keep
to IAM's limits and have more than one function. Every environment must be able to fetch images from
where the template's default fetches them. Staging and production are not laxer than they should be:
a closed bucket of previews, a CDN of images, locked records, a firewall, and in production a canary
and alarms that reach somebody. What a function gives up is stored with its event, and what only a
real account would refuse, pay for or overwrite is in `infra/account.py`; alarms are in
`infra/alarms.py`, and the same template with the aliases of a canary is held by `infra/canary.py`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import account
import alarms
import boto3
import canary
import deployed
import protect
import ready
import tomlkit
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

RESOURCES_MAX = 450
"""Below the 500 of CloudFormation by what a change of all functions needs while it is deployed."""
TEMPLATE_BYTES_MAX = 1_000_000
MANAGED_POLICIES_MAX = 10
"""IAM's default quota for a role; those of SAM count too."""
POLICY_CHARS_MAX = 6_144
"""IAM's limit for a managed policy, white space not counted."""
ARN = "x" * 100
"""As long as an ARN of ours may be on average: the names in it are made by CloudFormation."""
PERMISSIONS = "infra/permissions.yaml"
BOUNDARY = "FunctionBoundary"
NESTED = tuple(str(path) for path in sorted(Path("infra").glob("*.yaml")))
ORIGIN = re.compile(r"https://(\*\.)?([a-z0-9-]+\.)+[a-z]{2,}")
MAY_NAME_NO_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
"""Actions AWS defines for no particular resource."""
PARAMETERS = {
    "Environment": "dev",
    "FrontendUrl": "https://frontend.example",
    "AuthIssuer": "https://issuer.example",
    "AuthAudience": "prolight",
    # With tracing, SAM adds a managed policy to each role.
    "Tracing": "Active",
}


def main() -> None:
    """Prints one line if all is well, and everything that is not otherwise."""
    stacks = {name: yaml_parse(Path(name).read_text()) for name in NESTED}
    stacks["template.yaml"] = main_stack = transformed(Path("template.yaml"))
    complaints = [
        complaint
        for stack in stacks.values()
        for name, resource in stack["Resources"].items()
        for complaint in too_wide(name, resource)
    ]
    complaints += [
        it for name, stack in stacks.items() for it in too_large(name, stack, RESOURCES_MAX)
    ]
    policies = stacks[PERMISSIONS]["Resources"]
    complaints += beyond(main_stack["Resources"] | policies, policies[BOUNDARY]["Properties"])
    complaints += beyond_iam(main_stack["Resources"], policies)
    complaints += lax("staging") + lax("prod")
    complaints += lost_origins(yaml_parse(Path("template.yaml").read_text()))
    nested = {name: stacks[name] for name in NESTED}
    complaints += alarms.complaints(main_stack, nested)
    complaints += account.complaints(main_stack, nested)
    complaints += alarms.too_late(nested, protect.ROLLED_BACK_BY, 60 * protect.WATCHED_MINUTES)
    kinds = {deployed.canary(it) for it in ("dev", "staging", "prod")} - {""}
    canaries = {kind: with_canary(kind) for kind in sorted(kinds)}
    for kind, stack in canaries.items():
        complaints += canary.complaints(stack, nested, kind)
        complaints += too_large(f"template.yaml with {kind}", stack, canary.RESOURCES_MAX)
    if complaints:
        sys.exit("\n".join(complaints))
    counts = [len(main_stack["Resources"]), *(len(it["Resources"]) for it in canaries.values())]
    said = ", with a canary ".join(str(it) for it in counts)
    print(f"{said} resources; no policy is wider than it must be")


def beyond(resources: dict[str, Any], boundary: dict[str, Any]) -> Iterator[str]:
    """What roles and named policies allow that the boundary does not: it would be refused."""
    within = {
        action
        for statement in statements(boundary)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }
    for name, resource in resources.items():
        if is_of_functions(name, resource):
            for statement in statements(resource["Properties"]):
                if past := sorted(set(as_list(statement["Action"])) - within):
                    yield f"{name}: allows {past}, which {BOUNDARY} does not"


def beyond_iam(resources: dict[str, Any], policies: dict[str, Any]) -> Iterator[str]:
    """Which limit of IAM roles and named policies are over, and which policy needs no name."""
    users: dict[str, int] = dict.fromkeys(policies, 0)
    for name, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        attached = resource["Properties"].get("ManagedPolicyArns", [])
        if len(attached) > MANAGED_POLICIES_MAX:
            yield f"{name}: {len(attached)} managed policies: the limit is {MANAGED_POLICIES_MAX}"
        for policy in set(re.findall(r"Outputs\.(\w+)", json.dumps(attached))):
            if policy not in users:
                yield f"{name}: {PERMISSIONS} has no {policy}"
            users[policy] = users.get(policy, 0) + 1
    for name, policy in policies.items():
        document = json.dumps(filled(policy["Properties"]["PolicyDocument"]), separators=(",", ":"))
        if (size := len(document)) > POLICY_CHARS_MAX:
            yield f"{name}: up to {size} characters: the limit is {POLICY_CHARS_MAX}"
        if users[name] < 2 and name != BOUNDARY:
            yield f"{name}: {users[name]} functions use it: state it in the function's block"


def filled(node: Any) -> Any:
    """A policy with an ARN in place of each reference."""
    if isinstance(node, list):
        return [filled(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        return filled(node["Fn::If"][1])
    if "Fn::Sub" in node:
        return re.sub(r"\$\{[^}]+\}", ARN, node["Fn::Sub"])
    return ARN if "Ref" in node else {key: filled(value) for key, value in node.items()}


def too_large(name: str, stack: dict[str, Any], most: int) -> Iterator[str]:
    """Which limit of CloudFormation a stack comes too near to."""
    if (count := len(stack["Resources"])) > most:
        yield f"{name}: {count} resources: the limit is {most}"
    if (size := len(json.dumps(stack))) >= TEMPLATE_BYTES_MAX:
        yield f"{name}: {size} bytes: the limit is {TEMPLATE_BYTES_MAX}"


def lax(environment: str) -> list[str]:
    """What an environment that others depend on does without and should not."""
    told = deployed.parameters(environment)
    wanted = {
        "PreviewsCdn": told.get("PreviewsCdn") == "true",
        "ImagesCdn": told.get("ImagesCdn") == "true",
        "DeletionProtection": told.get("DeletionProtection") == "true",
        "RecordsRetentionDays": int(told.get("RecordsRetentionDays", 0)) > 0,
        "EdgeConcurrency": int(told.get("EdgeConcurrency", 0)) > 0,
        "WafRequestsPerAddress": int(told.get("WafRequestsPerAddress", 0)) > 0,
    }
    if environment == ready.PROD:
        wanted["a canary"] = deployed.canary(environment) != ""
        wanted["AlarmEmail or AlarmTopicArn"] = ready.topic_or_email(told) != ""
    return [f"{environment}: {name} is not set" for name, holds in wanted.items() if not holds]


def with_canary(kind: str) -> dict[str, Any]:
    """The main stack as CloudFormation would run it with a canary of this kind."""
    template = yaml_parse(canary.TEMPLATE.read_text())
    return translated(canary.canaried(template, kind, PARAMETERS))


def transformed(path: Path) -> dict[str, Any]:
    """The template as CloudFormation would run it."""
    return translated(yaml_parse(path.read_text()))


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The same of a template that was read. It is changed."""
    files = {}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        # Local paths become addresses when the template is packaged; the transform wants addresses.
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://bucket/code.zip"
        elif resource["Type"] == "AWS::Serverless::Application":
            files[name] = properties["Location"]
            properties["Location"] = "https://bucket.s3.amazonaws.com/template.yaml"
    values = {
        name: PARAMETERS.get(name, parameter.get("Default", ""))
        for name, parameter in template["Parameters"].items()
    }
    # SAM attaches managed policies by address; the templates name none, so it needs no list.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    result: dict[str, Any] = translator.translate(template, values)
    for name, file in files.items():
        result["Resources"][name]["Metadata"] = {"file": file}
    return result


def lost_origins(template: dict[str, Any]) -> Iterator[str]:
    """Which environment could not fetch the images it pays for, or from where nobody may."""
    wanted = template["Parameters"]["ImageOrigins"]["Default"].split(",")
    environments = tomlkit.parse(deployed.SAMCONFIG.read_text()).unwrap()
    for name, environment in environments.items():
        if not isinstance(environment, dict) or "deploy" not in environment:
            continue
        overrides = environment["deploy"]["parameters"]["parameter_overrides"]
        given = dict(override.split("=", 1) for override in overrides)
        origins = given.get("ImageOrigins", ",".join(wanted)).split(",")
        yield from (f"{name}: ImageOrigins lacks {it}" for it in wanted if it not in origins)
        yield from (f"{name}: {it} is no origin" for it in origins if not ORIGIN.fullmatch(it))


def too_wide(name: str, resource: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the policies of one resource."""
    for statement in statements(resource.get("Properties", {})):
        if statement["Effect"] != "Allow":
            continue
        actions = as_list(statement["Action"])
        if is_of_functions(name, resource) and any(it.startswith("dynamodb:") for it in actions):
            if not leading_keys(statement):
                yield f"{name}: allows {actions} on every partition"
        everywhere = "*" in as_list(statement.get("Resource", []))
        if any("*" in action for action in actions):
            yield f"{name}: allows {actions}"
        if everywhere and not set(actions) <= MAY_NAME_NO_RESOURCE:
            yield f"{name}: allows {actions} on every resource"


def is_of_functions(name: str, resource: dict[str, Any]) -> bool:
    """Whether a resource is the role of a function of ours, or a policy for some."""
    policy = resource["Type"] == "AWS::IAM::ManagedPolicy" and name != BOUNDARY
    return name.endswith("Role") or policy


def leading_keys(statement: dict[str, Any]) -> list[str]:
    """The partitions a statement is about; none if it is about all."""
    told = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    return as_list(told.get("dynamodb:LeadingKeys", []))


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of a role's inline policies and of a managed policy."""
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    for document in documents:
        for statement in as_list(document["Statement"]):
            yield from alternatives(statement)


def alternatives(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a statement may come to: itself, or what its condition chooses from."""
    if "Fn::If" in statement:
        for choice in statement["Fn::If"][1:]:
            yield from alternatives(choice)
    elif "Ref" not in statement:  # AWS::NoValue is none
        yield statement


def as_list(value: Any) -> list[Any]:
    """`value` as a list; IAM allows one thing where it allows several."""
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
