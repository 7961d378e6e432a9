//! What must hold at the end of a quarter, and its summary.

use domain::marketplace::{
    creator::journal::{Balances, LedgerAccount},
    creator::payout::PayoutState,
    purchase::{Purchase, PurchaseState},
};

use super::{Bought, Quarter, Tally};

impl Quarter<'_> {
    pub(super) async fn check(&self) -> Balances {
        let balances = self.market.assert_ledger_balances().await;
        for seller in &self.sellers {
            for payout in self.market.payouts(&seller.who).await {
                assert!(!payout.is_open(), "{payout:?}");
            }
        }
        let mut purchases = Vec::new();
        for bought in &self.bought {
            purchases.push((bought, self.read(bought).await));
        }
        for (bought, purchase) in &purchases {
            self.check_access(bought, purchase).await;
        }
        balances
    }

    /// Asserts that a purchase is usable if and only if it is paid and not fully reversed.
    async fn check_access(&self, bought: &Bought, purchase: &Purchase) {
        let buyer = &self.buyers[bought.buyer];
        let usable = self.market.is_usable(buyer, purchase).await;
        let intent = self.app().stripe().object(purchase.payment.as_ref().unwrap().as_str());
        let charge = intent.unwrap()["latest_charge"].as_str().unwrap().to_owned();
        let charge = self.app().stripe().object(&charge).unwrap();
        let gone = self.app().taken_back(&charge);
        assert_eq!(purchase.taken_back, gone, "{purchase:?}");
        let returned = matches!(purchase.state, PurchaseState::Returned { .. });
        assert_eq!(usable, gone < bought.price && !returned, "{gone} gone of {purchase:?}");
        assert_eq!(purchase.open_refund(), None);
    }

    #[expect(clippy::print_stdout, reason = "a summary for the reader")]
    pub(super) async fn print_summary(&self, balances: &Balances) {
        let (mut sent, mut skipped, mut reopened) = (0, 0, 0);
        for seller in &self.sellers {
            for payout in self.market.payouts(&seller.who).await {
                match payout.state {
                    PayoutState::Sent | PayoutState::Paid => sent += 1,
                    PayoutState::Skipped { .. } => skipped += 1,
                    PayoutState::Collecting
                    | PayoutState::Planned
                    | PayoutState::Sending
                    | PayoutState::Failed { .. }
                    | PayoutState::Reopened { .. } => reopened += 1,
                }
            }
        }
        let dollars = |cents: i64| format!("{}.{:02}", cents / 100, (cents % 100).abs());
        let of = |account| dollars(balances.of(account));
        let owed = |account| dollars(balances.owed(account));
        let Tally { sales, refunds, refused_refunds, disputes, runs, killed, .. } = &self.tally;
        for (name, value) in [
            ("sales", sales.to_string()),
            ("refunds", format!("{refunds}, {refused_refunds} refused")),
            ("disputes", disputes.to_string()),
            ("runs", format!("{runs}, {killed} of them killed")),
            ("payouts", format!("{sent} sent, {reopened} reopened, {skipped} skipped")),
            ("bank failures", self.tally.bank_failures.to_string()),
            ("events lost", self.tally.lost.to_string()),
            ("cash at Stripe", of(LedgerAccount::BuyerCash)),
            ("transferred", of(LedgerAccount::Transferred)),
            ("owed to creators", owed(LedgerAccount::CreatorAvailable)),
            ("held for creators", owed(LedgerAccount::CreatorPending)),
            ("owed by creators", of(LedgerAccount::CreatorDebt)),
            ("our fees", owed(LedgerAccount::PlatformRevenue)),
            ("Stripe's fees", of(LedgerAccount::ProcessorFees)),
            ("lost in disputes", of(LedgerAccount::DisputeLosses)),
        ] {
            println!("{name:<18} {value:>12}");
        }
    }
}
