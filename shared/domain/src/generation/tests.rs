//! Generations: valid requests, job transitions, next steps, and that each hold ends once.

mod conservation;
mod listings;
mod orders;
mod steps;
mod transitions;

use std::time::Duration;

use super::*;
use crate::{
    Timestamp,
    account::{Account, AccountUpdate},
    credits::LotId,
    id::{JobId, UserId},
    image::StoredImage,
    plan::Plan,
    time::Period,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A member of `plan` with its credits.
fn member(plan: Plan) -> Account {
    let user = UserId::parse("user_1").unwrap();
    let mut update = Account::open(user, NOW).begin_update(NOW).unwrap();
    if plan != Plan::Free {
        let period = Period { starts_at: NOW, ends_at: NOW.plus(MINUTE * 60) };
        update.begin_period(plan, LotId("invoice_1".to_owned()), period).unwrap();
    }
    update.finish().account
}

fn drafted(account: Account, now: Timestamp) -> AccountUpdate {
    account.begin_update(now).unwrap()
}

fn names(number: u32, provider: Provider) -> NewJob {
    NewJob {
        id: JobId::new(NOW, u128::from(number)),
        provider,
        seed: 7,
        webhook_token: "0123456789abcdef".to_owned(),
    }
}

fn order(fields: serde_json::Value) -> GenerationRequest {
    serde_json::from_value(fields).unwrap()
}

/// A new job of a Free member, and the account that holds its credit.
fn placed(provider: Provider) -> (Job, Account) {
    let mut update = drafted(member(Plan::Free), NOW);
    let order = order(serde_json::json!({"prompt": "a red chair"}));
    let (job, _) = create_job(&mut update, &order, None, &names(1, provider)).unwrap();
    (job, update.finish().account)
}

fn stored() -> StoredImage {
    StoredImage {
        key: "generations/user_1/gen_1/original.png".to_owned(),
        thumbnail_key: "generations/user_1/gen_1/thumbnail.jpg".to_owned(),
        sha256: "0".repeat(64),
        width: 1024,
        height: 1024,
    }
}

fn blocked() -> Failure {
    Failure::new(FailureCode::ContentBlocked, "The prompt was not accepted.")
}
