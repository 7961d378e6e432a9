//! The table: the document of every item, every key and every access pattern.
//!
//! One table, keys `pk` and `sk`, one sparse index `gsi1` (`gsi1pk`, `gsi1sk`) that projects keys
//! only. No other crate knows the keys, and no request path scans. The modules below spell them.
//!
//! | item | pk | sk | notes |
//! |---|---|---|---|
//! | account | `USER#<user>` | `ACCOUNT` | balance, plan, status; `version` is the optimistic lock of every change |
//! | directory entry | `USER#<user>` | `PERSON#<facet>` | one for each facet of the member |
//! | appeal | `USER#<user>` | `APPEAL#<appeal>` | one for each decision; own `version` |
//! | ledger entry | `USER#<user>` | `LEDGER#<seq>` | added, never changed; 1, 2, 3, … |
//! | job | `USER#<user>` | `JOB#<job>` | the state of a generation; ids sort by time; below 1 KiB |
//! | input | `USER#<user>` | `INPUT#<job>` | the input of a job; written once, read by the worker |
//! | preset | `USER#<user>` | `PRESET#<preset>` | ids sort by time |
//! | API key | `USER#<user>` | `KEY#<key>` | ids sort by time; never changed |
//! | access of an API key | `KEY#<SHA-256 of the key>` | `ACCESS` | written and deleted with its key; `last_used_at` at most once an hour |
//! | idempotency record | `USER#<user>` | `IDEM#<key>` | expires after 24 hours (TTL `expires_at`) |
//! | rate counter | `RATE#<what>` | `<window>` | calls in one window; expires by TTL |
//! | billing | `USER#<user>` | `BILLING` | `version` is the optimistic lock of a member's state at Stripe |
//! | pack order | `USER#<user>` | `ORDER#<order>` | ids sort by time; own `version` |
//! | invoice | `USER#<user>` | `INVOICE#<invoice>` | ids sort by time; guarded by the version of the billing |
//! | follow-up | `USER#<user>` | `FOLLOWUP#<task>` | pending request to Stripe; expires by TTL once it is done |
//! | customer | `CUSTOMER#<customer>` | `USER` | the member of a Stripe customer |
//! | event | `EVENT#<event>` | `EVENT` | applied (30 days, by TTL), or parked with its body |
//! | checkpoint | `RECONCILE#STRIPE` | `CHECKPOINT` | until when Stripe's events were checked |
//! | lease of a function's scheduled runs | `RUN#<function>` | `LEASE` | held by one run until it ends or its time is up |
//! | position of a function's scheduled runs | `RUN#<function>` | `POSITION` | where the last one stopped in its lists |
//! | day of a function's scheduled runs | `RUN#<function>` | `DAY` | the last day that it worked on, and whether that is done |
//! | recount of a function | `RUN#<function>` | `RECOUNT` | what it added up of the facts of some days before its time was up |
//! | listing | `LISTING#<listing>` | `LISTING` | the list of versions; `version` is its optimistic lock |
//! | entry of a listing in staff's lists | `LISTING#<listing>` | `STATE` | only keys |
//! | listing version | `LISTING#<listing>` | `REVISION#<number>` | guarded by the version of the listing; never changed once on sale |
//! | listing statistics | `LISTING#<listing>` | `STATS` | own `version` |
//! | listing visitors today | `LISTING#<listing>` | `VISITORS` | and the last tally that was counted; own `version`; expires by TTL |
//! | upload | `LISTING#<listing>` | `UPLOAD#<upload>` | expires by TTL |
//! | review | `LISTING#<listing>` | `REVIEW#<review>` | ids sort by time; guarded by the version of the statistics |
//! | owner of a tailored model | `MODEL#<model>` | `OWNER` | the creator of the first approved listing with it; own `version` |
//! | flags | `LISTING#<listing>` | `FLAGS` | reports that are not decided on yet; own `version` |
//! | flags of an image or a review | `LISTING#<listing>` | `FLAGS#<image or review>` | the same |
//! | flags of a member | `USER#<user>` | `FLAGS` | the same; not shown to the member |
//! | purchase | `USER#<buyer>` | `PURCHASE#<purchase>` | ids sort by time; `version` is the optimistic lock of its state at Stripe |
//! | entry of a purchase in staff's lists | `USER#<buyer>` | `BOUGHT#<purchase>` | only keys |
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
//! | shared listing | `USER#<sharer>` | `SHARED#<listing>` | the code of their share |
//! | click | `SHARE#<code>` | `CLICK#<day>#<visitor>` | expires by TTL |
//! | signature | `SIMILAR#<band>` | `<listing>` | of a listing on sale |
//! | change | `CHANGES#<what>` | `<time>#<listing>` | of the catalogue, or of statistics; expires by TTL |
//! | tally | `VIEWS` | `<time>#<nonce>` | visitors that are not counted yet; deleted once they are, or expires by TTL |
//! | report | `REPORTS` | `<day>` | of one day; never changed |
//! | popular list | `POPULAR` | `<category>` | rebuilt every ten minutes |
//! | fact | `FACTS#<day>#<0..4>` | `<fact>` | never changed, except for whether it is counted |
//! | sums of a day | `METRICS#<month>` | `<day>#<0..4>` | only ever added to, together with their facts |
//! | sums of all days | `METRICS#TOTAL` | `TOTAL` | only ever added to, together with their facts |
//! | ranking entry | `RANK#<board>#<month>` | `<id>` | own `version` |
//! | audit record | `AUDIT`, `AUDIT#JOBS#<0..8>` | `<seq>` | a partition for each chain; added, never changed; 1, 2, 3, … |
//! | erasure | `ERASURE#<kind>#<id>` | `ERASURE` | files or a member to be deleted; removed when that is done |
//! | audit head | `AUDIT#HEAD` | `HEAD`, `JOBS#<0..8>` | of a chain; own `version` |
//! | webhooks | `USER#<user>` | `WEBHOOKS` | all of a member; own `version` |
//! | delivery | `USER#<user>` | `DELIVERY#<webhook>#<event>` | event ids sort by time; own `version`; 30 days, by TTL |
//!
//! | index entry | gsi1pk | gsi1sk |
//! |---|---|---|
//! | open job | `OPEN#<0..8>` | `<due_at>#<job>` |
//! | finished job | `USER#<user>#<status>` | `<job>` |
//! | favourite | `USER#<user>#favourite` | `<job>`, not in the partition of its status |
//! | open pack order | `ORDERS#OPEN` | `<due_at>#<order>` |
//! | account with a due status change | `STANDINGS` | `<due_at>#<user>` |
//! | directory entry | `PEOPLE#<facet>` | `<e-mail address>#<user>`; of the facet `NAME` `<name>#<user>` |
//! | open appeal | `APPEALS#MEMBER`, `APPEALS#LISTING` | `<created_at>#<appeal>` |
//! | account whose pack is due | `TOPUPS` | `<since>#<user>` |
//! | account whose pack is being charged | `TOPUPS` | `<order>#<user>`, after all that are due |
//! | due follow-up | `FOLLOWUPS` | `<noted_at>#<user>` |
//! | parked event | `EVENTS#PARKED` | `<received_at>#<event>` |
//! | listing | `CREATOR#<user>` | `<listing>` |
//! | version pending moderation | `REVIEWS#PENDING` | `<submitted_at>#<listing>` |
//! | version on sale and visible | `ONSALE#<0..8>` | `<listing>` |
//! | statistics of a listing on sale | `HOT#<category>` | `<heat>#<listing>` |
//! | due flags of a listing | `FLAGS#DUE` | `<due_since>#<listing>` |
//! | due flags of another subject | `FLAGS#DUE#<kind>` | `<due_since>#<subject>` |
//! | entry of a listing in staff's lists | `STAFF#LISTINGS#<state>` | `<listing>#<kind>` |
//! | entry of a purchase in staff's lists | `STAFF#PURCHASES#<state>` | `<purchase>` |
//! | buyer of a purchase | `STAFF#SOLD#<creator>` | `<purchase>#<listing>#<buyer>` |
//! | strikes, while listings must be shown or hidden | `SELLERS#DUE` | `<due_at>#<creator>` |
//! | open purchase | `PURCHASES#OPEN` | `<due_at>#<purchase>` |
//! | sale on hold | `SALES#HELD` | `<hold_until>#<purchase>` |
//! | payable sale | `SALES#PAYABLE#<creator>` | `<purchase>` |
//! | overpaid sale | `SALES#OVERPAID` | `<purchase>` |
//! | balance of a creator that a payout run must process | `CREATORS#DUE` | `<user>` |
//! | balance of any other creator | `CREATORS#REST` | `<user>` |
//! | open payout | `PAYOUTS#OPEN` | `<payout>` |
//! | sent payout | `PAYOUTS#SENT` | `<payout>` |
//! | any other payout | `PAYOUTS#PAID`, `PAYOUTS#SKIPPED`, `PAYOUTS#REOPENED` | `<payout>` |
//! | purchase with a refund request for staff | `REFUNDS#ASKED` | `<at>#<purchase>` |
//! | held reward | `REWARDS#DUE` | `<due_at>#<purchase>` |
//! | billing in its grace period | `GRACES` | `<grace_ends_at>#<user>` |
//! | ranking entry | `RANK#<board>#<month>` | `<amount>#<id>` |
//! | erasure | `ERASURES` | `<due_at>#<kind>#<id>` |
//! | audit record | `AUDIT#<kind>#<id>` | `<seq>`, `JOBS#<seq>` |
//! | delivery in progress | `DELIVERIES#<0..4>` | `<look_at>#<event>` |
//!
//! | # | question | how | cost |
//! |---|---|---|---|
//! | Q1 | an account; a billing, or those of up to 100 members; whether a job has ended | GetItem; BatchGetItem | 1 RRU each |
//! | Q2 | what a POST decides on: account, idempotency record, preset or job | BatchGetItem | 1 trip |
//! | Q3 | a job and its input; the inputs of a page of jobs | BatchGetItem | 1 trip |
//! | Q4 | a member's jobs of a time, newest first | Query `JOB#` backwards | 1 trip a page |
//! | Q5 | a member's finished jobs by status and mark | Query `gsi1` for each of at most 4 partitions, then BatchGetItem | 2 trips a page |
//! | Q6 | a member's open jobs by status | Query `JOB#` of the last day, filtered | 1 trip |
//! | Q7 | a member's ledger, newest first | Query `LEDGER#` backwards | 1 trip a page |
//! | Q8 | a member's presets, newest first | Query `PRESET#` backwards | 1 trip |
//! | Q9 | due jobs | Query `gsi1` for each of the 8 shards | 8 trips a minute |
//! | Q10 | rate limit of a window | conditional UpdateItem | 1 WRU |
//! | Q11 | a billing, and whether an event was applied to it | BatchGetItem | 1 trip |
//! | Q12 | an account and its billing | BatchGetItem | 1 trip |
//! | Q13 | billing update: account, order, invoices | BatchGetItem | 1 trip |
//! | Q14 | the member of a customer | GetItem | 1 RRU |
//! | Q15 | an order; an invoice, or the purchase that it is the receipt of | GetItem, BatchGetItem | 1 trip |
//! | Q16 | a member's invoices and receipts, newest first | Query `INVOICE#` and `PURCHASE#` backwards | 3 trips a page |
//! | Q17 | due orders | Query `gsi1` | 1 trip a page |
//! | Q18 | accounts that need a pack | Query `gsi1` | 1 trip a page |
//! | Q19 | parked events, to be replayed | Query `gsi1`, then BatchGetItem | 2 trips a page |
//! | Q20 | which of up to 100 events were applied; the checkpoint | BatchGetItem; GetItem | 1 RRU each |
//! | Q21 | a listing with its statistics, then its versions and its creator | BatchGetItem | 2 trips |
//! | Q22 | a creator's listings, newest first | Query `gsi1`, then BatchGetItem | 3 trips a page |
//! | Q23 | versions pending moderation, oldest first | Query `gsi1`, then BatchGetItem | 2 trips |
//! | Q24 | the versions on sale of a shard, to rebuild the search index | Query `gsi1`, then BatchGetItem | 8 shards, when there is no index |
//! | Q25 | the listings of a category with the highest trending scores | Query `gsi1` backwards, then BatchGetItem | 3 trips a category and run |
//! | Q26 | what a purchase is decided on: account, key, listing, entitlement | BatchGetItem | 1 trip |
//! | Q27 | purchase update: everything that changes with a purchase | BatchGetItem | 1 trip, 2 with a review |
//! | Q28 | a member's purchases; a creator's sales, newest first | Query backwards | 1 trip a page |
//! | Q29 | due purchases, rewards | Query `gsi1` | 1 trip a page |
//! | Q30 | a listing's reviews, newest first | Query `REVIEW#` backwards | 1 trip a page |
//! | Q31 | similar listings | Query for each of the 16 bands | once for each preparation |
//! | Q32 | changes of the catalogue, or of statistics | Query from a time on | 1 trip |
//! | Q33 | tallies of views, to be counted, and the creators of their listings | Query, then BatchGetItem | a trip for each 50 tallies, and for each 100 listings |
//! | Q34 | a popular list; a share; an upload | GetItem | 1 RRU |
//! | Q35 | a member's entitlements to some listings, with the listings | BatchGetItem | 2 trips a page |
//! | Q36 | sales, creators, payouts that a payout run must process | Query `gsi1` | 1 trip a page |
//! | Q37 | payout update: payout, balance, account, payee, sales | BatchGetItem | 1 trip |
//! | Q38 | a creator's payouts, newest first | Query `PAYOUT#` backwards | 1 trip a page |
//! | Q39 | the sales of a failed payout | Query `SALE#`, filtered | a trip for each MB of sales |
//! | Q40 | a creator's journal, to be folded | Query | a trip for each MB |
//! | Q41 | a creator's connected account; the owner of an account or a purchase | GetItem | 1 RRU |
//! | Q42 | titles of some of a creator's sales | BatchGetItem | 1 trip for each 100 |
//! | Q43 | due flags, of all kinds or of one, oldest first | Query `gsi1` for each kind, then BatchGetItem | 5 trips a page |
//! | Q44 | seller records for staff: accounts, balances, strikes | BatchGetItem | 1 trip for each 33 |
//! | Q45 | creators whose listings must be shown or hidden | Query `gsi1` | 1 trip a minute |
//! | Q46 | the sums of some months, and of all days | Query for each month, GetItem | about 10 KB a busy day |
//! | Q47 | the top of a ranking | Query `gsi1` backwards, then BatchGetItem | 2 trips |
//! | Q48 | a day's facts, to be added up again | Query for each of the 4 shards, page by page | a trip for each MB |
//! | Q49 | whether some facts are counted, and the ranking entries they change | BatchGetItem | 1 trip for each 24 facts |
//! | Q50 | billings whose grace period is over | Query `gsi1`, then GetItem | 1 trip a page |
//! | Q51 | the head of a chain of the audit | GetItem | 1 RRU |
//! | Q52 | audit records, newest first | Query backwards in each chain, filtered | at most 5 trips a page and chain |
//! | Q53 | the audit records of a target, newest first | Query `gsi1` backwards, then BatchGetItem, in both its chains | 4 trips a page |
//! | Q54 | the records of a chain, oldest first, to verify it | Query | a trip for each MB |
//! | Q55 | members with a due status change | Query `gsi1` | 1 trip |
//! | Q56 | members by e-mail address, by name, by id, and by facet | Query `gsi1`, then BatchGetItem | 2 to 10 trips a page |
//! | Q57 | the report of a day | GetItem | 1 to 3 RRU |
//! | Q58 | reports, newest first | Query backwards | 1 trip a page |
//! | Q59 | due erasures | Query `gsi1`, then BatchGetItem | 2 trips a minute |
//! | Q60 | what a member created, to be deleted | Query `JOB#`, `INPUT#`, `PRESET#`, `KEY#`, `WEBHOOKS`, `DELIVERY#` | a trip for each MB |
//! | Q61 | all data of a member, to be exported | Query; Query of each listing | 1 trip a page |
//! | Q62 | the owners of some tailored models, and their listings | BatchGetItem | 2 trips |
//! | Q63 | due follow-ups, oldest first | Query `gsi1`, then BatchGetItem | 2 trips |
//! | Q64 | a follow-up | GetItem | 1 RRU |
//! | Q65 | a member's API keys and their last use, newest first | Query `KEY#` backwards, then BatchGetItem | 2 trips |
//! | Q66 | what an API key leads to, and whether its member is active | GetItem, GetItem | 2 trips a key and minute |
//! | Q67 | the files that a listing's versions refer to | GetItem, Query `REVISION#` | 2 trips an erasure of one file |
//! | Q68 | names of members and presets, titles of listings | BatchGetItem | 1 trip for each 100; 1 more for titles of drafts |
//! | Q69 | listings by state, kind and creator, newest first | Query `gsi1` for each state, then BatchGetItem | 8 trips a page; filtered, at most 40 |
//! | Q70 | purchases by buyer, creator, listing and state, newest first | Query, or Query `gsi1` for each state, then BatchGetItem | 8 trips a page; filtered, at most 40 |
//! | Q71 | payouts by creator and state, newest first | Query, or Query `gsi1` for each of 5 partitions, then BatchGetItem | 6 trips a page; filtered, at most 30 |
//! | Q72 | a member's appeals, latest decision first | Query `APPEAL#` backwards | 1 trip a page |
//! | Q73 | open appeals, oldest first | Query `gsi1` for each kind, then BatchGetItem | 3 trips a page |
//! | Q74 | a member's shares, with listings | Query `SHARED#` backwards, then BatchGetItem | 3 trips a page |
//! | Q75 | a member's rewards, newest first | Query `REWARD#` backwards | 1 trip a page, or for each MB |
//! | Q76 | a creator's sales of a month | Query `SALE#` from the month before on | a trip for each MB |
//! | Q77 | a member's webhooks | GetItem | 1 RRU |
//! | Q78 | a member, their webhooks, and a key's record or a delivery | BatchGetItem | 1 trip |
//! | Q79 | the deliveries of a webhook, newest first | GetItem, Query `DELIVERY#<webhook>#` backwards | 2 trips a page |
//! | Q80 | deliveries whose attempt is due or whose message is lost | Query `gsi1` for each of the 4 shards, then BatchGetItem | 8 trips a minute |
//! | Q82 | the latest uploads of a listing | Query `UPLOAD#` backwards | 1 trip |
//! | Q81 | the lease of a function's runs; where the last one stopped; the day that it worked on; what it has recounted | PutItem; GetItem | 1 trip each a run |

mod account;
mod audit;
mod billing;
mod generation;
mod listing;
mod metrics;
mod run;
mod sale;
mod webhook;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Timestamp, id::UserId};

pub(crate) use {
    account::*, audit::*, billing::*, generation::*, listing::*, metrics::*, sale::*, webhook::*,
};

/// Open jobs are spread over this many index partitions, so that none is hot.
pub const OPEN_SHARDS: u8 = 8;
/// Deliveries in progress are spread over this many index partitions.
pub const DELIVERY_SHARDS: u8 = 4;

/// The attributes of the table's key.
pub(crate) const PK: &str = "pk";
/// See [`PK`].
pub(crate) const SK: &str = "sk";
/// Both, as a projection.
pub(crate) const KEYS: &str = "pk, sk";
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
/// The number of the shape of an item, see `rewrite`.
pub(crate) const SHAPE: &str = "shape";
const USER_PREFIX: &str = "USER#";

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

/// The two index keys of an item.
pub(crate) type IndexKey = (String, String);

/// Sets the index keys of an item, if it has any.
pub(crate) fn set_index_key(item: &mut Item, place: Option<IndexKey>) {
    if let Some((pk, sk)) = place {
        item.insert(INDEX_PK.to_owned(), AttributeValue::S(pk));
        item.insert(INDEX_SK.to_owned(), AttributeValue::S(sk));
    }
}

/// An index key above everything that is due by `now` and below everything else.
pub(crate) fn due_bound(now: Timestamp) -> String {
    format!("{now}$")
}

/// The member whose partition an item is in.
pub(crate) fn user_of(item: &Item) -> Option<UserId> {
    UserId::parse(text(item, PK)?.strip_prefix(USER_PREFIX)?).ok()
}

/// A string attribute of an item.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
