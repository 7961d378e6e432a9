"""Say which template an environment is deployed from, and write it if its new code is tried first.

    python infra/canary.py ENV             new code gets a tenth of the calls, then all
    python infra/canary.py ENV --at-once   new code gets all calls, also while an alarm is raised

`[ENV.canary]` in samconfig.toml turns it on; without it, template.yaml is deployed as it is. Local
engines do not know aliases well, so they are added here and not there. Each function of `CANARIES`
gets an alias, which all its callers use. CodeDeploy moves the alias to the new version in two
steps. If one of `ALARMS` is raised in between, it moves the alias back, the update of the stack
fails, and CloudFormation rolls back the rest.

CodeDeploy acts when an alias that exists gets another version. A deployment that creates the
aliases, which is the first of all or the first with a canary, therefore gives the new code all
calls:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html

SAM publishes a version when a function's block is written differently. That misses the new value
of a parameter, which the alias would never get, and asks for a version that Lambda does not make
when only a tag changes (issues 3820 and 3281 of aws/serverless-application-model). So we tell SAM
what a version is made of; it also puts that into the function's description, where Lambda sees it.
"""

import argparse
import copy
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alarms
import deployed
import protect
from deployed import ALIAS
from intrinsics import Stack, references
from samcli.yamlhelper import yaml_dump, yaml_parse

TEMPLATE = Path("template.yaml")
WRITTEN = Path(".local/canary.yaml")
CANARIES = (
    # Nobody is let in, starts an image or gets one.
    "EdgeAuthorizer",
    "GenerationCreateGeneration",
    "GenerationGetGeneration",
    "BackgroundRelayOutbox",
    "BackgroundRunGeneration",
    "EdgeWebhookBria",
    # Money or credits are taken, given or returned.
    "BackgroundBuyTopUps",
    "BillingCancelSubscription",
    "BillingOpenCheckout",
    "BillingUpdateTopUp",
    "EdgeWebhookStripe",
    "GenerationCancelGeneration",
    "MarketplaceCreatePurchase",
    "MarketplaceDownloadPurchase",
    "MarketplaceRefundPurchase",
)
"""The functions whose fault stops everybody or costs money, and which an alarm sees in time.

A tenth of ten minutes of what runs by a schedule, or of what staff decide, is usually nothing at
all. Each function here is three resources more.
"""
RESOURCES_MAX = 490
"""Below the 500 of CloudFormation. If a new endpoint does not fit, one of `CANARIES` makes room."""
ALARMS = (
    *protect.ROLLED_BACK_BY,
    "buy-top-ups-fails",
    "events-parked",
    "paid-calls-fail",
    "provider-requests-invalid",
)
"""What stops a deployment, of whichever function.

An alarm is deployed before it is named here: CodeDeploy stops when it cannot read one.
"""
ALARMS_MAX = 10
"""https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html"""
KIND = re.compile(r"Canary10Percent(5|10|15|30)Minutes")
"""https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html"""
OF_THE_FUNCTION = {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
"""Resources that belong to a function and do not call it."""
PAID_ROUTES = ("infra/observability.yaml", "PaidCallsAnswered5xx")


def main() -> None:
    """Prints the path of the template."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("environment")
    parser.add_argument("--at-once", action="store_true")
    args = parser.parse_args()
    kind = deployed.canary(args.environment)
    if kind == "":
        print(TEMPLATE)
        return
    made = canaried(
        yaml_parse(TEMPLATE.read_text()),
        "" if args.at_once else kind,
        deployed.parameters(args.environment),
    )
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(yaml_dump(moved(made, WRITTEN.parent)))
    print(WRITTEN)


def canaried(template: Stack, kind: str, parameters: dict[str, str]) -> Stack:
    """The template with aliases that CodeDeploy moves as `kind` says, or at once if it is empty."""
    made = copy.deepcopy(template)
    surroundings = digest_of_templates(parameters)
    for name in CANARIES:
        function = made["Resources"][name]
        # Also of its versions: SAM would retain them, until Lambda's storage is full.
        function["DeletionPolicy"] = "Delete"
        properties = function["Properties"]
        properties["AutoPublishAlias"] = ALIAS
        code = digest_of_code(Path(properties["CodeUri"]))
        properties["AutoPublishCodeSha256"] = digest(surroundings.encode(), code.encode())
        if kind:
            named = [{"Fn::Sub": f"${{AWS::StackName}}-{alarm}"} for alarm in ALARMS]
            properties["DeploymentPreference"] = {"Type": kind, "Alarms": named}
    # SAM leads events to the alias, but takes an authorizer as it is written.
    for authorizer in made["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"].values():
        (name,) = references(authorizer["FunctionArn"])
        if name in CANARIES:
            authorizer["FunctionArn"] = {"Ref": f"{name}.Alias"}
    return made


def digest_of_templates(parameters: dict[str, str]) -> str:
    """What the settings of any function may follow from; those of nested stacks through outputs."""
    files = [TEMPLATE, *sorted(Path("infra").glob("*.yaml"))]
    given = json.dumps(parameters, sort_keys=True)
    return digest(*(it.read_bytes() for it in files), given.encode())


def digest_of_code(archive: Path) -> str:
    """Of the same code always the same. Before the build there is none, and nothing to deploy."""
    return digest(archive.read_bytes() if archive.is_file() else b"")


def digest(*parts: bytes) -> str:
    """One digest of several contents, each by its own, so that none runs into the next."""
    each = (hashlib.sha256(part).digest() for part in parts)
    return hashlib.sha256(b"".join(each)).hexdigest()


def moved(template: Stack, folder: Path) -> Stack:
    """The template for a file in `folder`: paths in it are relative to its own."""
    made = copy.deepcopy(template)
    for resource in made["Resources"].values():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "Location"):
            if name in properties:
                properties[name] = os.path.relpath(properties[name], folder)
    return made


def complaints(main: Stack, nested: dict[str, Stack], kind: str) -> Iterator[str]:
    """What is wrong with the transformed template of a canary."""
    for name in CANARIES:
        yield from (f"{name}: {it}" for it in wrong_with(name, main["Resources"]))
    for name, resource in main["Resources"].items():
        yield from (f"{name}: {it}" for it in bypassed(resource, nested))
    yield from unwatched(main, nested)
    if len(ALARMS) > ALARMS_MAX:
        yield f"{len(ALARMS)} alarms: CodeDeploy takes {ALARMS_MAX}"
    if stated := KIND.fullmatch(kind):
        yield from alarms.too_late(nested, ALARMS, 60 * int(stated[1]))
    else:
        yield f"{kind} is no canary: {KIND.pattern}"


def wrong_with(name: str, resources: dict[str, Any]) -> Iterator[str]:
    """Why new code of a function is not tried on a part of its calls, or not taken back."""
    alias = resources.get(f"{name}Alias{ALIAS}")
    if alias is None:
        yield "it has no alias"
        return
    versions = [resources.get(it) for it in references(alias["Properties"]["FunctionVersion"])]
    if not any(it and it["Type"] == "AWS::Lambda::Version" for it in versions):
        yield "its alias has no version of its own"
    moved_by = alias.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
    group = resources.get(moved_by.get("DeploymentGroupName", {}).get("Ref", ""))
    if group is None:
        yield "CodeDeploy does not move its alias"
        return
    properties = group["Properties"]
    watched = properties.get("AlarmConfiguration", {}).get("Alarms", [])
    said = {it["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for it in watched}
    yield from (f"{it} does not stop its deployment" for it in ALARMS if it not in said)
    back = properties.get("AutoRollbackConfiguration", {})
    if not back.get("Enabled") or "DEPLOYMENT_STOP_ON_ALARM" not in back.get("Events", []):
        yield "an alarm does not move its alias back"


def bypassed(resource: dict[str, Any], nested: dict[str, Stack]) -> Iterator[str]:
    """Which function a resource calls past its alias, or by a schedule."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    called = references(properties)
    if kind == "AWS::Events::Rule":
        run = (it for it in CANARIES if called & {it, f"{it}Alias{ALIAS}"})
        yield from (f"{it} runs by a schedule, too seldom to be tried on a part" for it in run)
    of_alias = kind == "AWS::Lambda::EventInvokeConfig" and properties["Qualifier"] == ALIAS
    if kind in OF_THE_FUNCTION or of_alias:
        return
    if kind == "AWS::CloudFormation::Stack":
        stack = nested[resource["Metadata"]["file"]]
        given = properties.get("Parameters", {}).items()
        called = references([value for name, value in given if not only_watched(name, stack)])
    yield from (f"it calls {it} past its alias" for it in CANARIES if it in called)


def only_watched(parameter: str, stack: Stack) -> bool:
    """Whether a nested stack uses a parameter for nothing but alarms and dashboards."""
    users = [it for it in stack["Resources"].values() if parameter in references(it)]
    return all(it["Type"].startswith("AWS::CloudWatch::") for it in users)


def unwatched(main: Stack, nested: dict[str, Stack]) -> Iterator[str]:
    """Which route of a function may answer 5xx to a tenth of its callers without any alarm.

    `api-fails` sees that of the polled route only: the others are too few of all requests.
    """
    file, name = PAID_ROUTES
    pattern = nested[file]["Resources"][name]["Properties"]["FilterPattern"]
    seen = tuple(re.findall(r'\$\.route = "([^"*]+)', pattern))
    for path, methods in main["Resources"]["Api"]["Properties"]["Body"]["paths"].items():
        called = references(list(methods.values()))
        for function in CANARIES:
            if f"{function}Alias{ALIAS}" in called and not path.startswith(seen):
                yield f"{function}: no alarm is on 5xx of {path}"


if __name__ == "__main__":
    main()
