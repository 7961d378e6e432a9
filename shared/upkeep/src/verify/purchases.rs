//! A member's purchases, their entitlements, and what Stripe knows the member by.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    billing::Billing,
    id::{PurchaseId, UserId},
    marketplace::purchase::{
        Purchase, PurchaseState,
        entitlement::{Entitlement, EntitlementState},
    },
};
use store::{Store, StoreError, optional};

/// What was read of a member so far.
#[derive(Default)]
pub(super) struct PurchasesCheck {
    billing: Option<Billing>,
    listed: BTreeSet<PurchaseId>,
    entitlements: Vec<Entitlement>,
    purchases: BTreeMap<PurchaseId, Purchase>,
}

impl PurchasesCheck {
    pub(super) fn billing(&mut self, billing: Billing) {
        self.billing = Some(billing);
    }

    pub(super) fn listed(&mut self, purchase: PurchaseId) {
        self.listed.insert(purchase);
    }

    pub(super) fn entitlement(&mut self, entitlement: Entitlement) {
        self.entitlements.push(entitlement);
    }

    pub(super) fn purchase(&mut self, purchase: Purchase) {
        self.purchases.insert(purchase.id.clone(), purchase);
    }

    pub(super) async fn end(self, store: &Store, user: &UserId) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        if let Some(customer) = self.billing.as_ref().and_then(|it| it.customer.as_ref())
            && store.user_of_customer(customer).await?.as_ref() != Some(user)
        {
            found.push(format!("the customer {customer} does not lead back"));
        }
        for entitlement in &self.entitlements {
            let (id, listing) = (&entitlement.purchase_id, &entitlement.listing_id);
            if !self.purchases.get(id).is_some_and(is_fulfilled) {
                found.push(format!("the entitlement to {listing} has no paid purchase {id}"));
            }
        }
        for purchase in self.purchases.values() {
            found.extend(self.check_access(purchase));
            found.extend(check_sale(store, purchase).await?);
            if optional(store.buyer_of(&purchase.id).await)?.as_ref() != Some(user) {
                found.push(format!("{} does not lead back to its buyer", purchase.id));
            }
        }
        Ok(found)
    }

    /// A purchase that was fulfilled has the entitlement, unless the listing was bought again.
    fn check_access(&self, purchase: &Purchase) -> Option<String> {
        let (id, listing) = (&purchase.id, &purchase.listing_id);
        if !is_fulfilled(purchase) {
            return None;
        }
        let taken_back = purchase.state == PurchaseState::Refunded;
        let entitlement = self.entitlements.iter().find(|it| it.listing_id == *listing);
        match entitlement {
            None => Some(format!("{id} is paid and has no entitlement to {listing}")),
            Some(it) if it.purchase_id == *id => {
                let revoked = it.state == EntitlementState::Revoked;
                (revoked != taken_back).then(|| {
                    format!("{id} is {:?} and its entitlement {:?}", purchase.state, it.state)
                })
            }
            Some(it) => (!taken_back)
                .then(|| format!("{id} is paid, and {listing} is owned by {}", it.purchase_id)),
        }
    }
}

/// Whether it was paid for something that could be bought.
fn is_fulfilled(purchase: &Purchase) -> bool {
    purchase.paid.is_some() && !matches!(purchase.state, PurchaseState::Returned { .. })
}

/// The sale of a purchase that was not free, in the partition of its creator.
async fn check_sale(store: &Store, purchase: &Purchase) -> Result<Option<String>, StoreError> {
    if purchase.is_free() || !is_fulfilled(purchase) {
        return Ok(None);
    }
    let (id, creator) = (&purchase.id, &purchase.creator_id);
    let Some(sale) = optional(store.sale(creator, id).await)? else {
        return Ok(Some(format!("{id} is paid and has no sale of {creator}")));
    };
    let (bought, sold) = (purchase.position.split(), sale.kept);
    let differs = bought != sold;
    Ok(differs.then(|| format!("{id} is divided as {bought:?}, and its sale as {sold:?}")))
}
