//! `events/`: one real event per function, for local invokes and for these tests.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use runtime::{Access, AuthorizerEvent, Endpoint, QueueEvent, ScheduleEvent, StreamEvent, Trigger};
use serde_json::Value;

use crate::{
    endpoints, functions,
    populated::{PopulatedApp, has_changed_data},
    read, root,
};

fn event(name: &str) -> Value {
    let text = read(&format!("events/{name}.json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("events/{name}.json: {error}"))
}

#[test]
fn every_function_has_an_event_and_every_event_a_function() {
    let files: BTreeSet<String> = std::fs::read_dir(root().join("events"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = functions().iter().map(|f| format!("{}.json", f.name())).collect();
    assert_eq!(files, expected);
}

#[test]
fn an_event_is_one_of_its_functions_kind() {
    for function in functions() {
        let name = function.name();
        let event = event(name);
        match &function.trigger {
            Trigger::Route(endpoint) => check_request(endpoint, &event),
            Trigger::Queue(_) => {
                serde_json::from_value::<QueueEvent>(event.clone()).unwrap();
                assert_eq!(event["Records"][0]["eventSource"], "aws:sqs", "{name}");
            }
            Trigger::Stream(_) => {
                serde_json::from_value::<StreamEvent>(event.clone()).unwrap();
                assert_eq!(event["Records"][0]["eventSource"], "aws:dynamodb", "{name}");
            }
            Trigger::Schedule(_) => {
                serde_json::from_value::<ScheduleEvent>(event.clone()).unwrap();
                assert_eq!(event["detail-type"], "Scheduled Event", "{name}");
            }
            Trigger::Token(_) => {
                serde_json::from_value::<AuthorizerEvent>(event.clone()).unwrap();
                assert_eq!(event["type"], "REQUEST", "{name}");
            }
        }
    }
}

fn check_request(endpoint: &Endpoint, event: &Value) {
    let name = endpoint.name;
    assert_eq!(event["httpMethod"], endpoint.method.as_str(), "{name}");
    assert_eq!(event["resource"], endpoint.path, "{name}");
    assert_eq!(event["requestContext"]["resourcePath"], endpoint.path, "{name}");
    let parameters: BTreeMap<String, String> =
        serde_json::from_value(event["pathParameters"].clone()).unwrap_or_default();
    let path = parameters.iter().fold(endpoint.path.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value)
    });
    assert_eq!(event["path"], path, "{name}");
    let member = event["requestContext"]["authorizer"]["user_id"].as_str();
    let signed_in = match endpoint.access {
        Access::Public | Access::Signed => None,
        Access::Member => Some("user_member"),
        Access::Moderator => Some("user_moderator"),
        Access::Admin => Some("user_admin"),
    };
    assert_eq!(member, signed_in, "{name}");
}

/// Each event passes through its function and is answered as a valid request: at worst, its subject
/// does not exist.
#[tokio::test]
async fn an_event_is_answered() {
    let (mut populated, mut answers) = (PopulatedApp::at_the_events().await, String::new());
    for endpoint in endpoints() {
        let event = runtime::apigw::request(&event(endpoint.name)).unwrap();
        let answer = populated.app.send_event(&endpoint, event).await;
        if has_changed_data(&endpoint, &answer) {
            populated = PopulatedApp::at_the_events().await;
        }
        answers.push_str(&format!("{}: {}\n", endpoint.name, answer.brief()));
    }
    expect![[r#"
        generation-create-generation: 202
        generation-list-generations: 200
        generation-get-generation: 404 generation_not_found
        generation-update-generation: 404 generation_not_found
        generation-cancel-generation: 404 generation_not_found
        generation-delete-generation: 204
        generation-structure-prompt: 200
        generation-create-preset: 201
        generation-list-presets: 200
        generation-get-preset: 404 preset_not_found
        generation-update-preset: 404 preset_not_found
        generation-delete-preset: 404 preset_not_found
        account-get-me: 200
        account-update-me: 200
        account-export-me: 200
        account-delete-me: 200
        account-create-key: 201
        account-list-keys: 200
        account-get-key: 404 api_key_not_found
        account-delete-key: 404 api_key_not_found
        account-create-appeal: 409 no_decision
        account-list-appeals: 200
        account-create-webhook: 201
        account-list-webhooks: 200
        account-get-webhook: 404 webhook_not_found
        account-update-webhook: 404 webhook_not_found
        account-delete-webhook: 404 webhook_not_found
        account-rotate-webhook-secret: 404 webhook_not_found
        account-test-webhook: 404 webhook_not_found
        account-list-webhook-deliveries: 404 webhook_not_found
        account-redeliver-webhook: 404 webhook_not_found
        billing-list-plans: 200
        billing-get-credits: 200
        billing-get-usage: 200
        billing-open-checkout: 201
        billing-get-checkout: 404 checkout_not_found
        billing-open-portal: 200
        billing-get-subscription: 200
        billing-cancel-subscription: 409 not_subscribed
        billing-update-top-up: 409 no_saved_card
        billing-list-invoices: 200
        billing-get-invoice-pdf: 404 invoice_not_found
        marketplace-create-listing: 201
        marketplace-update-listing: 404 listing_not_found
        marketplace-retire-listing: 404 listing_not_found
        marketplace-submit-listing: 404 listing_not_found
        marketplace-create-upload: 404 listing_not_found
        marketplace-get-upload: 404 upload_not_found
        marketplace-preview-listing: 404 listing_not_found
        marketplace-preview-studio: 200
        marketplace-list-popular: 200
        marketplace-search-listings: 200
        marketplace-get-listing: 404 listing_not_found
        marketplace-list-creator-listings: 200
        marketplace-get-creator-listing: 404 listing_not_found
        marketplace-list-reviews: 404 listing_not_found
        marketplace-reply-to-review: 404 listing_not_found
        marketplace-flag-listing: 404 listing_not_found
        marketplace-share-listing: 404 listing_not_found
        marketplace-follow-share: 404
        marketplace-list-shares: 200
        marketplace-list-rewards: 200
        marketplace-create-purchase: 404 listing_not_found
        marketplace-list-purchases: 200
        marketplace-get-purchase: 404 purchase_not_found
        marketplace-download-purchase: 404 purchase_not_found
        marketplace-refund-purchase: 404 purchase_not_found
        marketplace-create-review: 403 not_a_buyer
        marketplace-get-creator-stats: 200
        marketplace-list-creator-earnings: 200
        marketplace-list-creator-payouts: 200
        marketplace-get-creator-statement: 200
        marketplace-get-creator-revenue: 200
        marketplace-onboard-creator: 200
        admin-list-pending: 200
        admin-approve-listing: 404 listing_not_found
        admin-reject-listing: 404 listing_not_found
        admin-delist-listing: 404 listing_not_found
        admin-list-flags: 200
        admin-resolve-flags: 404 listing_not_found
        admin-list-refund-requests: 200
        admin-refund-purchase: 404 purchase_not_found
        admin-decline-refund: 404 purchase_not_found
        admin-record-paid-back: 404 purchase_not_found
        admin-audit-ledger: 200
        admin-get-revenue-stats: 200
        admin-get-generation-stats: 200
        admin-list-reports: 200
        admin-get-report: 404 report_not_found
        admin-list-users: 200
        admin-get-user: 200
        admin-adjust-credits: 200
        admin-ban-user: 200
        admin-unban-user: 404 user_not_found
        admin-update-limits: 200
        admin-list-audit: 200
        admin-list-listings: 200
        admin-list-purchases: 200
        admin-list-payouts: 200
        admin-list-generations: 200
        admin-remove-review: 404 review_not_found
        admin-list-appeals: 200
        admin-resolve-appeal: 404 appeal_not_found
        edge-get-health: 200
        edge-get-config: 200
        edge-get-openapi: 200
        edge-get-docs: 200
        edge-get-docs-file: 200
        edge-get-problem: 200
        edge-webhook-bria: 404 generation_not_found
        edge-webhook-stripe: 200
    "#]]
    .assert_eq(&answers);
}
