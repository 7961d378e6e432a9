//! A scheduled function runs; nobody who is banned is paid.

use domain::marketplace::creator::payout::{Payout, PayoutState};
use testing::engine::unobserved;

use super::{CREATORS, Violation, World};
use crate::step::PAY_CREATORS;

impl World {
    pub(super) async fn run(&self, name: &'static str) -> Result<(), Violation> {
        if name != PAY_CREATORS {
            return self.ran(name, self.app.run(name).await);
        }
        let before = self.banned().await;
        self.ran(name, self.app.run(name).await)?;
        let after = if before.is_empty() { Vec::new() } else { self.banned().await };
        for (creator, out) in &before {
            // A transfer that was requested before the ban may be made.
            let Some((_, now)) = after.iter().find(|(it, _)| it == creator) else { continue };
            Violation::check(now <= out, || {
                format!("{}: paid while banned", self.members[*creator].id)
            })?;
        }
        Ok(())
    }

    /// The creators who are banned, and how many of their payouts were requested from Stripe.
    async fn banned(&self) -> Vec<(usize, usize)> {
        let mut banned = Vec::new();
        for (nth, creator) in self.members.iter().enumerate().take(CREATORS) {
            if self.connected_account(nth).await.is_none() {
                continue;
            }
            let account = unobserved(self.app.account(&creator.id)).await;
            if !account.standing.allows(self.app.now()) {
                let payouts = unobserved(self.market().payouts(creator)).await;
                banned.push((nth, payouts.iter().filter(|it| was_requested(it)).count()));
            }
        }
        banned
    }
}

fn was_requested(payout: &Payout) -> bool {
    payout.state == PayoutState::Sending || payout.transfer.is_some()
}
