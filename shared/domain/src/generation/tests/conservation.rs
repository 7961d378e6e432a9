//! Whatever a member and the workers do, in any order and at any time: credits are conserved, each
//! hold ends once, and the account equals the fold of its ledger.

use prop::sample::Index;
use proptest::prelude::*;

use super::*;
use crate::{
    DomainError,
    account::AccountChange,
    credits::{Credits, LedgerEntry, Movement},
};

/// An event in a member's life.
#[derive(Debug, Clone)]
enum Happening {
    Place,
    Claim(Index),
    Accept(Index),
    Cancel(Index),
    Succeed(Index),
    Fail(Index),
    BeginPeriod(Plan),
    Wait { hours: u32 },
    ClockBehind,
}

fn happening() -> impl Strategy<Value = Happening> {
    let any_job = || any::<Index>();
    let paid = prop::sample::select(vec![Plan::Pro, Plan::Enterprise]);
    prop_oneof![
        6 => Just(Happening::Place),
        2 => any_job().prop_map(Happening::Claim),
        1 => any_job().prop_map(Happening::Accept),
        2 => any_job().prop_map(Happening::Cancel),
        3 => any_job().prop_map(Happening::Succeed),
        2 => any_job().prop_map(Happening::Fail),
        1 => paid.prop_map(Happening::BeginPeriod),
        2 => (0u32..1_000).prop_map(|hours| Happening::Wait { hours }),
        1 => Just(Happening::ClockBehind),
    ]
}

/// A member's account, jobs and ledger as stored in the table.
struct Member {
    account: Account,
    jobs: Vec<Job>,
    ledger: Vec<LedgerEntry>,
    now: Timestamp,
}

impl Member {
    fn new() -> Member {
        let user = UserId::parse("user_1").unwrap();
        let account = Account::open(user, NOW);
        Member { account, jobs: Vec::new(), ledger: Vec::new(), now: NOW }
    }

    fn live_through(&mut self, happening: &Happening) {
        match happening {
            Happening::Place => self.place(),
            Happening::Claim(index) => self.advance(*index, Status::Queued, Job::claim_submit),
            Happening::Accept(index) => {
                self.advance(*index, Status::Submitting, |job, now| job.accept("request_1", now));
            }
            Happening::Cancel(index) => self.end(*index, |job, update| job.cancel(update)),
            Happening::Succeed(index) => {
                self.end(*index, |job, update| job.succeed(update, stored()))
            }
            Happening::Fail(index) => self.end(*index, |job, update| job.fail(update, blocked())),
            Happening::BeginPeriod(plan) => {
                let lot = LotId(format!("invoice_{}", self.ledger.len()));
                let period = Period { starts_at: self.now, ends_at: self.now.plus_months(1) };
                let mut update = drafted(self.account.clone(), self.now);
                update.begin_period(*plan, lot, period).unwrap();
                self.commit(update.finish());
            }
            Happening::Wait { hours } => self.now = self.now.plus(MINUTE * 60 * *hours),
            Happening::ClockBehind => self.now = self.now.minus(MINUTE * 2).max(NOW),
        }
    }

    fn place(&mut self) {
        let mut update = drafted(self.account.clone(), self.now);
        let number = u32::try_from(self.jobs.len()).unwrap();
        let order = order(serde_json::json!({"prompt": "a red chair"}));
        let before = update.account().clone();
        match create_job(&mut update, &order, None, &names(number, Provider::Bria)) {
            Ok((job, _)) => {
                self.jobs.push(job);
                self.commit(update.finish());
            }
            Err(refused) => {
                assert!(matches!(refused.code(), "insufficient_credits" | "too_many_running"));
                assert_eq!(update.account(), &before);
            }
        }
    }

    fn advance(&mut self, index: Index, from: Status, change: impl FnOnce(Job, Timestamp) -> Job) {
        if let Some(job) = pick(&mut self.jobs, index)
            && job.status == from
        {
            *job = change(job.clone(), self.now);
        }
    }

    /// Ends a job in any state: a final one must refuse and change nothing.
    fn end<R: DomainError>(
        &mut self,
        index: Index,
        end: impl FnOnce(Job, &mut AccountUpdate) -> Result<Job, R>,
    ) {
        let Some(job) = pick(&mut self.jobs, index) else { return };
        let mut update = drafted(self.account.clone(), self.now);
        let before = update.account().clone();
        match end(job.clone(), &mut update) {
            Ok(ended) => {
                assert!(!job.status.is_final(), "{:?} ended twice", job.status);
                *job = ended;
                self.commit(update.finish());
            }
            Err(_) => {
                assert!(job.status != Status::Queued);
                assert_eq!(update.account(), &before);
            }
        }
    }

    fn commit(&mut self, change: AccountChange) {
        assert_eq!(change.expected_version, self.account.version);
        assert_eq!(change.account.version, change.expected_version + 1);
        self.ledger.extend(change.entries);
        self.account = change.account;
    }

    fn check(&self) {
        let open = || self.jobs.iter().filter(|job| !job.status.is_final());
        assert_eq!(self.account.open_jobs as usize, open().count());

        let moved = |wanted: fn(&Movement) -> bool| -> u32 {
            let lines = self.ledger.iter().filter(|line| wanted(&line.movement));
            lines.map(|line| line.movement.credits()).sum()
        };
        let totals = self.account.credits.totals();
        let parts = totals.available + totals.held + totals.spent + totals.expired + totals.revoked;
        assert_eq!(totals.granted, parts);
        assert_eq!(totals.held, open().map(|job| job.charge.credits).sum::<u32>());
        assert_eq!(totals.spent, moved(|m| matches!(m, Movement::Capture { .. })));
        assert_eq!(totals.expired, moved(|m| matches!(m, Movement::Expire { .. })));

        assert!(self.ledger.iter().map(|line| line.seq).eq(1..=self.account.credits.ledger_seq));
        assert_eq!(Credits::fold(&self.ledger).unwrap(), self.account.credits);
    }

    /// One hold per job, and one end per final job: a capture with an image, or else a release.
    fn check_holds(&self) {
        for job in &self.jobs {
            let causes = self.ledger.iter().filter(|line| line.cause == job.id.as_str());
            let kinds: Vec<&str> = causes.map(|line| kind(&line.movement)).collect();
            let expected: &[&str] = match job.charge.state {
                ChargeState::Held => &["hold"],
                ChargeState::Captured => &["hold", "capture"],
                ChargeState::Released => &["hold", "release"],
            };
            assert_eq!(kinds, expected, "{job:?}");
            assert_eq!(job.charge.state == ChargeState::Captured, job.image.is_some());
            assert_eq!(job.charge.state == ChargeState::Held, !job.status.is_final());
        }
    }
}

fn pick(jobs: &mut [Job], index: Index) -> Option<&mut Job> {
    let count = jobs.len();
    (count > 0).then(|| &mut jobs[index.index(count)])
}

fn kind(movement: &Movement) -> &'static str {
    match movement {
        Movement::Grant { .. } => "grant",
        Movement::Hold { .. } => "hold",
        Movement::Capture { .. } => "capture",
        Movement::Release { .. } => "release",
        Movement::Expire { .. } => "expire",
        Movement::End { .. } => "end",
        Movement::Revoke { .. } => "revoke",
        Movement::Owe { .. } => "owe",
        Movement::Repay { .. } => "repay",
        Movement::Forgive { .. } => "forgive",
    }
}

proptest! {
    #[test]
    fn a_members_books_always_balance(life in prop::collection::vec(happening(), 0..60)) {
        let mut member = Member::new();
        for happening in &life {
            member.live_through(happening);
            member.check();
        }
        member.check_holds();
    }
}
