"""Refuse unsigned requests to S3: the open LocalStack lets anybody read every object.

What a bucket's policy lets everybody read can still be read without a signature. LocalStack runs
this file in its own process before it serves.
"""

import json
import re
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.s3.models import s3_stores

UNSIGNED = "injectedaccesskey"
"""The key that LocalStack gives a request without a signature."""
READS = ("GetObject", "HeadObject")


def refuse_unsigned(chain: Any, context: RequestContext, response: Any) -> None:
    """Answers an unsigned request with 403, unless it reads what is public."""
    if context.service is None or context.service.service_name != "s3":
        return
    # The policy of a form is its signature, and the provider checks it. A preflight has none.
    if context.operation.name == "PostObject" or context.request.method == "OPTIONS":
        return
    if is_signed(context.request) or (context.operation.name in READS and is_public(context)):
        return
    raise CommonServiceException("AccessDenied", "Access Denied", status_code=403)


def is_signed(request: Any) -> bool:
    """Whether there is a signature in the address or in the headers."""
    presigned = "X-Amz-Signature" in request.args or "Signature" in request.args
    return presigned or UNSIGNED not in request.headers.get("Authorization", "")


def is_public(context: RequestContext) -> bool:
    """Whether the policy of the bucket lets everybody read the object."""
    wanted = context.service_request or {}
    for _, _, store in s3_stores.iter_stores():
        bucket = store.buckets.get(wanted.get("Bucket"))
        if bucket is not None and bucket.policy:
            arn = f"arn:aws:s3:::{wanted['Bucket']}/{wanted['Key']}"
            return any(lets_read(it, arn) for it in json.loads(bucket.policy)["Statement"])
    return False


def lets_read(statement: dict[str, Any], arn: str) -> bool:
    """Whether a statement of a bucket's policy lets everybody read the object."""
    return (
        statement.get("Effect") == "Allow"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and any(it in ("s3:GetObject", "s3:*") for it in as_list(statement.get("Action", [])))
        and any(matches(it, arn) for it in as_list(statement.get("Resource", [])))
    )


def matches(pattern: str, arn: str) -> bool:
    """Whether an ARN is one that `pattern`, with `*` for any text, names."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), arn) is not None


def as_list(value: Any) -> list[Any]:
    """`value` as a list; IAM allows one thing where it allows several."""
    return value if isinstance(value, list) else [value]


handlers.serve_custom_service_request_handlers.append(refuse_unsigned)
