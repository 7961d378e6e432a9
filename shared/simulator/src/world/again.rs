//! Requests under an `Idempotency-Key` are sent, and sent again.

use std::time::Duration;

use serde_json::Value;
use testing::{Actor, Answer, engine::unobserved};

use super::{Violation, World, keyed::Keyed};

/// How long the same key gets the same answer.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// What the repeat of an answered request does not make again, by the begin of its sort key.
const MADE_ONCE: [&str; 3] = ["JOB#", "ORDER#", "PURCHASE#"];

impl World {
    /// Posts under a key of its own, which [`crate::step::Step::Again`] repeats.
    pub(super) async fn post(
        &self,
        what: &str,
        by: &Actor,
        path: &str,
        body: Value,
    ) -> Result<Answer, Violation> {
        let (by, path, key, at) = (by.clone(), path.to_owned(), self.key(), self.app.now());
        let request = Keyed { by, path, body, key, at, said: None };
        let nth = {
            let mut past = self.past.borrow_mut();
            past.keyed.push(request.clone());
            past.keyed.len() - 1
        };
        let answer = self.send_keyed(&request).await;
        self.answered(what, &answer)?;
        self.note(nth, &answer)?;
        Ok(answer)
    }

    /// Sends a request again, as a caller does who missed the answer, counted from the latest. The
    /// answer is the same as of the first success, and then nothing is made.
    pub(super) async fn again(&self, nth: usize) -> Result<(), Violation> {
        let (nth, request) = {
            let past = self.past.borrow();
            let Some(last) = past.keyed.len().checked_sub(1) else { return Ok(()) };
            let nth = last - nth % past.keyed.len();
            (nth, past.keyed[nth].clone())
        };
        if request.at.plus(REMEMBERED) <= self.app.now() {
            return Ok(());
        }
        self.take_stream();
        let answer = self.send_keyed(&request).await;
        self.answered("a request again", &answer)?;
        self.note(nth, &answer)?;
        if request.said.is_none() || self.is_troubled.get() || self.is_paired.get() {
            return Ok(());
        }
        let is_answered = answer.status() < 300 || self.is_barred(&request.by).await;
        Violation::check(is_answered, || {
            format!("{} {} was a success before: {}", request.path, request.key, answer.pretty())
        })?;
        let made = self.take_stream();
        let again = made.iter().find(|name| MADE_ONCE.iter().any(|it| name.starts_with(it)));
        Violation::check(again.is_none(), || {
            format!("{} {} made {again:?} again", request.path, request.key)
        })
    }

    async fn send_keyed(&self, Keyed { by, path, body, key, .. }: &Keyed) -> Answer {
        self.app.client(by).post(path).key(key).json(body.clone()).await
    }

    /// Every success under a key says the same.
    fn note(&self, nth: usize, answer: &Answer) -> Result<(), Violation> {
        if answer.status() >= 300 {
            return Ok(());
        }
        let mut past = self.past.borrow_mut();
        let Keyed { path, key, said, .. } = &mut past.keyed[nth];
        let all = answer.json();
        let now = match path.contains("/admin/") {
            true => all,
            false => all["id"].clone(),
        };
        let known = said.get_or_insert_with(|| now.clone());
        Violation::check(*known == now, || format!("{path} {key}: {now}, and before {known}"))
    }

    /// Whether a member may not act any more.
    async fn is_barred(&self, actor: &Actor) -> bool {
        let Some(nth) = self.members.iter().position(|member| member.id == actor.id) else {
            return false;
        };
        let is_deleted = self.past.borrow().deleted.contains(&nth);
        let account = unobserved(self.app.account(&actor.id)).await;
        is_deleted || !account.standing.allows(self.app.now())
    }
}
