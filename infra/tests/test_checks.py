"""Each deploy check complains: a change of the template that breaks a rule is found."""

import copy
import io
import json
import unittest
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import account
import alarms
import check
import deployed
import intrinsics
import protect
import ready
from samcli.yamlhelper import yaml_parse

Stack = dict[str, Any]
OBSERVABILITY, SECURITY, RUNS = (
    f"infra/{it}.yaml" for it in ("observability", "security", "runs")
)


class Checks(unittest.TestCase):
    """One template, changed in one place for each test."""

    main: Stack
    nested: dict[str, Stack]

    @classmethod
    def setUpClass(cls) -> None:
        """Transforms the template once."""
        with redirect_stderr(io.StringIO()):
            cls.main = check.transformed(Path("template.yaml"))
        cls.nested = {name: yaml_parse(Path(name).read_text()) for name in check.NESTED}

    def complains(self, about: str, change: Callable[[Stack, dict[str, Stack]], None]) -> None:
        """Changes a copy of the stacks and looks for the complaint."""
        main, nested = copy.deepcopy((self.main, self.nested))
        change(main, nested)
        said = [*alarms.complaints(main, nested), *account.complaints(main, nested)]
        self.assertTrue([it for it in said if about in it], f"{about!r} is not in {said}")

    def test_the_committed_templates_are_right(self) -> None:
        said = alarms.complaints(self.main, self.nested)
        self.assertEqual([*said, *account.complaints(self.main, self.nested)], [])

    def test_a_response_of_the_gateway_comes_to_one_text(self) -> None:
        given = {it: str(of.get("Default", "")) for it, of in self.main["Parameters"].items()}
        body = self.main["Resources"]["Api"]["Properties"]["Body"]
        roots = {
            "https://api.example/v": {"PublicApiUrl": "https://api.example/v"},
            "https://api.example": {"DomainName": "api.example"},
            "https://$context.domainName/$context.stage": {},
        }
        for root, own in roots.items():
            values = given | {"Environment": "prod"} | own
            holds = intrinsics.conditions(values, self.main)
            document = intrinsics.resolved(body, values, holds)
            for kind, answer in document["x-amazon-apigateway-gateway-responses"].items():
                with self.subTest(root=root, kind=kind):
                    text = answer["responseTemplates"]["application/json"]
                    # The one variable that API Gateway writes with its quotes.
                    problem = json.loads(text.replace("$context.error.messageString", '"why"'))
                    self.assertEqual(problem["type"], f"{root}/docs/problems/{problem['code']}")

    def test_an_alarm_is_of_its_stack(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            del properties(nested[OBSERVABILITY], "EventsParked")["Dimensions"]

        self.complains("EventsParked: is on the metric of all stacks", change)

    def test_a_metric_from_the_log_is_of_its_stack(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            made = properties(nested[SECURITY], "Answered401")["MetricTransformations"][0]
            del made["Dimensions"]

        self.complains("Answered401: its metric is that of all stacks", change)

    def test_an_alarm_looks_back_as_long_as_a_run_takes(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            properties(nested[OBSERVABILITY], "PayCreatorsFails")["Period"] = 300

        self.complains("BackgroundPayCreators may run for 900 s", change)

    def test_an_alarm_looks_back_as_long_as_a_parameter_lets_a_run_take(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            properties(nested[OBSERVABILITY], "IndexListingsFails")["Period"] = 900

        self.complains("BackgroundIndexListings may run for 900 s", change)

    def test_a_count_does_not_say_that_it_is_over(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            actions = properties(nested[OBSERVABILITY], "PayoutsStuck")
            actions["OKActions"] = actions["AlarmActions"]

        self.complains("PayoutsStuck: says that it is over", change)

    def test_an_alarm_is_in_the_runbook(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            properties(nested[OBSERVABILITY], "JobsFail")["AlarmName"] = {"Fn::Sub": "x-new"}

        self.complains("JobsFail: infra/README.md does not say what to do", change)

    def test_the_alarm_on_money_is_on_alarms_that_are_there(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            del nested[OBSERVABILITY]["Resources"]["TransfersRefused"]

        self.complains("there is no alarm transfers-refused", change)

    def test_deployments_are_rolled_back_by_alarms_that_are_there_in_time(self) -> None:
        seconds = 60 * protect.WATCHED_MINUTES
        said = [*alarms.too_late(self.nested, protect.ROLLED_BACK_BY, seconds)]
        self.assertEqual(said, [])
        nested = copy.deepcopy(self.nested)
        properties(nested[OBSERVABILITY], "RunGenerationFails")["Period"] = 3600
        del nested[SECURITY]["Resources"]["TokensNotVerified"]
        said = [*alarms.too_late(nested, protect.ROLLED_BACK_BY, seconds)]
        self.assertEqual(len(said), 2, said)
        self.assertIn("run-generation-fails is raised after 3600 s", said[0])
        self.assertIn("there is no alarm tokens-not-verified", said[1])

    def test_a_daily_run_is_missed(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            del nested[RUNS]["Resources"]["PayCreatorsMissed"]

        self.complains("no alarm says that BackgroundPayCreators has not run", change)

    def test_a_failed_run_leaves_its_event(self) -> None:
        def change(main: Stack, _: dict[str, Stack]) -> None:
            del main["Resources"]["BackgroundVerifyAuditEventInvokeConfig"]

        self.complains("BackgroundVerifyAudit: the event of a failed run is lost", change)

    def test_records_of_the_stream_are_stored(self) -> None:
        def change(main: Stack, _: dict[str, Stack]) -> None:
            del properties(main, "BackgroundProjectMetricsFacts")["DestinationConfig"]

        self.complains("BackgroundProjectMetricsFacts: records that are given up are lost", change)

    def test_metrics_of_a_method_are_for_an_alarm(self) -> None:
        def change(main: Stack, _: dict[str, Stack]) -> None:
            settings = properties(main, "ApiStage")["MethodSettings"]
            settings[0]["MetricsEnabled"], settings[1]["MetricsEnabled"] = True, False

        self.complains("the metrics of * are for no alarm", change)
        self.complains("/webhooks/stripe has an alarm and no metrics", change)

    def test_previews_are_private_behind_something(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            nested[account.DATA]["Conditions"]["IsPublic"] = {
                "Fn::Not": [{"Condition": "HasCdn"}]
            }

        self.complains("is public with PreviewsCdn=false, PreviewsUrl=https", change)
        self.complains("BlockPublicPolicy is off with PreviewsCdn=false", change)

    def test_an_image_is_served_with_a_signature_and_kept_nowhere(self) -> None:
        def other_behaviour(_: Stack, nested: dict[str, Stack]) -> None:
            config = properties(nested[account.DATA], "ImagesDistribution")["DistributionConfig"]
            config["CacheBehaviors"] = [{"PathPattern": "/new/*"}]

        def all_passed_on(_: Stack, nested: dict[str, Stack]) -> None:
            config = properties(nested[account.DATA], "ImagesDistribution")["DistributionConfig"]
            behaviour = config["DefaultCacheBehavior"]
            behaviour["OriginRequestPolicyId"] = "216adef6-5c7f-47e4-b989-5492eafa07d3"

        self.complains("images at /new/* are served without a signature", other_behaviour)
        self.complains("images at /new/* stay at the edges", other_behaviour)
        self.complains("images at * are passed on with more than their path", all_passed_on)

    def test_the_bucket_of_images_is_read_by_its_distribution_alone(self) -> None:
        def readable(nested: dict[str, Stack]) -> dict[str, Any]:
            policy = properties(nested[account.DATA], "ImagesOverTlsOnly")["PolicyDocument"]
            return dict.__getitem__(policy["Statement"][0], "Fn::If")[1]

        def all_objects(_: Stack, nested: dict[str, Stack]) -> None:
            readable(nested)["Resource"] = {"Fn::Sub": "${Images.Arn}/*"}

        def all_distributions(_: Stack, nested: dict[str, Stack]) -> None:
            del readable(nested)["Condition"]

        self.complains("the bucket of images allows ('s3:GetObject', {'Fn::Sub'", all_objects)
        self.complains("is read by more than its distribution", all_distributions)

    def test_an_origin_access_control_has_a_short_name(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            config = properties(nested[account.CDN], "PreviewsAccess")
            config["OriginAccessControlConfig"]["Name"] = {"Fn::Sub": "${PreviewsBucket}-previews"}

        self.complains("PreviewsAccess is not named after its stack", change)

    def test_secrets_are_not_generated_anew(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            secret = properties(nested[account.DATA], "StripeSecret")
            secret["GenerateSecretString"]["PasswordLength"] = 48

        self.complains("overwrites the stored secret", change)

    def test_the_table_needs_no_key_of_the_account(self) -> None:
        def change(_: Stack, nested: dict[str, Stack]) -> None:
            properties(nested[account.DATA], "Table")["SSESpecification"] = {"SSEEnabled": True}

        self.complains("permission for KMS", change)

    def test_a_process_may_read_what_it_starts_with(self) -> None:
        def change(main: Stack, nested: dict[str, Stack]) -> None:
            for stack in (main, nested[account.PERMISSIONS]):
                for resource in stack["Resources"].values():
                    forget_warm(resource)

        self.complains("EdgeWebhookStripeRole may not read WARM", change)


class Parameters(unittest.TestCase):
    """What `scripts/deploy` refuses before it builds."""

    def test_the_committed_file_is_refused(self) -> None:
        for environment in ("dev", "staging", "prod"):
            told = deployed.parameters(environment)
            said = [*ready.examples(told), *ready.no_account(environment)]
            self.assertTrue([it for it in said if it.startswith("AuthIssuer=")], said)
            self.assertTrue([it for it in said if it.startswith("FrontendUrl=")], said)
            self.assertTrue([it for it in said if "is not an account of yours" in it], said)

    def test_production_tries_new_code_first(self) -> None:
        self.assertEqual(check.lax("prod"), [])
        with patch("check.deployed.canary", return_value=""):
            self.assertEqual(check.lax("prod"), ["prod: a canary is not set"])

    def test_links_to_images_are_those_of_a_cdn(self) -> None:
        told = deployed.parameters("staging") | {"ImagesCdn": "false"}
        with patch("check.deployed.parameters", return_value=told):
            self.assertEqual(check.lax("staging"), ["staging: ImagesCdn is not set"])

    def test_a_cdn_of_images_has_a_key_and_is_not_local(self) -> None:
        template = yaml_parse(Path("template.yaml").read_text())
        asserted = template["Rules"]["ImagesCdnHasAKey"]["Assertions"]
        for environment, own, other, fits in (
            ("prod", "MIIB,AQAB", "", True),
            ("prod", "", "MIIB,AQAB", True),
            ("prod", "", "", False),
            ("local", "MIIB,AQAB", "", False),
        ):
            given = {
                "Environment": environment,
                "ImagesPublicKey": own,
                "ImagesOtherPublicKey": other,
            }
            held = [intrinsics.truth(it["Assert"], given, template) for it in asserted]
            self.assertEqual(all(held), fits, given)

    def test_a_real_environment_is_not(self) -> None:
        told = {"AuthIssuer": "https://auth.acme.io/", "CompanyEmail": "billing@acme.io"}
        self.assertEqual(list(ready.examples(told)), [])

    def test_another_account_is_refused(self) -> None:
        with patch("ready.boto3") as aws, patch("ready.account_of", return_value="210987654321"):
            identity = aws.client.return_value.get_caller_identity
            identity.return_value = {"Account": "210987654321"}
            self.assertEqual(list(ready.other_account("dev")), [])
            identity.return_value = {"Account": "999999999999"}
            self.assertIn("999999999999", "".join(ready.other_account("dev")))

    def test_a_slash_at_the_end_of_a_url_is_taken_off(self) -> None:
        given = ["FrontendUrl=https://app.acme.io/", "AuthIssuer=https://acme.auth0.com/"]
        section = {"deploy": {"parameters": {"parameter_overrides": given}}}
        with patch("deployed.section", return_value=section):
            told = deployed.parameters("dev")
        self.assertEqual(told["FrontendUrl"], "https://app.acme.io")
        self.assertEqual(told["AuthIssuer"], "https://acme.auth0.com/", "issuers are compared")

    def test_the_first_deployment_can_be_rolled_back(self) -> None:
        for stack, protection in ((None, "false"), ({"StackName": "x"}, "true")):
            said = io.StringIO()
            with (
                patch("ready.stack", return_value=stack),
                patch("sys.argv", ["ready.py", "prod", "--overrides"]),
                redirect_stdout(said),
            ):
                ready.main()
            self.assertIn(f'DeletionProtection="{protection}"', said.getvalue())

    def test_an_origin_has_no_path(self) -> None:
        for url, fits in (
            ("https://app.acme.io", True),
            ("https://app.acme.io:8443", True),
            ("https://app.acme.io/app", False),
            ("http://app.acme.io", False),
            ("app.acme.io", False),
        ):
            self.assertEqual(not list(ready.frontend({"FrontendUrl": url})), fits, url)


def properties(stack: Stack, name: str) -> dict[str, Any]:
    """The properties of one resource."""
    return dict.__getitem__(stack["Resources"][name], "Properties")


def forget_warm(node: Any) -> None:
    """Takes the partition out of every list of partitions."""
    if isinstance(node, dict):
        for value in node.values():
            forget_warm(value)
    elif isinstance(node, list):
        if account.WARM in node:
            node.remove(account.WARM)
        for value in node:
            forget_warm(value)


if __name__ == "__main__":
    unittest.main()
