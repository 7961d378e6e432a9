//! Table permissions of the functions: every request that a test makes as a function is checked
//! against its block in `template.yaml` and the policies of `infra/permissions.yaml` that it names.
//!
//! No local engine evaluates `dynamodb:LeadingKeys`, so a partition missing in a policy would fail
//! on AWS first. Here it fails the test.
//!
//! With `PROLIGHT_RECORD` set, what allowed them is recorded: `infra/contract/grants.py` finds the
//! grants that no test needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::record;

/// The table and its index, as the parameter of `infra/permissions.yaml` names them.
const TABLE: &str = "TableArn";
const INDEX: &str = "TableArn/index/gsi1";
/// What `template.yaml` writes before the parameter's name.
const OUTPUTS: &str = "Data.Outputs.";
/// What a block writes before the name of a policy.
const POLICIES: &str = "Permissions.Outputs.";
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
const PRINCIPAL_TAG: &str = "aws:PrincipalTag/";

tokio::task_local! { static FUNCTION: &'static str; }

/// The grants that this process has recorded.
static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

static TEMPLATE: LazyLock<Template> = LazyLock::new(Template::read);
static PERMISSIONS: LazyLock<Yaml> = LazyLock::new(|| load("infra/permissions.yaml"));

/// Runs `work` as the function with this name: a table request that its policy or the boundary does
/// not allow panics. The future is boxed: some are larger than a test's stack.
#[inline(never)]
pub fn acting_as<F: Future>(
    function: &'static str,
    work: impl FnOnce() -> F,
) -> impl Future<Output = F::Output> {
    FUNCTION.scope(function, Box::pin(work()))
}

/// Panics if the acting function is not allowed the request.
pub(crate) fn check(operation: &str, body: &[u8]) {
    let Ok(function) = FUNCTION.try_with(|name| *name) else { return };
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    for asked in Asked::of(operation, &request) {
        if let Err(why) = TEMPLATE.decide(function, &asked) {
            panic!("template.yaml: {function} may not {asked:?}: {why}");
        }
        if let Some(folder) = record::folder() {
            let used = TEMPLATE.used(function, &asked);
            let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
            let new: String = used.difference(&recorded).map(|line| format!("{line}\n")).collect();
            if !new.is_empty() {
                record::append(&folder, "granted.txt", &new);
                recorded.extend(used);
            }
        }
    }
}

/// One action that IAM decides on.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    action: String,
    resource: &'static str,
    partitions: Vec<String>,
}

impl Asked {
    fn of(operation: &str, request: &Value) -> Vec<Asked> {
        let asked = |action: &str, partitions| Asked {
            action: format!("dynamodb:{action}"),
            resource: if request["IndexName"].is_string() { INDEX } else { TABLE },
            partitions,
        };
        let key_of = |item: &Value| item["pk"]["S"].as_str().unwrap_or_default().to_owned();
        match operation {
            "BatchGetItem" => {
                let tables = request["RequestItems"].as_object().into_iter().flatten();
                let keys = tables.flat_map(|(_, it)| it["Keys"].as_array().into_iter().flatten());
                vec![asked(operation, keys.map(key_of).collect())]
            }
            "BatchWriteItem" => {
                let tables = request["RequestItems"].as_object().into_iter().flatten();
                let writes = tables.flat_map(|(_, it)| it.as_array().into_iter().flatten());
                let keys = writes.map(|it| match it.get("PutRequest") {
                    Some(put) => key_of(&put["Item"]),
                    None => key_of(&it["DeleteRequest"]["Key"]),
                });
                vec![asked(operation, keys.collect())]
            }
            "PutItem" => vec![asked(operation, vec![key_of(&request["Item"])])],
            "Query" => vec![asked(operation, vec![queried(request)])],
            "TransactWriteItems" => {
                let parts = request["TransactItems"].as_array().into_iter().flatten();
                parts
                    .map(|part| {
                        let (name, what) = part.as_object().unwrap().iter().next().unwrap();
                        let key = if name == "Put" { &what["Item"] } else { &what["Key"] };
                        asked(&format!("{name}Item"), vec![key_of(key)])
                    })
                    .collect()
            }
            _ => vec![asked(operation, vec![key_of(&request["Key"])])],
        }
    }
}

/// The partition of a query: its key condition begins with `pk = :name`.
fn queried(request: &Value) -> String {
    let condition = request["KeyConditionExpression"].as_str().unwrap();
    let (_, value) = condition.split_once(" = ").unwrap();
    let value = value.split(' ').next().unwrap();
    request["ExpressionAttributeValues"][value]["S"].as_str().unwrap().to_owned()
}

/// The template's permissions.
struct Template {
    boundary: Vec<Statement>,
    functions: BTreeMap<String, Principal>,
}

struct Principal {
    tags: BTreeMap<String, String>,
    policy: Vec<Statement>,
}

struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

impl Template {
    fn read() -> Template {
        let template = load("template.yaml");
        let blocks = template["Resources"].as_hash().into_iter().flat_map(|it| it.values());
        let functions = blocks.filter_map(|block| {
            let properties = &block["Properties"];
            let archive = properties["CodeUri"].as_str()?;
            let name = archive.strip_prefix(".local/lambda/")?.strip_suffix("/bootstrap.zip")?;
            let policy = statements(&properties["Policies"]).into_iter().map(statement).collect();
            let tags = properties["Tags"].as_hash().into_iter().flatten();
            let tags = tags.map(|(name, value)| (text(name), text(value))).collect();
            Some((name.to_owned(), Principal { tags, policy }))
        });
        let boundary = document("FunctionBoundary").into_iter().map(statement).collect();
        Template { boundary, functions: functions.collect() }
    }

    /// As in IAM: refused if either denies, or if not both allow.
    fn decide(&self, function: &str, asked: &Asked) -> Result<(), &'static str> {
        let Principal { tags, policy } = &self.functions[function];
        let meets = |it: &&Statement| it.meets(asked, tags);
        match () {
            () if self.boundary.iter().chain(policy).filter(meets).any(|it| !it.allows) => {
                Err("explicit deny")
            }
            () if !policy.iter().any(|it| it.meets(asked, tags)) => Err("not in its policy"),
            () if !self.boundary.iter().any(|it| it.meets(asked, tags)) => {
                Err("not in FunctionBoundary")
            }
            () => Ok(()),
        }
    }

    /// The grants that allow a request, as lines: the function, the action, the resource, and a
    /// pattern of partitions, which is `*` where a statement names none.
    fn used(&self, function: &str, asked: &Asked) -> BTreeSet<String> {
        let Principal { tags, policy } = &self.functions[function];
        let granting = policy.iter().filter(|it| it.allows && it.meets(asked, tags));
        let patterns = granting.flat_map(|statement| statement.patterns(&asked.partitions));
        let Asked { action, resource, .. } = asked;
        patterns.map(|pattern| format!("{function} {action} {resource} {pattern}")).collect()
    }
}

impl Statement {
    fn meets(&self, asked: &Asked, tags: &BTreeMap<String, String>) -> bool {
        self.actions.contains(&asked.action)
            && self.resources.iter().any(|pattern| like(asked.resource, pattern))
            && self.conditions.iter().all(|condition| condition.holds(asked, tags))
    }

    /// Its patterns that match one of these partitions.
    fn patterns(&self, partitions: &[String]) -> Vec<&str> {
        let mut named = self.conditions.iter().filter(|it| it.key == LEADING_KEYS).peekable();
        if named.peek().is_none() {
            return vec!["*"];
        }
        let patterns = named.flat_map(|condition| condition.values.iter().map(String::as_str));
        patterns.filter(|pattern| partitions.iter().any(|it| like(it, pattern))).collect()
    }
}

impl Condition {
    fn holds(&self, asked: &Asked, tags: &BTreeMap<String, String>) -> bool {
        let fits = |actual: &String| self.values.iter().any(|pattern| like(actual, pattern));
        match (self.operator.as_str(), self.key.strip_prefix(PRINCIPAL_TAG)) {
            ("ForAllValues:StringLike", None) if self.key == LEADING_KEYS => {
                asked.partitions.iter().all(fits)
            }
            ("ForAnyValue:StringLike", None) if self.key == LEADING_KEYS => {
                asked.partitions.iter().any(fits)
            }
            // An absent tag is not equal.
            ("StringNotEquals", Some(tag)) => !tags.get(tag).is_some_and(fits),
            other => panic!("condition {other:?} is not implemented here"),
        }
    }
}

/// A template. CloudFormation's short tags are ignored: `!Ref X` reads as `X`.
///
/// # Panics
/// If there is no such file, or it is no YAML.
pub fn load(path: &str) -> Yaml {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let yaml = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
    merged(&YamlLoader::load_from_str(&yaml).expect("YAML")[0])
}

/// The node with what it merges (`<<`) in place; its own keys win.
fn merged(node: &Yaml) -> Yaml {
    if let Some(items) = node.as_vec() {
        return Yaml::Array(items.iter().map(merged).collect());
    }
    let Some(own) = node.as_hash() else { return node.clone() };
    let (base, own): (Vec<_>, Vec<_>) = own.iter().partition(|(key, _)| key.as_str() == Some("<<"));
    let base = base.into_iter().filter_map(|(_, from)| merged(from).into_hash()).flatten();
    let own = own.into_iter().map(|(key, value)| (key.clone(), merged(value)));
    Yaml::Hash(base.chain(own).collect())
}

/// The statements of a block's policies, those of named policies included, with both branches of
/// every `Fn::If`.
///
/// # Panics
/// If the block names a policy that `infra/permissions.yaml` does not have.
pub fn statements(node: &Yaml) -> Vec<&Yaml> {
    match node {
        Yaml::Array(all) => all.iter().flat_map(statements).collect(),
        Yaml::Hash(_) if node["Statement"].is_badvalue() => vec![node],
        Yaml::Hash(_) => statements(&node["Statement"]),
        Yaml::String(name) => name.strip_prefix(POLICIES).map(document).unwrap_or_default(),
        Yaml::Real(_)
        | Yaml::Integer(_)
        | Yaml::Boolean(_)
        | Yaml::Alias(_)
        | Yaml::Null
        | Yaml::BadValue => Vec::new(),
    }
}

/// The statements of a policy in `infra/permissions.yaml`.
fn document(name: &str) -> Vec<&'static Yaml> {
    let found = statements(&PERMISSIONS["Resources"][name]["Properties"]["PolicyDocument"]);
    assert!(!found.is_empty(), "infra/permissions.yaml has no policy {name}");
    found
}

fn statement(node: &Yaml) -> Statement {
    let conditions = node["Condition"].as_hash().into_iter().flatten();
    let conditions = conditions.flat_map(|(operator, keys)| {
        let keys = keys.as_hash().into_iter().flatten();
        keys.map(|(key, values)| Condition {
            operator: text(operator),
            key: text(key),
            values: texts(values),
        })
    });
    Statement {
        allows: text(&node["Effect"]) == "Allow",
        actions: texts(&node["Action"]),
        resources: texts(&node["Resource"])
            .iter()
            .map(|it| it.replace(OUTPUTS, "").replace(&format!("${{{TABLE}}}"), TABLE))
            .collect(),
        conditions: conditions.collect(),
    }
}

fn text(node: &Yaml) -> String {
    node.as_str().unwrap_or_default().to_owned()
}

/// A list of strings, or one string.
fn texts(node: &Yaml) -> Vec<String> {
    node.as_vec().map_or_else(|| vec![text(node)], |all| all.iter().map(text).collect())
}

/// Whether `actual` matches `pattern`, which may end with the wildcard `*`.
fn like(actual: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(actual == pattern, |start| actual.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(partition: &str) -> Asked {
        let request = json!({"TransactItems": [{"Put": {"Item": {"pk": {"S": partition}}}}]});
        Asked::of("TransactWriteItems", &request).remove(0)
    }

    #[test]
    fn what_a_policy_is_silent_on_is_refused() {
        let check = |function: &str, partition: &str, expected: Result<(), &str>| {
            assert_eq!(TEMPLATE.decide(function, &put(partition)), expected, "{function}");
        };
        check("account-update-me", "USER#kim", Ok(()));
        check("account-update-me", "JOURNAL#kim", Err("not in its policy"));
        check("account-update-me", "AUDIT", Err("explicit deny"));
        check("admin-ban-user", "AUDIT", Ok(()));
        // The chain of staff is written where staff decide, those of jobs where jobs do.
        for (function, staff, jobs) in [
            ("admin-adjust-credits", true, false),
            ("admin-refund-purchase", true, true),
            ("account-delete-me", false, true),
            ("marketplace-refund-purchase", false, true),
            ("background-pay-creators", false, true),
            ("background-follow-sellers", false, true),
            ("edge-webhook-stripe", false, true),
        ] {
            for (partition, may) in [("AUDIT", staff), ("AUDIT#JOBS#7", jobs)] {
                let expected = if may { Ok(()) } else { Err("not in its policy") };
                check(function, partition, expected);
            }
            check(function, "AUDIT#HEAD", Ok(()));
        }
    }

    #[test]
    fn a_grant_is_used_by_the_partitions_of_a_request() {
        let both = json!({"RequestItems": {"app": {"Keys": [
            {"pk": {"S": "USER#a"}, "sk": {"S": "ACCOUNT"}}, {"pk": {"S": "LISTING#b"}},
        ]}}});
        let both = &Asked::of("BatchGetItem", &both)[0];
        let used = TEMPLATE.used("generation-create-generation", both);
        let line = |pattern: &str| {
            format!("generation-create-generation dynamodb:BatchGetItem TableArn {pattern}")
        };
        assert_eq!(used, BTreeSet::from(["LISTING#*", "USER#*"].map(line)));
    }

    /// Whatever the policies become, the boundary holds.
    #[test]
    fn what_must_stay_is_changed_by_nobody_and_the_audit_is_written_by_few() {
        let denied = |tags: &BTreeMap<String, String>, action: &str, partition: &str| {
            let (action, partitions) = (format!("dynamodb:{action}"), vec![partition.to_owned()]);
            let asked = Asked { action, resource: TABLE, partitions };
            TEMPLATE.boundary.iter().any(|it| !it.allows && it.meets(&asked, tags))
        };
        let (mut decide, mut replay) = (Vec::new(), Vec::new());
        for (name, Principal { tags, .. }) in &TEMPLATE.functions {
            let kept = [
                "AUDIT",
                "AUDIT#HEAD",
                "AUDIT#JOBS#7",
                "JOURNAL#kim",
                "FACTS#2026-11-22#0",
                "REPORTS",
            ];
            for (action, partition) in ["UpdateItem", "DeleteItem", "BatchWriteItem"]
                .into_iter()
                .flat_map(|it| kept.map(|at| (it, at)))
            {
                assert!(denied(tags, action, partition), "{name} {action} {partition}");
            }
            assert!(!denied(tags, "PutItem", "USER#kim"), "{name}");
            assert!(!denied(tags, "GetItem", "AUDIT"), "{name}");
            for partition in ["AUDIT", "AUDIT#HEAD", "AUDIT#JOBS#7"] {
                assert_eq!(denied(tags, "PutItem", partition), tags.get("audit").is_none());
            }
            decide.extend(tags.contains_key("audit").then_some(name.as_str()));
            replay.extend((!denied(tags, "DeleteItem", "EVENT#evt_1")).then_some(name.as_str()));
        }
        assert!(decide.contains(&"admin-ban-user") && decide.len() < 32, "{decide:?}");
        assert_eq!(replay, ["background-reconcile-stripe"]);
    }

    #[test]
    fn the_partition_of_every_request_is_seen() {
        let query = json!({
            "IndexName": "gsi1", "KeyConditionExpression": "gsi1pk = :pk AND gsi1sk < :after",
            "ExpressionAttributeValues": {":pk": {"S": "OPEN#1"}, ":after": {"S": "x"}},
        });
        let seen = &Asked::of("Query", &query)[0];
        assert_eq!((seen.resource, &seen.partitions[..]), (INDEX, &["OPEN#1".to_owned()][..]));
        let batch = json!({"RequestItems": {"app": {"Keys": [
            {"pk": {"S": "USER#a"}, "sk": {"S": "ACCOUNT"}}, {"pk": {"S": "AUDIT#HEAD"}},
        ]}}});
        assert_eq!(Asked::of("BatchGetItem", &batch)[0].partitions, ["USER#a", "AUDIT#HEAD"]);
    }
}
