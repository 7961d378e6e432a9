"""Ask for the secrets of an environment and store them. Nothing that is typed is shown or logged.

    scripts/secrets ENV [--dry-run] [NAME...]

NAME is `bria`, `gemini`, `images`, `stripe`, `payouts` or `webhooks`; without one, all that the
environment has are asked for. An empty answer leaves a value as it is. A replaced value that two
systems share, Bria's token or a signing secret, stays valid beside the new one: run it again with
--end-rotation once nothing uses the old one. Functions read a secret again within five minutes.
"""

import argparse
import getpass
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import deployed

PLACEHOLDER = re.compile(r"(?=.*[a-z])(?=.*[A-Z])\S{40}")
"""What CloudFormation generates: forty characters, small and large letters among them."""


@dataclass(frozen=True)
class Field:
    """One value of a secret."""

    name: str
    question: str
    looks_like: str = r"\S{8,}"
    previous: str | None = None
    """Where the old value stays during a rotation."""
    is_list: bool = False
    is_file: bool = False
    """Whether what is typed names the file with the value."""
    public_keys: str | None = None
    """The output with the public keys, to one of which a private key has to belong."""


SECRETS: dict[str, tuple[str, list[Field]]] = {
    "bria": (
        "BriaSecretArn",
        [Field("api_token", "Bria's API token", previous="previous_api_token")],
    ),
    "gemini": ("GeminiSecretArn", [Field("api_key", "Gemini's API key")]),
    "images": (
        "ImagesSecretArn",
        [
            Field(
                "private_key",
                "the file with the private key of ImagesPublicKey, in PEM",
                r"-----BEGIN (RSA )?PRIVATE KEY-----[\w+/=\s]+-----END (RSA )?PRIVATE KEY-----",
                is_file=True,
                public_keys="ImagesKeys",
            )
        ],
    ),
    "stripe": (
        "StripeSecretArn",
        [Field("api_key", "Stripe's key, without transfers", r"(rk|sk)_(live|test)_\S+")],
    ),
    "payouts": (
        "StripePayoutsSecretArn",
        [Field("api_key", "Stripe's key, transfers only", r"rk_(live|test)_\S+")],
    ),
    "webhooks": (
        "StripeWebhookSecretArn",
        [
            Field(
                "signing_secret",
                "the signing secret of Stripe's webhook",
                r"whsec_\S+",
                previous="previous_signing_secret",
            ),
            Field(
                "connect_signing_secrets",
                "the signing secrets of the creators' webhooks, separated by commas",
                r"whsec_[^\s,]+",
                is_list=True,
            ),
        ],
    ),
}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("environment")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--dry-run", action="store_true", help="ask and check, store nothing")
    parser.add_argument("--end-rotation", action="store_true", help="forget the old values")
    args = parser.parse_intermixed_args()
    if unknown := set(args.names) - set(SECRETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    outputs = deployed.outputs(args.environment)
    used = [name for name, (output, _) in SECRETS.items() if output in outputs]
    if unused := set(args.names) - set(used):
        sys.exit(f"{args.environment} does not use {', '.join(sorted(unused))}")
    client = boto3.client("secretsmanager", deployed.region(args.environment))
    for name in args.names or used:
        output, fields = SECRETS[name]
        before = stored(client, outputs[output])
        if args.end_rotation:
            after = ended(before, fields)
        else:
            after = answered(before, fields, getpass.getpass)
        if after == before:
            print(f"{name}: unchanged")
            continue
        for field in fields:
            if field.public_keys and not belongs(after[field.name], outputs[field.public_keys]):
                sys.exit(
                    f"{field.name}: it belongs to none of the stack's public keys, which a"
                    " deployment adds; nothing is stored"
                )
        if not args.dry_run:
            client.put_secret_value(SecretId=outputs[output], SecretString=json.dumps(after))
        print(f"{name}: {'would be ' if args.dry_run else ''}stored ({', '.join(sorted(after))})")


def answered(
    before: dict[str, Any], fields: list[Field], ask: Callable[[str], str]
) -> dict[str, Any]:
    """A secret with the values that an operator types."""
    after = dict(before)
    for field in fields:
        state = "a placeholder" if is_placeholder(before.get(field.name)) else "set"
        state = state if field.name in before else "missing"
        typed = ask(f"{field.question} ({state}; empty leaves it): ").strip()
        if typed == "":
            continue
        if field.is_file:
            typed = content(field, typed)
        parts = [it.strip() for it in typed.split(",")] if field.is_list else [typed]
        if not all(re.fullmatch(field.looks_like, part) for part in parts):
            sys.exit(f"{field.name}: that does not look like {field.question}; nothing is stored")
        old = before.get(field.name)
        value: Any = parts if field.is_list else typed
        if field.previous and old and old != value and not is_placeholder(old):
            after[field.previous] = old
        after[field.name] = value
    return after


def content(field: Field, path: str) -> str:
    """The value in a file that an operator names; the name is not repeated, it may be a secret."""
    try:
        return Path(path).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError):
        sys.exit(f"{field.name}: that is no file that can be read; nothing is stored")


def belongs(private_key: str, public_keys: str) -> bool:
    """Whether a private key is of one of the public keys, each of which is `<id>:<lines>`."""
    command = ["openssl", "pkey", "-pubout"]
    made = subprocess.run(command, input=private_key, capture_output=True, text=True, check=False)
    lines = ",".join(made.stdout.splitlines()[1:-1])
    return lines != "" and lines in [it.partition(":")[2] for it in public_keys.split()]


def ended(before: dict[str, Any], fields: list[Field]) -> dict[str, Any]:
    """A secret without the values that were replaced."""
    old = {field.previous for field in fields}
    return {name: value for name, value in before.items() if name not in old}


def stored(client: Any, arn: str) -> dict[str, Any]:
    """The current values of a secret."""
    return dict(json.loads(client.get_secret_value(SecretId=arn)["SecretString"]))


def is_placeholder(value: Any) -> bool:
    """Whether a value is what CloudFormation generated."""
    return isinstance(value, str) and PLACEHOLDER.fullmatch(value) is not None


def placeholders(client: Any, outputs: dict[str, str]) -> list[str]:
    """The secrets that are not stored yet, by name."""
    return [
        name
        for name, (output, fields) in SECRETS.items()
        if output in outputs
        and any(is_placeholder(stored(client, outputs[output]).get(it.name)) for it in fields)
    ]


if __name__ == "__main__":
    main()
