"""The scripts of operators: what they give back, ask for and turn on, and what they leave alone."""

import io
import json
import subprocess
import tempfile
import unittest
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import on_table
import protect
import redrive
import smoke
import store_secrets
import teardown

QUEUES = (
    "TopUpDeadLetters",
    "TopUpQueue",
    "UploadDeadLetters",
    "UploadQueue",
    "FailedRuns",
    "StreamFailures",
)
FUNCTION = "arn:aws:lambda:us-east-1:1:function:metrics:$LATEST"


class GiveBack(unittest.TestCase):
    """`scripts/redrive`, over clients that write down what they are asked."""

    def queues(self, messages: list[dict[str, Any]], dry_run: bool = False) -> redrive.Redrive:
        """Queues with these messages, which are received once."""
        outputs = {f"{name}Url": name for name in QUEUES}
        with patch("redrive.boto3"), patch("redrive.deployed") as deployed:
            deployed.outputs.return_value = outputs
            made = redrive.Redrive("dev", dry_run, 1000)
        made.sqs, made.s3, made.functions = MagicMock(), MagicMock(), MagicMock()
        made.sqs.receive_message.side_effect = [{"Messages": messages}, {}]
        made.sqs.get_queue_attributes.return_value = {
            "Attributes": {"ApproximateNumberOfMessages": str(len(messages))}
        }
        made.s3.exceptions.NoSuchKey = KeyError
        made.functions.exceptions.ResourceNotFoundException = LookupError
        made.functions.get_alias.side_effect = LookupError
        return made

    def all(self, made: redrive.Redrive, kind: str) -> tuple[int, int]:
        """Gives everything of a kind back, without its progress."""
        with redirect_stdout(io.StringIO()):
            return made.all(kind)

    def test_a_dead_letter_goes_to_its_queue_and_is_deleted(self) -> None:
        made = self.queues([message("one")])
        self.assertEqual(self.all(made, "top-ups"), (1, 0))
        made.sqs.send_message.assert_called_once_with(QueueUrl="TopUpQueue", MessageBody="one")
        made.sqs.delete_message.assert_called_once()

    def test_a_dry_run_changes_nothing_and_shows_the_messages_again(self) -> None:
        made = self.queues([message("one")], dry_run=True)
        self.assertEqual(self.all(made, "uploads"), (1, 0))
        made.sqs.send_message.assert_not_called()
        made.sqs.delete_message.assert_not_called()
        asked = made.sqs.change_message_visibility.call_args.kwargs
        self.assertEqual(asked["VisibilityTimeout"], 0)

    def test_a_run_starts_with_its_event(self) -> None:
        event = {"time": "2026-11-29T06:00:00Z"}
        record = {"requestContext": {"functionArn": FUNCTION}, "requestPayload": event}
        made = self.queues([message(json.dumps(record))])
        self.assertEqual(self.all(made, "runs"), (1, 0))
        asked = made.functions.invoke.call_args.kwargs
        self.assertEqual((asked["FunctionName"], asked["InvocationType"]), ("metrics", "Event"))
        self.assertEqual(json.loads(asked["Payload"]), event)

    def test_a_run_that_never_started_names_its_function_in_an_attribute(self) -> None:
        target = {"TARGET_ARN": {"StringValue": FUNCTION}}
        made = self.queues([message("{}", target), message("{}")])
        self.assertEqual(self.all(made, "runs"), (1, 1))
        made.sqs.delete_message.assert_called_once()
        made.sqs.change_message_visibility.assert_called_once()

    def stream(self, answer: dict[str, Any], **more: Any) -> redrive.Redrive:
        """One batch of the stream, and what its function answers."""
        detail = {"bucket": {"name": "failures"}, "object": {"key": "aws/lambda/1"}}
        made = self.queues([message(json.dumps({"detail": detail}))])
        record = {
            "requestContext": {"functionArn": FUNCTION},
            "payload": json.dumps({"Records": [{"eventName": "INSERT"}]}),
        }
        made.s3.get_object.return_value = {"Body": io.BytesIO(json.dumps(record).encode())}
        payload = io.BytesIO(json.dumps(answer).encode())
        made.functions.invoke.return_value = {"Payload": payload, **more}
        return made

    def test_a_batch_is_given_to_its_function(self) -> None:
        made = self.stream({"batchItemFailures": []})
        self.assertEqual(self.all(made, "stream"), (1, 0))
        asked = json.loads(made.functions.invoke.call_args.kwargs["Payload"])
        self.assertEqual(asked, {"Records": [{"eventName": "INSERT"}]})
        made.sqs.delete_message.assert_called_once()

    def test_a_function_with_an_alias_is_called_by_it(self) -> None:
        record = {"requestContext": {"functionArn": FUNCTION}, "requestPayload": {}}
        for made, kind in (
            (self.queues([message(json.dumps(record))]), "runs"),
            (self.stream({"batchItemFailures": []}), "stream"),
        ):
            made.functions.get_alias.side_effect = None
            self.assertEqual(self.all(made, kind), (1, 0))
            made.functions.get_alias.assert_called_with(FunctionName="metrics", Name="live")
            self.assertEqual(made.functions.invoke.call_args.kwargs["FunctionName"], "metrics:live")

    def test_a_batch_that_fails_again_stays(self) -> None:
        for made in (
            self.stream({"batchItemFailures": [{"itemIdentifier": "7"}]}),
            self.stream({"errorMessage": "no"}, FunctionError="Unhandled"),
        ):
            self.assertEqual(self.all(made, "stream"), (0, 1))
            made.sqs.delete_message.assert_not_called()

    def test_a_batch_that_expired_stays(self) -> None:
        made = self.stream({})
        made.s3.get_object.side_effect = KeyError
        self.assertEqual(self.all(made, "stream"), (0, 1))


class OnTableTest(unittest.TestCase):
    """`scripts/verify`, `scripts/migrate` and `scripts/restore`, up to their program."""

    def started(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The command line of the program and its variables."""
        found = MagicMock(access_key="key", secret_key="secret", token=None)
        with (
            patch("on_table.boto3") as boto3,
            patch("on_table.deployed") as deployed,
            patch("on_table.os.execve") as execve,
            patch("sys.argv", ["on_table.py", "program", *arguments]),
        ):
            boto3.Session().get_credentials().get_frozen_credentials.return_value = found
            deployed.region.return_value = "eu-central-1"
            deployed.outputs.return_value = {"TableName": "of-the-stack"}
            on_table.main()
        _, command, variables = execve.call_args.args
        return command, variables

    def test_a_program_gets_the_table_of_the_stack(self) -> None:
        command, variables = self.started("prod", "facts", "--dry-run")
        self.assertEqual(command, ["program", "facts", "--dry-run"])
        self.assertEqual(variables["TABLE_NAME"], "of-the-stack")
        self.assertEqual(variables["AWS_REGION"], "eu-central-1")
        self.assertEqual(variables["AWS_SESSION_TOKEN"], "")

    def test_or_the_table_that_was_restored(self) -> None:
        command, variables = self.started("prod", "--table", "restored")
        self.assertEqual((command, variables["TABLE_NAME"]), (["program"], "restored"))


class Secrets(unittest.TestCase):
    """`scripts/secrets`."""

    bria = store_secrets.SECRETS["bria"][1]
    webhooks = store_secrets.SECRETS["webhooks"][1]

    def test_a_placeholder_is_replaced_and_not_accepted_any_more(self) -> None:
        before = {"api_token": "aB3" + "x" * 37}
        after = store_secrets.answered(before, self.bria, lambda _: "real-token")
        self.assertEqual(after, {"api_token": "real-token"})

    def test_a_rotation_keeps_the_old_value_until_it_ends(self) -> None:
        before = {"api_token": "old-token"}
        after = store_secrets.answered(before, self.bria, lambda _: "new-token")
        self.assertEqual(after, {"api_token": "new-token", "previous_api_token": "old-token"})
        self.assertEqual(store_secrets.ended(after, self.bria), {"api_token": "new-token"})

    def test_what_these_systems_issue_is_no_placeholder(self) -> None:
        for value in ("whsec_" + "aB" * 16, "rk_live_" + "aB" * 50, "0f" * 20, "0f" * 16):
            self.assertFalse(store_secrets.is_placeholder(value), value)

    def test_secrets_that_nobody_stored_are_named(self) -> None:
        client = MagicMock()
        stored = {"bria": {"api_token": "aB3" + "x" * 37}, "stripe": {"api_key": "rk_live_1"}}
        client.get_secret_value.side_effect = lambda SecretId: {
            "SecretString": json.dumps(stored[SecretId])
        }
        outputs = {"BriaSecretArn": "bria", "StripeSecretArn": "stripe"}
        self.assertEqual(store_secrets.placeholders(client, outputs), ["bria"])

    def test_an_empty_answer_leaves_a_value(self) -> None:
        before = {"signing_secret": "whsec_one"}
        self.assertEqual(store_secrets.answered(before, self.webhooks, lambda _: ""), before)

    def test_a_list_is_separated_by_commas(self) -> None:
        answers = iter(["", "whsec_two, whsec_three"])
        after = store_secrets.answered({}, self.webhooks, lambda _: next(answers))
        self.assertEqual(after, {"connect_signing_secrets": ["whsec_two", "whsec_three"]})

    def test_a_value_of_another_system_is_refused_and_not_repeated(self) -> None:
        with self.assertRaises(SystemExit) as refused:
            store_secrets.answered({}, self.webhooks, lambda _: "rk_live_hunter2")
        self.assertNotIn("hunter2", str(refused.exception))

    def test_a_key_is_read_from_its_file(self) -> None:
        images = store_secrets.SECRETS["images"][1]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "private.pem"
            file.write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n")
            after = store_secrets.answered({}, images, lambda _: str(file))
            self.assertEqual(after, {"private_key": file.read_text().strip()})
            file.write_text("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n")
            for typed in (str(file), "no-file-hunter2"):
                with self.assertRaises(SystemExit) as refused:
                    store_secrets.answered({}, images, lambda _, typed=typed: typed)
                self.assertNotIn("hunter2", str(refused.exception))

    def test_a_key_of_another_pair_is_not_stored(self) -> None:
        made = ["openssl", "genpkey", "-algorithm", "RSA"]
        own, other = (
            subprocess.check_output(made, text=True, stderr=subprocess.DEVNULL).strip()
            for _ in range(2)
        )
        public = subprocess.check_output(["openssl", "pkey", "-pubout"], input=own, text=True)
        outputs = {
            "ImagesSecretArn": "images",
            "ImagesKeys": f"K1:MIIB,AQAB K2:{','.join(public.splitlines()[1:-1])}",
        }
        for key, is_stored in ((own, True), (other, False), (own[:200], False)):
            client = MagicMock()
            client.get_secret_value.return_value = {"SecretString": '{"private_key": "aB3x"}'}
            with (
                patch("store_secrets.deployed") as stack,
                patch("store_secrets.boto3.client", return_value=client),
                patch("store_secrets.answered", return_value={"private_key": key}),
                patch("sys.argv", ["secrets", "prod", "images"]),
                redirect_stdout(io.StringIO()),
                nullcontext() if is_stored else self.assertRaises(SystemExit) as refused,
            ):
                stack.outputs.return_value = outputs
                store_secrets.main()
            self.assertEqual(client.put_secret_value.called, is_stored)
            if not is_stored:
                self.assertIn("none of the stack's public keys", str(refused.exception))

    def test_a_question_does_not_show_the_value(self) -> None:
        asked: list[str] = []
        before = {"api_token": "hunter2-token"}
        store_secrets.answered(before, self.bria, lambda question: asked.append(question) or "")
        self.assertNotIn("hunter2", "".join(asked))


class Protection(unittest.TestCase):
    """`infra/protect.py`."""

    stack = {
        "StackName": "prolight-prod",
        "StackId": "arn:aws:cloudformation:us-east-1:1:stack/prolight-prod/1",
        "Parameters": [
            {"ParameterKey": "Environment", "ParameterValue": "prod"},
            {"ParameterKey": "DeletionProtection", "ParameterValue": "false"},
        ],
    }

    def test_the_first_success_turns_it_on_and_changes_nothing_else(self) -> None:
        update = protect.needed(self.stack)
        assert update is not None
        self.assertEqual(update["Parameters"], [
            {"ParameterKey": "Environment", "UsePreviousValue": True},
            {"ParameterKey": "DeletionProtection", "ParameterValue": "true"},
        ])
        triggers = update["RollbackConfiguration"]["RollbackTriggers"]
        self.assertIn("alarm:prolight-prod-api-fails", triggers[0]["Arn"])
        self.assertLessEqual(len(triggers), 5)

    def test_a_protected_stack_is_left_alone(self) -> None:
        on = [{"ParameterKey": "DeletionProtection", "ParameterValue": "true"}]
        rolled_back = {"RollbackTriggers": [{"Arn": "one"}]}
        protected = {**self.stack, "Parameters": on, "RollbackConfiguration": rolled_back}
        self.assertIsNone(protect.needed(protected))


class Teardown(unittest.TestCase):
    """`scripts/teardown`."""

    def test_data_and_secrets_stay(self) -> None:
        stays = {name for _, name in teardown.retained()}
        wanted = {"Table", "Images", "Previews", "Records", "StreamFailures", "ApiAccountRole"}
        self.assertLessEqual(wanted, stays)
        self.assertLessEqual({"StripeSecret", "BriaSecret", "ShareSecret"}, stays)


class Smoke(unittest.TestCase):
    """`infra/smoke.py`."""

    def calls(self, answers: dict[str, tuple[int, dict[str, object]]], token: str | None) -> bool:
        """Whether an API that answers like this passes."""

        def ask(url: str, headers: dict[str, str]) -> tuple[int, dict[str, object], float]:
            path = url.removeprefix("https://api").partition("?")[0]
            return (*answers[f"{path}{' signed in' if headers else ''}"], 1.0)

        with patch("smoke.ask", ask), patch("smoke.time.sleep"), redirect_stdout(io.StringIO()):
            return all(works for _, works in smoke.calls("https://api", token))

    def test_an_api_that_works_passes_and_others_do_not(self) -> None:
        right: dict[str, tuple[int, dict[str, object]]] = {
            "/health": (200, {}),
            "/api/v1/marketplace/listings/search": (200, {"items": []}),
            "/api/v1/me": (401, {"code": "unauthenticated"}),
            "/api/v1/me signed in": (200, {"user_id": "kim"}),
        }
        self.assertTrue(self.calls(right, None))
        self.assertTrue(self.calls(right, "token"))
        for path in right:
            self.assertFalse(self.calls(right | {path: (500, {})}, "token"), path)
        self.assertFalse(self.calls(right | {"/api/v1/me": (200, {"user_id": "kim"})}, None))


def message(body: str, attributes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A message as a queue gives it."""
    return {
        "MessageId": f"id-{body}-{attributes}",
        "ReceiptHandle": "handle",
        "Body": body,
        "MessageAttributes": attributes or {},
    }


if __name__ == "__main__":
    unittest.main()
