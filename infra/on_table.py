"""Run a program of shared/upkeep on the table of an environment.

    on_table.py PROGRAM ENV [--table NAME] [ARGUMENTS...]

The programs are built of the functions' crates, which read the table's name, the region and the
credentials from the variables that Lambda sets. Here they come from the stack and from the profile
or the variables of this shell.
"""

import os
import sys

import boto3
import deployed


def main() -> None:
    """Replaces this process by the program."""
    program, environment, *arguments = sys.argv[1:] if len(sys.argv) > 2 else sys.exit(__doc__)
    variables = variables_of(environment, taken(arguments, "--table"))
    os.execve(program, [program, *arguments], os.environ | variables)


def taken(arguments: list[str], name: str) -> str | None:
    """The value of an option, which is taken out of the arguments."""
    if name not in arguments:
        return None
    place = arguments.index(name)
    if place + 1 == len(arguments):
        sys.exit(f"{name} needs a value")
    arguments.pop(place)
    return arguments.pop(place)


def variables_of(environment: str, table: str | None) -> dict[str, str]:
    """The variables by which a function finds its table."""
    credentials = boto3.Session().get_credentials()
    if credentials is None:
        sys.exit("this shell is not signed in to AWS")
    found = credentials.get_frozen_credentials()
    return {
        "AWS_REGION": deployed.region(environment),
        "AWS_ACCESS_KEY_ID": found.access_key,
        "AWS_SECRET_ACCESS_KEY": found.secret_key,
        "AWS_SESSION_TOKEN": found.token or "",
        "TABLE_NAME": table or deployed.outputs(environment)["TableName"],
    }


if __name__ == "__main__":
    main()
