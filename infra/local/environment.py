"""Make a deployed local stack usable: store its secrets, sign people in, write `.local/env`."""

import argparse
import json
import os
import shlex
import urllib.parse
import urllib.request
from pathlib import Path

import boto3

PEOPLE = ("member", "creator", "moderator", "admin")
SANDBOX_BRIA_TOKEN = "sandbox-bria-token"
PASSED_ON = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)


def main() -> None:
    """Reads the command line and does all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--sandbox-url", required=True)
    args = parser.parse_args()
    outputs = stack_outputs(args.stack)
    put_secret(outputs["BriaSecretArn"], {"api_token": SANDBOX_BRIA_TOKEN})
    if key := os.environ.get("GEMINI_API_KEY"):
        put_secret(outputs["GeminiSecretArn"], {"api_key": key})
    variables = {"PROLIGHT_API_URL": outputs["ApiUrl"], "SANDBOX_URL": args.sandbox_url}
    for person in PEOPLE:
        variables[f"PROLIGHT_TOKEN_{person.upper()}"] = sign_in(args.sandbox_url, person)
    variables |= {
        "PROLIGHT_TABLE": outputs["TableName"],
        "PROLIGHT_IMAGES_BUCKET": outputs["ImagesBucket"],
        "PROLIGHT_GENERATION_QUEUE_URL": outputs["GenerationQueueUrl"],
        "PROLIGHT_STACK": args.stack,
    }
    variables |= {name: os.environ[name] for name in PASSED_ON}
    write(Path(".local/env"), variables)


def stack_outputs(stack: str) -> dict[str, str]:
    """The outputs of a deployed stack by name."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {it["OutputKey"]: it["OutputValue"] for it in described["Outputs"]}


def put_secret(arn: str, value: dict[str, str]) -> None:
    """Stores a new version of a secret, unless its current one already says so."""
    secrets = boto3.client("secretsmanager")
    text = json.dumps(value, sort_keys=True)
    if secrets.get_secret_value(SecretId=arn)["SecretString"] != text:
        secrets.put_secret_value(SecretId=arn, SecretString=text)


def sign_in(sandbox_url: str, person: str) -> str:
    """The bearer token the sandbox gives one of its people."""
    form = {"grant_type": "password", "username": f"{person}@prolight.test"}
    body = urllib.parse.urlencode(form).encode()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{sandbox_url}/token", data=body, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


def write(path: Path, variables: dict[str, str]) -> None:
    """Writes a file a shell can source, for its owner's eyes only: it holds tokens."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text("".join(lines))
    draft.replace(path)


if __name__ == "__main__":
    main()
