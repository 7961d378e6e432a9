//! Every endpoint for every kind of caller, in one table.

use expect_test::{expect, expect_file};
use runtime::{Endpoint, Trigger};
use testing::{Actor, TestRequest};

use crate::{functions, scene::Scene, shapes::Shapes};

/// The kinds of callers; all ask about Kim's data.
const CALLERS: [&str; 7] =
    ["nobody", "member", "other", "suspended", "moderator", "admin", "banned"];

/// The successful responses, and what is stored afterwards.
#[derive(Default)]
struct Seen {
    answers: Shapes,
    items: Shapes,
}

async fn status(endpoint: &Endpoint, caller: &str, seen: &mut Seen) -> u16 {
    let scene = Scene::new().await;
    let ask = match caller {
        "nobody" => TestRequest::anonymous(),
        "member" => TestRequest::by(&scene.kim),
        "other" => TestRequest::by(&Actor::member("ada")),
        "suspended" => {
            scene.app.suspend(&scene.kim.id, "spam", None).await;
            TestRequest::by(&scene.kim)
        }
        "moderator" => TestRequest::by(&Actor::moderator()),
        "admin" => TestRequest::by(&Actor::admin()),
        "banned" => {
            scene.app.suspend(&Actor::admin().id, "bribed", None).await;
            TestRequest::by(&Actor::admin())
        }
        other => panic!("unknown caller {other}"),
    };
    let event = scene.fill(endpoint, ask.key("a-new-key")).event(endpoint);
    let answer = scene.answer(endpoint, event).await;
    scene.app.assert_credits_balance(&scene.kim.id).await;
    if answer.status() < 300 {
        seen.answers.add(endpoint.name, &answer.json());
        scene.app.engine.dump().iter().for_each(|item| seen.items.add_item(item));
    }
    answer.status()
}

/// 401: not signed in. 403: a suspended member may read, not write. 404: another member's data does
/// not exist, not even for staff. 409: only an existing subscription can be canceled, and a free
/// purchase has nothing to refund. 400: a signature is required of every caller. `banned` is a
/// suspended admin, who cannot use the staff endpoints either.
#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let mut seen = Seen::default();
    let mut table = format!("{:<35}", "");
    table.extend(CALLERS.map(|caller| format!("{caller:<10}")));
    for function in functions() {
        let Trigger::Route(endpoint) = function.trigger else { continue };
        table.push_str(&format!("\n{:<35}", endpoint.name));
        for caller in CALLERS {
            table.push_str(&format!("{:<10}", status(&endpoint, caller, &mut seen).await));
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    expect![[r#"
                                           nobody    member    other     suspended moderator admin     banned
        generation-create-generation       401       202       202       403       202       202       403
        generation-list-generations        401       200       200       200       200       200       200
        generation-get-generation          401       200       404       200       404       404       404
        generation-cancel-generation       401       200       404       403       404       404       404
        generation-structure-prompt        401       200       200       403       200       200       403
        generation-create-preset           401       201       201       403       201       201       403
        generation-list-presets            401       200       200       200       200       200       200
        generation-delete-preset           401       204       404       403       404       404       404
        account-get-me                     401       200       200       200       200       200       200
        account-update-me                  401       200       200       403       200       200       403
        account-export-me                  401       200       200       200       200       200       200
        account-delete-me                  401       200       200       200       200       200       200
        billing-list-plans                 200       200       200       200       200       200       200
        billing-get-credits                401       200       200       200       200       200       200
        billing-get-usage                  401       200       200       200       200       200       200
        billing-open-checkout              401       200       200       403       200       200       403
        billing-open-portal                401       200       200       200       200       200       200
        billing-get-subscription           401       200       200       200       200       200       200
        billing-cancel-subscription        401       200       409       200       409       409       409
        billing-update-top-up              401       200       200       403       200       200       403
        billing-list-invoices              401       200       200       200       200       200       200
        billing-get-invoice-pdf            401       302       404       302       404       404       404
        marketplace-create-listing         401       201       201       403       201       201       403
        marketplace-update-listing         401       200       404       403       404       404       404
        marketplace-retire-listing         401       204       404       403       404       404       404
        marketplace-submit-listing         401       200       404       403       404       404       404
        marketplace-create-upload          401       201       404       403       404       404       404
        marketplace-get-upload             401       200       404       200       404       404       404
        marketplace-preview-listing        200       200       200       200       200       200       200
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
        marketplace-create-purchase        401       201       201       403       201       201       403
        marketplace-list-purchases         401       200       200       200       200       200       200
        marketplace-download-purchase      401       200       404       200       404       404       404
        marketplace-refund-purchase        401       409       404       409       404       404       404
        marketplace-create-review          401       201       403       403       403       403       403
        marketplace-get-creator-stats      401       200       200       200       200       200       200
        marketplace-list-creator-earnings  401       200       200       200       200       200       200
        marketplace-list-creator-payouts   401       200       200       200       200       200       200
        marketplace-get-creator-statement  401       200       200       200       200       200       200
        marketplace-onboard-creator        401       200       200       403       200       200       403
        admin-list-pending                 401       403       403       403       200       200       403
        admin-approve-listing              401       403       403       403       200       200       403
        admin-reject-listing               401       403       403       403       200       200       403
        admin-delist-listing               401       403       403       403       200       200       403
        admin-list-flags                   401       403       403       403       200       200       403
        admin-resolve-flags                401       403       403       403       409       409       403
        admin-list-refund-requests         401       403       403       403       403       200       403
        admin-refund-purchase              401       403       403       403       403       409       403
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
        edge-get-health                    200       200       200       200       200       200       200
        edge-webhook-bria                  400       400       400       400       400       400       400
        edge-webhook-stripe                400       400       400       400       400       400       400"#]]
    .assert_eq(&lines.join("\n"));
    expect_file!["golden/answers.txt"].assert_eq(&seen.answers.to_string());
    expect_file!["golden/items.txt"].assert_eq(&seen.items.to_string());
}
