"""Put the built console into its bucket: `python infra/console_files.py ENV`.

Hashed files first, so that no page names a file that is not there yet, and for a year: they never
change. Then the page and the settings, which no cache keeps. Files of earlier builds stay for whoever
has a page of them open; the bucket forgets them after a year.
"""

import json
import mimetypes
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
from deployed import outputs, region

DIST = Path("shared/web/console/dist")
HASHED = "assets/"
A_YEAR = "public, max-age=31536000, immutable"
NEVER = "no-cache"


def main() -> None:
    """Uploads the files of the environment named on the command line, if it has a console."""
    environment = sys.argv[1]
    told = outputs(environment)
    bucket = told.get("ConsoleBucket")
    if bucket is None:
        print("this environment has no console of ours: ConsoleCertificateArn is empty")
        return
    s3 = boto3.client("s3", region_name=region(environment))
    for key, body, caching in files(told["ApiUrl"]):
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind, CacheControl=caching)
    print(f"the console is in {bucket}; its name has to point to {told['ConsoleTarget']}")


def files(api_url: str) -> Iterator[tuple[str, bytes, str]]:
    """Key, content and caching of every file, the page and the settings last."""
    found = sorted(path for path in DIST.rglob("*") if path.is_file())
    keys = [path.relative_to(DIST).as_posix() for path in found]
    for hashed in (True, False):
        for key in keys:
            if key.startswith(HASHED) == hashed:
                yield key, (DIST / key).read_bytes(), A_YEAR if hashed else NEVER
    yield "config.json", (json.dumps({"api_url": api_url}) + "\n").encode(), NEVER


if __name__ == "__main__":
    main()
