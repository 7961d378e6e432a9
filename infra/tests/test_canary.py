"""The template of a canary: who has an alias, who calls it, and which version it leads to."""

import copy
import io
import os
import tempfile
import unittest
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import canary
import check
import protect
from samcli.yamlhelper import yaml_parse

Stack = dict[str, Any]
KIND = "Canary10Percent10Minutes"


class Rules(unittest.TestCase):
    """The transformed template, changed in one place for each test."""

    main: Stack
    nested: dict[str, Stack]

    @classmethod
    def setUpClass(cls) -> None:
        """Transforms the template once."""
        with redirect_stderr(io.StringIO()):
            cls.main = check.with_canary(KIND)
        cls.nested = {name: yaml_parse(Path(name).read_text()) for name in check.NESTED}

    def complains(self, about: str, change: Callable[[Stack, dict[str, Stack]], None]) -> None:
        """Changes a copy of the stacks and looks for the complaint."""
        main, nested = copy.deepcopy((self.main, self.nested))
        change(main["Resources"], nested)
        said = [*canary.complaints(main, nested, KIND)]
        self.assertTrue([it for it in said if about in it], f"{about!r} is not in {said}")

    def test_the_committed_template_is_right(self) -> None:
        self.assertEqual([*canary.complaints(self.main, self.nested, KIND)], [])
        name = "template.yaml"
        self.assertEqual([*check.too_large(name, self.main, canary.RESOURCES_MAX)], [])
        count = len(self.main["Resources"])
        self.assertIn(f"{count} resources", *check.too_large(name, self.main, count - 1))

    def test_every_rollback_of_a_stack_is_one_of_a_canary(self) -> None:
        self.assertLessEqual(set(protect.ROLLED_BACK_BY), set(canary.ALARMS))

    def test_every_function_has_an_alias_that_codedeploy_moves(self) -> None:
        def no_alias(main: Stack, _: dict[str, Stack]) -> None:
            del main["EdgeAuthorizerAliaslive"]

        def no_group(main: Stack, _: dict[str, Stack]) -> None:
            del main["EdgeWebhookStripeDeploymentGroup"]

        def no_policy(main: Stack, _: dict[str, Stack]) -> None:
            del main["BillingOpenCheckoutAliaslive"]["UpdatePolicy"]

        def latest(main: Stack, _: dict[str, Stack]) -> None:
            properties(main, "EdgeWebhookBriaAliaslive")["FunctionVersion"] = "$LATEST"

        self.complains("EdgeAuthorizer: it has no alias", no_alias)
        self.complains("EdgeWebhookStripe: CodeDeploy does not move its alias", no_group)
        self.complains("BillingOpenCheckout: CodeDeploy does not move its alias", no_policy)
        self.complains("EdgeWebhookBria: its alias has no version of its own", latest)

    def test_an_alarm_moves_it_back(self) -> None:
        def unwatched(main: Stack, _: dict[str, Stack]) -> None:
            group = properties(main, "BackgroundBuyTopUpsDeploymentGroup")
            del group["AlarmConfiguration"]["Alarms"][0]

        def forwards(main: Stack, _: dict[str, Stack]) -> None:
            group = properties(main, "BackgroundBuyTopUpsDeploymentGroup")
            group["AutoRollbackConfiguration"]["Enabled"] = False

        self.complains("BackgroundBuyTopUps: api-fails does not stop its deployment", unwatched)
        self.complains("BackgroundBuyTopUps: an alarm does not move its alias back", forwards)

    def test_an_alarm_is_there_and_in_time(self) -> None:
        def missing(_: Stack, nested: dict[str, Stack]) -> None:
            del nested["infra/observability.yaml"]["Resources"]["EventsParked"]

        def late(_: Stack, nested: dict[str, Stack]) -> None:
            resources = nested["infra/observability.yaml"]["Resources"]
            properties(resources, "RelayOutboxFails")["EvaluationPeriods"] = 3

        self.complains("there is no alarm events-parked", missing)
        self.complains("relay-outbox-fails is raised after 600 s", late)

    def test_codedeploy_takes_ten_alarms(self) -> None:
        with patch("canary.ALARMS", (*canary.ALARMS, "api-slow", "jobs-fail")):
            self.complains("11 alarms: CodeDeploy takes 10", lambda *_: None)

    def test_a_kind_is_one_that_codedeploy_has(self) -> None:
        for kind in ("AllAtOnce", "Canary10Percent7Minutes", "Linear10PercentEvery1Minute"):
            said = [*canary.complaints(self.main, self.nested, kind)]
            self.assertEqual(len(said), 1, said)
            self.assertIn(f"{kind} is no canary", said[0])

    def test_nothing_calls_a_function_past_its_alias(self) -> None:
        def authorizer(main: Stack, _: dict[str, Stack]) -> None:
            schemes = properties(main, "Api")["Body"]["components"]["securitySchemes"]
            uri = schemes["Oidc"]["x-amazon-apigateway-authorizer"]["authorizerUri"]
            uri["Fn::Sub"][1]["__FunctionArn__"] = {"Fn::GetAtt": ["EdgeAuthorizer", "Arn"]}

        def route(main: Stack, _: dict[str, Stack]) -> None:
            post = properties(main, "Api")["Body"]["paths"]["/webhooks/stripe"]["post"]
            uri = post["x-amazon-apigateway-integration"]["uri"]
            uri["Fn::Sub"] = uri["Fn::Sub"].replace("Aliaslive}", ".Arn}")

        def permission(main: Stack, _: dict[str, Stack]) -> None:
            properties(main, "ApiOidcAuthorizerPermission")["FunctionName"] = {
                "Ref": "EdgeAuthorizer"
            }

        def queue(main: Stack, _: dict[str, Stack]) -> None:
            properties(main, "BackgroundRunGenerationQueue")["FunctionName"] = {
                "Ref": "BackgroundRunGeneration"
            }

        def settings(main: Stack, _: dict[str, Stack]) -> None:
            config = properties(main, "BackgroundVerifyAuditEventInvokeConfig")
            config["FunctionName"] = {"Ref": "BackgroundRelayOutbox"}

        def nested_stack(_: Stack, nested: dict[str, Stack]) -> None:
            nested["infra/security.yaml"]["Resources"]["Caller"] = {
                "Type": "AWS::Lambda::Permission",
                "Properties": {"FunctionName": {"Ref": "Authorizer"}},
            }

        self.complains("Api: it calls EdgeAuthorizer past", authorizer)
        self.complains("Api: it calls EdgeWebhookStripe past", route)
        self.complains("ApiOidcAuthorizerPermission: it calls EdgeAuthorizer past", permission)
        self.complains("Queue: it calls BackgroundRunGeneration past", queue)
        self.complains("EventInvokeConfig: it calls BackgroundRelayOutbox past", settings)
        self.complains("Security: it calls EdgeAuthorizer past", nested_stack)

    def test_a_scheduled_run_has_no_part(self) -> None:
        def change(main: Stack, _: dict[str, Stack]) -> None:
            target = properties(main, "BackgroundVerifyAuditEveryNight")["Targets"][0]
            target["Arn"] = {"Ref": "BackgroundBuyTopUpsAliaslive"}

        self.complains("BackgroundBuyTopUps runs by a schedule", change)

    def test_an_alarm_is_on_every_route_that_writes(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            resources = nested["infra/observability.yaml"]["Resources"]
            metric = properties(resources, "PaidCallsAnswered5xx")
            metric["FilterPattern"] = metric["FilterPattern"].replace("/billing", "/credits")

        self.complains("BillingOpenCheckout: no alarm is on 5xx of /api/v1/billing", change)

    def test_the_function_changes_with_its_version(self) -> None:
        # Otherwise Lambda would have no new version to publish, and the deployment would fail.
        for name in canary.CANARIES:
            description = properties(self.main["Resources"], name)["Description"]
            self.assertIn(f"{name}Version{description[:10]}", self.main["Resources"])

    def test_old_versions_do_not_pile_up(self) -> None:
        resources = self.main["Resources"].values()
        versions = [it for it in resources if it["Type"] == "AWS::Lambda::Version"]
        self.assertEqual({it["DeletionPolicy"] for it in versions}, {"Delete"})


class Versions(unittest.TestCase):
    """When SAM publishes another version of a function."""

    def versions(self, kind: str = KIND, **parameters: str) -> set[str]:
        """The logical ids of the versions with these parameters."""
        template = yaml_parse(canary.TEMPLATE.read_text())
        with redirect_stderr(io.StringIO()):
            made = check.translated(canary.canaried(template, kind, parameters))
        resources = made["Resources"].items()
        return {name for name, it in resources if it["Type"] == "AWS::Lambda::Version"}

    def test_another_value_of_a_parameter_is_another_version_of_each(self) -> None:
        before = self.versions(ImageOrigins="https://one.example")
        self.assertEqual(before, self.versions(ImageOrigins="https://one.example"))
        self.assertEqual(len(before), len(canary.CANARIES))
        self.assertFalse(before & self.versions(ImageOrigins="https://two.example"))

    def test_at_once_is_the_same_version(self) -> None:
        self.assertEqual(self.versions(), self.versions(kind=""))

    def test_code_is_a_version_of_its_function_alone(self) -> None:
        template = yaml_parse(canary.TEMPLATE.read_text())
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, "bootstrap.zip")
            template["Resources"]["EdgeAuthorizer"]["Properties"]["CodeUri"] = str(archive)
            digests = []
            for code in (b"old", b"new"):
                archive.write_bytes(code)
                made = canary.canaried(template, KIND, {})["Resources"]
                digests.append({
                    name: properties(made, name)["AutoPublishCodeSha256"]
                    for name in canary.CANARIES
                })
        changed = [name for name in canary.CANARIES if digests[0][name] != digests[1][name]]
        self.assertEqual(changed, ["EdgeAuthorizer"])


class Written(unittest.TestCase):
    """Which template `scripts/deploy` gets."""

    def setUp(self) -> None:
        """Writes elsewhere than a deployment does."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.written = Path(folder.name, "made", "canary.yaml")
        elsewhere = patch("canary.WRITTEN", self.written)
        elsewhere.start()
        self.addCleanup(elsewhere.stop)

    def chosen(self, *arguments: str) -> tuple[str, Stack]:
        """What is printed, and the template at that path."""
        said = io.StringIO()
        with patch("sys.argv", ["canary.py", *arguments]), redirect_stdout(said):
            canary.main()
        path = said.getvalue().strip()
        return path, yaml_parse(Path(path).read_text())

    def test_only_an_environment_with_a_canary_gets_another_one(self) -> None:
        before = canary.TEMPLATE.read_bytes()
        self.assertEqual(self.chosen("dev")[0], "template.yaml")
        for environment in ("staging", "prod"):
            path, made = self.chosen(environment)
            self.assertEqual(path, str(self.written))
            authorizer = properties(made["Resources"], "EdgeAuthorizer")
            self.assertEqual(authorizer["DeploymentPreference"]["Type"], KIND)
        self.assertEqual(canary.TEMPLATE.read_bytes(), before)

    def test_at_once_keeps_the_aliases_and_asks_no_alarm(self) -> None:
        _, made = self.chosen("prod", "--at-once")
        for name in canary.CANARIES:
            function = properties(made["Resources"], name)
            self.assertEqual(function["AutoPublishAlias"], "live")
            self.assertNotIn("DeploymentPreference", function)

    def test_nothing_else_is_changed(self) -> None:
        _, made = self.chosen("prod")
        given = yaml_parse(canary.TEMPLATE.read_text())
        for name in set(given["Resources"]) - set(canary.CANARIES) - {"Api"}:
            resource = made["Resources"][name]
            for path in ("CodeUri", "Location"):
                if path in resource["Properties"]:
                    there = self.written.parent / resource["Properties"][path]
                    resource["Properties"][path] = os.path.relpath(there.resolve())
            self.assertEqual(resource, given["Resources"][name], name)
        self.assertEqual(set(made["Resources"]), set(given["Resources"]))
        for part in ("Parameters", "Rules", "Conditions", "Globals", "Outputs"):
            self.assertEqual(made[part], given[part])

    def test_paths_of_nested_stacks_lead_to_them(self) -> None:
        path, made = self.chosen("prod")
        location = properties(made["Resources"], "Data")["Location"]
        self.assertTrue((Path(path).parent / location).samefile("infra/data.yaml"))


def properties(resources: Stack, name: str) -> dict[str, Any]:
    """The properties of one resource."""
    return dict.__getitem__(resources[name], "Properties")


if __name__ == "__main__":
    unittest.main()
