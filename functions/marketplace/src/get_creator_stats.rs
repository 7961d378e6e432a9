//! `GET /api/v1/marketplace/creator/stats`: a creator's listings, sales and balance.
//!
//! Access: any member, suspended ones too, for their own.
//! Changes: nothing. Sales and balances are current, views are added up every ten minutes. Amounts
//! are net of refunds and disputes, and a fully refunded sale does not count.

use domain::{
    Timestamp,
    id::ListingId,
    marketplace::{
        creator::{
            balance::{CreatorBalance, Day},
            journal::LedgerAccount,
            payee::{Payee, PayeeState},
            sale::{HOLD, PLATFORM_FEE_BPS},
        },
        listing::{Listing, State},
        moderation::strike,
    },
    money::Money,
    time::DAY,
};
use futures_util::future::try_join4;
use runtime::{Access, ApiError, Call, Endpoint, Function, Json};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::view::stars;

pub const ENDPOINT: Endpoint = Endpoint::get(
    "marketplace-get-creator-stats",
    "/api/v1/marketplace/creator/stats",
    Access::Member,
);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    listings: Listings,
    sales: u64,
    gross: Money,
    fees: Money,
    net: Money,
    balance: Balance,
    account: Account,
    strikes: Strikes,
    /// In stars; `null` without reviews.
    average_rating: Option<f64>,
    ratings: u64,
    views: u64,
    /// Sales per view, in basis points; `null` without views.
    conversion_bps: Option<u64>,
    /// Oldest first, today last; includes days without activity.
    last_30_days: Vec<DayView>,
    fee_bps: i64,
    /// Days after which a sale becomes payable.
    hold_days: u64,
}

/// A creator's balance. The amount owed to them is `pending`, `available` and `in_payout`, less
/// `owed`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Balance {
    /// Of sales still on hold.
    pending: Money,
    /// Payable with the next payout.
    available: Money,
    /// In a payout that is not yet sent.
    in_payout: Money,
    /// Sent, less reversals.
    paid: Money,
    /// The creator's debt; negative where we owe them. The next payout offsets it.
    owed: Money,
    /// The part of `available` withheld by open disputes.
    frozen: Money,
}

/// A creator's strikes.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Strikes {
    /// Oldest first, without expired ones.
    live: Vec<StrikeView>,
    /// Until when they suspend selling.
    selling_suspended_until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct StrikeView {
    listing_id: ListingId,
    reason: String,
    at: Timestamp,
    expires_at: Timestamp,
}

/// The creator's connected account at Stripe.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Account {
    status: PayeeState,
    /// Stripe's outstanding requirements, as Stripe names them.
    requirements: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Listings {
    draft: u32,
    pending: u32,
    approved: u32,
    rejected: u32,
    delisted: u32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct DayView {
    date: String,
    sales: i64,
    gross: Money,
    net: Money,
    views: u64,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<Json<Response>, ApiError> {
    let creator = &call.member()?.user_id;
    let (balance, listings) = (store.creator_book(creator), store.whole_shelf(creator));
    let (balance, listings, payee, strikes) =
        try_join4(balance, listings, store.payee(creator), store.strikes(creator)).await?;
    Ok(Json(Response::of(&balance, &listings, (payee, &strikes), call.now)))
}

impl Response {
    fn of(
        balance: &CreatorBalance,
        listings: &[Listing],
        (payee, strikes): (Option<Payee>, &strike::Strikes),
        now: Timestamp,
    ) -> Response {
        Response {
            listings: Listings::of(listings),
            sales: balance.sales,
            gross: Money::usd_cents(balance.money.gross),
            fees: Money::usd_cents(balance.money.fee),
            net: Money::usd_cents(balance.money.net),
            balance: Balance::of(balance),
            account: Account::of(payee),
            strikes: Strikes::of(strikes, now),
            average_rating: balance.rating().map(stars),
            ratings: balance.ratings,
            views: balance.views,
            conversion_bps: balance.conversion_bps(),
            last_30_days: balance.last_days(now).into_iter().map(DayView::from).collect(),
            fee_bps: PLATFORM_FEE_BPS,
            hold_days: HOLD.as_secs() / DAY.as_secs(),
        }
    }
}

impl Balance {
    fn of(balance: &CreatorBalance) -> Balance {
        let owed = |account| Money::usd_cents(balance.balances.owed(account));
        Balance {
            pending: owed(LedgerAccount::CreatorPending),
            available: owed(LedgerAccount::CreatorAvailable),
            in_payout: owed(LedgerAccount::CreatorInPayout),
            paid: owed(LedgerAccount::CreatorPaid),
            owed: Money::usd_cents(balance.balances.of(LedgerAccount::CreatorDebt)),
            frozen: Money::usd_cents(balance.frozen),
        }
    }
}

impl Account {
    fn of(payee: Option<Payee>) -> Account {
        let status = PayeeState::of(payee.as_ref());
        Account { status, requirements: payee.map(|it| it.requirements).unwrap_or_default() }
    }
}

impl Strikes {
    fn of(strikes: &strike::Strikes, now: Timestamp) -> Strikes {
        Strikes {
            live: strikes.live(now).map(StrikeView::from).collect(),
            selling_suspended_until: strikes.suspend_until(now),
        }
    }
}

impl From<&strike::Strike> for StrikeView {
    fn from(strike: &strike::Strike) -> StrikeView {
        StrikeView {
            listing_id: strike.listing_id.clone(),
            reason: strike.reason.clone(),
            at: strike.at,
            expires_at: strike.expires_at(),
        }
    }
}

impl Listings {
    fn of(listings: &[Listing]) -> Listings {
        let mut counts = Listings::default();
        for listing in listings {
            let count = match listing.state() {
                State::Draft | State::PreparationFailed => &mut counts.draft,
                State::Preparing | State::Pending => &mut counts.pending,
                State::Approved => &mut counts.approved,
                State::Rejected => &mut counts.rejected,
                State::Delisted => &mut counts.delisted,
            };
            *count += 1;
        }
        counts
    }
}

impl From<(String, Day)> for DayView {
    fn from((date, Day { sales, money, views }): (String, Day)) -> DayView {
        let [gross, net] = [money.gross, money.net].map(Money::usd_cents);
        DayView { date, sales, gross, net, views }
    }
}
