"""Hold the grants on the table to those that tests used.

    python infra/contract/grants.py FOLDER

FOLDER is where the tests recorded which grants allowed their requests (`PROLIGHT_RECORD`). The
opposite, a request that is not allowed, fails the test that makes it.

A statement allows each of its actions on each of its partitions: a request for several partitions
needs one statement that names them all, and IAM limits the size of policies. So every action has to
be used on one of the partitions, and every partition by one of the actions. A policy with a name is
for all functions that name it: each of them has to use it, and together they have to use all of it.
"""

import fnmatch
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

TEMPLATE, PERMISSIONS = Path("template.yaml"), Path("infra/permissions.yaml")
POLICIES = "Permissions.Outputs."
LEADING_KEYS = "dynamodb:LeadingKeys"
EXCEPTIONS = {
    "*: CountRates": """A process counts the first calls of each caller in its memory, and a test
    calls a function less often. The conformance tests hold every function to this policy.""",
    "ApplyPayments: EVENT#* on TableArn": """A member is banned, or gets another subscription,
    between the read of their request and its write. What follows from that is in the audit once,
    by a name that is remembered like an event.""",
    "DecideOnPayments: AUDIT#JOBS#* on TableArn": """A refund is asked for again under its key,
    after the buyer's bank did not take it and the buyer bought the listing a second time: a job
    returns the payment.""",
    "background-erase-data: EVENT#* on TableArn": """An invoice is paid between the end of the
    subscription and its settlement. Its refund is in the audit once, by a name that is remembered
    like an event.""",
}
"""Grants that tests do not use, by patterns of what is printed of them, each with its reason."""

Used = dict[tuple[str, str], set[tuple[str, str]]]
"""The actions and patterns that were used, by function and resource."""


@dataclass
class Policy:
    """What is granted under one name, a policy's or a function's, and to which functions."""

    name: str
    statements: list[dict[str, Any]]
    functions: list[str] = field(default_factory=list)


def main() -> None:
    """Prints each grant that was not used, and fails if there is one without a reason."""
    template, permissions = (yaml_parse(it.read_text()) for it in (TEMPLATE, PERMISSIONS))
    found = policies(template, permissions)
    used = recorded(Path(sys.argv[1], "granted.txt").read_text())
    idle = sorted(unused(found, used))
    complaints = [it for it in idle if not any(fnmatch.fnmatchcase(it, of) for of in EXCEPTIONS)]
    complaints += [f"{it}: nothing to except" for it in EXCEPTIONS if not fnmatch.filter(idle, it)]
    print("\n".join(complaints) or f"the grants of {len(found)} policies are used")
    sys.exit(1 if complaints else 0)


def recorded(lines: str) -> Used:
    """What the tests recorded: a function, an action, a resource and a pattern in each line."""
    used: Used = defaultdict(set)
    for line in lines.splitlines():
        function, action, resource, pattern = line.split(" ")
        used[function, resource].add((action, pattern))
    return used


def unused(found: list[Policy], used: Used) -> Iterator[str]:
    """Each action and each pattern of partitions that was not used, and each policy in vain."""
    for policy in found:
        users: set[str] = set()
        for statement in policy.statements:
            actions, patterns = as_list(statement["Action"]), partitions(statement)
            for resource in filter(None, map(table, as_list(statement["Resource"]))):
                granted = {(action, pattern) for action in actions for pattern in patterns}
                hits = {it: granted & used.get((it, resource), set()) for it in policy.functions}
                users |= {function for function, hit in hits.items() if hit}
                seen = {word for hit in hits.values() for pair in hit for word in pair}
                for word in (*actions, *patterns):
                    if word not in seen:
                        yield f"{policy.name}: {word} on {resource}"
        if any(table(it) for of in policy.statements for it in as_list(of["Resource"])):
            for function in sorted(set(policy.functions) - users):
                if function != policy.name:
                    yield f"{function}: {policy.name}"


def policies(template: dict[str, Any], permissions: dict[str, Any]) -> list[Policy]:
    """The named policies, and what each function may do beside them."""
    named = {
        name: Policy(name, statements(resource["Properties"]["PolicyDocument"]))
        for name, resource in permissions["Resources"].items()
        if name != "FunctionBoundary"
    }
    own = []
    for resource in template["Resources"].values():
        code = resource.get("Properties", {}).get("CodeUri")
        if isinstance(code, str):
            function = Path(code).parent.name
            own.append(Policy(function, [], [function]))
            for node in branches(resource["Properties"].get("Policies", [])):
                if name := policy_named(node):
                    named[name].functions.append(function)
                elif "Statement" in node:
                    own[-1].statements += statements(node)
    return [*named.values(), *(it for it in own if it.statements)]


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy document."""
    return [it for it in branches(document["Statement"]) if "Action" in it]


def branches(node: Any) -> Iterator[dict[str, Any]]:
    """The members of a list, with both branches of every condition."""
    if isinstance(node, list):
        for it in node:
            yield from branches(it)
    elif isinstance(node, dict) and "Fn::If" in node:
        yield from branches(node["Fn::If"][1:])
    elif isinstance(node, dict):
        yield node


def policy_named(node: dict[str, Any]) -> str:
    """The policy of `infra/permissions.yaml` that a node names, if it names one."""
    path = ".".join(as_list(node.get("Fn::GetAtt", "")))
    return path.removeprefix(POLICIES) if path.startswith(POLICIES) else ""


def table(resource: Any) -> str:
    """The table or its index, as the tests record them; empty for anything else."""
    text = json.dumps(resource)
    if "TableArn" not in text:
        return ""
    return "TableArn/index/gsi1" if "/index/gsi1" in text else "TableArn"


def partitions(statement: dict[str, Any]) -> list[str]:
    """The patterns of partitions that a statement names: `*` if it names none."""
    named = [
        pattern
        for keys in statement.get("Condition", {}).values()
        for pattern in as_list(keys.get(LEADING_KEYS, []))
    ]
    return named or ["*"]


def as_list(value: Any) -> list[Any]:
    """`value` as a list; IAM allows one thing where it allows several."""
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
