//! Frontend calls of a paying member.

use reqwest::Method;
use serde_json::{Value, json};

use super::stripe;
use crate::member::{Member, answer, text, until};

impl Member {
    /// The checkout URL for a request.
    pub(crate) async fn checkout(&self, request: Value) -> String {
        let opened = self.post("/api/v1/billing/checkout", &request).await.ok(201);
        text(&opened["checkout_url"]).to_owned()
    }

    /// Opens a checkout and pays it. Returns its URL.
    pub(crate) async fn pay_for(&self, request: Value) -> String {
        let url = self.checkout(request).await;
        stripe::pay(&url).await;
        url
    }

    /// Buys 50 credits and waits for them.
    pub(crate) async fn buy_50(&self) -> String {
        let before = self.credits().await["available"].as_u64().unwrap();
        let url = self.pay_for(json!({ "pack": "pack_50" })).await;
        self.has(before + 50).await;
        url
    }

    /// Subscribes and waits for it. Returns the subscription's id at Stripe.
    pub(crate) async fn subscribe(&self, plan: &str) -> String {
        let url = self.pay_for(json!({ "plan": plan })).await;
        self.credits_when(plan, |credits| credits["plan"] == plan).await;
        text(&stripe::completed(&url).await["subscription"]).to_owned()
    }

    /// Waits until this many credits are available. Returns the balance.
    pub(crate) async fn has(&self, available: u64) -> Value {
        let what = format!("{available} credits");
        self.credits_when(&what, |credits| credits["available"] == available).await
    }

    /// Waits until the balance matches. Returns it.
    pub(crate) async fn credits_when(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, async || Some(self.credits().await).filter(&fits)).await
    }

    pub(crate) async fn subscription(&self) -> Value {
        self.get("/api/v1/billing/subscription").await.ok(200)
    }

    /// Waits until the subscription matches. Returns it.
    pub(crate) async fn subscription_when(
        &self,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        until(what, async || Some(self.subscription().await).filter(&fits)).await
    }

    /// Every invoice and receipt, newest first.
    pub(crate) async fn invoices(&self) -> Vec<Value> {
        self.whole_list("/api/v1/billing/invoices?limit=3", |page| page).await
    }

    /// The URL of an invoice's PDF.
    pub(crate) async fn pdf_of(&self, invoice: &Value) -> String {
        let path = text(&invoice["links"]["pdf"]);
        self.get(path).await.ok(302);
        let asked = self.request(Method::GET, path).header("Accept", "application/json");
        text(&answer(asked).await.ok(200)["url"]).to_owned()
    }

    /// The URL of the customer portal.
    pub(crate) async fn portal(&self) -> String {
        let opened = self.post("/api/v1/billing/portal", &json!({})).await.ok(200);
        text(&opened["portal_url"]).to_owned()
    }

    /// Sets the subscription to cancel at period end, or to renew.
    pub(crate) async fn cancel(&self, request: Value) -> Value {
        self.post("/api/v1/billing/subscription/cancel", &request).await.ok(200)
    }

    /// Turns automatic top-ups on or off.
    pub(crate) async fn top_up(&self, request: Value) -> Value {
        let request = self.request(Method::PUT, "/api/v1/billing/top-up").json(&request);
        answer(request).await.ok(200)["top_up"].clone()
    }
}
