//! Listings: their checkout, their payment's metadata, and their refunds.

use domain::{billing::payment::PaymentState, id::CreatorId};
use sandbox::stripe::{Decision, Opening};
use serde_json::{Value, json};

use super::*;

impl Visit {
    async fn open(&self, purchase: &Purchase, customer: &CustomerId) -> OpenedPage {
        self.stripe.open_purchase_checkout(purchase, customer, &urls()).await.unwrap()
    }

    /// A listing, paid on its page.
    async fn bought_listing(&self, purchase: &Purchase, card: Card) -> Session {
        let customer = self.customer().await;
        let page = self.open(purchase, &customer).await;
        self.control().pay(page.session.as_str(), card).unwrap();
        self.stripe.session(&page.session).await.unwrap()
    }

    fn object(&self, id: &str) -> Value {
        self.control().object(id).unwrap()
    }

    /// The purchase named by the last event of this kind.
    fn told(&self, kind: &str) -> Option<PurchaseId> {
        let events = self.control().events();
        let mut notices = events.iter().map(|body| WebhookEvent::parse(body.as_bytes()).unwrap());
        notices.rfind(|notice| notice.kind == kind).unwrap().purchase
    }
}

#[tokio::test]
async fn a_listing_is_paid_on_its_page() {
    let visit = Visit::begin().await;
    let (customer, listing) = (visit.customer().await, purchase(1, 1200));
    let page = visit.open(&listing, &customer).await;
    assert_eq!(page.expires_at, listing.page_closes_at());
    assert_eq!(visit.open(&listing, &customer).await, page);
    let other = visit.open(&purchase(2, 1200), &customer).await;
    assert_ne!(other.session, page.session);

    visit.control().pay(page.session.as_str(), Card::Succeeds).unwrap();
    let session = visit.stripe.session(&page.session).await.unwrap();
    assert_eq!(session.status, SessionStatus::Complete);
    assert_eq!((session.purchase.as_ref(), session.order.as_ref()), (Some(&listing.id), None));
    assert_eq!((session.user, session.customer), (Some(member()), Some(customer.clone())));
    let payment = session.payment.unwrap();
    assert_eq!(payment.state, PaymentState::Succeeded);
    assert_eq!(payment.amount, listing.price);
    assert_eq!((payment.purchase.as_ref(), payment.order.as_ref()), (Some(&listing.id), None));
    assert_eq!((payment.user.clone(), payment.customer.clone()), (Some(member()), Some(customer)));
    assert_eq!(visit.payment(&payment.id).await, payment);
    let kinds = ["payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"];
    for kind in kinds {
        assert_eq!(visit.told(kind).as_ref(), Some(&listing.id), "{kind}");
    }
}

/// For transfers, receipts and Stripe's dashboard.
#[tokio::test]
async fn a_payment_says_what_it_is_for() {
    let visit = Visit::begin().await;
    let listing = purchase(1, 1200);
    let payment = visit.bought_listing(&listing, Card::Succeeds).await.payment.unwrap();
    let about = json!({
        "user_id": member(), "purchase_id": listing.id, "listing_id": listing.listing_id,
    });
    for id in [payment.id.as_str(), payment.charge.as_ref().unwrap().as_str()] {
        let object = visit.object(id);
        assert_eq!(object["metadata"], about, "{id}");
        let group = json!(CreatorId::of(&listing.creator_id));
        assert_eq!(object["transfer_group"], group, "{id}");
    }
    assert_eq!(visit.object(payment.id.as_str())["setup_future_usage"], Value::Null);
    // The card was not saved, so there is none to charge later.
    let (top_up, customer) = (order(1, Pack::Small, Via::TopUp), payment.customer.unwrap());
    let later = visit.stripe.charge_saved_card(&top_up, &customer);
    assert_eq!(later.await.unwrap(), Charged::NoPaymentMethod);
}

#[tokio::test]
async fn cards_are_distinguished_by_their_fingerprints() {
    let visit = Visit::begin().await;
    let paid_with = async |nth, card| {
        let session = visit.bought_listing(&purchase(nth, 1200), card).await;
        session.payment.unwrap().fingerprint
    };
    let first = paid_with(1, Card::Succeeds).await;
    assert!(first.is_some());
    assert_eq!(paid_with(2, Card::Succeeds).await, first);
    let other = paid_with(3, Card::SucceedsToo).await;
    assert!(other.is_some() && other != first, "{other:?}");
    assert_eq!(paid_with(4, Card::Bank).await, None);
}

#[tokio::test]
async fn tax_comes_on_top_of_the_price() {
    let settings = Settings { tax_bps: 1900, ..Settings::default() };
    for (tax, cents) in [(Tax::None, 1200), (Tax::Automatic, 1428)] {
        let visit = Visit::to(Catalogue::Seeded, tax, settings.clone()).await;
        let session = visit.bought_listing(&purchase(1, 1200), Card::Succeeds).await;
        assert_eq!(session.payment.unwrap().amount, Money::usd_cents(cents), "{tax:?}");
    }
}

#[tokio::test]
async fn a_listing_needs_no_catalogue_and_a_price_that_can_be_charged() {
    let visit = Visit::to(Catalogue::Empty, Tax::None, Settings::default()).await;
    let customer = visit.customer().await;
    visit.open(&purchase(1, 50), &customer).await;
    let refused = visit.stripe.open_purchase_checkout(&purchase(2, 49), &customer, &urls()).await;
    assert!(refused.unwrap_err().is_refused_as("amount_too_small"));
}

#[tokio::test]
async fn a_page_opened_and_not_answered_is_opened_once() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    visit.spoil(Route::StripeCheckout, "POST", AnswerFault::BrokenConnection, 1);
    let page = visit.open(&purchase(1, 1200), &customer).await;
    let closed = visit.stripe.expire_session(&page.session).await.unwrap();
    assert_eq!((closed.status, closed.payment), (SessionStatus::Expired, None));
    assert_eq!(visit.told("checkout.session.expired"), Some(purchase(1, 1200).id));
    assert_eq!(visit.happened("checkout.session.expired"), 1);
}

/// Stripe replays a failure under its key for a day; a buyer must not be blocked that long.
#[tokio::test]
async fn a_page_that_failed_is_opened_under_the_next_key() {
    for fault in [AnswerFault::ServerError, AnswerFault::ServerErrorAfterAccepting] {
        let visit = Visit::begin().await;
        visit.spoil(Route::StripeCustomers, "POST", fault.clone(), 1);
        let customer = async || visit.stripe.create_customer(&member(), None, None).await;
        assert!(matches!(customer().await, Err(StripeError::Unknown { .. })), "{fault:?}");
        let theirs = customer().await.unwrap();
        assert_eq!(customer().await.unwrap(), theirs, "{fault:?}");
        // Three requests: the first key, the first key again, which replays the failure, and the
        // second.
        visit.spoil(Route::StripeCheckout, "POST", fault.clone(), 3);
        let (purchase, urls) = (purchase(1, 1200), urls());
        let open = || visit.stripe.open_purchase_checkout(&purchase, &theirs, &urls);
        for _ in 0..2 {
            assert!(matches!(open().await, Err(StripeError::Unknown { .. })), "{fault:?}");
        }
        let page = open().await.unwrap();
        assert_eq!(open().await.unwrap(), page, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_taken_back_names_the_purchase_or_its_payment() {
    let visit = Visit::begin().await;
    let listing = purchase(1, 1200);
    let id = visit.bought_listing(&listing, Card::Succeeds).await.payment.unwrap().id;
    visit.stripe.refund(&id, &format!("purchase-return:{}", listing.id)).await.unwrap();
    assert_eq!(visit.told("charge.refunded").as_ref(), Some(&listing.id));
    // A refund has metadata of its own.
    assert_eq!(visit.told("refund.created"), None);
    let refunded = visit.payment(&id).await;
    assert_eq!((refunded.refunded, refunded.purchase), (1200, Some(listing.id)));

    let disputed = purchase(2, 1200);
    let id = visit.bought_listing(&disputed, Card::Succeeds).await.payment.unwrap().id;
    visit.control().dispute(id.as_str(), None, Opening::Chargeback).unwrap();
    assert_eq!(visit.told("charge.dispute.created"), None);
    let payment = visit.payment(&id).await;
    assert_eq!((payment.withdrawn, payment.disputed), (1200, true));
    assert_eq!(payment.purchase, Some(disputed.id));
}

#[tokio::test]
async fn a_bank_debit_for_a_listing_is_decided_later() {
    let visit = Visit::begin().await;
    let listing = purchase(1, 1200);
    let session = visit.bought_listing(&listing, Card::Bank).await;
    assert_eq!(session.payment.unwrap().state, PaymentState::Pending);
    visit.control().decide(session.id.as_str(), Decision::Succeed).unwrap();
    assert_eq!(visit.told("checkout.session.async_payment_succeeded"), Some(listing.id));
}
