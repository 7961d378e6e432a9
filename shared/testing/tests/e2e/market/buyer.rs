//! Frontend calls of a buyer.

use serde_json::{Value, json};

use super::seller::visitor;
use crate::{
    billing::stripe,
    member::{Member, text, until},
};

pub(crate) const PURCHASES: &str = "/api/v1/marketplace/purchases";

impl Member {
    /// Starts a purchase.
    pub(crate) async fn begin(&self, listing: &str, cents: u32) -> Value {
        let price = json!({ "amount": cents, "currency": "usd" });
        let wish = json!({ "listing_id": listing, "expected_price": price });
        self.post(PURCHASES, &wish).await.ok(201)
    }

    /// Buys on the sandbox's page and waits for the purchase.
    pub(crate) async fn buys(&self, listing: &str, cents: u32) -> Value {
        let begun = self.begin(listing, cents).await;
        let url = text(&begun["checkout_url"]).to_owned();
        let page = stripe::page(&url).await;
        assert!(page.contains(&format!("name=card value={}", stripe::PAYS)), "a card to pay with");
        let paid = stripe::send(&url, &format!("card={}", stripe::PAYS)).await;
        paid.ok(303);
        let back = paid.header("location").unwrap();
        assert!(back.contains(text(&begun["id"])), "{back}");
        visitor().get(back).await.ok(200);
        self.has_bought(listing).await
    }

    /// Waits until the purchase of a listing is paid. Returns it.
    pub(crate) async fn has_bought(&self, listing: &str) -> Value {
        self.purchase_when(listing, "paid").await
    }

    /// Waits until the purchase of a listing has this status. Returns it.
    pub(crate) async fn purchase_when(&self, listing: &str, status: &str) -> Value {
        let link = format!("{PURCHASES}?listing_id={listing}");
        until(&format!("a purchase that is {status}"), async || {
            let page = self.get(&link).await.ok(200);
            let first = page["items"][0].clone();
            (first["status"] == status).then_some(first)
        })
        .await
    }
}
