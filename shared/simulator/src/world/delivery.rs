//! What carries steps on: Stripe's events, Bria's webhooks, the table's stream, and the queues.

use edge::webhook_bria;
use sandbox::bria::{self, Webhook};
use serde_json::{Value, json};
use testing::{
    Answer, TestRequest,
    queue::{QueuedMessage, TestQueue, batch_event, failed_items, is_relayed},
};

use super::{Past, Violation, World};
use crate::{billing_app::kind_of, dice::Dice};

/// A batch of records, as the stream passes it.
const RECORDS: usize = 100;
/// Webhooks of Bria that arrive in one step.
const WEBHOOKS_AT_ONCE: usize = 4;

impl World {
    /// Delivers events: shuffled, some twice, late, or never.
    pub(super) async fn deliver(&self, dice: &mut Dice) -> Result<(), Violation> {
        let mut events = std::mem::take(&mut self.past.borrow_mut().events);
        events.extend(self.app.events());
        dice.shuffle(&mut events);
        let mut late = Vec::new();
        let mut done = Ok(());
        for event in events {
            // Only this event reports the failure of a payout that had arrived.
            let must_come = kind_of(&event) == "payout.failed";
            let times = match dice.roll(8) {
                0 if !must_come => 0,
                1 => {
                    late.push(event);
                    continue;
                }
                2 => 2,
                _ => 1,
            };
            for _ in 0..times {
                match self.app.deliver(&event).await {
                    200 => {}
                    503 => late.push(event.clone()),
                    _ if self.is_troubled.get() => late.push(event.clone()),
                    other => done = Err(Violation(format!("{other} for {event}"))),
                }
            }
        }
        self.past.borrow_mut().events.extend(late);
        done
    }

    /// Passes the stream's records to its two readers. Each reads on behind what it processed.
    pub(crate) async fn relay(&self) -> Result<(), Violation> {
        self.take_stream();
        self.read("background-relay-outbox", |past| &mut past.unrelayed).await?;
        self.read("background-project-metrics", |past| &mut past.uncounted).await
    }

    /// Takes the new records of the stream, for both readers. Returns the sort keys of the items
    /// that are new.
    pub(super) fn take_stream(&self) -> Vec<String> {
        let mut made = Vec::new();
        loop {
            let mut batch = self.app.engine.stream_batch();
            let records = std::mem::take(batch["Records"].as_array_mut().unwrap());
            if records.is_empty() {
                return made;
            }
            let new = records.iter().filter(|record| record["eventName"] == "INSERT");
            let name = |record: &Value| record["dynamodb"]["NewImage"]["sk"]["S"].clone();
            made.extend(new.filter_map(|record| name(record).as_str().map(str::to_owned)));
            let mut past = self.past.borrow_mut();
            past.unrelayed.extend(records.iter().filter(|it| is_relayed(it)).cloned());
            past.uncounted.extend(records);
        }
    }

    async fn read(
        &self,
        name: &'static str,
        of: impl Fn(&mut Past) -> &mut Vec<Value>,
    ) -> Result<(), Violation> {
        loop {
            let batch: Vec<Value> = {
                let mut past = self.past.borrow_mut();
                of(&mut past).iter().take(RECORDS).cloned().collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let failed = match self.app.invoke(name, &json!({ "Records": batch })).await {
                Ok(answer) => failed_items(&answer),
                Err(error) => return self.ran(name, Err::<(), _>(error)),
            };
            // The stream is read again from the first record that failed.
            let number = |record: &Value| record["dynamodb"]["SequenceNumber"].clone();
            let first = batch.iter().position(|it| failed.iter().any(|id| number(it) == json!(id)));
            let done: Vec<Value> =
                batch.iter().take(first.unwrap_or(batch.len())).map(number).collect();
            of(&mut self.past.borrow_mut()).retain(|record| !done.contains(&number(record)));
            if first.is_some() {
                return self.ran(name, Err::<(), _>(format!("{failed:?} failed")));
            }
        }
    }

    /// Works on a batch of jobs; sometimes its messages come twice.
    pub(super) async fn work(&self, dice: &mut Dice) -> Result<(), Violation> {
        let queue = self.app.generation_queue();
        let mut batch = queue.receive();
        dice.shuffle(&mut batch);
        if batch.is_empty() {
            return Ok(());
        }
        let times = if dice.one_in(4) { 2 } else { 1 };
        for _ in 0..times {
            self.process("background-run-generation", &queue, &batch).await?;
        }
        let letters = queue.take_dead_letters();
        if letters.is_empty() {
            return Ok(());
        }
        let event = batch_event(&letters);
        let done = self.app.invoke("background-fail-dead-letters", &event).await;
        self.ran("background-fail-dead-letters", done)
    }

    /// Delivers webhooks of Bria: any of them, old ones too, in any order, some twice. One with a
    /// wrong signature is refused.
    pub(super) async fn deliver_bria(&self, dice: &mut Dice) -> Result<(), Violation> {
        let mut webhooks = self.app.sandbox.bria_webhooks();
        dice.shuffle(&mut webhooks);
        for webhook in webhooks.iter().take(WEBHOOKS_AT_ONCE) {
            let token = if dice.one_in(4) { "not-the-token-we-share" } else { bria::API_TOKEN };
            let times = if dice.one_in(4) { 2 } else { 1 };
            for _ in 0..times {
                let answer = self.send_bria(webhook, token).await;
                self.answered("webhook of Bria", &answer)?;
                let is_taken = token != bria::API_TOKEN && answer.status() < 400;
                Violation::check(!is_taken, || format!("a forged {webhook:?} was accepted"))?;
            }
        }
        Ok(())
    }

    /// Sends a webhook as the holder of an API token.
    async fn send_bria(&self, webhook: &Webhook, token: &str) -> Answer {
        let Webhook { url, request_id, body } = webhook;
        let at = u64::try_from(self.app.now().as_secs()).unwrap();
        let mut request = TestRequest::anonymous()
            .header("Content-Type", "application/json")
            .header("Bria-Webhook-Id", request_id)
            .header("Bria-Webhook-Timestamp", at)
            .header("Bria-Webhook-Signature", bria::sign(token, request_id, at, body.as_bytes()))
            .text(body.clone());
        for (name, value) in reqwest::Url::parse(url).unwrap().query_pairs() {
            request = request.query(&name, value);
        }
        self.app.send(&webhook_bria::ENDPOINT, &request).await
    }

    /// Sends a batch of events to members' webhooks.
    pub(super) async fn send_webhooks(&self) -> Result<(), Violation> {
        let queue = self.app.webhook_queue();
        let batch = queue.receive();
        match batch.is_empty() {
            true => Ok(()),
            false => self.process("background-deliver-webhooks", &queue, &batch).await,
        }
    }

    pub(super) async fn buy_top_ups(&self) -> Result<(), Violation> {
        let queue = self.app.top_up_queue();
        let batch = queue.receive();
        match batch.is_empty() {
            true => Ok(()),
            false => self.process("background-buy-top-ups", &queue, &batch).await,
        }
    }

    async fn process(
        &self,
        name: &'static str,
        queue: &TestQueue,
        batch: &[QueuedMessage],
    ) -> Result<(), Violation> {
        match self.app.invoke(name, &batch_event(batch)).await {
            Ok(answer) => {
                queue.delete_processed(batch, &failed_items(&answer));
                Ok(())
            }
            Err(error) => self.ran(name, Err::<(), _>(error)),
        }
    }
}
