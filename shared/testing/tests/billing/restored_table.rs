//! The table is restored to a time before payouts: the drill of infra/README.md ("Restoring the
//! table"), step by step.

use domain::{
    marketplace::{
        creator::{
            cause::Cause,
            journal::{LedgerAccount, Role},
            payout::Payout,
        },
        purchase::entitlement::EntitlementState,
    },
    plan::Plan,
};
use sandbox::stripe::{Bank, Card};
use serde_json::{Value, json};
use simulator::findings;
use testing::engine::{Engine, TABLE};
use upkeep::{migrate::Mode, progress::Progress, put_back::put_back, table::Table};

use crate::{
    billing_app::{BillingApp, session_of},
    paid_sale::{NET, PRICE, PaidSale},
};

/// The table as an export has it.
struct Export(Vec<Value>);

impl Export {
    fn of(app: &BillingApp) -> Export {
        Export(app.engine.dump())
    }

    /// Restores it beside the table, and puts it in place; what processes remember is lost with
    /// them.
    async fn restore(&self, app: &BillingApp) {
        let restored = Engine::new();
        restored.import(self.0.iter().cloned());
        let present = Table::new(app.engine.client(), TABLE);
        let both = (&Table::new(restored.client(), TABLE), &present);
        let (before, none) = (app.engine.dump(), &mut Progress::none());
        let planned = put_back(both, Mode::DryRun, none).await.unwrap();
        assert_eq!(app.engine.dump(), before, "a dry run writes nothing");
        assert_eq!(put_back(both, Mode::Write, none).await.unwrap(), planned);
        let again = put_back(both, Mode::Write, none).await.unwrap();
        assert_eq!((again.written, again.deleted), (0, 0));
        assert_eq!(app.engine.dump().len(), self.0.len());
        app.restart();
        assert_eq!(findings(app).await, [""; 0], "a restored table follows from its entries");
    }
}

/// A creator's transfers at Stripe, less what was reversed.
fn sent(app: &BillingApp) -> i64 {
    let cents = |it: &Value, name: &str| it[name].as_i64().unwrap();
    let all = app.stripe().transfers();
    all.iter().map(|it| cents(it, "amount") - cents(it, "amount_reversed")).sum()
}

/// Whichever run comes first after the restore, that day or the next, for a payout of one sale or of
/// two, whether or not one of them was refunded after it was paid out.
#[tokio::test]
async fn no_creator_is_paid_twice_after_a_restore() {
    for (two_sales, refunded, days, reconciled_first) in [
        (false, false, 0, true),
        (false, false, 1, false),
        (false, true, 1, true),
        (true, false, 0, false),
        (true, false, 1, true),
        (true, false, 3, false),
        (true, true, 0, true),
        (true, true, 1, false),
        (true, true, 2, true),
    ] {
        let name = format!("{two_sales} {refunded} {days} {reconciled_first}");
        let app = BillingApp::new().await;
        let sale = PaidSale::funded(&app, Bank::Works).await;
        let (market, bob) = (&sale.market, app.new_member("bob"));
        if two_sales {
            market.sold(&bob, &sale.listing, PRICE).await;
        }
        app.reconcile().await.unwrap();
        app.advance_days(7);
        let export = Export::of(&app);

        // Life goes on: a payout, a refund and its reversal.
        market.pay_creators().await.unwrap();
        let paid = if two_sales { 2 * NET } else { NET };
        sale.check_payouts(&[("sent", paid)]).await;
        if refunded {
            assert_eq!(market.refund("key", &sale.purchase, None).await.status(), 200);
            app.deliver_events().await;
            market.pay_creators().await.unwrap();
        }
        let earned = if refunded { paid - NET } else { paid };
        assert_eq!(sent(&app), earned, "{name}");
        assert_eq!(findings(&app).await, [""; 0], "{name}");

        export.restore(&app).await;
        app.advance_days(days);
        app.events();
        if reconciled_first {
            app.reconcile().await.unwrap();
        }
        market.pay_creators().await.unwrap();
        app.reconcile().await.unwrap();
        assert_eq!(findings(&app).await, [""; 0], "{name}");
        market.pay_days(3).await;
        assert_eq!(sent(&app), earned, "{name}: {:?}", sale.payout_states().await);
        let expected = if refunded { EntitlementState::Revoked } else { EntitlementState::Active };
        assert_eq!(sale.access().await, expected, "{name}");
        market.assert_ledger_balances().await;
        assert_eq!(sale.debt().await, 0, "{name}");
        assert_eq!(findings(&app).await, [""; 0], "{name}");

        // What is sold from now on is paid as always.
        market.sold(&app.new_member("eve"), &sale.listing, PRICE).await;
        market.pay_days(9).await;
        assert_eq!(sent(&app), earned + NET, "{name}");
        market.assert_ledger_balances().await;
        assert_eq!(findings(&app).await, [""; 0], "{name}");
        app.close().await;
    }
}

/// Three payouts are lost, and a sale became payable since the first.
#[tokio::test]
async fn several_lost_payouts_are_adopted_with_their_own_sales() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let market = &sale.market;
    for name in ["bob", "eve"] {
        app.advance_days(1);
        market.sold(&app.new_member(name), &sale.listing, PRICE).await;
    }
    app.advance_days(4);
    let export = Export::of(&app);
    market.pay_days(3).await;
    sale.check_payouts(&[("sent", NET), ("sent", NET), ("paid", NET)]).await;
    let before = market.payouts(&sale.kim).await;

    export.restore(&app).await;
    app.events();
    app.reconcile().await.unwrap();
    market.pay_creators().await.unwrap();
    market.pay_days(4).await;
    assert_eq!(sent(&app), 3 * NET);
    let after = market.payouts(&sale.kim).await;
    for payout in &before {
        let adopted = after.iter().find(|it| it.id == payout.id).unwrap();
        let of = |it: &Payout| (it.transfer.clone(), it.amount, it.collected, it.sales);
        assert_eq!(of(adopted), of(payout));
    }
    market.assert_ledger_balances().await;
    assert_eq!(findings(&app).await, [""; 0]);
    app.close().await;
}

/// The run is interrupted between the lookup, the adoption and the next payout.
#[tokio::test]
async fn an_adoption_that_is_interrupted_is_completed() {
    let app = BillingApp::new().await;
    let sale = PaidSale::funded(&app, Bank::Works).await;
    let market = &sale.market;
    market.sold(&app.new_member("bob"), &sale.listing, PRICE).await;
    app.advance_days(7);
    let export = Export::of(&app);
    market.pay_creators().await.unwrap();
    app.advance_days(1);
    let mut nth = 1;
    loop {
        export.restore(&app).await;
        app.engine.order("TransactWriteItems", nth, testing::Fault::HangAfter);
        let done = app.engine.until_hung(market.pay_creators()).await;
        app.advance_days(1);
        market.pay_creators().await.unwrap();
        assert_eq!(sent(&app), 2 * NET, "write {nth}");
        assert_eq!(findings(&app).await, [""; 0], "write {nth}");
        if done.is_some() {
            break;
        }
        nth += 1;
    }
    assert!(nth > 5, "{nth} writes");
    market.pay_days(2).await;
    market.assert_ledger_balances().await;
    app.close().await;
}

/// One half of each thing that is written together is removed: it is found, by name.
#[tokio::test]
async fn what_is_torn_is_named() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    let (market, kim, ann) = (&sale.market, sale.kim.id.clone(), sale.ann.id.clone());
    let order = app.buy(&sale.ann, "pack_50").await;
    app.subscribe(&sale.ann, "pro").await;
    assert_eq!(app.account(&ann).await.plan, Plan::Pro);
    let prompt = json!({ "prompt": "a bottle" });
    let made = app.client(&sale.ann).post("/api/v1/generations").key("job").json(prompt).await;
    let job = made.json()["id"].as_str().unwrap().to_owned();
    market.pay_days(7).await;
    let whole = Export::of(&app);
    assert_eq!(findings(&app).await, [""; 0]);

    let purchase = sale.purchase.id.clone();
    let payment = Cause::Payment(sale.purchase.payment.clone().unwrap());
    let (ann, kim) = (format!("USER#{ann}"), format!("USER#{kim}"));
    let payout = market.payouts(&sale.kim).await[0].id.clone();
    let is_head_of_jobs = |it: &&Value| it["pk"]["S"] == "AUDIT#HEAD" && it["sk"]["S"] != "HEAD";
    let head_of_jobs = whole.0.iter().find(is_head_of_jobs).unwrap();
    let head_of_jobs = head_of_jobs["sk"]["S"].as_str().unwrap().to_owned();
    let cases = [
        (ann.as_str(), "LEDGER#000000000002".to_owned(), "ledger"),
        (&ann, "ACCOUNT".to_owned(), "a ledger has no account"),
        (&ann, format!("ORDER#{}", order.id), "has a receipt, no order"),
        (&ann, format!("JOB#{job}"), "has no job"),
        (&ann, format!("INPUT#{job}"), "has no input"),
        (&ann, format!("PURCHASE#{purchase}"), "has no paid purchase"),
        (&ann, format!("OWNS#{}", sale.listing), "has no entitlement"),
        (&kim, format!("SALE#{purchase}"), "has no sale"),
        (&kim, format!("PAYOUT#{payout}"), "which is missing"),
        (&kim, "CREATOR".to_owned(), "a journal has no balance"),
        (&format!("JOURNAL#{}", sale.kim.id), posting(&payment, Role::CreatorShare), "add up to"),
        (&format!("PURCHASE#{purchase}"), "USER".to_owned(), "does not lead back"),
        (&format!("PAYEE#{}", sale.account().await), "USER".to_owned(), "does not lead back"),
        ("AUDIT#HEAD", "HEAD".to_owned(), "audit: chain staff"),
        ("AUDIT#HEAD", head_of_jobs, "audit: chain jobs_"),
    ];
    for (pk, sk, said) in &cases {
        let torn = whole.0.iter().filter(|it| it["pk"]["S"] != *pk || it["sk"]["S"] != **sk);
        let torn: Vec<Value> = torn.cloned().collect();
        assert_eq!(torn.len() + 1, whole.0.len(), "{pk} {sk} exists");
        app.engine.restore(&torn);
        let found = findings(&app).await;
        assert!(found.iter().any(|it| it.contains(said)), "{pk} {sk}: {found:#?}");
    }
    app.engine.restore(&whole.0);

    // A balance that was changed by hand, and one that was changed on both sides.
    let mut changed = whole.0.clone();
    let is = |it: &Value, sk: &str| it["pk"]["S"] == kim && it["sk"]["S"] == sk;
    let book = changed.iter_mut().find(|it| is(it, "CREATOR")).unwrap();
    book["balances"]["M"]["creator_debt"] = json!({ "N": "5" });
    app.engine.restore(&changed);
    let found = findings(&app).await;
    let debt = LedgerAccount::CreatorDebt;
    assert_eq!(found, [format!("member {}: {debt:?} is 5, its postings add up to 0", sale.kim.id)]);
    app.engine.restore(&whole.0);
    app.close().await;
}

fn posting(cause: &Cause, role: Role) -> String {
    format!("{cause}#{}", role.into_str())
}

/// What was paid since the restored time is granted again, by Stripe's events. A payment whose order
/// was opened since then names nothing that the table has: it is left for a person.
#[tokio::test]
async fn a_payment_is_applied_again_if_its_order_is_known() {
    let app = BillingApp::new().await;
    let (ann, bob) = (app.new_member("ann"), app.new_member("bob"));
    let known = app.checkout(&ann, json!({"pack": "pack_50"})).await;
    app.credits(&bob).await;
    let export = Export::of(&app);
    let lost = app.checkout(&bob, json!({"pack": "pack_50"})).await;
    for page in [&known, &lost] {
        app.pay(page, Card::Succeeds);
    }
    app.deliver_events().await;
    for member in [&ann, &bob] {
        assert_eq!(app.credits(member).await["available"], 60);
    }

    export.restore(&app).await;
    app.advance_days(1);
    app.events();
    app.reconcile().await.unwrap();
    assert_eq!(app.credits(&ann).await["available"], 60);
    assert_eq!(app.credits(&bob).await["available"], 10);
    let parked = app.store.parked_events(None, 10).await.unwrap().items;
    let order = app.stripe().object(session_of(&lost)).unwrap()["id"].clone();
    assert!(parked.iter().any(|it| it.body.contains(order.as_str().unwrap())), "{parked:?}");
    assert_eq!(findings(&app).await, [""; 0]);
    app.close().await;
}
