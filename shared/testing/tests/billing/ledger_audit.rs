//! The audit of the ledger.

use sandbox::stripe::Bank;
use serde_json::{Value, json};
use testing::engine::TABLE;

use crate::{
    billing_app::BillingApp,
    paid_sale::{NET, PaidSale},
};

/// The audit names the manipulated value: a posting, or a stored sum beside the journal.
#[tokio::test]
async fn the_audit_names_the_account_that_differs() {
    let app = BillingApp::new().await;
    let sale = PaidSale::payable(&app, Bank::Works).await;
    sale.market.pay_days(9).await;
    let good = sale.market.audit().await;
    assert_eq!(good["equal"], true, "{good:#}");
    let items = app.engine.dump();
    let is_leg = |item: &&Value| {
        item["pk"]["S"].as_str().unwrap().starts_with("JOURNAL#")
            && item["account"]["S"] == "transferred"
    };
    let is_book = |item: &&Value| {
        item["sk"]["S"] == "CREATOR" && item["pk"]["S"] == json!(format!("USER#{}", sale.kim.id))
    };
    let put = |item: &Value| {
        let request = json!({ "TableName": TABLE, "Item": item }).to_string();
        app.engine.run("PutItem", &request).unwrap();
    };
    let mut leg = items.iter().find(is_leg).unwrap().clone();
    let mut book = items.iter().find(is_book).unwrap().clone();
    leg["amount"]["N"] = json!((NET + 1).to_string());
    book["balances"]["M"]["creator_paid"]["N"] = json!((7 - NET).to_string());
    for (tampered, account, kept, folded) in
        [(&leg, "transferred", NET, NET + 1), (&book, "creator_paid", 7 - NET, -NET)]
    {
        let before =
            items.iter().find(|it| it["pk"] == tampered["pk"] && it["sk"] == tampered["sk"]);
        put(tampered);
        let bad = sale.market.audit().await;
        assert_eq!(bad["equal"], false, "{account}");
        let found = &bad["items"][0];
        let difference = json!([{ "account": account, "kept": kept, "folded": folded }]);
        assert_eq!(
            (&found["creator"]["id"], &found["differences"]),
            (&json!(sale.kim.id), &difference)
        );
        put(before.unwrap());
        assert_eq!(sale.market.audit().await["equal"], true);
    }
    app.close().await;
}
