//! What an API key may call, and that every call is counted.

use expect_test::expect;
use runtime::{Access, Trigger};
use testing::grants::{load, statements};

use crate::{endpoints, functions, template::text};

/// A new endpoint is a new line: decide whether a key that leaked may call it.
#[test]
fn the_scope_that_lets_an_api_key_call_each_endpoint() {
    let members = endpoints().into_iter().filter(|endpoint| endpoint.access == Access::Member);
    let lines = members.map(|endpoint| {
        let scope = endpoint.scope.map_or("never", |scope| scope.into_str());
        format!("{:<35}{scope}", endpoint.name)
    });
    expect![[r#"
        generation-create-generation       generate
        generation-list-generations        read
        generation-get-generation          read
        generation-update-generation       generate
        generation-cancel-generation       generate
        generation-delete-generation       generate
        generation-structure-prompt        generate
        generation-create-preset           generate
        generation-list-presets            read
        generation-get-preset              read
        generation-update-preset           generate
        generation-delete-preset           generate
        account-get-me                     read
        account-update-me                  never
        account-export-me                  read
        account-delete-me                  never
        account-create-key                 never
        account-list-keys                  never
        account-get-key                    never
        account-delete-key                 never
        account-create-appeal              never
        account-list-appeals               read
        account-create-webhook             never
        account-list-webhooks              read
        account-get-webhook                read
        account-update-webhook             never
        account-delete-webhook             never
        account-rotate-webhook-secret      never
        account-test-webhook               never
        account-list-webhook-deliveries    read
        account-redeliver-webhook          never
        billing-get-credits                read
        billing-get-usage                  read
        billing-open-checkout              never
        billing-get-checkout               read
        billing-open-portal                never
        billing-get-subscription           read
        billing-cancel-subscription        never
        billing-update-top-up              never
        billing-list-invoices              read
        billing-get-invoice-pdf            read
        marketplace-create-listing         sell
        marketplace-update-listing         sell
        marketplace-retire-listing         sell
        marketplace-submit-listing         sell
        marketplace-create-upload          sell
        marketplace-get-upload             read
        marketplace-preview-studio         never
        marketplace-list-creator-listings  read
        marketplace-get-creator-listing    read
        marketplace-reply-to-review        sell
        marketplace-flag-listing           never
        marketplace-share-listing          sell
        marketplace-list-shares            read
        marketplace-list-rewards           read
        marketplace-create-purchase        never
        marketplace-list-purchases         read
        marketplace-get-purchase           read
        marketplace-download-purchase      generate
        marketplace-refund-purchase        never
        marketplace-create-review          never
        marketplace-get-creator-stats      read
        marketplace-list-creator-earnings  read
        marketplace-list-creator-payouts   read
        marketplace-get-creator-statement  read
        marketplace-get-creator-revenue    read
        marketplace-onboard-creator        never"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    let others = endpoints().into_iter().filter(|endpoint| endpoint.access != Access::Member);
    others.for_each(|it| assert_eq!(it.scope, None, "{}", it.name));
}

/// The usual call does not write, so no other test would find a function that may not.
#[test]
fn a_function_that_knows_its_caller_may_count_their_calls() {
    let template = load("template.yaml");
    for function in functions() {
        let Trigger::Route(endpoint) = function.trigger else { continue };
        if matches!(endpoint.access, Access::Public | Access::Signed) {
            continue;
        }
        let name = endpoint.name;
        assert!(function.variables().contains(&"TABLE_NAME"), "{name} connects the table");
        let archive = format!(".local/lambda/{name}/bootstrap.zip");
        let blocks = template["Resources"].as_hash().unwrap().values();
        let mut blocks = blocks.map(|block| &block["Properties"]);
        let block = blocks.find(|it| text(&it["CodeUri"]) == archive).unwrap();
        let counts = statements(&block["Policies"]).into_iter().any(|statement| {
            let has = |list: &yaml_rust2::Yaml, wanted: &str| {
                list.as_vec().into_iter().flatten().any(|it| text(it) == wanted)
            };
            let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            has(&statement["Action"], "dynamodb:UpdateItem") && has(keys, "RATE#*")
        });
        assert!(counts, "{name}");
    }
}
