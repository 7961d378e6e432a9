//! What members do about images, credits and plans.

use domain::{plan::Plan, webhook::event::EventType};
use sandbox::{receiver::Behaviour, stripe::Card};
use serde_json::{Value, json};
use testing::engine::unobserved;

use super::{GENERATIONS, MEMBERS, TOP_UPS_A_MONTH, Violation, World, nth_of};
use crate::billing_app::session_of;

impl World {
    pub(super) async fn generate(&self, member: usize) -> Result<(), Violation> {
        let by = self.member(member);
        self.post("POST /generations", by, GENERATIONS, an_image()).await.map(drop)
    }

    pub(super) async fn cancel_job(&self, member: usize, nth: usize) -> Result<(), Violation> {
        let member = self.member(member);
        let jobs = unobserved(self.app.jobs(&member.id)).await;
        let Some(job) = nth_of(&jobs, nth) else { return Ok(()) };
        let path = format!("/api/v1/generations/{}/cancel", job.id);
        self.answered("cancel", &self.app.client(member).post(path).await)
    }

    /// Opens a checkout, and pays or not.
    pub(super) async fn check_out(
        &self,
        member: usize,
        body: Value,
        card: Option<Card>,
    ) -> Result<(), Violation> {
        let by = self.member(member);
        let answer = match body.get("pack").is_some() {
            true => self.post("checkout", by, "/api/v1/billing/checkout", body).await?,
            // A plan's page may be opened again under its key: its member has one at a time.
            false => self.app.try_checkout(by, &self.key(), body).await,
        };
        self.answered("checkout", &answer)?;
        if let (201, Some(card)) = (answer.status(), card) {
            let url = answer.json()["checkout_url"].as_str().unwrap().to_owned();
            self.pay(&url, card);
        }
        Ok(())
    }

    /// Pays a page, unless it is paid or expired.
    pub(super) fn pay(&self, url: &str, card: Card) {
        let _ = self.app.stripe().pay(session_of(url), card);
        if card == Card::Bank {
            self.past.borrow_mut().debits.push(session_of(url).to_owned());
        }
    }

    pub(super) async fn cancel_plan(
        &self,
        member: usize,
        at_period_end: bool,
    ) -> Result<(), Violation> {
        let answer = self.app.cancel(self.member(member), at_period_end).await;
        self.answered("cancel a plan", &answer)
    }

    /// Switches the plan in the portal: to a larger one now, to a smaller one with the next period.
    pub(super) async fn switch_plan(&self, member: usize, plan: Plan) {
        let member = self.member(member);
        let theirs = unobserved(self.app.billing(member)).await.subscription;
        let live = theirs.and_then(|theirs| self.app.stripe().object(theirs.id.as_str()));
        if live.is_some_and(|live| live["status"] == "active") {
            match plan {
                Plan::Enterprise => self.app.switch_plan(member, plan).await,
                Plan::Pro | Plan::Free => self.app.downgrade(member, plan).await,
            }
        }
    }

    pub(super) async fn top_up(&self, member: usize, is_on: bool) -> Result<(), Violation> {
        let settings = match is_on {
            true => {
                json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": TOP_UPS_A_MONTH})
            }
            false => json!({ "enabled": false }),
        };
        self.answered("top-up", &self.app.top_up(self.member(member), settings).await)
    }

    pub(super) async fn set_card(&self, member: usize, card: Card) {
        let billing = unobserved(self.app.billing(self.member(member))).await;
        if let Some(customer) = billing.customer {
            // It may have been deleted.
            let _ = self.app.stripe().set_card(customer.as_str(), card);
        }
    }

    /// Adds a webhook on this machine for all events.
    pub(super) async fn add_webhook(&self, member: usize) -> Result<(), Violation> {
        let events = EventType::ALL.iter().filter(|it| it.can_be_wanted()).collect::<Vec<_>>();
        let body = json!({ "url": self.app.sandbox.hook(&hook_of(member)), "events": events });
        // Even without an answer it may be there.
        self.past.borrow_mut().with_webhooks.push(member % MEMBERS);
        self.post("add a webhook", self.member(member), "/api/v1/me/webhooks", body).await.map(drop)
    }

    pub(super) fn answer_webhooks(&self, member: usize, status: u16) {
        let behaviour = Behaviour { status, ..Behaviour::default() };
        self.app.sandbox.tell_hook(&hook_of(member), behaviour);
    }

    pub(super) async fn delete_me(&self, member: usize) -> Result<(), Violation> {
        let answer = self.app.client(self.member(member)).delete("/api/v1/me").await;
        if answer.status() < 300 {
            self.past.borrow_mut().deleted.push(member % MEMBERS);
        }
        self.answered("DELETE /me", &answer)
    }
}

/// A request for an image.
pub(crate) fn an_image() -> Value {
    json!({
        "prompt": "a bottle on slate", "seed": 7, "quality": "lite", "aspect_ratio": "16:9",
    })
}

/// The name of a member's server.
pub(crate) fn hook_of(member: usize) -> String {
    format!("m{}", member % MEMBERS)
}
