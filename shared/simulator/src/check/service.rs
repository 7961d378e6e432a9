//! What members get besides credits and money: images, ratings and events.

use std::collections::BTreeSet;

use domain::{
    generation::Status,
    webhook::delivery::{Delivery, DeliveryState},
};
use store::PageSize;

use crate::world::{GENERATIONS, Violation, World, an_image, hook_of};

impl World {
    /// A quiet world works: a member who may have an image gets one.
    pub(super) async fn check_works(&self) -> Result<(), Violation> {
        for (nth, member) in self.members.iter().enumerate() {
            if self.past.borrow().deleted.contains(&nth) {
                continue;
            }
            let request = self.app.client(member).post(GENERATIONS).key("the last");
            let answer = request.json(an_image()).await;
            if answer.status() >= 300 {
                continue;
            }
            self.relay().await?;
            self.drain_jobs().await?;
            let (jobs, id) = (self.app.jobs(&member.id).await, answer.json()["id"].clone());
            let job = jobs.iter().find(|job| id == job.id.as_str());
            let is_made = job.is_some_and(|job| job.status == Status::Succeeded);
            return Violation::check(is_made, || format!("no image, though all is well: {job:?}"));
        }
        Ok(())
    }

    /// The stars of a listing are those of its reviews.
    pub(super) async fn check_ratings(&self) -> Result<(), Violation> {
        let listings = self.past.borrow().listings.clone();
        for listing in &listings {
            let Some(stats) = self.app.store.stats(&listing.id).await.unwrap() else { continue };
            let mut stars = [0; 5];
            let page = self.app.store.reviews(&listing.id, PageSize::WHOLE, None).await.unwrap();
            for review in &page.items {
                stars[usize::from(review.rating) - 1] += 1;
            }
            Violation::check(stars == stats.histogram, || {
                format!("{}: {stars:?} stars in reviews, {:?} counted", listing.id, stats.histogram)
            })?;
        }
        Ok(())
    }

    /// Every event has reached its webhook, or was given up.
    pub(super) async fn check_webhooks(&self) -> Result<(), Violation> {
        let with_webhooks: BTreeSet<usize> =
            self.past.borrow().with_webhooks.iter().copied().collect();
        for nth in with_webhooks {
            let (member, received) = (&self.members[nth], self.received_by(nth));
            for webhook in self.app.store.webhooks(&member.id).await.unwrap().webhooks {
                let named = (&member.id, &webhook.id);
                let log = self.app.store.deliveries(named, PageSize::WHOLE, None).await.unwrap();
                let is_right = |delivery: &&Delivery| match delivery.delivery_state {
                    DeliveryState::Delivered => received.contains(delivery.id.as_str()),
                    DeliveryState::Failed => true,
                    DeliveryState::Queued | DeliveryState::Waiting => false,
                };
                let wrong = log.items.iter().find(|delivery| !is_right(delivery));
                Violation::check(wrong.is_none(), || {
                    format!("{}: never arrives: {wrong:?}", member.id)
                })?;
            }
        }
        Ok(())
    }

    /// The ids of the events that a member's server took.
    fn received_by(&self, nth: usize) -> BTreeSet<String> {
        let received = self.app.sandbox.hook_received(&hook_of(nth)).into_iter();
        let taken = received.filter(|it| it.answered < 300);
        taken.filter_map(|it| it.headers.get("webhook-id").cloned()).collect()
    }
}
