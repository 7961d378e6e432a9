"""Complete what a local engine leaves out when it imports the API of a deployed stack.

API Gateway takes two things from the API document that MiniStack 1.5.33 skips: its gateway
responses and the answers of its CORS preflights. LocalStack 4.14.0 skips the first. Both are read
back from the stack as it was deployed and put in place through the same control plane, so that the
template stays what AWS reads. Running it again changes nothing.
"""

import sys
from typing import Any

import boto3
from intrinsics import conditions, resolved

PREFLIGHT = "OPTIONS"
INTEGRATION = "x-amazon-apigateway-integration"


def main() -> None:
    """Completes every REST API of the stack named on the command line."""
    stack = sys.argv[1]
    cloudformation = boto3.client("cloudformation")
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    values = {it["ParameterKey"]: it["ParameterValue"] for it in described["Parameters"]}
    listed = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    physical = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in listed}
    template = processed["TemplateBody"]
    holds = conditions(values, template)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            document = resolved(resource["Properties"]["Body"], values, holds)
            complete(physical[name], document, values)


def complete(api: str, document: dict[str, Any], values: dict[str, str]) -> None:
    """Puts the responses of one API document in place and makes its stage serve them."""
    gateway = boto3.client("apigateway")
    for kind, response in document.get("x-amazon-apigateway-gateway-responses", {}).items():
        status = {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            responseParameters=response.get("responseParameters", {}),
            responseTemplates=response.get("responseTemplates", {}),
            **status,
        )
    ids = {it["path"]: it["id"] for it in gateway.get_resources(restApiId=api, limit=500)["items"]}
    for path, operations in document["paths"].items():
        if PREFLIGHT.lower() in operations:
            answer = operations[PREFLIGHT.lower()][INTEGRATION]["responses"]["default"]
            preflight(gateway, api, ids[path], answer)
    gateway.create_deployment(restApiId=api, stageName=values["Environment"])


def preflight(gateway: Any, api: str, resource: str, answer: dict[str, Any]) -> None:
    """Gives one preflight its headers."""
    where = {"restApiId": api, "resourceId": resource, "httpMethod": PREFLIGHT}
    status = str(answer["statusCode"])
    headers = answer.get("responseParameters", {})
    declared = {name: False for name in headers}
    gateway.put_method_response(**where, statusCode=status, responseParameters=declared)
    gateway.put_integration_response(**where, statusCode=status, responseParameters=headers)


if __name__ == "__main__":
    main()
