//! The page where the owner of a connected account enters a bank account.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

use super::{Answers, Shared, escaped, go_to, not_found, page};
use crate::stripe::{
    account_state::AccountState,
    accounts::{Bank, fill_in, follow},
    json::text,
    with_books,
};

/// `GET /stripe/connect/{link}`: opens once; later visits are redirected to get a new link.
pub(super) async fn show(State(app): Shared, Path(step): Path<String>) -> Response {
    with_books(&app, |state| match follow(state, &step) {
        Some(account) => offer(&account),
        None => elsewhere(state, &step),
    })
}

/// `POST /stripe/connect/{link}`: `bank` is an account number from the page.
pub(super) async fn act(State(app): Shared, Path(step): Path<String>, body: Bytes) -> Response {
    let bank = Answers::read(&body).get("bank").and_then(Bank::of_number);
    with_books(&app, |state| match bank.and_then(|bank| fill_in(state, &step, bank)) {
        Some(next) => go_to(&next),
        None => elsewhere(state, &step),
    })
}

fn elsewhere(state: &AccountState, step: &str) -> Response {
    state.links.get(step).map_or_else(not_found, |link| go_to(&link.refresh_url))
}

fn offer(account: &Value) -> Response {
    let mut rows = String::from("<fieldset><legend>Bank account</legend>");
    for (index, bank) in Bank::ALL.into_iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        rows.push_str(&format!(
            "<label><input type=radio name=bank value={number}{checked}><code>{number}</code>\
             <span>{}</span></label>",
            bank.conduct(),
            number = bank.number(),
        ));
    }
    let content = format!(
        "<h1>Be paid by ProLight</h1><table><tr><td>Name</td><td>{}</td></tr><tr><td>Email</td>\
         <td>{}</td></tr><tr><td>Account</td><td><code>{}</code></td></tr></table>\
         <form method=post>{rows}</fieldset><button>Agree and submit</button></form>",
        escaped(text(account, "/display_name")),
        escaped(text(account, "/contact_email")),
        escaped(text(account, "/id")),
    );
    page("Be paid by ProLight", &content).into_response()
}
