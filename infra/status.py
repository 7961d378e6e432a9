"""Say how an environment is: version, alarms, queues, last runs, secrets. It changes nothing.

    scripts/status ENV

It ends with status 1 if somebody has to look.
"""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import deployed
import ready
import store_secrets

QUEUES = {
    "GenerationQueueUrl": False,
    "TopUpQueueUrl": False,
    "UploadQueueUrl": False,
    "WebhookQueueUrl": False,
    "GenerationDeadLettersUrl": True,
    "TopUpDeadLettersUrl": True,
    "UploadDeadLettersUrl": True,
    "WebhookDeadLettersUrl": True,
    "FailedRunsUrl": True,
    "StreamFailuresUrl": True,
}
"""The queues, and whether a message in one needs a person."""
DAILY = ("ReconcileStripe", "PayCreators", "ReportRevenue", "VerifyAudit", "GrantRewards")
"""The functions whose last run counts: those by the minute have alarms that are in time."""
LOOKED_BACK = timedelta(hours=27)


def main() -> None:
    """Prints a paragraph for each question."""
    environment = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    stack, outputs = deployed.deployed(environment), deployed.outputs(environment)
    where = deployed.region(environment)
    troubles = [
        *version(stack, outputs, boto3.client("s3", where)),
        *alarms(stack["StackName"], boto3.client("cloudwatch", where)),
        *queues(outputs, boto3.client("sqs", where)),
        *runs(environment, boto3.client("cloudwatch", where)),
        *secrets(outputs, boto3.client("secretsmanager", where)),
        *topic(stack, where),
    ]
    print(f"\n{len(troubles)} to look at" if troubles else "\nnothing to look at")
    for trouble in troubles:
        print(f"  {trouble}")
    sys.exit(1 if troubles else 0)


def version(stack: dict[str, Any], outputs: dict[str, str], s3: Any) -> Iterator[str]:
    """What is deployed, and since when."""
    status = stack["StackStatus"]
    since = stack.get("LastUpdatedTime", stack["CreationTime"])
    print(f"{stack['StackName']}: {status} since {since:%Y-%m-%d %H:%M} UTC")
    print(f"  {outputs['ApiUrl']}")
    listed = s3.list_objects_v2(Bucket=outputs["RecordsBucket"], Prefix="bills/")
    bills = sorted(listed.get("Contents", []), key=lambda it: it["LastModified"])
    if bills:
        name = bills[-1]["Key"].removeprefix("bills/").removesuffix(".cdx.json")
        print(f"  version {name}, its bill of materials is in {outputs['RecordsBucket']}")
    if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
        yield f"the stack is {status}"
    protected = {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}
    if protected.get("DeletionProtection") == "false" and stack["StackName"].endswith("-prod"):
        yield "the table has no deletion protection: run scripts/deploy again"


def alarms(stack_name: str, cloudwatch: Any) -> Iterator[str]:
    """What is in alarm."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{stack_name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    kinds = ("MetricAlarms", "CompositeAlarms")
    listed = [it for page in pages for kind in kinds for it in page.get(kind, [])]
    loud = [it for it in listed if it["StateValue"] == "ALARM"]
    print(f"alarms: {len(loud)} of {len(listed)}")
    for it in loud:
        name = it["AlarmName"].removeprefix(f"{stack_name}-")
        print(f"  {name} since {it['StateUpdatedTimestamp']:%Y-%m-%d %H:%M}")
        yield f"alarm {name}: infra/README.md, Runbook"


def queues(outputs: dict[str, str], sqs: Any) -> Iterator[str]:
    """What waits."""
    print("queues: waiting, in work, delayed")
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    for output, needs_person in QUEUES.items():
        if output not in outputs:
            continue
        told = sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=names)
        counts = [int(told["Attributes"].get(name, 0)) for name in names]
        name = output.removesuffix("Url")
        print(f"  {name:<24}{counts[0]:>7}{counts[1]:>7}{counts[2]:>7}")
        if needs_person and counts[0]:
            yield f"{counts[0]} messages in {name}"


def runs(environment: str, cloudwatch: Any) -> Iterator[str]:
    """When the daily functions last ran, and how many of those runs failed."""
    physical = deployed.resources(environment, "AWS::Lambda::Function")
    functions = {name: physical[f"Background{name}"] for name in DAILY}
    now = datetime.now(timezone.utc)
    queries = [
        {
            "Id": f"{metric.lower()}{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "FunctionName", "Value": functions[name]}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
        }
        for index, name in enumerate(DAILY)
        for metric in ("Invocations", "Errors")
    ]
    told = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=now - LOOKED_BACK, EndTime=now
    )
    found = {it["Id"]: it for it in told["MetricDataResults"]}
    print("last runs")
    for index, name in enumerate(DAILY):
        times = found[f"invocations{index}"]["Timestamps"]
        failed = int(sum(found[f"errors{index}"]["Values"]))
        said = f"{max(times):%Y-%m-%d %H:%M}" if times else "not within 27 hours"
        print(f"  {name:<24}{said}{f', {failed} failed' if failed else ''}")
        if not times or failed:
            yield f"{name}: {said}, {failed} failed"


def secrets(outputs: dict[str, str], client: Any) -> Iterator[str]:
    """Which secrets were never stored. Their values are not shown."""
    missing = store_secrets.placeholders(client, outputs)
    print(f"secrets: {', '.join(missing) + ' not stored' if missing else 'stored'}")
    for name in missing:
        yield f"the secret {name} is a placeholder: scripts/secrets"


def topic(stack: dict[str, Any], where: str) -> Iterator[str]:
    """Whether alarms reach somebody."""
    told = {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}
    arn = told.get("AlarmTopicArn") or ready.topic_of(stack["StackName"], where)
    if arn == "":
        print("alarms go nowhere: AlarmEmail and AlarmTopicArn are empty")
        return
    count = ready.confirmed(arn)
    print(f"alarms go to {arn}, {count} confirmed subscriptions")
    if count == 0:
        yield f"{arn} has no confirmed subscription"


if __name__ == "__main__":
    main()
