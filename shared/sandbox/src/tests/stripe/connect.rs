//! Connected accounts: creation, onboarding, transfers, bank payouts.

use reqwest::StatusCode;

use super::{webhooks::WebhookReceiver, *};
use crate::stripe::{Advance, Bank};

const SECRET: &str = "whsec_connect";

impl Account {
    async fn v2(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}v2/core/{path}", self.control().url());
        let mut request = self
            .visit
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(API_KEY)
            .header("Stripe-Version", VERSION);
        if let Some(body) = body {
            request = request.json(body);
        }
        taken_apart(request.send().await.unwrap()).await
    }

    /// Reads as a connected account.
    async fn theirs(&self, account: &str, path: &str) -> (u16, Value) {
        let request = self.request("GET", path, &[]).header("Stripe-Account", account);
        taken_apart(request.send().await.unwrap()).await
    }

    /// A connected account before onboarding.
    async fn creator(&self) -> String {
        let (status, body) = self.v2("POST", "accounts", Some(&wanted())).await;
        assert_eq!(status, 200, "{body}");
        text(&body, "/id")
    }

    /// An onboarded account, and a platform balance to pay it from.
    async fn ready(&self) -> String {
        let creator = self.creator().await;
        self.control().onboard(&creator, Bank::Works).unwrap();
        let customer = self.customer().await;
        for _ in 0..3 {
            self.pack(&customer).await;
        }
        self.control().book_charges();
        creator
    }

    async fn link(&self, account: &str) -> Value {
        let (status, body) = self.v2("POST", "account_links", Some(&link(account))).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn transfer(&self, account: &str, cents: i64, group: &str) -> (u16, Value) {
        let amount = cents.to_string();
        let form = [
            ("amount", amount.as_str()),
            ("currency", "usd"),
            ("destination", account),
            ("transfer_group", group),
            ("metadata[payout_id]", group),
        ];
        self.try_post("transfers", &form).await
    }

    async fn sent(&self, account: &str, cents: i64) -> Value {
        let (status, body) = self.transfer(account, cents, "pay_1").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    fn available(&self, account: &str) -> i64 {
        self.control().account_balance(account).unwrap().available
    }
}

fn wanted() -> Value {
    json!({
        "contact_email": "ada@prolight.test",
        "display_name": "Ada <Light>",
        "dashboard": "express",
        "identity": { "country": "us", "entity_type": "individual" },
        "configuration": { "recipient": { "capabilities": {
            "stripe_balance": { "stripe_transfers": { "requested": true } } } } },
        "defaults": { "responsibilities": {
            "fees_collector": "application", "losses_collector": "application" } },
        "metadata": { "user_id": "user_ada" },
        "include": ["configuration.recipient", "requirements"],
    })
}

fn link(account: &str) -> Value {
    json!({
        "account": account,
        "use_case": {
            "type": "account_onboarding",
            "account_onboarding": {
                "refresh_url": "https://prolight.test/again",
                "return_url": "https://prolight.test/back",
            },
        },
    })
}

fn status_of(account: &Value) -> String {
    text(account, "/configuration/recipient/capabilities/stripe_balance/stripe_transfers/status")
}

#[tokio::test]
async fn an_account_shows_what_is_asked_for() {
    let account = Account::open().await;
    let (_, made) = account.v2("POST", "accounts", Some(&wanted())).await;
    let id = text(&made, "/id");
    assert!(id.starts_with("acct_"));
    assert_eq!(status_of(&made), "restricted");
    assert_eq!(made["requirements"]["entries"].as_array().unwrap().len(), 2);
    assert_eq!((&made["identity"], &made["defaults"]), (&Value::Null, &Value::Null));
    assert_eq!(made["metadata"], json!({ "user_id": "user_ada" }));
    assert_eq!(made["created"], "2026-01-31T10:00:00.000Z");
    let (_, bare) = account.v2("GET", &format!("accounts/{id}"), None).await;
    assert_eq!(bare["configuration"]["recipient"], Value::Null);
    let query = "include[0]=configuration.recipient&include[1]=identity";
    let (_, shown) = account.v2("GET", &format!("accounts/{id}?{query}"), None).await;
    assert_eq!(status_of(&shown), "restricted");
    assert_eq!(shown["identity"]["country"], "us");
    let (status, body) = account.v2("GET", "accounts/acct_none", None).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn what_stripe_refuses_of_an_account_is_refused() {
    let account = Account::open().await;
    let check = async |pointer: &str, value: Value| {
        let mut body = wanted();
        *body.pointer_mut(pointer).unwrap() = value;
        let (status, answer) = account.v2("POST", "accounts", Some(&body)).await;
        assert_eq!(status, 400, "{pointer}: {answer}");
    };
    check("/defaults/responsibilities/losses_collector", json!("stripe")).await;
    check("/dashboard", json!("standard")).await;
    check("/contact_email", json!("")).await;
    check("/contact_email", json!(7)).await;
    check("/identity/country", json!("USA")).await;
    check("/include", json!(["everything"])).await;
    let transfers = "/configuration/recipient/capabilities/stripe_balance/stripe_transfers";
    check(&format!("{transfers}/requested"), json!("true")).await;
    check(&format!("{transfers}/requested"), json!(false)).await;
    check("/metadata", json!({ "user_id": { "a": "b" } })).await;
    let mut body = wanted();
    body["type"] = "express".into();
    let (_, answer) = account.v2("POST", "accounts", Some(&body)).await;
    assert_eq!(answer["error"]["code"], "parameter_unknown");
    // The API no longer takes `configurations` of a link.
    let mut removed = link(&account.creator().await);
    removed["use_case"]["account_onboarding"]["configurations"] = json!(["recipient"]);
    let (_, answer) = account.v2("POST", "account_links", Some(&removed)).await;
    assert_eq!(answer["error"]["code"], "parameter_unknown");
    for query in ["include=identity", "include[1]=identity", "include[0]="] {
        let (status, _) = account.v2("GET", &format!("accounts/acct_1?{query}"), None).await;
        assert_eq!(status, 400, "{query}");
    }
    let url = format!("{}v2/core/accounts", account.control().url());
    let unversioned = account.visit.http.post(&url).bearer_auth(API_KEY).json(&wanted());
    assert_eq!(unversioned.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_link_is_followed_once_and_in_time() {
    let account = Account::open().await;
    let creator = account.creator().await;
    let go = async |url: &str, form: Option<&str>| {
        let request = match form {
            None => account.visit.http.get(url),
            Some(form) => account.visit.http.post(url).body(form.to_owned()),
        };
        let answer = request.send().await.unwrap();
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status(), to, answer.text().await.unwrap())
    };
    let (again, back) =
        (Some("https://prolight.test/again".into()), Some("https://prolight.test/back".into()));

    let first = account.link(&creator).await;
    assert_eq!(first["expires_at"], "2026-01-31T10:05:00.000Z");
    let url = text(&first, "/url");
    let (status, _, page) = go(&url, None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Ada &lt;Light&gt;") && page.contains("000123456789"), "{page}");
    assert_eq!(go(&url, None).await.1, again, "followed once");
    let before = account.control().event_types().len();
    assert_eq!(go(&url, Some("bank=000123456789")).await.1, back);
    assert_eq!(
        account.types_since(before),
        [
            "v2.core.account[requirements].updated",
            "v2.core.account[configuration.recipient].capability_status_updated",
        ]
    );
    assert_eq!(go(&url, Some("bank=000123456789")).await.1, again, "filled in once");

    let late = text(&account.link(&creator).await, "/url");
    let now = account.control().now();
    account.control().advance(Advance::To(now + 300)).unwrap();
    assert_eq!(go(&late, None).await.1, again);
    assert_eq!(go(&late, Some("bank=000123456789")).await.1, again);
    let unknown = format!("{}/stripe/connect/alu_none", account.visit.sandbox.url);
    assert_eq!(go(&unknown, None).await.0, StatusCode::NOT_FOUND);

    let query = "include[0]=configuration.recipient&include[1]=requirements";
    let (_, shown) = account.v2("GET", &format!("accounts/{creator}?{query}"), None).await;
    assert_eq!(status_of(&shown), "active");
    assert_eq!(shown["requirements"]["entries"], json!([]));
    account.control().close_account(&creator).unwrap();
    let (status, _) = account.v2("POST", "account_links", Some(&link(&creator))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_transfer_moves_money_once() {
    let account = Account::open().await;
    let creator = account.ready().await;
    assert_eq!(account.control().balance().available, 3 * 455);
    let form = [("amount", "800"), ("currency", "usd"), ("destination", creator.as_str())];
    let request = || account.request("POST", "transfers", &form).header("Idempotency-Key", "pay_1");
    let (_, first) = taken_apart(request().send().await.unwrap()).await;
    let (_, second) = taken_apart(request().send().await.unwrap()).await;
    assert_eq!(first, second);
    assert_eq!(account.control().transfers(), std::slice::from_ref(&first));
    assert_eq!(account.control().balance().available, 3 * 455 - 800);
    assert_eq!(account.available(&creator), 800);

    let (_, balance) = account.theirs(&creator, "balance").await;
    assert_eq!(int(&balance, "/available/0/amount"), 800);
    let payment = text(&first, "/destination_payment");
    assert!(payment.starts_with("py_"));
    let path = format!("charges/{payment}?expand[]=balance_transaction");
    let (_, theirs) = account.theirs(&creator, &path).await;
    assert_eq!(theirs["source_transfer"], first["id"]);
    assert_eq!(theirs["balance_transaction"]["type"], "payment");
    assert_eq!(account.try_get(&format!("charges/{payment}")).await.0, 404, "not the platform's");
    let (_, moved) = account.theirs(&creator, "balance_transactions").await;
    assert_eq!(moved["data"].as_array().unwrap().len(), 1);
    assert_eq!(account.theirs("acct_none", "balance").await.0, 403);
    let write = account.request("POST", "transfers", &form).header("Stripe-Account", &creator);
    assert_eq!(write.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_transfer_needs_money_and_somebody_who_can_be_paid() {
    let account = Account::open().await;
    account.set(json!({ "funds_available_at_once": false }));
    let code = async |to: &str, cents: i64| {
        let (status, body) = account.transfer(to, cents, "pay_1").await;
        assert_eq!(status, 400, "{body}");
        text(&body, "/error/code")
    };
    let creator = account.creator().await;
    assert_eq!(code(&creator, 100).await, "insufficient_capabilities_for_transfer");
    assert_eq!(code("acct_none", 100).await, "resource_missing");
    let creator = account.ready().await;
    assert_eq!(code(&creator, 100).await, "balance_insufficient", "it is pending");
    account.control().advance(Advance::Days(2)).unwrap();
    assert_eq!(code(&creator, 3 * 455 + 1).await, "balance_insufficient");
    assert_eq!(code(&creator, 0).await, "parameter_invalid_integer");
    account.sent(&creator, 3 * 455).await;
    assert_eq!(account.control().balance().available, 0);
    account.control().restrict(&creator).unwrap();
    assert_eq!(code(&creator, 1).await, "insufficient_capabilities_for_transfer");
}

/// A transfer with a source charge ignores the balance, is limited to the charge, and joins its
/// transfer group.
#[tokio::test]
async fn a_transfer_of_a_charge_needs_no_balance() {
    let account = Account::open().await;
    let creator = account.ready().await;
    let charges = account.get("charges").await;
    let charge = text(&charges["data"][0], "/id");
    assert_eq!(account.transfer(&creator, 3 * 455, "pay_1").await.0, 200);
    let of_charge = async |cents: &str| {
        let form = [
            ("amount", cents),
            ("currency", "usd"),
            ("destination", creator.as_str()),
            ("source_transaction", charge.as_str()),
        ];
        account.try_post("transfers", &form).await
    };
    let (status, body) = of_charge("501").await;
    assert_eq!(status, 400, "{body}");
    let (status, body) = of_charge("400").await;
    assert_eq!((status, &body["source_transaction"]), (200, &json!(charge)));
    assert_eq!(account.control().balance().available, -400);
    let intent = text(&charges["data"][0], "/payment_intent");
    let group = account.get(&format!("charges/{charge}")).await["transfer_group"].clone();
    assert_eq!((&body["transfer_group"], &group), (&group, &json!(format!("group_{intent}"))));
    // Reversed transfers count as well.
    let transfer = text(&body, "/id");
    assert_eq!(account.try_post(&format!("transfers/{transfer}/reversals"), &[]).await.0, 200);
    let (status, body) = of_charge("101").await;
    assert_eq!(status, 400, "{body}");
}

/// A new account pays its balance out every midnight; only a manual schedule stops that.
#[tokio::test]
async fn the_platforms_balance_leaves_unless_it_is_paid_out_by_hand() {
    let account = Account::open().await;
    let customer = account.customer().await;
    let interval = async |interval: &str| {
        let form = [("payments[payouts][schedule][interval]", interval)];
        account.try_post("balance_settings", &form).await
    };
    let settings = account.get("balance_settings").await;
    assert_eq!(text(&settings, "/payments/payouts/schedule/interval"), "manual", "it is set up");
    let left = async || {
        account.pack(&customer).await;
        account.control().book_charges();
        account.control().advance(Advance::Days(1)).unwrap();
        account.control().balance().available
    };
    assert_eq!(left().await, 455);
    assert_eq!(interval("never").await.0, 400);
    assert_eq!(interval("daily").await.0, 200);
    assert_eq!(left().await, 0);
    assert_eq!(int(&account.get("payouts").await, "/data/0/amount"), 2 * 455);
    assert_eq!(interval("manual").await.0, 200);
    assert_eq!(left().await, 455);
}

#[tokio::test]
async fn an_ambiguous_transfer_is_found_by_its_group() {
    let account = Account::open().await;
    let creator = account.ready().await;
    account
        .visit
        .order(json!({
            "fault": { "answer": "server_error_after_accepting" },
            "on": { "route": "stripe_transfers" }, "times": 1,
        }))
        .await;
    assert_eq!(account.transfer(&creator, 300, "pay_7").await.0, 500);
    let found = account.get("transfers?transfer_group=pay_7").await;
    assert_eq!(int(&found, "/data/0/amount"), 300);
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(account.get("transfers?transfer_group=pay_8").await["data"], json!([]));
    let theirs = account.get(&format!("transfers?destination={creator}")).await;
    assert_eq!(theirs["data"], found["data"]);
}

#[tokio::test]
async fn a_transfer_is_reversed_in_parts_while_the_money_is_there() {
    let account = Account::open().await;
    let creator = account.ready().await;
    let transfer = text(&account.sent(&creator, 800).await, "/id");
    let path = format!("transfers/{transfer}/reversals");
    let part = account.post(&path, &[("amount", "300"), ("metadata[key]", "k1")]).await;
    assert_eq!((account.available(&creator), int(&part, "/amount")), (500, 300));
    assert_eq!(account.control().balance().available, 3 * 455 - 500);
    let now = account.get(&format!("transfers/{transfer}")).await;
    assert_eq!((int(&now, "/amount_reversed"), &now["reversed"]), (300, &json!(false)));
    assert_eq!(now["reversals"]["data"][0]["metadata"], json!({ "key": "k1" }));
    account.last("transfer.reversed");
    let (_, body) = account.try_post(&path, &[("amount", "501")]).await;
    assert_eq!(body["error"]["param"], "amount");

    let payout = account.control().pay_bank(&creator).unwrap();
    let (status, body) = account.try_post(&path, &[("amount", "100")]).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("balance_insufficient")));
    account.control().fail_bank_payout(&payout).unwrap();
    account.post(&path, &[]).await;
    assert_eq!((account.available(&creator), account.control().balance().available), (0, 3 * 455));
    let all = account.get(&path).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    let moved = account.get("balance_transactions?type=transfer_refund").await;
    assert_eq!(moved["data"].as_array().unwrap().len(), 2);
    assert_eq!(account.try_post(&path, &[]).await.0, 400, "all of it is back");
}

#[tokio::test]
async fn a_balance_sets_out_at_midnight_and_arrives_a_day_later() {
    let account = Account::open().await;
    let creator = account.ready().await;
    let payment = text(&account.sent(&creator, 800).await, "/destination_payment");
    account.control().advance(Advance::Days(1)).unwrap();
    let payout = account.control().bank_payouts(&creator).unwrap().remove(0);
    assert_eq!((int(&payout, "/amount"), &payout["status"]), (800, &json!("in_transit")));
    assert_eq!(account.available(&creator), 0);
    account.control().advance(Advance::Days(1)).unwrap();
    let id = text(&payout, "/id");
    let (_, arrived) = account.theirs(&creator, &format!("payouts/{id}")).await;
    assert_eq!(arrived["status"], "paid");
    let told = account.last("payout.paid");
    assert_eq!((&told["account"], &told["data"]["object"]["id"]), (&json!(creator), &json!(id)));
    let path = format!("balance_transactions?payout={id}");
    let (_, parts) = account.theirs(&creator, &path).await;
    let sources: Vec<&Value> = parts["data"].as_array().unwrap().iter().collect();
    let sources: Vec<&Value> = sources.iter().map(|part| &part["source"]).collect();
    assert_eq!(sources, [&json!(id), &json!(payment)]);
    let listed = account.get("events?limit=100").await;
    let listed = listed["data"].as_array().unwrap();
    assert!(listed.iter().all(|event| event["type"] != "payout.paid"), "not the platform's");
    let (_, theirs) = account.theirs(&creator, "events?type=payout.paid").await;
    assert_eq!(theirs["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_payout_fails_after_it_arrived_and_goes_out_with_the_next() {
    let account = Account::open().await;
    let creator = account.ready().await;
    account.sent(&creator, 800).await;
    let first = account.control().pay_bank(&creator).unwrap();
    assert_eq!(account.control().object(&first).unwrap()["status"], "paid");
    account.control().fail_bank_payout(&first).unwrap();
    assert!(account.control().fail_bank_payout(&first).is_err(), "failed once");
    let failed = account.last("payout.failed");
    assert_eq!(failed["data"]["object"]["failure_code"], "account_closed");
    assert_eq!(account.available(&creator), 800);
    account.last("v2.core.account[requirements].updated");
    assert!(account.control().pay_bank(&creator).is_err(), "no bank account is left");
    account.control().advance(Advance::Days(3)).unwrap();
    assert_eq!(account.available(&creator), 800);

    account.control().onboard(&creator, Bank::Missing).unwrap();
    let second = account.control().pay_bank(&creator).unwrap();
    assert_eq!(account.control().object(&second).unwrap()["failure_code"], "no_account");
    account.control().onboard(&creator, Bank::Works).unwrap();
    account.sent(&creator, 100).await;
    let third = account.control().pay_bank(&creator).unwrap();
    let (_, parts) =
        account.theirs(&creator, &format!("balance_transactions?payout={third}")).await;
    let types: Vec<String> =
        parts["data"].as_array().unwrap().iter().map(|part| text(part, "/type")).collect();
    assert_eq!(types, ["payout", "payment", "payout_failure"]);
    assert_eq!(int(&account.control().object(&third).unwrap(), "/amount"), 900);
}

#[tokio::test]
async fn connected_accounts_have_an_endpoint_of_their_own() {
    let account = Account::open().await;
    let (platform, connected) =
        (WebhookReceiver::answering(&[]).await, WebhookReceiver::answering(&[]).await);
    account.set(json!({
        "webhook": { "url": platform.url, "secret": "whsec_platform" },
        "connect_webhook": { "url": connected.url, "secret": SECRET },
    }));
    let creator = account.ready().await;
    account.sent(&creator, 800).await;
    account.control().pay_bank(&creator).unwrap();
    account.control().close_account(&creator).unwrap();
    let heard = connected.wait_for(9).await;
    // Events of different times may overtake each other.
    let mut kinds = connected.types();
    kinds.sort();
    let capability = "v2.core.account[configuration.recipient].capability_status_updated";
    assert_eq!(
        kinds,
        [
            "payment.created",
            "payout.created",
            "payout.paid",
            "payout.updated",
            "v2.core.account.closed",
            "v2.core.account.created",
            capability,
            capability,
            "v2.core.account[requirements].updated",
        ]
    );
    let thin = heard.iter().find(|event| event["type"] == "v2.core.account.closed").unwrap();
    let related = json!({
        "id": creator, "type": "v2.core.account", "url": format!("/v2/core/accounts/{creator}"),
    });
    assert_eq!((&thin["object"], &thin["related_object"]), (&json!("v2.core.event"), &related));
    assert_eq!((&thin["created"], thin.get("data")), (&json!("2026-01-31T10:00:00.000Z"), None));
    let (signature, body) = connected.letter(0);
    let at = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
    assert_eq!(signature, crate::stripe::sign(&body, &[SECRET], at));
    platform.wait_for(1).await;
    assert!(platform.types().iter().all(|kind| !kind.starts_with("v2.") && *kind != "payout.paid"));
}

#[tokio::test]
async fn endpoints_and_destinations_for_connected_accounts_are_registered() {
    let account = Account::open().await;
    let (snapshots, thin) =
        (WebhookReceiver::answering(&[]).await, WebhookReceiver::answering(&[]).await);
    let form = [
        ("url", snapshots.url.as_str()),
        ("enabled_events[0]", "payout.paid"),
        ("enabled_events[1]", "charge.succeeded"),
        ("connect", "true"),
    ];
    account.post("webhook_endpoints", &form).await;
    let body = json!({
        "name": "accounts", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": ["v2.core.account.closed"], "events_from": ["@accounts"],
        "webhook_endpoint": { "url": thin.url },
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
    });
    let (status, made) = account.v2("POST", "event_destinations", Some(&body)).await;
    assert_eq!(status, 200, "{made}");
    let secret = text(&made, "/webhook_endpoint/signing_secret");
    let creator = account.ready().await;
    account.sent(&creator, 800).await;
    account.control().pay_bank(&creator).unwrap();
    account.control().close_account(&creator).unwrap();
    thin.wait_for(1).await;
    snapshots.wait_for(1).await;
    assert_eq!(thin.types(), ["v2.core.account.closed"]);
    assert_eq!(snapshots.types(), ["payout.paid"]);
    let (signature, body) = thin.letter(0);
    let at = signature.split_once(',').unwrap().0.strip_prefix("t=").unwrap().parse().unwrap();
    assert_eq!(signature, crate::stripe::sign(&body, &[&secret], at));
    let list = "event_destinations?include[0]=webhook_endpoint.url";
    let (_, all) = account.v2("GET", list, None).await;
    assert_eq!(all["data"][0]["webhook_endpoint"]["url"], json!(thin.url));
    assert_eq!(all["data"][0]["webhook_endpoint"]["signing_secret"], Value::Null);
}

#[tokio::test]
async fn connected_accounts_are_controlled_over_http() {
    let account = Account::open().await;
    let creator = account.creator().await;
    let order = async |path: &str, body: Value| {
        let answer = account.visit.post(&format!("/_sandbox/stripe/{path}"), &body).await;
        let (status, told) = taken_apart(answer).await;
        assert_eq!(status, 200, "{path}: {told}");
        told
    };
    order("account/onboard", json!({ "account": creator, "bank": "works" })).await;
    let customer = account.customer().await;
    account.pack(&customer).await;
    account.control().book_charges();
    account.sent(&creator, 400).await;
    let balance = async |query: &str| {
        let answer = account.visit.get(&format!("/_sandbox/stripe/balance{query}")).await;
        int(&answer.json().await.unwrap(), "/available")
    };
    assert_eq!((balance("").await, balance(&format!("?account={creator}")).await), (55, 400));
    let paid = order("bank/pay", json!({ "account": creator })).await;
    order("bank/fail", json!({ "payout": paid["payout"] })).await;
    order("account/restrict", json!({ "account": creator })).await;
    order("account/close", json!({ "account": creator })).await;
    let listed: Value = account.visit.get("/_sandbox/stripe/transfers").await.json().await.unwrap();
    assert_eq!(int(&listed, "/items/0/amount"), 400);
    let twice = json!({ "account": creator });
    let again = account.visit.post("/_sandbox/stripe/account/close", &twice).await;
    assert_eq!(again.status(), 400);
}
