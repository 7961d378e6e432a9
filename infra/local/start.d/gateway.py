"""Add to API Gateway what the open LocalStack leaves out: authorizers and gateway responses.

LocalStack runs this file in its own process before it serves.
"""

import json
import logging
import re
import threading
import time
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    BaseGatewayException,
    UnauthorizedError,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import (
    GatewayExceptionHandler,
)
from localstack.services.apigateway.next_gen.execute_api.helpers import get_source_arn
from rolo import Response

LOG = logging.getLogger("localstack.prolight.gateway")
FUNCTION = re.compile(r"functions/(arn:[^/]+)/invocations")
CONTEXT_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")
DEFAULT_TTL_S = 300

Answer = dict[str, Any]
answers: dict[tuple[Any, ...], tuple[float, Answer]] = {}
"""The authorizers' answers by stage, authorizer and identity, each with the time it expires at."""
answers_lock = threading.Lock()


def authorize(chain: Any, context: RestApiInvocationContext, response: Any) -> None:
    """Refuses a request that the authorizer of its method does not allow."""
    method = context.resource_method
    if method.get("authorizationType") != "CUSTOM":
        return
    authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId"))
    if authorizer is None:
        raise AuthorizerConfigurationError("Internal server error")
    answer = cached_answer(authorizer, context)
    if not allows(answer.get("policyDocument") or {}, get_source_arn(context)):
        raise AccessDeniedError("User is not authorized to access this resource")
    passed_on = {name: as_text(value) for name, value in (answer.get("context") or {}).items()}
    context.context_variables["authorizer"] = passed_on | {"principalId": answer.get("principalId")}


def cached_answer(authorizer: dict[str, Any], context: RestApiInvocationContext) -> Answer:
    """The authorizer's answer about the caller, as long as its time to live allows."""
    key = (context.api_id, context.stage, authorizer["id"], *identity(authorizer, context))
    now = time.monotonic()
    with answers_lock:
        expires_at, answer = answers.get(key, (now, {}))
    if now < expires_at:
        return answer
    answer = ask(authorizer, context)
    ttl_s = int(authorizer.get("authorizerResultTtlInSeconds", DEFAULT_TTL_S))
    with answers_lock:
        for expired in [it for it, (until, _) in answers.items() if until <= now]:
            del answers[expired]
        answers[key] = (now + ttl_s, answer)
    return answer


def identity(authorizer: dict[str, Any], context: RestApiInvocationContext) -> list[str]:
    """The headers that identify the caller. A request that lacks one is not authorized."""
    headers = context.invocation_request["headers"]
    sources = filter(None, (authorizer.get("identitySource") or "").split(","))
    values = [headers.get(source.strip().rpartition(".")[2]) for source in sources]
    if not all(values):
        raise UnauthorizedError("Unauthorized")
    return values


def ask(authorizer: dict[str, Any], context: RestApiInvocationContext) -> Answer:
    """Invokes the authorizer's function about a request."""
    function = FUNCTION.search(authorizer["authorizerUri"])
    if function is None:
        raise AuthorizerConfigurationError("Internal server error")
    client = connect_to(aws_access_key_id=context.account_id, region_name=context.region).lambda_
    payload = json.dumps(authorizer_event(context), default=str)
    invoked = client.invoke(FunctionName=function.group(1), Payload=payload)
    answer: Answer = json.loads(invoked["Payload"].read() or b"null") or {}
    if not invoked.get("FunctionError"):
        return answer
    if answer.get("errorMessage") == "Unauthorized":
        raise UnauthorizedError("Unauthorized")
    LOG.warning("the authorizer failed: %s", answer)
    raise AuthorizerConfigurationError("Internal server error")


def authorizer_event(context: RestApiInvocationContext) -> dict[str, Any]:
    """The event of an authorizer of type REQUEST."""
    request = context.invocation_request
    headers = request["headers"]
    return {
        "type": "REQUEST",
        "methodArn": get_source_arn(context),
        "resource": context.resource["path"],
        "path": request["path"],
        "httpMethod": request["http_method"],
        "headers": dict(headers.items()),
        "multiValueHeaders": {name: headers.getlist(name) for name in headers.keys()},
        "queryStringParameters": request["query_string_parameters"],
        "multiValueQueryStringParameters": request["multi_value_query_string_parameters"],
        "pathParameters": request["path_parameters"],
        "stageVariables": context.stage_variables or {},
        "requestContext": dict(context.context_variables),
    }


def allows(policy: dict[str, Any], arn: str) -> bool:
    """Whether a policy allows the method `arn`: a statement allows it, and none denies it."""
    effects = {
        statement.get("Effect")
        for statement in policy.get("Statement", [])
        if any(matches(it, arn) for it in as_list(statement.get("Resource", [])))
    }
    return effects == {"Allow"}


def matches(pattern: str, arn: str) -> bool:
    """Whether an ARN is one that `pattern`, with `*` and `?`, names."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, arn) is not None


def as_list(value: Any) -> list[Any]:
    """`value` as a list; IAM allows one thing where it allows several."""
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str | None:
    """A value of an authorizer's context as the function behind the API gets it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def create_exception_response(
    handler: GatewayExceptionHandler,
    exception: BaseGatewayException,
    context: RestApiInvocationContext,
) -> Response:
    """What the API's gateway responses say; LocalStack's own answer has a fixed body."""
    declared = get_gateway_response_or_default(
        exception.type, context.deployment.rest_api.gateway_responses
    )
    headers = handler._build_response_headers(exception)
    for name, value in (declared.get("responseParameters") or {}).items():
        if name.startswith("gatewayresponse.header.") and value.startswith("'"):
            headers[name.rpartition(".")[2]] = value[1:-1]
    template = (declared.get("responseTemplates") or {}).get("application/json")
    if template and not declared.get("defaultResponse"):
        body = rendered(template, exception, context)
    else:
        body = handler._build_response_content(exception)
    status = declared.get("statusCode") or exception.status_code or 500
    return Response(response=body, headers=headers, status=status)


def rendered(
    template: str, exception: BaseGatewayException, context: RestApiInvocationContext
) -> str:
    """The template of a gateway response with its context variables filled in."""
    values = {
        "requestId": (context.context_variables or {}).get("requestId", ""),
        "error.messageString": json.dumps(exception.message),
        "error.message": exception.message or "",
        "error.responseType": str(exception.type),
    }
    return CONTEXT_VARIABLE.sub(lambda found: str(values.get(found.group(1), "")), template)


handlers.preprocess_request.handlers.append(authorize)
GatewayExceptionHandler.create_exception_response = create_exception_response
