"""Refuse to deploy an environment whose parameters are examples or that nobody would watch.

    python infra/ready.py ENV               complain, or print nothing
    python infra/ready.py ENV --overrides   print its parameters as `sam deploy` takes them

The first deployment of a stack is without deletion protection, which would keep a failed one from
being rolled back; `infra/protect.py` turns it on after the first success.
"""

import argparse
import re
import sys
import urllib.parse
from collections.abc import Iterator

import boto3
from deployed import SAMCONFIG, parameters, region, section, stack

PROD = "prod"
EXAMPLE_ACCOUNT = "123456789012"
"""The account of AWS's own examples."""
EXAMPLES = re.compile(r"(^|[.@/])example(\.(com|net|org))?([:/]|$)|\bExample Street\b|\.example\b")
"""Names that RFC 2606 reserves, and the company of the committed file."""


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment")
    parser.add_argument("--overrides", action="store_true")
    args = parser.parse_args()
    told = parameters(args.environment)
    if args.overrides:
        if stack(args.environment) is None:
            told["DeletionProtection"] = "false"
        print("\n".join(f'{name}="{value}"' for name, value in told.items()))
        return
    refuse(args.environment, [*examples(told), *frontend(told), *no_account(args.environment)])
    # What only the account can say.
    refuse(args.environment, [*other_account(args.environment)])
    if args.environment == PROD:
        refuse(args.environment, [*unheard(told)])


def refuse(environment: str, complaints: list[str]) -> None:
    """Ends with status 1 if there are complaints."""
    if complaints:
        said = "\n  ".join(complaints)
        sys.exit(f"{SAMCONFIG}: {environment} is not deployed:\n  {said}")


def examples(told: dict[str, str]) -> Iterator[str]:
    """Which parameters are still those of the committed file."""
    for name, value in told.items():
        if EXAMPLES.search(value):
            yield f"{name}={value} is an example"


def frontend(told: dict[str, str]) -> Iterator[str]:
    """Why no page could call the API."""
    url = urllib.parse.urlsplit(told["FrontendUrl"])
    if url.scheme != "https" or url.path or url.query or not url.hostname:
        yield f"FrontendUrl={told['FrontendUrl']} is no origin: https:// and a host"


def account_of(environment: str) -> str:
    """The account that an environment is for."""
    return str(section(environment).get("account", {}).get("id", ""))


def no_account(environment: str) -> Iterator[str]:
    """Why it is unknown where an environment belongs."""
    wanted = account_of(environment)
    if not re.fullmatch(r"\d{12}", wanted) or wanted == EXAMPLE_ACCOUNT:
        yield f"[{environment}.account] id={wanted} is not an account of yours"


def other_account(environment: str) -> Iterator[str]:
    """Why this shell must not deploy: its account is not the environment's."""
    wanted = account_of(environment)
    actual = boto3.client("sts", region(environment)).get_caller_identity()["Account"]
    if actual != wanted:
        yield f"this shell is signed in to the account {actual}, not {wanted}"


def unheard(told: dict[str, str]) -> Iterator[str]:
    """Why alarms reach nobody."""
    topic = told.get("AlarmTopicArn", "")
    if topic_or_email(told) == "":
        yield "AlarmEmail and AlarmTopicArn are empty: an alarm would reach nobody"
    if topic == "":
        described = stack(PROD)
        name = described["StackName"] if described else ""
        topic = topic_of(name, region(PROD)) if described else ""
        if topic == "":
            return  # The first deployment makes the topic.
    parts = topic.split(":")
    if len(parts) != 6 or parts[2] != "sns" or parts[4] == EXAMPLE_ACCOUNT:
        yield f"AlarmTopicArn={topic} is not a topic of yours"
    elif confirmed(topic) == 0:
        yield f"{topic} has no confirmed subscription: an alarm would reach nobody"


def topic_or_email(told: dict[str, str]) -> str:
    """Where alarms go."""
    return told.get("AlarmTopicArn", "") or told.get("AlarmEmail", "")


def topic_of(name: str, where: str) -> str:
    """The topic that a stack made for its alarms; empty if it made none."""
    pages = boto3.client("sns", where).get_paginator("list_topics").paginate()
    topics = (topic["TopicArn"] for page in pages for topic in page["Topics"])
    return next((it for it in topics if it.endswith(f":{name}-alarms")), "")


def confirmed(topic: str) -> int:
    """How many subscriptions of a topic were confirmed."""
    client = boto3.client("sns", topic.split(":")[3])
    return int(client.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"])


if __name__ == "__main__":
    main()
