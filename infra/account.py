"""Check what a local engine lets pass and a real account refuses, charges for or overwrites."""

import hashlib
import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from intrinsics import Stack, chosen, conditions

CDN = "infra/cdn.yaml"
DATA = "infra/data.yaml"
MESSAGING = "infra/messaging.yaml"
PERMISSIONS = "infra/permissions.yaml"
FAILURES = "Outputs.StreamFailuresArn"
FAILED_RUNS = "Outputs.FailedRunsArn"
WARM = "WARM"
"""The partition of the item that a process reads while it starts."""
PLACEHOLDERS = "8584"
"""The first digits of the digest of what generates the secrets' placeholders."""
NOTHING_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's own cache policy, Managed-CachingDisabled."""


def complaints(main: Stack, nested: dict[str, Stack]) -> Iterator[str]:
    """What is wrong with the stacks."""
    yield from public_previews(nested[DATA])
    yield from open_images(nested[DATA])
    yield from long_names({name: nested[name] for name in (CDN, DATA)})
    yield from overwritten_secrets(nested[DATA])
    if "SSESpecification" in nested[DATA]["Resources"]["Table"]["Properties"]:
        yield f"{DATA}: the table's key would need permission for KMS in every function"
    yield from lost_events(main)
    yield from paid_metrics(main, nested)
    yield from cold_roles(main, nested[PERMISSIONS])


def public_previews(data: Stack) -> Iterator[str]:
    """Where the bucket of previews is public though something is in front of it.

    An account may block public access as a whole, and then refuses a public policy.
    """
    for cdn, url in product(["true", "false"], ["", "https://images.example"]):
        given = {name: "" for name in data["Parameters"]}
        given |= {"PreviewsCdn": cdn, "PreviewsUrl": url, "Environment": "prod"}
        holds = conditions(given, data)
        is_public = cdn == "false" and url == ""
        bucket = data["Resources"]["Previews"]["Properties"]
        for name, value in bucket["PublicAccessBlockConfiguration"].items():
            blocks = chosen(value, holds)
            if not blocks and not is_public:
                yield f"{DATA}: {name} is off with PreviewsCdn={cdn}, PreviewsUrl={url}"
        for name, resource in data["Resources"].items():
            if resource["Type"] != "AWS::S3::BucketPolicy" or is_public:
                continue
            if not holds.get(resource.get("Condition", ""), True):
                continue
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                if statement.get("Effect") == "Allow" and statement["Principal"] == "*":
                    yield f"{DATA}: {name} is public with PreviewsCdn={cdn}, PreviewsUrl={url}"


def open_images(data: Stack) -> Iterator[str]:
    """By what the distribution of images would serve or read more than a link of ours opens.

    Each behaviour asks for signatures of its own accord; what an edge keeps would outlive its
    erasure in the bucket; and what a request has beside its path is the caller's, not for S3.
    """
    config = data["Resources"]["ImagesDistribution"]["Properties"]["DistributionConfig"]
    for behaviour in [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", [])]:
        path = behaviour.get("PathPattern", "*")
        if behaviour.get("TrustedKeyGroups") != [{"Ref": "ImagesKeyGroup"}]:
            yield f"{DATA}: images at {path} are served without a signature"
        if behaviour.get("CachePolicyId") != NOTHING_CACHED:
            yield f"{DATA}: images at {path} stay at the edges"
        if "OriginRequestPolicyId" in behaviour:
            yield f"{DATA}: requests for images at {path} are passed on with more than their path"
    given = {name: "" for name in data["Parameters"]}
    holds = conditions(given | {"ImagesCdn": "true"}, data)
    policy = data["Resources"]["ImagesOverTlsOnly"]["Properties"]["PolicyDocument"]
    for statement in (chosen(it, holds) for it in policy["Statement"]):
        if statement["Effect"] != "Allow":
            continue
        read = (statement["Action"], statement["Resource"])
        if read != ("s3:GetObject", {"Fn::Sub": "${Images.Arn}/generations/*"}):
            yield f"{DATA}: the bucket of images allows {read}"
        source = statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceArn", {})
        if not source.get("Fn::Sub", "").endswith(":distribution/${ImagesDistribution}"):
            yield f"{DATA}: the bucket of images is read by more than its distribution"


def long_names(stacks: dict[str, Stack]) -> Iterator[str]:
    """Which origin access control may have a name of more than the 64 characters that fit.

    A bucket's name may have 63.
    """
    for file, stack in stacks.items():
        for name, resource in stack["Resources"].items():
            if resource["Type"] == "AWS::CloudFront::OriginAccessControl":
                made = resource["Properties"]["OriginAccessControlConfig"]["Name"]["Fn::Sub"]
                if not made.startswith("${AWS::StackName}-"):
                    yield f"{file}: {name} is not named after its stack: the limit is 64 characters"


def overwritten_secrets(data: Stack) -> Iterator[str]:
    """Whether the next deployment would generate the secrets anew.

    An edit of `GenerateSecretString` replaces what an operator stored.
    """
    made = {
        name: resource["Properties"]["GenerateSecretString"]
        for name, resource in data["Resources"].items()
        if resource["Type"] == "AWS::SecretsManager::Secret"
    }
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    if not digest.startswith(PLACEHOLDERS):
        yield (
            f"{DATA}: an edited GenerateSecretString overwrites the stored secret. For a new"
            f" secret, write {digest[:4]} into infra/account.py"
        )


def lost_events(main: Stack) -> Iterator[str]:
    """Which event would be lost with its last attempt, or tried for longer than it should."""
    resources = main["Resources"]
    settings = {
        resource["Properties"]["FunctionName"]["Ref"]: resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::EventInvokeConfig"
    }
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::Rule":
            target = properties["Targets"][0]["Arn"]["Fn::GetAtt"][0]
            setting = json.dumps(settings.get(target, {}).get("DestinationConfig", {}))
            if FAILED_RUNS not in setting:
                yield f"template.yaml: {target}: the event of a failed run is lost"
        elif resource["Type"] == "AWS::Lambda::EventSourceMapping" and "stream" in str(
            properties.get("EventSourceArn", "")
        ).lower():
            if FAILURES not in json.dumps(properties.get("DestinationConfig", {})):
                yield f"template.yaml: {name}: records that are given up are lost"


def paid_metrics(main: Stack, nested: dict[str, Stack]) -> Iterator[str]:
    """Which metrics of a method are paid for without an alarm, or missing for one."""
    watched = {
        dimension["Value"]
        for stack in nested.values()
        for resource in stack["Resources"].values()
        for dimension in as_list(resource.get("Properties", {}).get("Dimensions"))
        if dimension.get("Name") == "Resource"
    }
    paid: set[str] = set()
    for resource in main["Resources"].values():
        if resource["Type"] == "AWS::ApiGateway::Stage":
            for setting in resource["Properties"]["MethodSettings"]:
                if setting.get("MetricsEnabled"):
                    # CloudFormation encodes a path: /~1health is /health.
                    paid.add(setting["ResourcePath"].removeprefix("/").replace("~1", "/"))
    yield from (f"template.yaml: the metrics of {it} are for no alarm" for it in paid - watched)
    yield from (f"template.yaml: {it} has an alarm and no metrics" for it in watched - paid)


def as_list(value: Any) -> list[Any]:
    """`value` if it is a list; nothing if it is, for example, left out."""
    return value if isinstance(value, list) else []


def cold_roles(main: Stack, permissions: Stack) -> Iterator[str]:
    """Which function uses the table and may not read the item that opens its connection."""
    for name, resource in main["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role" or not name.endswith("Role"):
            continue
        told = json.dumps(resource["Properties"])
        attached = [
            policy["Properties"]
            for policy_name, policy in permissions["Resources"].items()
            if f"Outputs.{policy_name}" in json.dumps(resource["Properties"]["ManagedPolicyArns"])
        ] if "ManagedPolicyArns" in resource["Properties"] else []
        told += json.dumps(attached)
        if "dynamodb:LeadingKeys" in told and f'"{WARM}"' not in told:
            yield f"template.yaml: {name} may not read {WARM}, which its process reads at its start"
