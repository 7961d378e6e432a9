"""Check the alarms of the nested stacks: on what, for how long, and what a person does about them.

An alarm of one environment must not be raised by another one, must not miss a run that takes long,
must not say that all is well when only a count is zero again, and must be in the runbook.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMESPACE = "ProLight"
ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
OF_THE_STACK = {"Name": "Stack", "Value": {"Ref": "StackName"}}
RUNBOOK = Path("infra/README.md")
STATES = {
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfMessagesVisible",
    "Invocations",
    "IteratorAge",
    "Latency",
    "SearchIndexAgeHours",
}
"""Metrics that stay bad for as long as their cause does; all others count events."""

Stack = dict[str, Any]


def complaints(main: Stack, nested: dict[str, Stack]) -> Iterator[str]:
    """What is wrong with the alarms of the nested stacks, whose functions are in `main`."""
    named: set[str] = set()
    runbook = RUNBOOK.read_text()
    for file, stack in nested.items():
        for name, properties in alarms(stack):
            said = alarm_name(properties)
            named.add(said)
            where = f"{file}: {name}"
            if f"`{said}`" not in runbook:
                yield f"{where}: {RUNBOOK} does not say what to do"
            yield from (f"{where}: {it}" for it in wrong_with(properties))
            yield from (f"{where}: {it}" for it in too_short(properties, main, file))
        yield from (f"{file}: {it}" for it in filters_of_all_stacks(stack))
    yield from missing_alarms(main, nested)
    for file, stack in nested.items():
        for rule in rules(stack):
            unknown = set(re.findall(r"\$\{StackName\}-([a-z0-9-]+)", rule)) - named
            yield from (f"{file}: there is no alarm {it}" for it in sorted(unknown))


def alarms(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """The alarms of a stack by their logical ids."""
    for name, resource in stack["Resources"].items():
        if resource["Type"] == ALARM:
            yield name, resource["Properties"]


def rules(stack: Stack) -> Iterator[str]:
    """The expressions of a stack's alarms on alarms."""
    for resource in stack["Resources"].values():
        if resource["Type"] == COMPOSITE:
            yield resource["Properties"]["AlarmRule"]["Fn::Sub"]


def alarm_name(properties: dict[str, Any]) -> str:
    """The name of an alarm without that of its stack."""
    return str(properties["AlarmName"]["Fn::Sub"]).removeprefix("${StackName}-")


def wrong_with(properties: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one alarm, whatever it is on."""
    dimensions = properties.get("Dimensions", [])
    if properties["Namespace"] == NAMESPACE and OF_THE_STACK not in dimensions:
        yield "is on the metric of all stacks"
    average = properties.get("Statistic") == "Average"
    is_state = properties["MetricName"] in STATES or average
    says_ok = isinstance(properties.get("OKActions"), dict) and "Ref" not in properties["OKActions"]
    if says_ok != is_state:
        yield "says that it is over" if says_ok else "does not say when it is over"


def filters_of_all_stacks(stack: Stack) -> Iterator[str]:
    """Which metrics from logs do not say whose they are."""
    for name, resource in stack["Resources"].items():
        for made in resource.get("Properties", {}).get("MetricTransformations", []):
            if {"Key": "Stack", "Value": "$.stack"} not in made.get("Dimensions", []):
                yield f"{name}: its metric is that of all stacks"


def too_short(properties: dict[str, Any], main: Stack, file: str) -> Iterator[str]:
    """Whether an alarm forgets a run before it can have failed.

    Lambda stamps the metrics of a run with its start and writes them at its end.
    """
    if properties["Namespace"] != "AWS/Lambda" or properties["MetricName"] in STATES:
        return
    for function in watched(properties, main, file):
        timeout = longest(main, main["Resources"][function]["Properties"]["Timeout"])
        if properties["Period"] < 2 * timeout:
            yield f"looks back {properties['Period']} s, but {function} may run for {timeout} s"


def longest(main: Stack, timeout: int | dict[str, str]) -> int:
    """A timeout in seconds; the most of the parameter that it is."""
    if isinstance(timeout, dict):
        return int(main["Parameters"][timeout["Ref"]]["MaxValue"])
    return timeout


def too_late(nested: dict[str, Stack], names: tuple[str, ...], seconds: int) -> Iterator[str]:
    """Which of these alarms are not there, or are raised only after a deployment is over.

    All periods of an alarm must be bad, of which the last one may be so from its beginning.
    """
    raised_after = {
        alarm_name(it): it["Period"] * (it["EvaluationPeriods"] - 1)
        for stack in nested.values()
        for _, it in alarms(stack)
    }
    for name in names:
        if name not in raised_after:
            yield f"there is no alarm {name} to roll a deployment back"
        elif raised_after[name] >= seconds:
            yield f"{name} is raised after {raised_after[name]} s, too late for a deployment"


def watched(properties: dict[str, Any], main: Stack, file: str) -> Iterator[str]:
    """The functions that an alarm of the nested stack `file` is on."""
    given = parameters_of(main, file)
    for dimension in properties.get("Dimensions", []):
        if isinstance(dimension, dict) and dimension.get("Name") == "FunctionName":
            yield given[dimension["Value"]["Ref"]]["Ref"]


def parameters_of(main: Stack, file: str) -> dict[str, Any]:
    """What the main stack gives a nested one; its address is that of its file."""
    for resource in main["Resources"].values():
        if resource.get("Metadata", {}).get("file") == file:
            return dict(resource["Properties"]["Parameters"])
    return {}


def missing_alarms(main: Stack, nested: dict[str, Stack]) -> Iterator[str]:
    """Which function that runs once an hour or less would not be missed."""
    missed = {
        function
        for file, stack in nested.items()
        for _, properties in alarms(stack)
        if properties["MetricName"] == "Invocations"
        for function in watched(properties, main, file)
    }
    for resource in main["Resources"].values():
        if resource["Type"] != "AWS::Events::Rule":
            continue
        schedule = resource["Properties"].get("ScheduleExpression", "")
        target = resource["Properties"]["Targets"][0]["Arn"]["Fn::GetAtt"][0]
        if "minute" not in schedule and target not in missed:
            yield f"template.yaml: no alarm says that {target} has not run"
