//! `PUT /api/v1/billing/top-up`: buy a pack automatically when the balance falls below a threshold.
//!
//! Access: any member; one who is suspended may turn it off, not on.
//! Changes: the account. `background-buy-top-ups` charges the saved card, at most `monthly_max`
//! times a calendar month; a failed charge stops it, with the reason in
//! `GET /api/v1/billing/subscription`, until it is turned on here again. Turning it off and on does
//! not reset the month's count, and a charge in progress is completed.
//! Retry: a repeat has no further effect.

use domain::{FieldError, billing::top_up::TopUpSettings, error::InvalidFields, pack::Pack};
use runtime::{Access, ApiError, Call, Endpoint, Function, NoStore};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

use crate::view::TopUpView;

pub const ENDPOINT: Endpoint =
    Endpoint::put("billing-update-top-up", "/api/v1/billing/top-up", Access::Member);

/// The other three fields are required to turn it on and rejected when turning it off.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    enabled: bool,
    pack: Option<Pack>,
    /// Threshold, in credits.
    below: Option<u32>,
    monthly_max: Option<u32>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Response {
    /// `null` while it is off.
    top_up: Option<TopUpView>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

async fn handle(store: &Store, call: Call<Request>) -> Result<NoStore<Response>, ApiError> {
    let member = call.member()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let settings = call.body.settings()?;
    let account = store
        .update_account(user, email, call.now, |draft| -> Result<(), StoreError> {
            if settings.is_some() {
                draft.require_active().map_err(StoreError::refused)?;
            }
            draft.allow_top_up(settings);
            Ok(())
        })
        .await?;
    Ok(NoStore(Response { top_up: account.top_up.as_ref().and_then(TopUpView::of) }))
}

impl Request {
    fn settings(&self) -> Result<Option<TopUpSettings>, InvalidFields> {
        match (self.enabled, self.pack, self.below, self.monthly_max) {
            (true, Some(pack), Some(below), Some(monthly_max)) => {
                TopUpSettings::new(pack, below, monthly_max).map(Some)
            }
            (false, None, None, None) => Ok(None),
            (true, ..) => Err(unfit("`enabled: true` needs `pack`, `below` and `monthly_max`")),
            (false, ..) => Err(unfit("`enabled: false` stands alone")),
        }
    }
}

fn unfit(detail: &str) -> InvalidFields {
    InvalidFields(vec![FieldError::new("/enabled", "together", detail)])
}
