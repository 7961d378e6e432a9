//! The template: one block per function, which matches the function exactly.

use std::{cell::RefCell, collections::BTreeSet};

use runtime::{Access, Function, Trigger};
use testing::grants::{load, statements};
use yaml_rust2::Yaml;

use crate::{endpoints, functions};

/// API Gateway answers 504 after this many seconds, whatever the function does.
const GATEWAY_TIMEOUT_S: i64 = 29;
/// Visibility timeout of a queue, in timeouts of its consumer.
const VISIBILITY_TIMEOUTS: i64 = 6;
/// Variables that are not part of a capability.
const LINKS: &str = "PUBLIC_API_URL";

pub(crate) fn text(node: &Yaml) -> &str {
    node.as_str().unwrap_or_default()
}

fn texts(node: &Yaml) -> Vec<&str> {
    node.as_vec().into_iter().flatten().map(text).collect()
}

pub(crate) fn keys(node: &Yaml) -> BTreeSet<&str> {
    node.as_hash().into_iter().flat_map(|hash| hash.keys()).map(text).collect()
}

/// The logical id of a function: `generation-get-generation` is `GenerationGetGeneration`.
fn logical_id(name: &str) -> String {
    let capitalized = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    name.split('-').map(capitalized).collect()
}

/// Runs `check` on the block of every function.
fn each_block(check: impl Fn(&Function, &Yaml)) {
    let template = load("template.yaml");
    for function in functions() {
        let block = &template["Resources"][logical_id(function.name()).as_str()];
        check(&function, &block["Properties"]);
    }
}

#[test]
fn every_function_has_a_block_and_every_block_a_function() {
    let template = load("template.yaml");
    let resources = template["Resources"].as_hash().unwrap();
    let is_function = |node: &Yaml| text(&node["Type"]) == "AWS::Serverless::Function";
    let blocks: BTreeSet<String> = resources
        .iter()
        .filter(|(_, node)| is_function(node))
        .map(|(name, _)| text(name).to_owned())
        .collect();
    let known: BTreeSet<String> = functions().iter().map(|f| logical_id(f.name())).collect();
    assert_eq!(known.len(), functions().len(), "names are unique");
    assert_eq!(blocks, known);
}

/// The name of a deployed function is CloudFormation's: what needs it asks for the logical id.
#[test]
fn a_name_is_the_same_word_everywhere() {
    each_block(|function, block| {
        let name = function.name();
        assert!(block["FunctionName"].is_badvalue(), "{name}");
        assert_eq!(text(&block["CodeUri"]), format!(".local/lambda/{name}/bootstrap.zip"));
    });
}

/// One group, whose every line names its function.
#[test]
fn every_function_logs_to_one_group_that_is_retained_for_a_time() {
    let template = load("template.yaml");
    let group = text(&template["Globals"]["Function"]["LoggingConfig"]["LogGroup"]);
    let log = &template["Resources"][group]["Properties"];
    assert_eq!(text(&log["LogGroupName"]), "/aws/lambda/${AWS::StackName}");
    assert_eq!(text(&log["RetentionInDays"]), "LogRetentionDays");
    each_block(|function, block| {
        assert!(block["LoggingConfig"].is_badvalue(), "{}", function.name());
    });
}

#[test]
fn a_function_has_the_trigger_of_its_constant() {
    each_block(|function, block| {
        let name = function.name();
        let events: Vec<&Yaml> =
            block["Events"].as_hash().into_iter().flat_map(|events| events.values()).collect();
        let started = match &function.trigger {
            Trigger::Token(_) => {
                assert!(events.is_empty(), "{name}");
                return;
            }
            Trigger::Route(_) => "Api",
            Trigger::Queue(_) => "SQS",
            Trigger::Stream(_) => "DynamoDB",
            Trigger::Schedule(_) => "Schedule",
        };
        // A route that answers `HEAD` has a second event, equal except for its method.
        let (event, head) = match (&events[..], &function.trigger) {
            ([event, head], Trigger::Route(endpoint)) if endpoint.head => (event, Some(head)),
            ([event], trigger) if !matches!(trigger, Trigger::Route(it) if it.head) => {
                (event, None)
            }
            _ => panic!("{name} must have exactly one trigger"),
        };
        assert_eq!(text(&event["Type"]), started, "{name}");
        if let Some(head) = head {
            assert_eq!((text(&head["Type"]), text(&head["Properties"]["Method"])), ("Api", "HEAD"));
            for same in ["RestApiId", "Path", "Auth"] {
                assert_eq!(head["Properties"][same], event["Properties"][same], "{name} {same}");
            }
        }
        let properties = &event["Properties"];
        match &function.trigger {
            Trigger::Route(endpoint) => {
                assert_eq!(text(&properties["RestApiId"]), "Api", "{name}");
                assert_eq!(text(&properties["Method"]), endpoint.method.as_str(), "{name}");
                assert_eq!(text(&properties["Path"]), endpoint.path, "{name}");
                let open = matches!(endpoint.access, Access::Public | Access::Signed);
                let authorizer = text(&properties["Auth"]["Authorizer"]);
                assert_eq!(authorizer, if open { "NONE" } else { "" }, "{name}");
            }
            Trigger::Queue(_) | Trigger::Stream(_) => {
                let kinds = texts(&properties["FunctionResponseTypes"]);
                assert_eq!(kinds, ["ReportBatchItemFailures"], "{name} reports partial failures");
            }
            Trigger::Schedule(_) | Trigger::Token(_) => {}
        }
    });
}

#[test]
fn every_route_is_guarded_unless_it_says_otherwise() {
    let template = load("template.yaml");
    let auth = &template["Resources"]["Api"]["Properties"]["Auth"];
    let default = text(&auth["DefaultAuthorizer"]);
    assert_eq!(text(&auth["Authorizers"][default]["FunctionArn"]), "EdgeAuthorizer.Arn");
    let endpoints = endpoints();
    let routes: BTreeSet<(&str, &str)> =
        endpoints.iter().map(|endpoint| (endpoint.method.as_str(), endpoint.path)).collect();
    assert_eq!(routes.len(), endpoints.len(), "routes are unique");
    for (method, path) in routes {
        let at_root =
            ["/health", "/docs", "/webhooks/", "/s/"].iter().any(|root| path.starts_with(root));
        assert!(at_root || path.starts_with("/api/v1/"), "{method} {path}");
    }
}

/// Of the variables that every function has, each uses what its capabilities ask for.
fn common() -> BTreeSet<String> {
    let template = load("template.yaml");
    let common = keys(&template["Globals"]["Function"]["Environment"]["Variables"]);
    common.into_iter().map(str::to_owned).collect()
}

/// A function that creates links to this API uses its URL.
#[test]
fn a_block_declares_exactly_the_variables_its_function_needs() {
    let common = common();
    assert!(common.contains(LINKS));
    each_block(|function, block| {
        let mut needed: BTreeSet<&str> = function.variables().iter().copied().collect();
        needed.retain(|name| !common.contains(*name));
        let mut declared = keys(&block["Environment"]["Variables"]);
        declared.retain(|name| !common.contains(*name));
        assert_eq!(declared, needed, "{}", function.name());
    });
}

/// A function's policy covers the resources in its variables, and nothing else.
#[test]
fn a_policy_is_about_what_the_variables_name() {
    let services = [
        ("TABLE_NAME", "dynamodb"),
        ("IMAGES_BUCKET", "s3"),
        ("PREVIEWS_BUCKET", "s3"),
        ("RECORDS_BUCKET", "s3"),
        ("GENERATION_QUEUE_URL", "sqs"),
        ("TOP_UP_QUEUE_URL", "sqs"),
        ("WEBHOOK_QUEUE_URL", "sqs"),
        ("AUTH_SECRET_ARN", "secretsmanager"),
        ("BRIA_SECRET_ARN", "secretsmanager"),
        ("GEMINI_SECRET_ARN", "secretsmanager"),
        ("IMAGES_SECRET_ARN", "secretsmanager"),
        ("SHARE_SECRET_ARN", "secretsmanager"),
        ("STRIPE_SECRET_ARN", "secretsmanager"),
        ("STRIPE_PAYOUTS_SECRET_ARN", "secretsmanager"),
        ("STRIPE_WEBHOOK_SECRET_ARN", "secretsmanager"),
    ];
    each_block(|function, block| {
        let declared = function.variables();
        let named = services.iter().filter(|(variable, _)| declared.contains(variable));
        let named: BTreeSet<&str> = named.map(|(_, service)| *service).collect();
        let allowed: BTreeSet<&str> = statements(&block["Policies"])
            .into_iter()
            .inspect(|statement| assert_eq!(text(&statement["Effect"]), "Allow"))
            .flat_map(|statement| texts(&statement["Action"]))
            .filter_map(|action| Some(action.split_once(':')?.0))
            .collect();
        assert_eq!(allowed, named, "{}", function.name());
    });
}

/// Transfers to creators use a key of their own, which one function may read.
#[test]
fn only_the_function_that_pays_creators_reads_the_key_of_payouts() {
    let readers = RefCell::new(Vec::new());
    each_block(|function, block| {
        let is_key = |resource: &Yaml| text(resource).ends_with("StripePayoutsSecretArn");
        let mut statements = statements(&block["Policies"]).into_iter();
        let reads = statements.any(|statement| match statement["Resource"].as_vec() {
            Some(all) => all.iter().any(is_key),
            None => is_key(&statement["Resource"]),
        });
        if reads {
            readers.borrow_mut().push(function.name().to_owned());
        }
    });
    assert_eq!(readers.into_inner(), ["background-pay-creators"]);
}

/// What the boundary allows is tested in `testing::grants`.
#[test]
fn every_function_has_the_boundary() {
    let template = load("template.yaml");
    let globals = &template["Globals"]["Function"];
    let boundary = "Permissions.Outputs.FunctionBoundary";
    assert_eq!(text(&globals["PermissionsBoundary"]), boundary);
    each_block(|function, block| {
        assert!(block["PermissionsBoundary"].is_badvalue(), "{}", function.name());
    });
}

/// A run that could not start, or failed every time, leaves its event in a queue.
#[test]
fn the_event_of_a_failed_run_is_stored_in_a_queue() {
    each_block(|function, block| {
        let Trigger::Schedule(_) = function.trigger else { return };
        let events = block["Events"].as_hash().unwrap();
        let (_, event) = events.front().unwrap();
        let kept = "Messaging.Outputs.FailedRunsArn";
        let properties = &event["Properties"];
        assert_eq!(text(&properties["DeadLetterConfig"]["Arn"]), kept, "{}", function.name());
        let given_up = &block["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(text(&given_up["Destination"]), kept, "{}", function.name());
        assert!(!properties["RetryPolicy"].is_badvalue(), "{}", function.name());
    });
}

#[test]
fn a_function_ends_before_its_caller_stops_waiting() {
    let template = load("template.yaml");
    let messaging = load("infra/messaging.yaml");
    let usual = template["Globals"]["Function"]["Timeout"].as_i64().unwrap();
    each_block(|function, block| {
        let own = &block["Timeout"];
        // One that is a parameter may be as long as its most.
        let most = || template["Parameters"][text(own)]["MaxValue"].as_i64();
        let timeout_s = own.as_i64().or_else(most).unwrap_or(usual);
        match &function.trigger {
            Trigger::Route(_) | Trigger::Token(_) => {
                assert!(timeout_s < GATEWAY_TIMEOUT_S, "{}", function.name());
            }
            Trigger::Queue(_) => {
                let events = block["Events"].as_hash().unwrap();
                let (_, event) = events.front().unwrap();
                let queue = text(&event["Properties"]["Queue"]);
                let queue = queue.trim_start_matches("Messaging.Outputs.").trim_end_matches("Arn");
                let visibility_s = messaging["Resources"][queue]["Properties"]["VisibilityTimeout"]
                    .as_i64()
                    .unwrap();
                assert!(visibility_s >= VISIBILITY_TIMEOUTS * timeout_s, "{}", function.name());
            }
            Trigger::Stream(_) | Trigger::Schedule(_) => {}
        }
    });
}
