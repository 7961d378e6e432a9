//! The table: the document of every item, every key and every access pattern.
//!
//! One table, keys `pk` and `sk`, one sparse index `gsi1` (`gsi1pk`, `gsi1sk`) that projects keys
//! only. No other crate knows the keys, and no request path scans.
//!
//! | item | pk | sk | notes |
//! |---|---|---|---|
//! | account | `USER#<user>` | `ACCOUNT` | balance, plan, status; `version` is the optimistic lock of every change |
//! | directory entry | `USER#<user>` | `PERSON#<facet>` | one for each facet of the member |
//! | ledger entry | `USER#<user>` | `LEDGER#<seq>` | added, never changed; 1, 2, 3, … |
//! | job | `USER#<user>` | `JOB#<job>` | the state of a generation; ids sort by time; below 1 KiB |
//! | input | `USER#<user>` | `INPUT#<job>` | the input of a job; written once, read by the worker |
//! | preset | `USER#<user>` | `PRESET#<preset>` | ids sort by time |
//! | idempotency record | `USER#<user>` | `IDEM#<key>` | expires after 24 hours (TTL `expires_at`) |
//! | rate counter | `RATE#<what>` | `<window>` | calls in one window; expires by TTL |
//! | billing | `USER#<user>` | `BILLING` | `version` is the optimistic lock of a member's state at Stripe |
//! | pack order | `USER#<user>` | `ORDER#<order>` | ids sort by time; own `version` |
//! | invoice | `USER#<user>` | `INVOICE#<invoice>` | ids sort by time; guarded by the version of the billing |
//! | follow-up | `USER#<user>` | `FOLLOWUP#<task>` | pending request to Stripe; expires by TTL once it is done |
//! | customer | `CUSTOMER#<customer>` | `USER` | the member of a Stripe customer |
//! | event | `EVENT#<event>` | `EVENT` | applied (30 days, by TTL), or parked with its body |
//! | checkpoint | `RECONCILE#STRIPE` | `CHECKPOINT` | until when Stripe's events were checked |
//! | listing | `LISTING#<listing>` | `LISTING` | the list of versions; `version` is its optimistic lock |
//! | listing version | `LISTING#<listing>` | `REVISION#<number>` | guarded by the version of the listing; never changed once on sale |
//! | listing statistics | `LISTING#<listing>` | `STATS` | own `version` |
//! | listing visitors today | `LISTING#<listing>` | `VISITORS` | own `version`; expires by TTL |
//! | upload | `LISTING#<listing>` | `UPLOAD#<upload>` | expires by TTL |
//! | review | `LISTING#<listing>` | `REVIEW#<review>` | ids sort by time; guarded by the version of the statistics |
//! | owner of a tailored model | `MODEL#<model>` | `OWNER` | the creator of the first approved listing with it; own `version` |
//! | flags | `LISTING#<listing>` | `FLAGS` | reports that are not decided on yet |
//! | purchase | `USER#<buyer>` | `PURCHASE#<purchase>` | ids sort by time; `version` is the optimistic lock of its state at Stripe |
//! | buyer of a purchase | `PURCHASE#<purchase>` | `USER` | for staff, who have only the purchase id |
//! | entitlement | `USER#<buyer>` | `OWNS#<listing>` | at most one for each buyer and listing |
//! | card | `USER#<user>` | `CARD#<fingerprint>` | a card that the member paid with |
//! | sale | `USER#<creator>` | `SALE#<purchase>` | ids sort by time; own `version` |
//! | payout | `USER#<creator>` | `PAYOUT#<payout>` | one a creator and day, or why there was none |
//! | payee | `USER#<creator>` | `PAYEE` | the creator's connected account at Stripe |
//! | connected account | `PAYEE#<account>` | `USER` | the creator it belongs to |
//! | creator balance | `USER#<creator>` | `CREATOR` | own `version` |
//! | strikes | `USER#<creator>` | `STRIKES` | own `version`; their effect is stored in the account |
//! | reward | `USER#<sharer>` | `REWARD#<purchase>` | for a sale |
//! | posting of a journal | `JOURNAL#<creator>` | `<cause>#<role>` | added, never changed |
//! | share | `SHARE#<code>` | `SHARE` | a member's code for a listing |
//! | click | `SHARE#<code>` | `CLICK#<day>#<visitor>` | expires by TTL |
//! | signature | `SIMILAR#<band>` | `<listing>` | of a listing on sale |
//! | change | `CHANGES#<what>` | `<time>#<listing>` | of the catalogue, or of statistics; expires by TTL |
//! | tally | `VIEWS` | `<time>#<nonce>` | visitors that are not counted yet |
//! | report | `REPORTS` | `<day>` | of one day; never changed |
//! | popular list | `POPULAR` | `<category>` | rebuilt every minute |
//! | fact | `FACTS#<day>#<0..4>` | `<fact>` | never changed, except for whether it is counted |
//! | sums of a day | `METRICS#<month>` | `<day>#<0..4>` | only ever added to, together with their facts |
//! | sums of all days | `METRICS#TOTAL` | `TOTAL` | only ever added to, together with their facts |
//! | ranking entry | `RANK#<board>#<month>` | `<id>` | own `version` |
//! | audit record | `AUDIT` | `<seq>` | added, never changed; 1, 2, 3, … |
//! | erasure | `ERASURE#<kind>#<id>` | `ERASURE` | files or a member to be deleted; removed when that is done |
//! | audit head | `AUDIT#HEAD` | `HEAD` | own `version` |
//!
//! | index entry | gsi1pk | gsi1sk |
//! |---|---|---|
//! | open job | `OPEN#<0..8>` | `<due_at>#<job>` |
//! | finished job | `USER#<user>#<status>` | `<job>` |
//! | open pack order | `ORDERS#OPEN` | `<due_at>#<order>` |
//! | account with a due status change | `STANDINGS` | `<due_at>#<user>` |
//! | directory entry | `PEOPLE#<facet>` | `<e-mail address>#<user>` |
//! | account whose pack is due | `TOPUPS` | `<since>#<user>` |
//! | account whose pack is being charged | `TOPUPS` | `<order>#<user>`, after all that are due |
//! | due follow-up | `FOLLOWUPS` | `<noted_at>#<user>` |
//! | parked event | `EVENTS#PARKED` | `<received_at>#<event>` |
//! | listing | `CREATOR#<user>` | `<listing>` |
//! | version pending moderation | `REVIEWS#PENDING` | `<submitted_at>#<listing>` |
//! | version on sale and visible | `ONSALE#<0..8>` | `<listing>` |
//! | statistics of a listing on sale | `HOT#<category>` | `<heat>#<listing>` |
//! | due flags | `FLAGS#DUE` | `<due_since>#<listing>` |
//! | strikes, while listings must be shown or hidden | `SELLERS#DUE` | `<due_at>#<creator>` |
//! | open purchase | `PURCHASES#OPEN` | `<due_at>#<purchase>` |
//! | sale on hold | `SALES#HELD` | `<hold_until>#<purchase>` |
//! | payable sale | `SALES#PAYABLE#<creator>` | `<purchase>` |
//! | overpaid sale | `SALES#OVERPAID` | `<purchase>` |
//! | balance of a creator that a payout run must process | `CREATORS#DUE` | `<user>` |
//! | balance of any other creator | `CREATORS#REST` | `<user>` |
//! | open payout | `PAYOUTS#OPEN` | `<payout>` |
//! | sent payout | `PAYOUTS#SENT` | `<payout>` |
//! | purchase with a refund request for staff | `REFUNDS#ASKED` | `<at>#<purchase>` |
//! | held reward | `REWARDS#DUE` | `<due_at>#<purchase>` |
//! | billing in its grace period | `GRACES` | `<grace_ends_at>#<user>` |
//! | ranking entry | `RANK#<board>#<month>` | `<amount>#<id>` |
//! | erasure | `ERASURES` | `<due_at>#<kind>#<id>` |
//! | audit record | `AUDIT#<kind>#<id>` | `<seq>` |
//!
//! | # | question | how | cost |
//! |---|---|---|---|
//! | Q1 | an account; a billing | GetItem | 1 RRU |
//! | Q2 | what a POST decides on: account, idempotency record, preset or job | BatchGetItem | 1 trip |
//! | Q3 | a job and its input | BatchGetItem | 1 trip |
//! | Q4 | a member's jobs, newest first | Query `JOB#` backwards | 1 trip a page |
//! | Q5 | a member's finished jobs of one status | Query `gsi1`, then BatchGetItem | 2 trips a page |
//! | Q6 | a member's open jobs of one status | Query `JOB#` of the last day, filtered | 1 trip |
//! | Q7 | a member's ledger, newest first | Query `LEDGER#` backwards | 1 trip a page |
//! | Q8 | a member's presets, newest first | Query `PRESET#` backwards | 1 trip |
//! | Q9 | due jobs | Query `gsi1` for each of the 8 shards | 8 trips a minute |
//! | Q10 | rate limit of a window | conditional UpdateItem | 1 WRU |
//! | Q11 | a billing, and whether an event was applied to it | BatchGetItem | 1 trip |
//! | Q12 | an account and its billing | BatchGetItem | 1 trip |
//! | Q13 | billing update: account, order, invoices | BatchGetItem | 1 trip |
//! | Q14 | the member of a customer | GetItem | 1 RRU |
//! | Q15 | an order; an invoice | GetItem | 1 RRU |
//! | Q16 | a member's invoices, newest first | Query `INVOICE#` backwards | 1 trip a page |
//! | Q17 | due orders | Query `gsi1` | 1 trip a page |
//! | Q18 | accounts that need a pack | Query `gsi1` | 1 trip a page |
//! | Q19 | parked events, to be replayed | Query `gsi1`, then BatchGetItem | 2 trips a page |
//! | Q20 | whether an event was applied; the checkpoint | GetItem | 1 RRU |
//! | Q21 | a listing with its statistics, then its versions and its creator | BatchGetItem | 2 trips |
//! | Q22 | a creator's listings, newest first | Query `gsi1`, then BatchGetItem | 3 trips a page |
//! | Q23 | versions pending moderation, oldest first | Query `gsi1`, then BatchGetItem | 2 trips |
//! | Q24 | all versions on sale, to rebuild the search index | Query `gsi1` for each of the 8 shards, then BatchGetItem | when there is no index |
//! | Q25 | the listings of a category with the highest trending scores | Query `gsi1` backwards, then BatchGetItem | 3 trips a category and minute |
//! | Q26 | what a purchase is decided on: account, key, listing, entitlement | BatchGetItem | 1 trip |
//! | Q27 | purchase update: everything that changes with a purchase | BatchGetItem | 1 trip, 2 with a review |
//! | Q28 | a member's purchases; a creator's sales, newest first | Query backwards | 1 trip a page |
//! | Q29 | due purchases, rewards | Query `gsi1` | 1 trip a page |
//! | Q30 | a listing's reviews, newest first | Query `REVIEW#` backwards | 1 trip a page |
//! | Q31 | similar listings | Query for each of the 16 bands | once for each submission |
//! | Q32 | changes of the catalogue, or of statistics | Query from a time on | 1 trip |
//! | Q33 | tallies of views, to be counted | Query | 1 trip a minute |
//! | Q34 | a popular list; a share; an upload | GetItem | 1 RRU |
//! | Q35 | a member's entitlements to some listings | BatchGetItem | 1 trip a page |
//! | Q36 | sales, creators, payouts that a payout run must process | Query `gsi1` | 1 trip a page |
//! | Q37 | payout update: payout, balance, account, payee, sales | BatchGetItem | 1 trip |
//! | Q38 | a creator's payouts, newest first | Query `PAYOUT#` backwards | 1 trip a page |
//! | Q39 | the sales of a failed payout | Query `SALE#`, filtered | a trip for each MB of sales |
//! | Q40 | a creator's journal, to be folded | Query | a trip for each MB |
//! | Q41 | a creator's connected account; the owner of an account or a purchase | GetItem | 1 RRU |
//! | Q42 | titles of some of a creator's sales | BatchGetItem | 1 trip for each 100 |
//! | Q43 | due flags, oldest first | Query `gsi1`, then BatchGetItem | 4 trips a page |
//! | Q44 | seller records for staff: accounts, balances, strikes | BatchGetItem | 1 trip for each 33 |
//! | Q45 | creators whose listings must be shown or hidden | Query `gsi1` | 1 trip a minute |
//! | Q46 | the sums of some months, and of all days | Query for each month, GetItem | about 10 KB a busy day |
//! | Q47 | the top of a ranking | Query `gsi1` backwards, then BatchGetItem | 2 trips |
//! | Q48 | a day's facts, to be added up again | Query for each of the 4 shards | a trip for each MB |
//! | Q49 | whether some facts are counted, and the ranking entries they change | BatchGetItem | 1 trip for each 24 facts |
//! | Q50 | billings whose grace period is over | Query `gsi1`, then GetItem | 1 trip a page |
//! | Q51 | the audit head | GetItem | 1 RRU |
//! | Q52 | audit records, newest first | Query backwards, filtered | at most 5 trips a page |
//! | Q53 | the audit records of a target, newest first | Query `gsi1` backwards, then BatchGetItem | 2 trips a page |
//! | Q54 | audit records, oldest first, to verify the chain | Query | a trip for each MB |
//! | Q55 | members with a due status change | Query `gsi1` | 1 trip |
//! | Q56 | members by e-mail address, and by facet | Query `gsi1`, then BatchGetItem | 2 to 10 trips a page |
//! | Q57 | the report of a day | GetItem | 1 to 3 RRU |
//! | Q58 | reports, newest first | Query backwards | 1 trip a page |
//! | Q59 | due erasures | Query `gsi1`, then BatchGetItem | 2 trips a minute |
//! | Q60 | what a member created, to be deleted | Query `JOB#`, `INPUT#`, `PRESET#` | a trip for each MB |
//! | Q61 | all data of a member, to be exported | Query; Query of each listing | 1 trip a page |
//! | Q62 | the owners of some tailored models, and their listings | BatchGetItem | 2 trips |
//! | Q63 | due follow-ups, oldest first | Query `gsi1`, then BatchGetItem | 2 trips |
//! | Q64 | a follow-up | GetItem | 1 RRU |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::{Account, AccountStatus},
    audit::Target,
    billing::{
        Billing,
        external::{ConnectedAccountId, CustomerId},
        follow_up::FollowUpTask,
        order::PackOrder,
        top_up::TopUpState,
    },
    generation::{Job, Status},
    id::{
        InvoiceId, JobId, ListingId, OrderId, PayoutId, PresetId, PurchaseId, ReviewId, UploadId,
        UserId,
    },
    marketplace::{
        Category,
        flag::Flags,
        journal::Role,
        listing_stats::{CreatorBalance, ListingStats},
        payout::{Payout, PayoutState},
        purchase::Purchase,
        sale::Sale,
        share::Reward,
        strike::Strikes,
    },
    metrics::Fact,
    time::{Day, Month},
};
use sha2::{Digest, Sha256};

use crate::metrics::Board;

/// The attributes of the table's key.
pub(crate) const PK: &str = "pk";
/// See [`PK`].
pub(crate) const SK: &str = "sk";
/// The index.
pub(crate) const INDEX: &str = "gsi1";
/// The attributes of the index's key.
pub(crate) const INDEX_PK: &str = "gsi1pk";
/// See [`INDEX_PK`].
pub(crate) const INDEX_SK: &str = "gsi1sk";
/// Unix seconds after which DynamoDB may delete an item.
pub(crate) const TTL: &str = "expires_at";
/// A random mark of the write that made an item, for writes outside transactions.
pub(crate) const NONCE: &str = "nonce";

/// Open jobs are spread over this many index partitions, so that none is hot.
pub const OPEN_SHARDS: u8 = 8;

pub(crate) const JOB_PREFIX: &str = "JOB#";
pub(crate) const LEDGER_PREFIX: &str = "LEDGER#";
pub(crate) const PRESET_PREFIX: &str = "PRESET#";
pub(crate) const INVOICE_PREFIX: &str = "INVOICE#";
pub(crate) const PURCHASE_PREFIX: &str = "PURCHASE#";
pub(crate) const SALE_PREFIX: &str = "SALE#";
pub(crate) const PAYOUT_PREFIX: &str = "PAYOUT#";
pub(crate) const REVIEW_PREFIX: &str = "REVIEW#";
pub(crate) const INPUT_PREFIX: &str = "INPUT#";
pub(crate) const PERSON_PREFIX: &str = "PERSON#";
pub(crate) const IDEMPOTENCY_PREFIX: &str = "IDEM#";
pub(crate) const REVISION_PREFIX: &str = "REVISION#";
pub(crate) const LISTING: &str = "LISTING";
const ERASURE_PREFIX: &str = "ERASURE#";
const JOURNAL_PREFIX: &str = "JOURNAL#";
const ORDER_PREFIX: &str = "ORDER#";
const LISTING_PREFIX: &str = "LISTING#";
const REWARD_PREFIX: &str = "REWARD#";
const USER_PREFIX: &str = "USER#";
const EVENT_PREFIX: &str = "EVENT#";
const FACTS_PREFIX: &str = "FACTS#";
const ACCOUNT: &str = "ACCOUNT";

/// Index partition of open pack orders.
pub(crate) const OPEN_ORDERS: &str = "ORDERS#OPEN";
/// Index partition of accounts that need a pack, or are being charged for one.
pub(crate) const TOP_UPS: &str = "TOPUPS";
/// Index partition of accounts with a due status change.
pub(crate) const STANDINGS: &str = "STANDINGS";
/// Index partition of due follow-ups.
pub(crate) const FOLLOW_UPS: &str = "FOLLOWUPS";
/// Index partition of parked events.
pub(crate) const PARKED_EVENTS: &str = "EVENTS#PARKED";

/// Index partition of versions pending moderation.
pub(crate) const PENDING: &str = "REVIEWS#PENDING";
/// Index partition of open purchases.
pub(crate) const OPEN_PURCHASES: &str = "PURCHASES#OPEN";
/// Index partition of purchases with a refund request.
pub(crate) const REFUND_REQUESTS: &str = "REFUNDS#ASKED";
/// Index partition of held rewards.
pub(crate) const HELD_REWARDS: &str = "REWARDS#DUE";
/// Index partition of sales on hold.
pub(crate) const HELD_SALES: &str = "SALES#HELD";
/// Index partition of overpaid sales.
pub(crate) const OVERPAID_SALES: &str = "SALES#OVERPAID";
/// Index partition of creators that a payout run must process.
pub(crate) const DUE_CREATORS: &str = "CREATORS#DUE";
/// Index partition of the other creators.
pub(crate) const OTHER_CREATORS: &str = "CREATORS#REST";
/// Index partition of open payouts.
pub(crate) const OPEN_PAYOUTS: &str = "PAYOUTS#OPEN";
/// Index partition of payouts that the bank may still return.
pub(crate) const SENT_PAYOUTS: &str = "PAYOUTS#SENT";
/// Index partition of due flags.
pub(crate) const DUE_FLAGS: &str = "FLAGS#DUE";
/// Index partition of creators whose listings must be shown or hidden.
pub(crate) const DUE_SELLERS: &str = "SELLERS#DUE";
/// Index partition of erasures.
pub(crate) const ERASURES: &str = "ERASURES";
/// Index partition of billings in their grace period.
pub(crate) const GRACES: &str = "GRACES";

/// Facts and sums of a day are spread over this many keys, so that none is hot.
pub(crate) const FACT_SHARDS: u8 = 4;

/// A map of attributes.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn of(user: &UserId, sk: String) -> Key {
        Key { pk: user_pk(user), sk }
    }

    pub(crate) fn account(user: &UserId) -> Key {
        Key::of(user, ACCOUNT.to_owned())
    }

    pub(crate) fn person(user: &UserId, facet: &str) -> Key {
        Key::of(user, format!("{PERSON_PREFIX}{facet}"))
    }

    pub(crate) fn ledger(user: &UserId, seq: u64) -> Key {
        Key::of(user, format!("{LEDGER_PREFIX}{seq:012}"))
    }

    pub(crate) fn job(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("{JOB_PREFIX}{job}"))
    }

    pub(crate) fn input(user: &UserId, job: &JobId) -> Key {
        Key::of(user, format!("{INPUT_PREFIX}{job}"))
    }

    pub(crate) fn preset(user: &UserId, preset: &PresetId) -> Key {
        Key::of(user, format!("{PRESET_PREFIX}{preset}"))
    }

    pub(crate) fn idempotency(user: &UserId, key: &str) -> Key {
        Key::of(user, format!("{IDEMPOTENCY_PREFIX}{key}"))
    }

    pub(crate) fn rate(what: &str, window: i64) -> Key {
        Key { pk: format!("RATE#{what}"), sk: window.to_string() }
    }

    pub(crate) fn billing(user: &UserId) -> Key {
        Key::of(user, "BILLING".to_owned())
    }

    pub(crate) fn order(user: &UserId, order: &OrderId) -> Key {
        Key::of(user, format!("{ORDER_PREFIX}{order}"))
    }

    pub(crate) fn invoice(user: &UserId, invoice: &InvoiceId) -> Key {
        Key::of(user, format!("{INVOICE_PREFIX}{invoice}"))
    }

    pub(crate) fn follow_up(user: &UserId, task: &FollowUpTask) -> Key {
        Key::of(user, format!("FOLLOWUP#{task}"))
    }

    pub(crate) fn customer(customer: &CustomerId) -> Key {
        Key { pk: format!("CUSTOMER#{customer}"), sk: "USER".to_owned() }
    }

    pub(crate) fn event(event: &str) -> Key {
        Key { pk: format!("{EVENT_PREFIX}{event}"), sk: "EVENT".to_owned() }
    }

    pub(crate) fn checkpoint() -> Key {
        Key { pk: "RECONCILE#STRIPE".to_owned(), sk: "CHECKPOINT".to_owned() }
    }

    fn of_listing(listing: &ListingId, sk: String) -> Key {
        Key { pk: listing_pk(listing), sk }
    }

    pub(crate) fn listing(listing: &ListingId) -> Key {
        Key::of_listing(listing, LISTING.to_owned())
    }

    pub(crate) fn revision(listing: &ListingId, number: u32) -> Key {
        Key::of_listing(listing, format!("{REVISION_PREFIX}{number:06}"))
    }

    pub(crate) fn stats(listing: &ListingId) -> Key {
        Key::of_listing(listing, "STATS".to_owned())
    }

    pub(crate) fn visitors(listing: &ListingId) -> Key {
        Key::of_listing(listing, "VISITORS".to_owned())
    }

    pub(crate) fn upload(listing: &ListingId, upload: &UploadId) -> Key {
        Key::of_listing(listing, format!("UPLOAD#{upload}"))
    }

    pub(crate) fn review(listing: &ListingId, review: &ReviewId) -> Key {
        Key::of_listing(listing, format!("{REVIEW_PREFIX}{review}"))
    }

    pub(crate) fn model(model_id: &str) -> Key {
        Key { pk: format!("MODEL#{model_id}"), sk: "OWNER".to_owned() }
    }

    pub(crate) fn flags(listing: &ListingId) -> Key {
        Key::of_listing(listing, "FLAGS".to_owned())
    }

    pub(crate) fn purchase(buyer: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(buyer, format!("{PURCHASE_PREFIX}{purchase}"))
    }

    pub(crate) fn buyer(purchase: &PurchaseId) -> Key {
        Key { pk: format!("{PURCHASE_PREFIX}{purchase}"), sk: "USER".to_owned() }
    }

    pub(crate) fn entitlement(buyer: &UserId, listing: &ListingId) -> Key {
        Key::of(buyer, format!("OWNS#{listing}"))
    }

    pub(crate) fn card(user: &UserId, fingerprint: &str) -> Key {
        Key::of(user, format!("CARD#{fingerprint}"))
    }

    pub(crate) fn sale(creator: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(creator, format!("{SALE_PREFIX}{purchase}"))
    }

    pub(crate) fn creator(creator: &UserId) -> Key {
        Key::of(creator, "CREATOR".to_owned())
    }

    pub(crate) fn strikes(creator: &UserId) -> Key {
        Key::of(creator, "STRIKES".to_owned())
    }

    pub(crate) fn reward(sharer: &UserId, purchase: &PurchaseId) -> Key {
        Key::of(sharer, format!("{REWARD_PREFIX}{purchase}"))
    }

    pub(crate) fn payout(creator: &UserId, payout: &PayoutId) -> Key {
        Key::of(creator, format!("{PAYOUT_PREFIX}{payout}"))
    }

    pub(crate) fn payee(creator: &UserId) -> Key {
        Key::of(creator, "PAYEE".to_owned())
    }

    pub(crate) fn connected(account: &ConnectedAccountId) -> Key {
        Key { pk: format!("PAYEE#{account}"), sk: "USER".to_owned() }
    }

    pub(crate) fn journal(creator: &UserId, cause: &str, role: Role) -> Key {
        Key { pk: journal_pk(creator), sk: format!("{cause}#{}", role.as_str()) }
    }

    pub(crate) fn share(code: &str) -> Key {
        Key { pk: format!("SHARE#{code}"), sk: "SHARE".to_owned() }
    }

    pub(crate) fn click(code: &str, day: &str, visitor: &str) -> Key {
        Key { pk: format!("SHARE#{code}"), sk: format!("CLICK#{day}#{visitor}") }
    }

    pub(crate) fn similar(band: &str, listing: &ListingId) -> Key {
        Key { pk: similar_pk(band), sk: listing.to_string() }
    }

    pub(crate) fn change(of: Changing, at: Timestamp, listing: &ListingId) -> Key {
        Key { pk: of.partition().to_owned(), sk: format!("{at}#{listing}") }
    }

    pub(crate) fn views(at: Timestamp, nonce: u64) -> Key {
        Key { pk: VIEWS.to_owned(), sk: format!("{at}#{nonce:016x}") }
    }

    pub(crate) fn report(day: Day) -> Key {
        Key { pk: REPORTS.to_owned(), sk: day.to_string() }
    }

    pub(crate) fn popular(category: Option<Category>) -> Key {
        let sk = category.map_or("all", Category::as_str).to_owned();
        Key { pk: "POPULAR".to_owned(), sk }
    }

    pub(crate) fn fact(fact: &Fact) -> Key {
        Key { pk: facts_pk(fact.day(), shard_in(&fact.id, FACT_SHARDS)), sk: fact.id.clone() }
    }

    pub(crate) fn sums(day: Day, shard: u8) -> Key {
        Key { pk: sums_pk(day.month()), sk: format!("{day}#{shard}") }
    }

    pub(crate) fn total_sums() -> Key {
        Key { pk: "METRICS#TOTAL".to_owned(), sk: "TOTAL".to_owned() }
    }

    pub(crate) fn rank(board: Board, month: Month, id: &str) -> Key {
        Key { pk: rank_pk(board, month), sk: id.to_owned() }
    }

    pub(crate) fn audit(seq: u64) -> Key {
        Key { pk: AUDIT.to_owned(), sk: format!("{seq:012}") }
    }

    /// `subject` is the subject's name.
    pub(crate) fn erasure(subject: &str) -> Key {
        Key { pk: format!("{ERASURE_PREFIX}{subject}"), sk: "ERASURE".to_owned() }
    }

    pub(crate) fn audit_head() -> Key {
        Key { pk: "AUDIT#HEAD".to_owned(), sk: "HEAD".to_owned() }
    }

    pub(crate) fn item(&self) -> Item {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key with an index key: the start key of an index query.
    pub(crate) fn in_index(&self, partition: &str, sk: String) -> Item {
        let mut item = self.item();
        set_index_key(&mut item, Some((partition.to_owned(), sk)));
        item
    }

    /// Whether a returned item has this key.
    pub(crate) fn is_of(&self, item: &Item) -> bool {
        text(item, PK) == Some(self.pk.as_str()) && text(item, SK) == Some(self.sk.as_str())
    }
}

pub(crate) fn user_pk(user: &UserId) -> String {
    format!("{USER_PREFIX}{user}")
}

/// The partition of a creator's journal.
pub(crate) fn journal_pk(creator: &UserId) -> String {
    format!("{JOURNAL_PREFIX}{creator}")
}

/// The creator of a journal partition.
pub(crate) fn creator_of_journal(pk: &str) -> Option<&str> {
    pk.strip_prefix(JOURNAL_PREFIX)
}

/// The partition of reports.
pub(crate) const REPORTS: &str = "REPORTS";
/// The partition of the audit. Its items are never updated or deleted: `template.yaml` denies it.
pub(crate) const AUDIT: &str = "AUDIT";

/// Index partition of the audit records of a target.
pub(crate) fn audit_pk(target: &Target) -> String {
    format!("AUDIT#{}#{}", target.kind.as_str(), target.id)
}

/// The sequence number of an audit record; `None` for any other item.
pub(crate) fn audited_seq(item: &Item) -> Option<u64> {
    let seq = text(item, SK)?.parse().ok()?;
    Key::audit(seq).is_of(item).then_some(seq)
}

/// The partition of views that are not counted yet.
pub(crate) const VIEWS: &str = "VIEWS";

/// What changes are recorded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changing {
    /// Listings on sale.
    Catalogue,
    /// Listing statistics.
    Sums,
}

impl Changing {
    /// The partition of the changes.
    pub(crate) const fn partition(self) -> &'static str {
        match self {
            Changing::Catalogue => "CHANGES#CATALOGUE",
            Changing::Sums => "CHANGES#SUMS",
        }
    }
}

/// The partition of one band of a signature.
pub(crate) fn similar_pk(band: &str) -> String {
    format!("SIMILAR#{band}")
}

pub(crate) fn listing_pk(listing: &ListingId) -> String {
    format!("{LISTING_PREFIX}{listing}")
}

/// The partition of one shard of a day's facts.
pub(crate) fn facts_pk(day: Day, shard: u8) -> String {
    format!("{FACTS_PREFIX}{day}#{shard}")
}

/// Whether a partition holds facts.
pub(crate) fn is_facts(pk: &str) -> bool {
    pk.starts_with(FACTS_PREFIX)
}

/// The partition of the daily sums of a month.
pub(crate) fn sums_pk(month: Month) -> String {
    format!("METRICS#{month}")
}

/// The day in a key of sums.
pub(crate) fn sums_day(item: &Item) -> Option<Day> {
    let (day, _) = text(item, SK)?.split_once('#')?;
    Day::parse(day).ok()
}

/// The partition of a ranking, in the table and in the index.
pub(crate) fn rank_pk(board: Board, month: Month) -> String {
    format!("RANK#{}#{month}", board.as_str())
}

/// The index key of a ranking entry: the amount as text that sorts as the number does.
pub(crate) fn rank_index(board: Board, month: Month, id: &str, amount: i64) -> IndexKey {
    let above_zero = i128::from(amount) - i128::from(i64::MIN);
    (rank_pk(board, month), format!("{above_zero:020}#{id}"))
}

/// A billing is in the index during its grace period.
pub(crate) fn billing_index(billing: &Billing) -> Option<IndexKey> {
    let ends_at = billing.recurring?.grace_ends_at?;
    Some((GRACES.to_owned(), format!("{ends_at}#{}", billing.user_id)))
}

/// The two index keys of an item.
pub(crate) type IndexKey = (String, String);

/// Sets the index keys of an item, if it has any.
pub(crate) fn set_index_key(item: &mut Item, place: Option<IndexKey>) {
    if let Some((pk, sk)) = place {
        item.insert(INDEX_PK.to_owned(), AttributeValue::S(pk));
        item.insert(INDEX_SK.to_owned(), AttributeValue::S(sk));
    }
}

/// An account is in the index while its status change is due; otherwise, while its top-up needs
/// action. Due top-ups come first: they wait for us, the others for Stripe. Nothing is bought for a
/// suspended member.
pub(crate) fn account_index(account: &Account) -> Option<IndexKey> {
    if let Some(due_at) = account.standing_due {
        return Some((STANDINGS.to_owned(), format!("{due_at}#{}", account.user_id)));
    }
    if account.standing != AccountStatus::Active {
        return None;
    }
    let rank = match &account.top_up.as_ref()?.state {
        TopUpState::Due { since } => since.to_string(),
        TopUpState::Charging { order } => order.to_string(),
        TopUpState::Armed | TopUpState::Paused { .. } => return None,
    };
    Some((TOP_UPS.to_owned(), format!("{rank}#{}", account.user_id)))
}

/// An order is in the index while Stripe must be asked about it.
pub(crate) fn order_index(order: &PackOrder) -> Option<IndexKey> {
    order.due_at.map(|due_at| (OPEN_ORDERS.to_owned(), format!("{due_at}#{}", order.id)))
}

/// The index key of a parked event.
pub(crate) fn parked_index(event: &str, received_at: Timestamp) -> IndexKey {
    (PARKED_EVENTS.to_owned(), format!("{received_at}#{event}"))
}

/// The index key of a job: by due time while open, by outcome once finished.
pub(crate) fn job_index(job: &Job) -> IndexKey {
    match job.due_at {
        Some(due_at) => (open_pk(shard_of(job.id.as_str())), format!("{due_at}#{}", job.id)),
        None => (outcome_pk(&job.user_id, job.status), job.id.to_string()),
    }
}

/// Index partition of a creator's listings.
pub(crate) fn creator_pk(creator: &UserId) -> String {
    format!("CREATOR#{creator}")
}

/// The index key of a version pending moderation.
pub(crate) fn pending_index(listing: &ListingId, since: Timestamp) -> IndexKey {
    (PENDING.to_owned(), format!("{since}#{listing}"))
}

/// Index partition of one shard of the versions on sale.
pub(crate) fn on_sale_pk(shard: u8) -> String {
    format!("ONSALE#{shard}")
}

/// The index key of a version on sale.
pub(crate) fn on_sale_index(listing: &ListingId) -> IndexKey {
    (on_sale_pk(shard_of(listing.as_str())), listing.to_string())
}

/// Index partition of a category's listings by trending score.
pub(crate) fn hot_pk(category: Category) -> String {
    format!("HOT#{}", category.as_str())
}

/// The index key of listing statistics: the trending score as text that sorts as the number does.
pub(crate) fn stats_index(stats: &ListingStats) -> Option<IndexKey> {
    let heat = stats.heat + 10_000.0;
    Some((hot_pk(stats.category?), format!("{heat:014.6}#{}", stats.listing_id)))
}

/// A purchase is in the index while Stripe must be asked about it, or staff must decide on it.
pub(crate) fn purchase_index(purchase: &Purchase) -> Option<IndexKey> {
    let (partition, since) = match (&purchase.due_at, &purchase.refund_request) {
        (Some(due_at), _) => (OPEN_PURCHASES, *due_at),
        (None, Some(request)) => (REFUND_REQUESTS, request.at),
        (None, None) => return None,
    };
    Some((partition.to_owned(), format!("{since}#{}", purchase.id)))
}

/// A sale is in the index while a payout run must process it.
pub(crate) fn sale_index(sale: &Sale) -> Option<IndexKey> {
    let id = sale.purchase_id.to_string();
    if sale.is_to_be_recovered() {
        Some((OVERPAID_SALES.to_owned(), id))
    } else if sale.is_payable() {
        Some((payable_pk(&sale.creator_id), id))
    } else if sale.is_due(sale.hold_until) {
        Some((HELD_SALES.to_owned(), format!("{}#{id}", sale.hold_until)))
    } else {
        None
    }
}

/// Index partition of a creator's payable sales.
pub(crate) fn payable_pk(creator: &UserId) -> String {
    format!("SALES#PAYABLE#{creator}")
}

/// Every creator balance is in the index; those that a payout run must process are apart.
pub(crate) fn book_index(book: &CreatorBalance) -> Option<IndexKey> {
    let partition = if book.is_due() { DUE_CREATORS } else { OTHER_CREATORS };
    Some((partition.to_owned(), book.creator_id.to_string()))
}

/// A payout is in the index while it is open, or the bank may return it.
pub(crate) fn payout_index(payout: &Payout) -> Option<IndexKey> {
    let partition = match payout.state {
        PayoutState::Collecting
        | PayoutState::Planned
        | PayoutState::Sending
        | PayoutState::Failed { .. } => OPEN_PAYOUTS,
        PayoutState::Sent => SENT_PAYOUTS,
        PayoutState::Skipped { .. } | PayoutState::Paid | PayoutState::Reopened { .. } => {
            return None;
        }
    };
    Some((partition.to_owned(), payout.id.to_string()))
}

/// A reward is in the index while it is held.
pub(crate) fn reward_index(reward: &Reward) -> Option<IndexKey> {
    Some((HELD_REWARDS.to_owned(), format!("{}#{}", reward.due_at()?, reward.purchase_id)))
}

/// Flags are in the index once there are enough of them.
pub(crate) fn flags_index(flags: &Flags) -> Option<IndexKey> {
    Some((DUE_FLAGS.to_owned(), format!("{}#{}", flags.due_since?, flags.listing_id)))
}

/// Strikes are in the index while the creator's listings must be shown or hidden.
pub(crate) fn strikes_index(strikes: &Strikes) -> Option<IndexKey> {
    Some((DUE_SELLERS.to_owned(), format!("{}#{}", strikes.due_at?, strikes.creator_id)))
}

pub(crate) fn outcome_pk(user: &UserId, status: Status) -> String {
    format!("{USER_PREFIX}{user}#{}", status.as_str())
}

pub(crate) fn open_pk(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// An index key above everything that is due by `now` and below everything else.
pub(crate) fn due_bound(now: Timestamp) -> String {
    format!("{now}$")
}

fn shard_of(id: &str) -> u8 {
    shard_in(id, OPEN_SHARDS)
}

pub(crate) fn shard_in(id: &str, shards: u8) -> u8 {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(id));
    first % shards
}

/// The member and job of an index entry.
pub(crate) fn job_of(item: &Item) -> Option<(UserId, JobId)> {
    let job = text(item, SK)?.strip_prefix(JOB_PREFIX)?;
    Some((user_of(item)?, JobId::parse(job).ok()?))
}

/// The member and order of an index entry.
pub(crate) fn order_of(item: &Item) -> Option<(UserId, OrderId)> {
    let order = text(item, SK)?.strip_prefix(ORDER_PREFIX)?;
    Some((user_of(item)?, OrderId::parse(order).ok()?))
}

/// The buyer and purchase of an index entry.
pub(crate) fn purchase_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(PURCHASE_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}

/// The creator and sale of an index entry.
pub(crate) fn sale_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(SALE_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}

/// The creator and payout of an index entry.
pub(crate) fn payout_of(item: &Item) -> Option<(UserId, PayoutId)> {
    let payout = text(item, SK)?.strip_prefix(PAYOUT_PREFIX)?;
    Some((user_of(item)?, PayoutId::parse(payout).ok()?))
}

/// The sharer and reward of an index entry.
pub(crate) fn reward_of(item: &Item) -> Option<(UserId, PurchaseId)> {
    let purchase = text(item, SK)?.strip_prefix(REWARD_PREFIX)?;
    Some((user_of(item)?, PurchaseId::parse(purchase).ok()?))
}

/// The listing of an item.
pub(crate) fn listing_of(item: &Item) -> Option<ListingId> {
    ListingId::parse(text(item, PK)?.strip_prefix(LISTING_PREFIX)?).ok()
}

/// The member whose partition an item is in.
pub(crate) fn user_of(item: &Item) -> Option<UserId> {
    UserId::parse(text(item, PK)?.strip_prefix(USER_PREFIX)?).ok()
}

/// The subject of an erasure's index entry.
pub(crate) fn erasure_of(item: &Item) -> Option<&str> {
    text(item, PK)?.strip_prefix(ERASURE_PREFIX)
}

/// The event of an index entry.
pub(crate) fn event_of(item: &Item) -> Option<&str> {
    text(item, PK)?.strip_prefix(EVENT_PREFIX)
}

/// Whether a sort key is an account's.
pub(crate) fn is_account(sk: &str) -> bool {
    sk == ACCOUNT
}

/// A string attribute of an item.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
