//! Stripe's list of events, to find those that no webhook delivered.

use domain::{Timestamp, billing::external::EventId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{PAGE_SIZE, Stripe, StripeError, StripePage, WebhookEvent};

#[derive(Serialize)]
struct Wanted<'a> {
    created: Created,
    limit: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
}

/// Seconds: from one, up to another.
#[derive(Serialize)]
struct Created {
    gte: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lt: Option<i64>,
}

// Read from: list
#[derive(Deserialize)]
struct Found {
    data: Vec<Box<RawValue>>,
    has_more: bool,
}

/// An event from Stripe's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// The parsed event.
    pub notice: WebhookEvent,
    /// Its whole body.
    pub body: String,
}

impl Stripe {
    /// The events since a time, and before another if given, newest first, a page at a time: those
    /// `after` an event, which are older. Stripe keeps them for 30 days and cannot list them oldest
    /// first.
    ///
    /// Events of every type are listed, because Stripe filters by twenty types at most and we
    /// handle more: the others are [`super::webhook_event::Subject::Ignored`], so that paging can
    /// continue from any item. One that cannot be parsed is
    /// [`super::webhook_event::Subject::Unreadable`]; one without an id is logged and left out.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn events(
        &self,
        (since, before): (Timestamp, Option<Timestamp>),
        after: Option<&EventId>,
    ) -> Result<StripePage<ListedEvent>, StripeError> {
        let wanted = Wanted {
            created: Created { gte: since.as_secs(), lt: before.map(Timestamp::as_secs) },
            limit: PAGE_SIZE,
            starting_after: after.map(EventId::as_str),
        };
        let request = RequestBuilder::new(StripeMethod::Get, "/events").query(&wanted);
        let found: Found = self.transport.json("list events", &request, None).await?;
        let items = found.data.iter().filter_map(|event| {
            let notice = WebhookEvent::parse(event.get().as_bytes())
                .inspect_err(|error| tracing::error!(%error, "malformed Stripe event skipped"))
                .ok()?;
            Some(ListedEvent { notice, body: event.get().to_owned() })
        });
        Ok(StripePage { items: items.collect(), more: found.has_more })
    }
}
