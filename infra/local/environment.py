"""Make a deployed local stack usable: secrets, webhooks, people signed in, `.local/env`."""

import argparse
import json
import os
import secrets
import shlex
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from console import settings

PEOPLE = ("member", "creator", "moderator", "admin")
SANDBOX_BRIA_TOKEN = "sandbox-bria-token"
# Restricted keys: the sandbox lets only the second move money to creators.
SANDBOX_STRIPE_KEY = "rk_test_local"
SANDBOX_STRIPE_PAYOUTS_KEY = "rk_test_payouts"
PASSED_ON = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)


def main() -> None:
    """Reads the command line and does all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--sandbox-url", required=True)
    parser.add_argument("--frontend-url", required=True)
    parser.add_argument("--console-url", required=True)
    args = parser.parse_args()
    outputs = stack_outputs(args.stack)
    put_secret(outputs["BriaSecretArn"], {"api_token": SANDBOX_BRIA_TOKEN})
    put_secret(outputs["StripeSecretArn"], {"api_key": SANDBOX_STRIPE_KEY})
    put_secret(outputs["StripePayoutsSecretArn"], {"api_key": SANDBOX_STRIPE_PAYOUTS_KEY})
    if key := os.environ.get("GEMINI_API_KEY"):
        put_secret(outputs["GeminiSecretArn"], {"api_key": key})
    signing_secret, connect_secret = keep_signing_secrets(outputs["StripeWebhookSecretArn"])
    webhook_url = f"{outputs['ApiUrl']}/webhooks/stripe"
    announce_to(args.sandbox_url, webhook_url, (signing_secret, connect_secret))
    variables = {
        "PROLIGHT_API_URL": outputs["ApiUrl"],
        "FRONTEND_URL": args.frontend_url,
        "PROLIGHT_CONSOLE_URL": args.console_url,
        "SANDBOX_URL": args.sandbox_url,
    }
    for person in PEOPLE:
        variables[f"PROLIGHT_TOKEN_{person.upper()}"] = sign_in(args.sandbox_url, person)
    variables |= {
        "PROLIGHT_TABLE": outputs["TableName"],
        "PROLIGHT_IMAGES_BUCKET": outputs["ImagesBucket"],
        "PROLIGHT_PREVIEWS_BUCKET": outputs["PreviewsBucket"],
        "PROLIGHT_PREVIEWS_URL": outputs["PreviewsUrl"],
        "PROLIGHT_GENERATION_QUEUE_URL": outputs["GenerationQueueUrl"],
        "PROLIGHT_TOP_UP_QUEUE_URL": outputs["TopUpQueueUrl"],
        "PROLIGHT_UPLOAD_QUEUE_URL": outputs["UploadQueueUrl"],
        "PROLIGHT_STRIPE_WEBHOOK_SECRET": signing_secret,
        "PROLIGHT_STACK": args.stack,
    }
    variables |= {name: os.environ[name] for name in PASSED_ON}
    write(Path(".local/env"), variables)
    Path(".local/console.json").write_text(settings(outputs["ApiUrl"]))


def stack_outputs(stack: str) -> dict[str, str]:
    """The outputs of a deployed stack by name."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {it["OutputKey"]: it["OutputValue"] for it in described["Outputs"]}


def put_secret(arn: str, value: dict[str, object]) -> None:
    """Stores a new version of a secret, unless its current one already says so."""
    manager = boto3.client("secretsmanager")
    text = json.dumps(value, sort_keys=True)
    if manager.get_secret_value(SecretId=arn)["SecretString"] != text:
        manager.put_secret_value(SecretId=arn, SecretString=text)


def keep_signing_secrets(arn: str) -> tuple[str, str]:
    """The secrets of Stripe's webhooks: the stack's own if it has them, else new ones.

    The first signs what happens on our account, the second what happens on creators'.

    Functions that run have read it, so it stays what it is for as long as the stack is up.
    """
    stored = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    kept = json.loads(stored)
    if not str(kept.get("signing_secret", "")).startswith("whsec_"):
        kept["signing_secret"] = f"whsec_{secrets.token_hex(16)}"
    if not kept.get("connect_signing_secrets"):
        kept["connect_signing_secrets"] = [f"whsec_{secrets.token_hex(16)}"]
    put_secret(arn, kept)
    return str(kept["signing_secret"]), str(kept["connect_signing_secrets"][0])


def announce_to(sandbox_url: str, webhook_url: str, signing_secrets: tuple[str, str]) -> None:
    """Tells the sandbox's Stripe where its events go and what signs them."""
    ours, connect = signing_secrets
    settings = {
        "webhook": {"url": webhook_url, "secret": ours},
        "connect_webhook": {"url": webhook_url, "secret": connect},
    }
    ask(
        urllib.request.Request(
            f"{sandbox_url}/_sandbox/stripe",
            data=json.dumps(settings).encode(),
            headers={"Content-Type": "application/json"},
            method="PATCH",
        )
    )


def sign_in(sandbox_url: str, person: str) -> str:
    """The bearer token the sandbox gives one of its people."""
    form = {"grant_type": "password", "username": f"{person}@prolight.test"}
    body = urllib.parse.urlencode(form).encode()
    return str(ask(urllib.request.Request(f"{sandbox_url}/token", data=body))["access_token"])


def ask(request: urllib.request.Request) -> dict[str, Any]:
    """The sandbox's answer. It is on this machine, whatever proxy the shell has."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def write(path: Path, variables: dict[str, str]) -> None:
    """Writes a file a shell can source, for its owner's eyes only: it holds tokens."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text("".join(lines))
    draft.replace(path)


if __name__ == "__main__":
    main()
