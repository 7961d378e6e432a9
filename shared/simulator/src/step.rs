//! What may happen in a world: steps, drawn from a seed.
//!
//! A step names whom it is about by a number, which the world takes modulo what exists. So a step
//! means something wherever it stands, and a program without some of its steps is a program.

use domain::{pack::Pack, plan::Plan};
use sandbox::{
    faults::AnswerFault,
    stripe::{Bank, Card},
};
use testing::Fault;

use crate::dice::Dice;

/// Most requests of a step after which it is still cut off: few steps make more.
const CUT_WITHIN: u64 = 24;

/// A step, and what goes wrong meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// What happens.
    pub step: Step,
    /// What goes wrong.
    pub mishap: Option<Mishap>,
}

/// What goes wrong during a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Mishap {
    /// At the table, with the nth request that the fault meets.
    Table(u32, Fault),
    /// In this many answers of Stripe.
    Stripe(u32, AnswerFault),
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Time passes, here and at Stripe.
    Hours(u32),
    /// Two steps at once: after each request to the table, dice decide who goes on.
    Both(Box<Step>, Box<Step>, u64),

    /// A member requests an image.
    Generate(usize),
    /// A member cancels one of their jobs.
    CancelJob(usize, usize),
    /// A member opens the checkout of a pack, and pays or not.
    BuyPack(usize, Pack, Option<Card>),
    /// The same for a plan.
    Subscribe(usize, Plan, Option<Card>),
    /// A member cancels their plan: at the end of the period, or now.
    CancelPlan(usize, bool),
    /// A member switches to Enterprise in the portal.
    Upgrade(usize),
    /// A member schedules a change to Pro in the portal.
    Downgrade(usize),
    /// A member turns top-ups on or off.
    TopUp(usize, bool),
    /// A member saves another card.
    SetCard(usize, Card),
    /// A member closes their account.
    DeleteMe(usize),

    /// A creator puts a listing on sale at this price.
    List(usize, i64),
    /// A creator takes a listing off sale.
    Retire(usize),
    /// A member buys a listing, perhaps through another's link, and pays or not.
    Buy(usize, usize, Option<usize>, Option<Card>),
    /// A buyer asks for their money.
    AskRefund(usize),
    /// A buyer downloads.
    Download(usize),
    /// A creator goes through onboarding, with a bank account.
    Onboard(usize, Bank),
    /// Stripe restricts a creator's account.
    Restrict(usize),

    /// Staff refund a part of a purchase in percent; all of it without one.
    StaffRefund(usize, Option<i64>),
    /// Staff ban a member, or lift the ban.
    Ban(usize, bool),
    /// Staff give or take credits.
    Adjust(usize, i64),

    /// A payment is refunded in the dashboard, in percent.
    Refund(usize, i64),
    /// A bank refuses a refund.
    FailRefund(usize),
    /// A payment is disputed, in percent of it.
    Dispute(usize, i64),
    /// A dispute ends; won or lost.
    EndDispute(usize, bool),
    /// A bank returns a payout that had arrived.
    ReturnPayout(usize),
    /// A bank debit is decided.
    Decide(usize, bool),
    /// A period of a subscription ends.
    Renew(usize),

    /// Stripe's events arrive: shuffled, twice, late or never.
    Deliver(u64),
    /// The charges of the last days reach Stripe's balance, with their fees.
    Book,
    /// The table's stream goes to the queues and to the metrics.
    Relay,
    /// A batch of jobs is worked on, the messages in this order.
    Work(u64),
    /// The queue of top-ups is worked on.
    BuyTopUps,
    /// A scheduled function runs.
    Run(&'static str),
    /// Lambda ends all processes.
    Restart,
}

impl Step {
    /// Whether nothing but our functions acts in it, so that a mishap meets them.
    fn is_ours(&self) -> bool {
        match self {
            Step::Both(one, other, _) => one.is_ours() && other.is_ours(),
            Step::Hours(..)
            | Step::Upgrade(..)
            | Step::Downgrade(..)
            | Step::SetCard(..)
            | Step::List(..)
            | Step::Restrict(..)
            | Step::Refund(..)
            | Step::FailRefund(..)
            | Step::Dispute(..)
            | Step::EndDispute(..)
            | Step::ReturnPayout(..)
            | Step::Decide(..)
            | Step::Renew(..)
            | Step::Book
            | Step::Restart => false,
            Step::Generate(..)
            | Step::CancelJob(..)
            | Step::BuyPack(..)
            | Step::Subscribe(..)
            | Step::CancelPlan(..)
            | Step::TopUp(..)
            | Step::DeleteMe(..)
            | Step::Retire(..)
            | Step::Buy(..)
            | Step::AskRefund(..)
            | Step::Download(..)
            | Step::Onboard(..)
            | Step::StaffRefund(..)
            | Step::Ban(..)
            | Step::Adjust(..)
            | Step::Deliver(..)
            | Step::Relay
            | Step::Work(..)
            | Step::BuyTopUps
            | Step::Run(..) => true,
        }
    }
}

/// The functions that run on schedules.
pub(crate) const SCHEDULED: [&str; 9] = [
    "background-sweep-generations",
    "background-grant-rewards",
    "background-pay-creators",
    "background-reconcile-stripe",
    "background-erase-data",
    "background-follow-sellers",
    "background-rank-popular",
    "background-report-revenue",
    "background-verify-audit",
];

/// The program of a seed.
pub fn program(seed: u64, steps: usize) -> Vec<Move> {
    let mut dice = Dice(seed);
    // A world has a character: some see no mishaps, some little else than money taken back.
    let mishaps = [0, 3, 6, 12][dice.below(4)];
    let trouble = 1 + dice.roll(4);
    (0..steps)
        .map(|_| {
            let step = step(&mut dice, trouble, true);
            let happens = mishaps > 0 && dice.one_in(mishaps) && step.is_ours();
            let mishap = happens.then(|| mishap(&mut dice));
            Move { step, mishap }
        })
        .collect()
}

fn mishap(dice: &mut Dice) -> Mishap {
    let nth = u32::try_from(1 + dice.roll(CUT_WITHIN)).unwrap_or(1);
    match dice.roll(3) {
        0 => {
            let faults = [
                AnswerFault::ServerError,
                AnswerFault::ServerErrorAfterAccepting,
                AnswerFault::BrokenConnection,
                AnswerFault::MalformedJson,
                AnswerFault::HtmlPage,
            ];
            // Three are as many as a request is tried.
            Mishap::Stripe(1 + nth % 4, faults[dice.below(faults.len())].clone())
        }
        _ => Mishap::Table(nth, Fault::ALL[dice.below(Fault::ALL.len())]),
    }
}

/// A step of our functions alone: no hours pass within a request.
fn ours(dice: &mut Dice, trouble: u64) -> Step {
    loop {
        let step = step(dice, trouble, false);
        if step.is_ours() {
            return step;
        }
    }
}

fn step(dice: &mut Dice, trouble: u64, alone: bool) -> Step {
    let any = |dice: &mut Dice| dice.below(64);
    let card = |dice: &mut Dice| match dice.roll(12) {
        0 => None,
        1 => Some(Card::Declines),
        2 => Some(Card::Bank),
        3 => Some(Card::DeclinesLater),
        4 => Some(Card::SucceedsToo),
        _ => Some(Card::Succeeds),
    };
    let weights = [22, 14, 14, 8 * trouble, 26, 4];
    let mut at = dice.roll(weights.iter().sum());
    let group = weights.iter().position(|weight| {
        let here = at < *weight;
        at = at.saturating_sub(*weight);
        here
    });
    match group.unwrap_or_default() {
        0 => match dice.roll(16) {
            0..=4 => Step::Generate(any(dice)),
            5 => Step::CancelJob(any(dice), any(dice)),
            6..=8 => {
                let pack = Pack::ALL[dice.below(Pack::ALL.len())];
                Step::BuyPack(any(dice), pack, card(dice))
            }
            9 | 10 => {
                let plan = [Plan::Pro, Plan::Pro, Plan::Enterprise][dice.below(3)];
                Step::Subscribe(any(dice), plan, card(dice))
            }
            11 => Step::CancelPlan(any(dice), dice.one_in(2)),
            12 => match dice.one_in(2) {
                true => Step::Upgrade(any(dice)),
                false => Step::Downgrade(any(dice)),
            },
            13 => Step::TopUp(any(dice), !dice.one_in(3)),
            14 => Step::SetCard(any(dice), card(dice).unwrap_or(Card::Succeeds)),
            _ => match dice.one_in(4) {
                true => Step::DeleteMe(any(dice)),
                false => Step::Generate(any(dice)),
            },
        },
        1 => match dice.roll(8) {
            0 | 1 => Step::List(any(dice), [500, 999, 1_500, 2_900, 5_000][dice.below(5)]),
            2..=5 => {
                let sharer = dice.one_in(3).then(|| any(dice));
                Step::Buy(any(dice), any(dice), sharer, card(dice))
            }
            6 => match dice.roll(4) {
                0 => Step::Restrict(any(dice)),
                1 => Step::Onboard(any(dice), Bank::Closed),
                _ => Step::Onboard(any(dice), Bank::Works),
            },
            _ => match dice.roll(3) {
                0 => Step::Retire(any(dice)),
                _ => Step::Download(any(dice)),
            },
        },
        2 => {
            let hours = [1, 1, 6, 24, 24, 48, 24 * 8, 24 * 15, 24 * 31][dice.below(9)];
            Step::Hours(hours)
        }
        3 => {
            let percent = |dice: &mut Dice| [100, 100, 50, 33, 1][dice.below(5)];
            match dice.roll(12) {
                0 | 1 => Step::AskRefund(any(dice)),
                2 => Step::StaffRefund(any(dice), dice.one_in(2).then(|| percent(dice))),
                3 | 4 => Step::Refund(any(dice), percent(dice)),
                5 => Step::FailRefund(any(dice)),
                6 => Step::Dispute(any(dice), percent(dice)),
                7 => Step::EndDispute(any(dice), dice.one_in(2)),
                8 => Step::ReturnPayout(any(dice)),
                9 => Step::Ban(any(dice), !dice.one_in(3)),
                10 => match dice.one_in(2) {
                    true => Step::Renew(any(dice)),
                    false => Step::Decide(any(dice), dice.one_in(2)),
                },
                _ => Step::Adjust(any(dice), [50, 5, -5, -50][dice.below(4)]),
            }
        }
        4 => match dice.roll(12) {
            0..=4 => Step::Deliver(dice.roll(u64::MAX)),
            5 => Step::Book,
            6 | 7 => Step::Relay,
            8 => Step::Work(dice.roll(u64::MAX)),
            9 => Step::BuyTopUps,
            10 if dice.one_in(4) => Step::Restart,
            _ => Step::Run(SCHEDULED[dice.below(SCHEDULED.len())]),
        },
        _ if alone => {
            let first = ours(dice, trouble);
            // Often the same thing twice.
            let second = if dice.one_in(2) { first.clone() } else { ours(dice, trouble) };
            Step::Both(Box::new(first), Box::new(second), dice.roll(u64::MAX))
        }
        _ => Step::Deliver(dice.roll(u64::MAX)),
    }
}
