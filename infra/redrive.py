"""Give back what was given up: dead letters, failed runs and batches of the table's stream.

    scripts/redrive ENV [--dry-run] [--limit N] [WHAT...]

WHAT is `top-ups`, `uploads`, `runs`, `stream`, or nothing for all four. Fix the cause first: what
fails again comes back. A message is deleted only after what it stands for was accepted, so an
interrupted run is continued by the next one, and at worst repeats one message; every function may
get the same work twice. Dead letters of generations are not here: background-fail-dead-letters
takes them and fails their jobs.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import deployed

Message = dict[str, Any]
MESSAGES_AT_ONCE = 10
HIDDEN_S = 900
"""For how long a message that was read is hidden: longer than any function runs."""


class Refused(Exception):
    """What a message stands for was not accepted; it stays in its queue."""


class Redrive:
    """The queues of one environment and what their messages go back to."""

    def __init__(self, environment: str, dry_run: bool, limit: int) -> None:
        """Connects; nothing is read yet."""
        where = deployed.region(environment)
        self.outputs = deployed.outputs(environment)
        self.sqs = boto3.client("sqs", where)
        self.s3 = boto3.client("s3", where)
        self.functions = boto3.client("lambda", where)
        self.deleted: set[str] = set()
        self.dry_run = dry_run
        self.limit = limit

    def kinds(self) -> dict[str, tuple[str, Callable[[Message], str]]]:
        """The queue of each kind of work, and what gives one message back."""
        return {
            "top-ups": ("TopUpDeadLettersUrl", self.to_queue("TopUpQueueUrl")),
            "uploads": ("UploadDeadLettersUrl", self.to_queue("UploadQueueUrl")),
            "runs": ("FailedRunsUrl", self.run_again),
            "stream": ("StreamFailuresUrl", self.batch_again),
        }

    def all(self, kind: str) -> tuple[int, int]:
        """Gives back every message of one kind; returns how many were accepted and refused."""
        output, give_back = self.kinds()[kind]
        queue = self.outputs[output]
        total = min(self.waiting(queue), self.limit)
        done, refused = 0, 0
        print(f"{kind}: {total} waiting")
        for message in self.messages(queue):
            number = done + refused + 1
            try:
                said = give_back(message)
            except Refused as why:
                refused += 1
                print(f"  {number}/{total} {message['MessageId']} stays: {why}")
                continue
            done += 1
            print(f"  {number}/{total} {message['MessageId']} {said}")
            if not self.dry_run:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                self.deleted.add(message["MessageId"])
        return done, refused

    def waiting(self, queue: str) -> int:
        """About how many messages a queue has."""
        asked = ["ApproximateNumberOfMessages"]
        told = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=asked)
        return int(told["Attributes"][asked[0]])

    def messages(self, queue: str) -> Iterator[Message]:
        """The messages of a queue, each once. Those that stay are visible again afterwards."""
        seen: dict[str, Message] = {}
        try:
            while len(seen) < self.limit:
                told = self.sqs.receive_message(
                    QueueUrl=queue,
                    MaxNumberOfMessages=min(MESSAGES_AT_ONCE, self.limit - len(seen)),
                    MessageAttributeNames=["All"],
                    VisibilityTimeout=HIDDEN_S,
                    WaitTimeSeconds=1,
                )
                new = [it for it in told.get("Messages", []) if it["MessageId"] not in seen]
                if not new:
                    return
                seen |= {it["MessageId"]: it for it in new}
                yield from new
        finally:
            for name, message in seen.items():
                if name not in self.deleted:
                    self.sqs.change_message_visibility(
                        QueueUrl=queue,
                        ReceiptHandle=message["ReceiptHandle"],
                        VisibilityTimeout=0,
                    )

    def to_queue(self, output: str) -> Callable[[Message], str]:
        """What sends a message to the queue that it came from."""

        def send(message: Message) -> str:
            body = message["Body"]
            if not self.dry_run:
                self.sqs.send_message(QueueUrl=self.outputs[output], MessageBody=body)
            return "goes to its queue again"

        return send

    def run_again(self, message: Message) -> str:
        """Starts a run with the event that was given up.

        Lambda writes a record with the function and the event; EventBridge, which could not start
        it at all, the event alone, with the function in an attribute.
        """
        body = json.loads(message["Body"])
        if "requestContext" in body:
            function, event = body["requestContext"]["functionArn"], body["requestPayload"]
            why = body["requestContext"].get("condition", "")
        else:
            attributes = message.get("MessageAttributes", {})
            if "TARGET_ARN" not in attributes:
                raise Refused("it names no function")
            function, event = attributes["TARGET_ARN"]["StringValue"], body
            why = attributes.get("ERROR_CODE", {}).get("StringValue", "")
        name = self.called(function)
        if not self.dry_run:
            self.functions.invoke(
                FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
            )
        return f"runs {name} for {event.get('time', 'no time')} again ({why})"

    def batch_again(self, message: Message) -> str:
        """Gives a batch of the stream to its function, and waits for its answer."""
        detail = json.loads(message["Body"])["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        try:
            stored = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            raise Refused(f"{key} is no longer stored") from None
        record = json.loads(stored)
        name = self.called(record["requestContext"]["functionArn"])
        event = record["payload"]
        if isinstance(event, str):
            event = json.loads(event)
        count = len(event["Records"])
        if not self.dry_run:
            told = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
            answer = json.loads(told["Payload"].read() or b"{}")
            if "FunctionError" in told:
                raise Refused(f"{name} failed: {answer.get('errorMessage', '')}")
            if failed := (answer or {}).get("batchItemFailures"):
                raise Refused(f"{name} failed from record {failed[0]['itemIdentifier']} on")
        return f"gives {count} records to {name} again"

    def called(self, arn: str) -> str:
        """The function of an ARN, as others call it: by its alias, if it has one."""
        name = arn.split(":")[6]
        try:
            self.functions.get_alias(FunctionName=name, Name=deployed.ALIAS)
        except self.functions.exceptions.ResourceNotFoundException:
            return name
        return f"{name}:{deployed.ALIAS}"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("environment")
    parser.add_argument("what", nargs="*", metavar="WHAT")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen")
    parser.add_argument("--limit", type=int, default=1000, help="messages of each kind")
    args = parser.parse_intermixed_args()
    redrive = Redrive(args.environment, args.dry_run, args.limit)
    if unknown := set(args.what) - set(redrive.kinds()):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    results = [redrive.all(kind) for kind in args.what or redrive.kinds()]
    done, refused = (sum(it) for it in zip(*results, strict=True))
    print(f"{done} {'would be ' if args.dry_run else ''}given back, {refused} stay")
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
