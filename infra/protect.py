"""Protect a stack that others depend on, once it is deployed. Again changes nothing.

    python infra/protect.py ENV

A table with deletion protection keeps a failed first deployment from being rolled back, so the
first one is without. This turns it on. It also makes alarms roll later deployments back
(CloudFormation stores the triggers and uses them for every update), keeps the stack from being
deleted by mistake, and forbids updates that would replace the data or write over the secrets.
"""

import json
import sys
from typing import Any

import boto3
import deployed

ROLLED_BACK_BY = (
    "api-fails",
    "stripe-not-heard",
    "run-generation-fails",
    "relay-outbox-fails",
    "tokens-not-verified",
)
"""Alarms on what a deployment may break at once; CloudFormation takes five."""
WATCHED_MINUTES = 15
"""For how long after an update: as long as the slowest of these alarms."""
PROTECTION = "DeletionProtection"
POLICY = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            "Principal": "*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"ResourceType": ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]}
            },
        },
        # An edited GenerateSecretString generates the secret anew, over what an operator stored.
        {
            "Effect": "Deny",
            "Action": "Update:*",
            "Principal": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": ["AWS::SecretsManager::Secret"]}},
        },
    ]
}
"""For the nested stack of the data: a policy of the main stack is not about its resources."""


def main() -> None:
    """Protects the environment named on the command line, unless it is one to delete."""
    environment = sys.argv[1]
    if deployed.parameters(environment).get(PROTECTION) != "true":
        print(f"{environment} is not protected: {PROTECTION} is not true")
        return
    client = boto3.client("cloudformation", deployed.region(environment))
    stack = deployed.deployed(environment)
    name = stack["StackName"]
    if update := needed(stack):
        client.update_stack(StackName=name, UsePreviousTemplate=True, **update)
        waiter = client.get_waiter("stack_update_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 30, "MaxAttempts": 120})
        print(f"{name}: the table is protected, and alarms roll deployments back")
    client.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    nested = deployed.resources(environment, "AWS::CloudFormation::Stack")
    client.set_stack_policy(StackName=nested["Data"], StackPolicyBody=json.dumps(POLICY))
    print(f"{name}: it cannot be deleted, and its data and secrets cannot be replaced")


def needed(stack: dict[str, Any]) -> dict[str, Any] | None:
    """The update that protects a stack; nothing if it is protected."""
    told = {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}
    triggers = stack.get("RollbackConfiguration", {}).get("RollbackTriggers", [])
    if told[PROTECTION] == "true" and triggers:
        return None
    _, partition, _, region, account = stack["StackId"].split(":")[:5]
    arn = f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{stack['StackName']}-"
    parameters: list[dict[str, Any]] = [
        {"ParameterKey": key, "UsePreviousValue": True} for key in told if key != PROTECTION
    ]
    return {
        "Parameters": [*parameters, {"ParameterKey": PROTECTION, "ParameterValue": "true"}],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "RollbackConfiguration": {
            "MonitoringTimeInMinutes": WATCHED_MINUTES,
            "RollbackTriggers": [
                {"Arn": f"{arn}{alarm}", "Type": "AWS::CloudWatch::Alarm"}
                for alarm in ROLLED_BACK_BY
            ],
        },
    }


if __name__ == "__main__":
    main()
