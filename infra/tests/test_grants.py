"""A grant that no test used is found, in a function's own policy and in one with a name."""

import unittest
from typing import Any

from contract import grants


def allow(actions: list[str], patterns: list[str], resource: str = "Data.Outputs.TableArn") -> Any:
    """A statement on the table."""
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}
    where = {"Fn::GetAtt": resource.split(".", 1)}
    return {"Effect": "Allow", "Action": actions, "Resource": where, "Condition": condition}


def block(name: str, *policies: Any) -> dict[str, Any]:
    """A function."""
    code = f".local/lambda/{name}/bootstrap.zip"
    return {"Properties": {"CodeUri": code, "Policies": list(policies)}}


NAMED = {"Fn::GetAtt": ["Permissions", "Outputs.ReadAccounts"]}
OWN = {"Statement": [{"Fn::If": ["Uses", allow(["put", "update"], ["RATE#*", "USER#*"]), {}]}]}
TEMPLATE = {"Resources": {"Get": block("get", NAMED), "Put": block("put", NAMED, OWN)}}
PERMISSIONS = {
    "Resources": {
        "ReadAccounts": {
            "Properties": {"PolicyDocument": {"Statement": [allow(["get", "query"], ["USER#*"])]}}
        }
    }
}
ALL = """get get TableArn USER#*
put query TableArn USER#*
put put TableArn RATE#*
put update TableArn USER#*
"""


class Grants(unittest.TestCase):
    """Two functions, of which one has a policy of its own."""

    def unused(self, *without: str) -> list[str]:
        """What is printed when these lines were not recorded."""
        lines = [line for line in ALL.splitlines() if line not in without]
        used = grants.recorded("\n".join(lines))
        return sorted(grants.unused(grants.policies(TEMPLATE, PERMISSIONS), used))

    def test_each_action_and_each_partition_is_used_once(self) -> None:
        self.assertEqual(self.unused(), [])
        said = ["put: RATE#* on TableArn", "put: put on TableArn"]
        self.assertEqual(self.unused("put put TableArn RATE#*"), said)

    def test_every_function_uses_the_policies_that_it_names(self) -> None:
        said = ["ReadAccounts: query on TableArn", "put: ReadAccounts"]
        self.assertEqual(self.unused("put query TableArn USER#*"), said)

    def test_another_resource_is_none_of_this(self) -> None:
        queue = allow(["send"], ["*"], "Messaging.Outputs.WebhookQueueArn")
        resources = {"Send": block("send", {"Statement": [queue]})}
        found = grants.policies({"Resources": resources}, {"Resources": {}})
        self.assertEqual(list(grants.unused(found, {})), [])


if __name__ == "__main__":
    unittest.main()
