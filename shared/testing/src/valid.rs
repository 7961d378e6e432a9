//! A valid request for every endpoint, about things whose ids the caller of [`valid`] knows.
//!
//! The things are those of one member, who makes images, sells and buys. Tests in the process and
//! tests of the running stack create them differently and send the same requests about them.

use runtime::Endpoint;
use serde_json::json;

use crate::TestRequest;

/// What a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The member.
    Member,
    /// A generation of theirs.
    Generation,
    /// A preset of theirs.
    Preset,
    /// An API key of theirs.
    Key,
    /// A webhook of theirs.
    Webhook,
    /// An ended delivery to [`Subject::Webhook`].
    Delivery,
    /// A checkout that they opened.
    Checkout,
    /// An invoice of theirs.
    Invoice,
    /// Their listing on sale, which has a draft of its next version.
    Own,
    /// Another member's review of [`Subject::Own`].
    Review,
    /// An upload to [`Subject::Own`].
    Upload,
    /// Their listing that waits for a moderator.
    Pending,
    /// The hash of what the moderator sees of [`Subject::Pending`].
    ContentHash,
    /// Another creator's listing, which they own.
    Bought,
    /// Their purchase of [`Subject::Bought`].
    Purchase,
    /// Another creator's listing on sale, for everybody.
    Offered,
    /// The code of their shared link, for everybody.
    Share,
    /// An appeal of theirs.
    Appeal,
    /// A month that has begun, such as `2026-11`.
    Month,
    /// The day of a revenue report.
    Report,
    /// A file of the reference page.
    DocsFile,
    /// An error code.
    Code,
}

impl Subject {
    /// Whether it does not exist for other members.
    pub const fn is_private(self) -> bool {
        match self {
            Subject::Member
            | Subject::Generation
            | Subject::Preset
            | Subject::Key
            | Subject::Webhook
            | Subject::Delivery
            | Subject::Checkout
            | Subject::Invoice
            | Subject::Own
            | Subject::Review
            | Subject::Upload
            | Subject::Pending
            | Subject::ContentHash
            | Subject::Bought
            | Subject::Purchase
            | Subject::Appeal => true,
            Subject::Offered
            | Subject::Share
            | Subject::Month
            | Subject::Report
            | Subject::DocsFile
            | Subject::Code => false,
        }
    }

    /// What is written like one of these, and is none.
    pub const fn missing(self) -> &'static str {
        match self {
            Subject::Member => "user_nobody",
            Subject::Generation => "gen_01JD0000000000000000000000",
            Subject::Preset => "pre_01JD0000000000000000000000",
            Subject::Key => "key_01JD0000000000000000000000",
            Subject::Webhook => "whk_01JD0000000000000000000000",
            Subject::Delivery => "evt_01JD0000000000000000000000",
            Subject::Checkout => "chk_01JD0000000000000000000000",
            Subject::Invoice => "inv_01JD0000000000000000000000",
            Subject::Own | Subject::Pending | Subject::Bought | Subject::Offered => {
                "lst_01JD0000000000000000000000"
            }
            Subject::Review => "rev_01JD0000000000000000000000",
            Subject::Upload => "upl_01JD0000000000000000000000",
            Subject::ContentHash => {
                "0000000000000000000000000000000000000000000000000000000000000000"
            }
            Subject::Purchase => "pur_01JD0000000000000000000000",
            Subject::Share => "aaaaaaaaaaaaa",
            Subject::Appeal => "apl_01JD0000000000000000000000",
            Subject::Month => "2099-01",
            Subject::Report => "2099-01-01",
            Subject::DocsFile => "missing.js",
            Subject::Code => "no_such_code",
        }
    }
}

type Ids<'a> = &'a mut dyn FnMut(Subject) -> String;

/// Makes `request` a valid one for `endpoint`. What it names has the id that `id` returns.
///
/// # Panics
/// If this module has no valid request for the endpoint.
pub fn valid(
    endpoint: &Endpoint,
    request: TestRequest,
    mut id: impl FnMut(Subject) -> String,
) -> TestRequest {
    let name = endpoint.name;
    let id: Ids<'_> = &mut id;
    match name.split('-').next() {
        Some("generation") => generation(name, request, id),
        Some("account") => account(name, request, id),
        Some("billing") => billing(name, request, id),
        Some("marketplace") => marketplace(name, request, id),
        Some("admin") => admin(name, request, id),
        Some("edge") => edge(name, request, id),
        Some(_) | None => panic!("add a valid request for {name} here"),
    }
}

fn generation(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    match name {
        "generation-create-generation" | "generation-structure-prompt" => {
            request.json(json!({ "prompt": "a red chair" }))
        }
        "generation-get-generation"
        | "generation-cancel-generation"
        | "generation-delete-generation" => request.path("id", id(Subject::Generation)),
        "generation-update-generation" => {
            request.path("id", id(Subject::Generation)).json(json!({ "favourite": false }))
        }
        "generation-create-preset" => request.json(json!({ "name": "Chair", "prompt": "a chair" })),
        "generation-get-preset" | "generation-delete-preset" => {
            request.path("id", id(Subject::Preset))
        }
        "generation-update-preset" => {
            let chair = json!({ "name": "Chair", "prompt": "a green chair" });
            request.path("id", id(Subject::Preset)).json(chair)
        }
        "generation-list-generations" | "generation-list-presets" => request,
        other => panic!("add a valid request for {other} here"),
    }
}

fn account(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    match name {
        "account-update-me" => request.json(json!({ "display_name": "Kim" })),
        "account-create-appeal" => request.json(json!({ "text": "It was not me." })),
        "account-create-key" => {
            request.json(json!({ "name": "Nightly", "scopes": ["read", "generate"] }))
        }
        "account-get-key" | "account-delete-key" => request.path("id", id(Subject::Key)),
        "account-create-webhook" => {
            request.json(json!({ "url": "https://example.com/new", "events": ["credits.low"] }))
        }
        "account-update-webhook" => {
            request.path("id", id(Subject::Webhook)).json(json!({ "description": "Ours" }))
        }
        "account-redeliver-webhook" => {
            let request = request.path("id", id(Subject::Webhook));
            request.path("delivery_id", id(Subject::Delivery))
        }
        "account-get-webhook"
        | "account-delete-webhook"
        | "account-rotate-webhook-secret"
        | "account-test-webhook"
        | "account-list-webhook-deliveries" => request.path("id", id(Subject::Webhook)),
        "account-get-me"
        | "account-export-me"
        | "account-delete-me"
        | "account-list-appeals"
        | "account-list-keys"
        | "account-list-webhooks" => request,
        other => panic!("add a valid request for {other} here"),
    }
}

fn billing(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    match name {
        "billing-open-checkout" => request.json(json!({ "pack": "pack_50" })),
        "billing-open-portal" | "billing-cancel-subscription" => request.json(json!({})),
        "billing-update-top-up" => request
            .json(json!({ "enabled": true, "pack": "pack_50", "below": 5, "monthly_max": 2 })),
        "billing-get-checkout" => request.path("id", id(Subject::Checkout)),
        "billing-get-invoice-pdf" => request.path("id", id(Subject::Invoice)),
        "billing-list-plans"
        | "billing-get-credits"
        | "billing-get-subscription"
        | "billing-get-usage"
        | "billing-list-invoices" => request,
        other => panic!("add a valid request for {other} here"),
    }
}

fn marketplace(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    let free = json!({ "amount": 0, "currency": "usd" });
    match name {
        "marketplace-create-listing" => request.json(json!({
            "type": "camera_preset", "title": "A lens", "description": "A lens.",
            "category": "portrait", "tags": [], "price": free,
            "content": { "camera": { "focal_length_mm": 85.0 } },
        })),
        "marketplace-update-listing" => {
            request.path("id", id(Subject::Own)).json(json!({ "title": "Another light" }))
        }
        "marketplace-submit-listing" => request.path("id", id(Subject::Own)).json(json!({})),
        "marketplace-retire-listing" | "marketplace-get-creator-listing" => {
            request.path("id", id(Subject::Own))
        }
        "marketplace-create-upload" => request
            .path("id", id(Subject::Own))
            .json(json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1_000 })),
        "marketplace-get-upload" => {
            request.path("id", id(Subject::Own)).path("upload_id", id(Subject::Upload))
        }
        "marketplace-reply-to-review" => request
            .path("id", id(Subject::Own))
            .path("review_id", id(Subject::Review))
            .json(json!({ "text": "Thank you." })),
        "marketplace-preview-listing" | "marketplace-share-listing" => {
            request.path("id", id(Subject::Offered)).json(json!({}))
        }
        "marketplace-get-listing" | "marketplace-list-reviews" => {
            request.path("id", id(Subject::Offered))
        }
        "marketplace-flag-listing" => {
            request.path("id", id(Subject::Offered)).json(json!({ "reason": "copied" }))
        }
        "marketplace-follow-share" => request.path("code", id(Subject::Share)),
        "marketplace-create-purchase" => {
            request.json(json!({ "listing_id": id(Subject::Offered), "expected_price": free }))
        }
        "marketplace-get-purchase" => request.path("id", id(Subject::Purchase)),
        "marketplace-download-purchase" | "marketplace-refund-purchase" => {
            request.path("id", id(Subject::Purchase)).json(json!({}))
        }
        "marketplace-create-review" => {
            request.json(json!({ "listing_id": id(Subject::Bought), "rating": 4 }))
        }
        "marketplace-preview-studio" | "marketplace-onboard-creator" => request.json(json!({})),
        "marketplace-get-creator-statement" | "marketplace-get-creator-revenue" => {
            request.path("month", id(Subject::Month))
        }
        "marketplace-list-popular"
        | "marketplace-search-listings"
        | "marketplace-list-purchases"
        | "marketplace-list-shares"
        | "marketplace-list-rewards"
        | "marketplace-get-creator-stats"
        | "marketplace-list-creator-listings"
        | "marketplace-list-creator-earnings"
        | "marketplace-list-creator-payouts" => request,
        other => panic!("add a valid request for {other} here"),
    }
}

fn admin(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    match name {
        "admin-approve-listing" => request
            .path("id", id(Subject::Pending))
            .json(json!({ "content_hash": id(Subject::ContentHash) })),
        "admin-reject-listing" => request.path("id", id(Subject::Pending)).json(json!({
            "content_hash": id(Subject::ContentHash), "reason": "Too dark to be sold.",
        })),
        "admin-delist-listing" => {
            request.path("id", id(Subject::Own)).json(json!({ "reason": "Copied from elsewhere." }))
        }
        "admin-resolve-flags" => request.path("id", id(Subject::Own)).json(json!({
            "decision": "dismiss", "reason": "All is well.", "seen": 1,
        })),
        "admin-remove-review" => request
            .path("id", id(Subject::Own))
            .path("review_id", id(Subject::Review))
            .json(json!({ "reason": "It names a private address." })),
        "admin-refund-purchase" => {
            request.path("id", id(Subject::Purchase)).json(json!({ "reason": "As agreed." }))
        }
        "admin-decline-refund" => {
            request.path("id", id(Subject::Purchase)).json(json!({ "reason": "It was used." }))
        }
        "admin-record-paid-back" => {
            let amount = json!({ "amount": 300, "currency": "usd" });
            let body = json!({ "amount": amount, "reason": "By transfer." });
            request.path("id", id(Subject::Purchase)).json(body)
        }
        "admin-resolve-appeal" => request
            .path("id", id(Subject::Member))
            .path("appeal_id", id(Subject::Appeal))
            .json(json!({ "outcome": "upheld", "reason": "As decided." })),
        "admin-list-generations" => request.query("member_id", id(Subject::Member)),
        "admin-get-user" => request.path("id", id(Subject::Member)),
        "admin-adjust-credits" => request
            .path("id", id(Subject::Member))
            .json(json!({ "amount": 5, "reason": "Sorry for the wait." })),
        "admin-ban-user" | "admin-unban-user" => request
            .path("id", id(Subject::Member))
            .json(json!({ "reason": "Sold what was not theirs." })),
        "admin-update-limits" => request
            .path("id", id(Subject::Member))
            .json(json!({ "concurrency": 2, "reason": "As agreed." })),
        "admin-get-report" => request.path("date", id(Subject::Report)),
        "admin-list-pending"
        | "admin-list-flags"
        | "admin-list-appeals"
        | "admin-list-listings"
        | "admin-list-purchases"
        | "admin-list-payouts"
        | "admin-list-refund-requests"
        | "admin-audit-ledger"
        | "admin-get-revenue-stats"
        | "admin-get-generation-stats"
        | "admin-list-reports"
        | "admin-list-users"
        | "admin-list-audit" => request,
        other => panic!("add a valid request for {other} here"),
    }
}

fn edge(name: &str, request: TestRequest, id: Ids<'_>) -> TestRequest {
    match name {
        "edge-get-docs-file" => request.path("file", id(Subject::DocsFile)),
        "edge-get-problem" => request.path("code", id(Subject::Code)),
        "edge-webhook-bria" => request.query("job", "gen_01JD0000000000000000000000.token.user"),
        "edge-webhook-stripe" => request.json(json!({ "type": "invoice.paid" })),
        "edge-get-config" | "edge-get-docs" | "edge-get-openapi" | "edge-get-health" => request,
        other => panic!("add a valid request for {other} here"),
    }
}
