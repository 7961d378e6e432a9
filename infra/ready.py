"""Refuse to deploy an environment that is not ready for others to depend on.

Production needs alarms that reach somebody: a topic, with a subscription that was confirmed.
"""

import sys
import tomllib
from pathlib import Path

import boto3

SAMCONFIG = Path("infra/samconfig.toml")
PROD = "prod"
EXAMPLE_ACCOUNT = "123456789012"
"""The account of AWS's own examples."""


def main() -> None:
    """Prints nothing if the environment named on the command line is ready."""
    environment = sys.argv[1]
    if environment != PROD:
        return
    topic = parameters(environment).get("AlarmTopicArn", "")
    if complaint := unheard(topic):
        sys.exit(f"{SAMCONFIG}: {environment} is not deployed: {complaint}")
    region = topic.split(":")[3]
    told = boto3.client("sns", region).get_topic_attributes(TopicArn=topic)["Attributes"]
    if int(told["SubscriptionsConfirmed"]) == 0:
        sys.exit(f"{topic} has no confirmed subscription: an alarm would reach nobody")


def unheard(topic: str) -> str | None:
    """Why alarms that go to `topic` reach nobody; nothing if they may."""
    parts = topic.split(":")
    if topic == "":
        return "AlarmTopicArn is empty. Make an SNS topic, subscribe somebody, and name it there"
    if len(parts) != 6 or parts[2] != "sns" or parts[4] == EXAMPLE_ACCOUNT:
        return f"AlarmTopicArn={topic} is not a topic of yours"
    return None


def parameters(environment: str) -> dict[str, str]:
    """The parameters of an environment as they are deployed."""
    told = tomllib.loads(SAMCONFIG.read_text())[environment]["deploy"]["parameters"]
    pairs = (pair.split("=", 1) for pair in told["parameter_overrides"])
    return {name: value.strip('"') for name, value in pairs}


if __name__ == "__main__":
    main()
