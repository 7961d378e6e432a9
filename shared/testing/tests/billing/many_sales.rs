//! Payouts of thousands of sales, in batches.

use domain::marketplace::creator::payout::Payout;
use sandbox::stripe::Bank;
use serde_json::{Value, json};
use testing::{Actor, engine::TABLE};

use crate::{billing_app::BillingApp, marketplace::Marketplace};

/// Ten thousand sales of one creator in one payout, in batches.
#[tokio::test]
async fn ten_thousand_sales_are_paid_out_at_once() {
    let app = BillingApp::new().await;
    let (market, kim, _) = with_sales_of_a_cent(&app, &[5_000, 5_000, 2_500]).await;
    app.advance_days(7);
    app.engine.take_usage();
    market.pay_creators().await.unwrap();
    let usage = app.engine.take_usage();
    // Two reads and one transaction per eighty sales, once to release and once to collect them.
    assert!(usage.round_trips() < 800, "{usage:?}");
    assert_eq!(market.payout_states(&kim).await, [("sent".to_owned(), 10_000)]);
    let payout: &Payout = &market.payouts(&kim).await[0];
    assert_eq!(payout.sales, 10_000);
    market.assert_ledger_balances().await;
    app.close().await;
}

/// Two thousand sales returned by the bank: they are detached in batches, as they were added.
#[tokio::test]
async fn two_thousand_sales_are_returned_and_paid_again() {
    let app = BillingApp::new().await;
    let (market, kim, account) = with_sales_of_a_cent(&app, &[2_500]).await;
    app.advance_days(7);
    market.pay_creators().await.unwrap();
    app.stripe().pay_bank(&account).unwrap();
    let theirs = app.stripe().bank_payouts(&account).unwrap();
    app.stripe().fail_bank_payout(theirs[0]["id"].as_str().unwrap()).unwrap();
    app.deliver_events().await;
    app.engine.take_usage();
    market.pay_creators().await.unwrap();
    let usage = app.engine.take_usage();
    assert!(usage.round_trips() < 150, "{usage:?}");
    assert_eq!(market.payout_states(&kim).await, [("reopened".to_owned(), 2_000)]);
    market.assert_ledger_balances().await;
    market.pay_days(1).await;
    assert_eq!(market.payout_states(&kim).await[0], ("sent".to_owned(), 2_000));
    market.assert_ledger_balances().await;
    app.close().await;
}

/// Sales at these prices, split into as many sales as their creator's share has cents.
async fn with_sales_of_a_cent<'a>(
    app: &'a BillingApp,
    prices: &[i64],
) -> (Marketplace<'a>, Actor, String) {
    let (kim, ann) = (app.new_member("kim"), app.new_member("ann"));
    let market = Marketplace::new(app);
    for cents in prices {
        let listing = market.on_sale(&kim, *cents).await;
        market.sold(&ann, &listing, *cents).await;
    }
    let account = market.complete_onboarding(&kim, Bank::Works).await;
    let net = market.creator_balance(&kim).await.money.net;
    split_sales(app, usize::try_from(net).unwrap());
    (market, kim, account)
}

/// Replaces the stored sales by this many of one cent each.
fn split_sales(app: &BillingApp, sales: usize) {
    let run = |operation: &str, body: Value| {
        app.engine.run(operation, &body.to_string()).unwrap();
    };
    app.stop_stream();
    let mut items = app.engine.dump();
    items.retain(|item| item["sk"]["S"].as_str().unwrap().starts_with("SALE#"));
    for item in &items {
        let key = json!({ "pk": item["pk"], "sk": item["sk"] });
        run("DeleteItem", json!({ "TableName": TABLE, "Key": key }));
    }
    let cent = json!({ "M": { "gross": { "N": "1" }, "fee": { "N": "0" }, "net": { "N": "1" } } });
    let mut sale = items.remove(0);
    let held_until = sale["gsi1sk"]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    (sale["sold"], sale["kept"]) = (cent.clone(), cent);
    for number in 0..sales {
        let id = domain::id::PurchaseId::new(app.now(), number as u128).to_string();
        sale["sk"]["S"] = json!(format!("SALE#{id}"));
        sale["purchase_id"]["S"] = json!(id);
        sale["gsi1sk"]["S"] = json!(format!("{held_until}#{id}"));
        run("PutItem", json!({ "TableName": TABLE, "Item": sale }));
    }
}
