//! Every endpoint for every kind of caller, in one table.

use std::iter;

use expect_test::{expect, expect_file};
use testing::{Actor, TestRequest};

use crate::{
    endpoints,
    populated::{PopulatedApp, has_changed_data},
    shapes::Shapes,
};

/// The kinds of callers; all ask about Kim's data.
const CALLERS: [&str; 7] =
    ["nobody", "member", "other", "suspended", "moderator", "admin", "banned"];

/// The successful responses, and what is stored afterwards.
#[derive(Default)]
struct Seen {
    answers: Shapes,
    items: Shapes,
}

/// An app for the calls of this caller.
async fn app_for(caller: &str) -> PopulatedApp {
    let populated = PopulatedApp::new().await;
    match caller {
        "suspended" => populated.app.suspend(&populated.kim.id, "spam", None).await,
        "banned" => populated.app.suspend(&Actor::admin().id, "bribed", None).await,
        _ => {}
    }
    populated
}

fn request_of(caller: &str) -> TestRequest {
    match caller {
        "nobody" => TestRequest::anonymous(),
        "member" | "suspended" => TestRequest::by(&Actor::member("kim")),
        "other" => TestRequest::by(&Actor::member("ada")),
        "moderator" => TestRequest::by(&Actor::moderator()),
        "admin" | "banned" => TestRequest::by(&Actor::admin()),
        other => panic!("unknown caller {other}"),
    }
}

/// The statuses of every endpoint for one caller.
async fn statuses(caller: &str, seen: &mut Seen) -> Vec<u16> {
    let (mut populated, mut statuses) = (app_for(caller).await, Vec::new());
    let mut items = populated.app.engine.dump();
    for endpoint in endpoints() {
        let request = populated.fill(&endpoint, request_of(caller).key("a-new-key"));
        let answer = populated.app.send(&endpoint, &request).await;
        populated.app.assert_credits_balance(&populated.kim.id).await;
        // The API's document has a test of its own.
        if answer.status() < 300 && endpoint.name != "edge-get-openapi" {
            seen.answers.add(endpoint.name, &answer.json());
            populated.app.engine.dump().iter().for_each(|item| seen.items.add_item(item));
        }
        if has_changed_data(&endpoint, &answer) {
            populated = app_for(caller).await;
            items = populated.app.engine.dump();
        } else {
            // Reads and refused requests may store who called, and how often.
            populated.app.engine.restore(&items);
            populated.app.restart();
        }
        statuses.push(answer.status());
    }
    statuses
}

/// 401: not signed in. 403: a suspended member may read, not write. 404: another member's data does
/// not exist, not even for staff, and to delete it changes nothing (204). 409: an open generation is
/// cancelled, not deleted, only an existing subscription can be canceled, and a free
/// purchase has nothing to refund. 400: a signature is required of every caller. `banned` is a
/// suspended admin, who cannot use the staff endpoints either.
#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let mut seen = Seen::default();
    let mut rows = vec![format!("{:<35}", "")];
    rows.extend(endpoints().iter().map(|endpoint| format!("{:<35}", endpoint.name)));
    for caller in CALLERS {
        let statuses = statuses(caller, &mut seen).await;
        let cells = statuses.iter().map(u16::to_string);
        for (row, cell) in rows.iter_mut().zip(iter::once(caller.to_owned()).chain(cells)) {
            row.push_str(&format!("{cell:<10}"));
        }
    }
    let lines: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
    expect![[r#"
                                           nobody    member    other     suspended moderator admin     banned
        generation-create-generation       401       202       202       403       202       202       403
        generation-list-generations        401       200       200       200       200       200       200
        generation-get-generation          401       200       404       200       404       404       404
        generation-update-generation       401       200       404       403       404       404       404
        generation-cancel-generation       401       200       404       403       404       404       404
        generation-delete-generation       401       409       204       403       204       204       403
        generation-structure-prompt        401       200       200       403       200       200       403
        generation-create-preset           401       201       201       403       201       201       403
        generation-list-presets            401       200       200       200       200       200       200
        generation-get-preset              401       200       404       200       404       404       404
        generation-update-preset           401       200       404       403       404       404       404
        generation-delete-preset           401       204       404       403       404       404       404
        account-get-me                     401       200       200       200       200       200       200
        account-update-me                  401       200       200       403       200       200       403
        account-export-me                  401       200       200       200       200       200       200
        account-delete-me                  401       200       200       200       200       200       200
        account-create-key                 401       201       201       403       201       201       403
        account-list-keys                  401       200       200       200       200       200       200
        account-get-key                    401       200       404       200       404       404       404
        account-delete-key                 401       204       404       204       404       404       404
        account-create-appeal              401       409       409       201       409       409       201
        account-list-appeals               401       200       200       200       200       200       200
        account-create-webhook             401       201       201       403       201       201       403
        account-list-webhooks              401       200       200       200       200       200       200
        account-get-webhook                401       200       404       200       404       404       404
        account-update-webhook             401       200       404       403       404       404       404
        account-delete-webhook             401       204       404       403       404       404       404
        account-rotate-webhook-secret      401       200       404       403       404       404       404
        account-test-webhook               401       202       404       403       404       404       404
        account-list-webhook-deliveries    401       200       404       200       404       404       404
        account-redeliver-webhook          401       202       404       403       404       404       404
        billing-list-plans                 200       200       200       200       200       200       200
        billing-get-credits                401       200       200       200       200       200       200
        billing-get-usage                  401       200       200       200       200       200       200
        billing-open-checkout              401       201       201       403       201       201       403
        billing-get-checkout               401       200       404       200       404       404       404
        billing-open-portal                401       200       200       200       200       200       200
        billing-get-subscription           401       200       200       200       200       200       200
        billing-cancel-subscription        401       200       409       200       409       409       409
        billing-update-top-up              401       200       409       403       409       409       403
        billing-list-invoices              401       200       200       200       200       200       200
        billing-get-invoice-pdf            401       302       404       302       404       404       404
        marketplace-create-listing         401       201       201       403       201       201       403
        marketplace-update-listing         401       200       404       403       404       404       404
        marketplace-retire-listing         401       204       404       403       404       404       404
        marketplace-submit-listing         401       202       404       403       404       404       404
        marketplace-create-upload          401       201       404       403       404       404       404
        marketplace-get-upload             401       200       404       200       404       404       404
        marketplace-preview-listing        200       200       200       200       200       200       200
        marketplace-preview-studio         401       200       200       200       200       200       200
        marketplace-list-popular           200       200       200       200       200       200       200
        marketplace-search-listings        200       200       200       200       200       200       200
        marketplace-get-listing            200       200       200       200       200       200       200
        marketplace-list-creator-listings  401       200       200       200       200       200       200
        marketplace-get-creator-listing    401       200       404       200       404       404       404
        marketplace-list-reviews           200       200       200       200       200       200       200
        marketplace-reply-to-review        401       200       404       403       404       404       404
        marketplace-flag-listing           401       200       200       403       200       200       403
        marketplace-share-listing          401       201       201       403       201       201       403
        marketplace-follow-share           200       200       200       200       200       200       200
        marketplace-list-shares            401       200       200       200       200       200       200
        marketplace-list-rewards           401       200       200       200       200       200       200
        marketplace-create-purchase        401       201       201       403       201       201       403
        marketplace-list-purchases         401       200       200       200       200       200       200
        marketplace-get-purchase           401       200       404       200       404       404       404
        marketplace-download-purchase      401       200       404       200       404       404       404
        marketplace-refund-purchase        401       409       404       409       404       404       404
        marketplace-create-review          401       201       403       403       403       403       403
        marketplace-get-creator-stats      401       200       200       200       200       200       200
        marketplace-list-creator-earnings  401       200       200       200       200       200       200
        marketplace-list-creator-payouts   401       200       200       200       200       200       200
        marketplace-get-creator-statement  401       200       200       200       200       200       200
        marketplace-get-creator-revenue    401       200       200       200       200       200       200
        marketplace-onboard-creator        401       200       200       403       200       200       403
        admin-list-pending                 401       403       403       403       200       200       403
        admin-approve-listing              401       403       403       403       200       200       403
        admin-reject-listing               401       403       403       403       200       200       403
        admin-delist-listing               401       403       403       403       200       200       403
        admin-list-flags                   401       403       403       403       200       200       403
        admin-resolve-flags                401       403       403       403       409       409       403
        admin-list-refund-requests         401       403       403       403       403       200       403
        admin-refund-purchase              401       403       403       403       403       409       403
        admin-decline-refund               401       403       403       403       403       409       403
        admin-record-paid-back             401       403       403       403       403       409       403
        admin-audit-ledger                 401       403       403       403       403       200       403
        admin-get-revenue-stats            401       403       403       403       403       200       403
        admin-get-generation-stats         401       403       403       403       403       200       403
        admin-list-reports                 401       403       403       403       403       200       403
        admin-get-report                   401       403       403       403       403       404       403
        admin-list-users                   401       403       403       403       403       200       403
        admin-get-user                     401       403       403       403       403       200       403
        admin-adjust-credits               401       403       403       403       403       200       403
        admin-ban-user                     401       403       403       403       403       200       403
        admin-unban-user                   401       403       403       403       403       409       403
        admin-update-limits                401       403       403       403       403       200       403
        admin-list-audit                   401       403       403       403       403       200       403
        admin-list-listings                401       403       403       403       200       200       403
        admin-list-purchases               401       403       403       403       403       200       403
        admin-list-payouts                 401       403       403       403       403       200       403
        admin-list-generations             401       403       403       403       403       200       403
        admin-remove-review                401       403       403       403       200       200       403
        admin-list-appeals                 401       403       403       403       200       200       403
        admin-resolve-appeal               401       403       403       403       404       404       403
        edge-get-health                    200       200       200       200       200       200       200
        edge-get-config                    200       200       200       200       200       200       200
        edge-get-openapi                   200       200       200       200       200       200       200
        edge-get-docs                      200       200       200       200       200       200       200
        edge-get-docs-file                 200       200       200       200       200       200       200
        edge-get-problem                   200       200       200       200       200       200       200
        edge-webhook-bria                  400       400       400       400       400       400       400
        edge-webhook-stripe                400       400       400       400       400       400       400"#]]
    .assert_eq(&lines.join("\n"));
    expect_file!["golden/answers.txt"].assert_eq(&seen.answers.to_string());
    expect_file!["golden/items.txt"].assert_eq(&seen.items.to_string());
}
