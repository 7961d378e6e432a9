//! Every endpoint for every kind of caller, in one table.

use expect_test::expect;
use runtime::{Endpoint, Trigger};
use testing::{Actor, Ask};

use crate::{functions, scene::Scene};

/// Who calls: about Kim's things, whoever it is.
const CALLERS: [&str; 6] = ["nobody", "member", "other", "suspended", "moderator", "admin"];

async fn status(endpoint: &Endpoint, caller: &str) -> u16 {
    let scene = Scene::new().await;
    let ask = match caller {
        "nobody" => Ask::anonymous(),
        "member" => Ask::by(&scene.kim),
        "other" => Ask::by(&Actor::member("ada")),
        "suspended" => {
            scene.world.suspend(&scene.kim.id, "spam", None).await;
            Ask::by(&scene.kim)
        }
        "moderator" => Ask::by(&Actor::moderator()),
        "admin" => Ask::by(&Actor::admin()),
        other => panic!("there is no caller {other}"),
    };
    let event = scene.fill(endpoint, ask.key("a-new-key")).event(endpoint);
    let answer = scene.answer(endpoint, event).await;
    scene.world.check_books(&scene.kim.id).await;
    answer.status()
}

/// 401: whoever did not sign in may not. 403: a suspended member may look, and change nothing.
/// 404: what is somebody else's does not exist, for staff neither. 409: only a subscription that is
/// there can be cancelled. 400: a signature is asked of whoever comes.
#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let mut table = format!("{:<30}", "");
    table.extend(CALLERS.map(|caller| format!("{caller:<10}")));
    for function in functions() {
        let Trigger::Route(endpoint) = function.trigger else { continue };
        table.push_str(&format!("\n{:<30}", endpoint.name));
        for caller in CALLERS {
            table.push_str(&format!("{:<10}", status(&endpoint, caller).await));
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    expect![[r#"
                                      nobody    member    other     suspended moderator admin
        generation-create-generation  401       202       202       403       202       202
        generation-list-generations   401       200       200       200       200       200
        generation-get-generation     401       200       404       200       404       404
        generation-cancel-generation  401       200       404       403       404       404
        generation-structure-prompt   401       200       200       403       200       200
        generation-create-preset      401       201       201       403       201       201
        generation-list-presets       401       200       200       200       200       200
        generation-delete-preset      401       204       404       403       404       404
        account-get-me                401       200       200       200       200       200
        account-update-me             401       200       200       403       200       200
        billing-list-plans            200       200       200       200       200       200
        billing-get-credits           401       200       200       200       200       200
        billing-get-usage             401       200       200       200       200       200
        billing-open-checkout         401       200       200       403       200       200
        billing-open-portal           401       200       200       200       200       200
        billing-get-subscription      401       200       200       200       200       200
        billing-cancel-subscription   401       200       409       200       409       409
        billing-update-top-up         401       200       200       403       200       200
        billing-list-invoices         401       200       200       200       200       200
        billing-get-invoice-pdf       401       302       404       302       404       404
        edge-get-health               200       200       200       200       200       200
        edge-webhook-bria             400       400       400       400       400       400
        edge-webhook-stripe           400       400       400       400       400       400"#]]
    .assert_eq(&lines.join("\n"));
}
