//! The program of a seed: steps and mishaps, drawn.

use std::collections::VecDeque;

use domain::{pack::Pack, plan::Plan};
use sandbox::{
    faults::{AnswerFault, Order, OutcomeFault, PictureFault},
    route::Route,
    stripe::{Bank, Card},
};
use testing::{Fault, queue::Availability};

use crate::{
    dice::Dice,
    step::{Mishap, Move, PAY_CREATORS, SCHEDULED, Step},
};

/// Most requests of a step after which it is still cut off: few steps make more.
const CUT_WITHIN: u64 = 24;
/// Hours for which the money of a sale is held, and a day.
const HELD: u32 = 24 * 8;

/// The program of a seed.
pub fn program(seed: u64, steps: usize) -> Vec<Move> {
    let mut dice = Dice(seed);
    // A world has a character: some see no mishaps, some little else than money taken back, and
    // some begin with a creator who is to be paid, or with a member who owes credits.
    let mishaps = [0, 3, 6, 12][dice.below(4)];
    let trouble = 1 + dice.roll(4);
    let mut moves = match dice.roll(8) {
        0..=3 => to_be_paid(&mut dice),
        4 => in_debt(&mut dice),
        _ => Vec::new(),
    };
    let mut sequel = VecDeque::new();
    while moves.len() < steps {
        let step = match sequel.pop_front() {
            Some(step) => step,
            None => step(&mut dice, trouble, true),
        };
        let happens = mishaps > 0 && dice.one_in(mishaps) && step.is_ours();
        let mishap = happens.then(|| mishap(&step, &mut dice));
        if sequel.is_empty() {
            sequel.extend(sequel_of(&step, mishap.is_some(), &mut dice));
        }
        moves.push(Move { step, mishap });
    }
    moves.truncate(steps);
    moves
}

/// A creator who sold something long enough ago, and has a bank account.
fn to_be_paid(dice: &mut Dice) -> Vec<Move> {
    calm([
        Step::List(0, [1_500, 2_900, 5_000][dice.below(3)]),
        Step::Onboard(0, Bank::Works),
        Step::Buy(2, 0, None, Some(Card::Succeeds)),
        Step::Deliver(dice.roll(u64::MAX)),
        Step::Hours(HELD),
    ])
}

/// A member who lost more credits than are left of a pack, which is refunded, and then subscribes
/// to a plan without a limit.
fn in_debt(dice: &mut Dice) -> Vec<Move> {
    calm([
        Step::BuyPack(1, Pack::Small, Some(Card::Succeeds)),
        Step::Deliver(dice.roll(u64::MAX)),
        Step::Adjust(1, -50),
        Step::Refund(0, 100),
        Step::Deliver(dice.roll(u64::MAX)),
        Step::Subscribe(1, Plan::Enterprise, Some(Card::Succeeds)),
        Step::Deliver(dice.roll(u64::MAX)),
    ])
}

fn calm(steps: impl IntoIterator<Item = Step>) -> Vec<Move> {
    steps.into_iter().map(|step| Move { step, mishap: None }).collect()
}

/// What often follows a step, and by chance alone seldom would.
fn sequel_of(step: &Step, is_troubled: bool, dice: &mut Dice) -> Vec<Step> {
    // A caller without an answer asks again.
    if is_troubled && step.has_key() && dice.one_in(2) {
        return vec![Step::Again(0)];
    }
    if let Step::Generate(member) = *step {
        return generated(member, dice);
    }
    if let Step::AddWebhook(member) = *step
        && dice.one_in(3)
    {
        return vec![Step::WebhookAnswers(member, 500)];
    }
    let is_paid = matches!(step, Step::Buy(..) | Step::BuyPack(..) | Step::Subscribe(..));
    if is_paid && dice.one_in(2) {
        return vec![Step::Deliver(dice.roll(u64::MAX))];
    }
    // The second delivers what followed from the first.
    if matches!(step, Step::Dispute(..) | Step::Onboard(..)) && dice.one_in(2) {
        return (0..2).map(|_| Step::Deliver(dice.roll(u64::MAX))).collect();
    }
    if matches!(step, Step::Hours(HELD..)) && dice.one_in(2) {
        return vec![Step::Run(PAY_CREATORS)];
    }
    if *step == Step::Run(PAY_CREATORS) && dice.one_in(2) {
        return vec![Step::Hours(48), Step::Deliver(dice.roll(u64::MAX))];
    }
    Vec::new()
}

/// A generation reaches Bria, and is cancelled or reported then, or neither.
fn generated(member: usize, dice: &mut Dice) -> Vec<Step> {
    if !dice.one_in(3) {
        return Vec::new();
    }
    let mut steps = vec![Step::Relay, Step::Work(dice.roll(u64::MAX))];
    match dice.roll(3) {
        0 => steps.push(Step::CancelJob(member, 0)),
        1 => steps.push(Step::DeliverBria(dice.roll(u64::MAX))),
        _ => {}
    }
    steps
}

fn mishap(step: &Step, dice: &mut Dice) -> Mishap {
    if matches!(step, Step::Work(..)) && dice.one_in(2) {
        return at_bria(dice);
    }
    if matches!(step, Step::Relay | Step::Run(..)) && dice.one_in(3) {
        let worse = [Availability::Partial, Availability::Unavailable];
        return Mishap::Queues(worse[dice.below(worse.len())]);
    }
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

/// Something at Bria that takes no time of this machine's.
fn at_bria(dice: &mut Dice) -> Mishap {
    let answers = [
        AnswerFault::ServerError,
        AnswerFault::ServerErrorAfterAccepting,
        AnswerFault::BrokenConnection,
        AnswerFault::MalformedJson,
        AnswerFault::TooMany { retry_after_s: Some(20) },
        AnswerFault::Blocked,
    ];
    let outcomes = [
        OutcomeFault::Error { code: Some(422) },
        OutcomeFault::Failed,
        OutcomeFault::Unknown,
        OutcomeFault::Expired,
        OutcomeFault::Stuck,
    ];
    let pictures =
        [PictureFault::Gone, PictureFault::Truncated, PictureFault::HtmlPage, PictureFault::Black];
    let order = match dice.roll(5) {
        0 | 1 => {
            let answer = answers[dice.below(answers.len())].clone();
            Order::next(answer.into()).on_route(Route::GenerateLite)
        }
        2 => Order::next(AnswerFault::ServerError.into()).on_route(Route::Status),
        3 => Order::next(outcomes[dice.below(outcomes.len())].clone().into()),
        _ => Order::next(pictures[dice.below(pictures.len())].into()),
    };
    Mishap::Bria(order.times(if dice.one_in(2) { 1 } else { 10 }))
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

fn any(dice: &mut Dice) -> usize {
    dice.below(64)
}

fn card(dice: &mut Dice) -> Option<Card> {
    match dice.roll(12) {
        0 => None,
        1 => Some(Card::Declines),
        2 => Some(Card::Bank),
        3 => Some(Card::DeclinesLater),
        4 => Some(Card::SucceedsToo),
        _ => Some(Card::Succeeds),
    }
}

fn step(dice: &mut Dice, trouble: u64, alone: bool) -> Step {
    let weights = [24, 15, 14, 8 * trouble, 32, 4];
    let mut at = dice.roll(weights.iter().sum());
    let group = weights.iter().position(|weight| {
        let here = at < *weight;
        at = at.saturating_sub(*weight);
        here
    });
    match group.unwrap_or_default() {
        0 => by_member(dice),
        1 => on_market(dice),
        2 => {
            let hours = [1, 1, 6, 24, 24, 48, HELD, 24 * 15, 24 * 31][dice.below(9)];
            Step::Hours(hours)
        }
        3 => in_trouble(dice),
        4 => delivery(dice),
        _ if alone => {
            let first = ours(dice, trouble);
            // Often the same thing twice, or the same request under its key.
            let second = match dice.roll(4) {
                0 | 1 => first.clone(),
                2 if first.has_key() => Step::Again(0),
                _ => ours(dice, trouble),
            };
            Step::Both(Box::new(first), Box::new(second), dice.roll(u64::MAX))
        }
        _ => Step::Deliver(dice.roll(u64::MAX)),
    }
}

/// What a member does about images, credits and plans.
fn by_member(dice: &mut Dice) -> Step {
    match dice.roll(18) {
        0..=4 => Step::Generate(any(dice)),
        5 => Step::CancelJob(any(dice), dice.below(3)),
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
        15 => Step::Again(dice.below(4)),
        16 => match dice.one_in(2) {
            true => Step::AddWebhook(any(dice)),
            false => Step::WebhookAnswers(any(dice), [200, 500, 410][dice.below(3)]),
        },
        _ => match dice.one_in(4) {
            true => Step::DeleteMe(any(dice)),
            false => Step::Generate(any(dice)),
        },
    }
}

/// What creators and buyers do.
fn on_market(dice: &mut Dice) -> Step {
    match dice.roll(9) {
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
        7 => match dice.roll(3) {
            0 => Step::Retire(any(dice)),
            _ => Step::Download(any(dice)),
        },
        _ => Step::Review(any(dice), [1, 3, 5][dice.below(3)]),
    }
}

/// What goes wrong between people: money taken back, and what staff decide.
fn in_trouble(dice: &mut Dice) -> Step {
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

/// What carries everything on.
fn delivery(dice: &mut Dice) -> Step {
    match dice.roll(16) {
        0..=4 => Step::Deliver(dice.roll(u64::MAX)),
        5 => Step::Book,
        6 | 7 => Step::Relay,
        8 | 9 => Step::Work(dice.roll(u64::MAX)),
        10 => Step::BuyTopUps,
        11 => Step::Run(PAY_CREATORS),
        12 => Step::DeliverBria(dice.roll(u64::MAX)),
        13 => Step::SendWebhooks,
        14 if dice.one_in(3) => Step::Restart,
        _ => Step::Run(SCHEDULED[dice.below(SCHEDULED.len())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything() {
        for seed in 1..=50 {
            let moves = program(seed, 40);
            assert_eq!(moves, program(seed, 40));
            assert_eq!(moves.len(), 40);
        }
        assert_eq!(program(1, 3), program(1, 40)[..3]);
    }

    /// A step that few programs have is not looked at.
    #[test]
    fn no_kind_of_step_and_of_mishap_is_rare() {
        let programs: Vec<Vec<Move>> = (1..=1_000).map(|seed| program(seed, 40)).collect();
        let check = |what: &str, least: usize, is_it: fn(&Move) -> bool| {
            let found = programs.iter().filter(|moves| moves.iter().any(is_it)).count();
            assert!(found >= least, "{what}: in {found} of 1000 programs, at least {least} wanted");
        };
        check("creators are paid", 400, |it| it.step == Step::Run(PAY_CREATORS));
        check("a request again", 250, |it| matches!(it.step, Step::Again(..)));
        check("webhooks of Bria", 250, |it| matches!(it.step, Step::DeliverBria(..)));
        check("webhooks of members", 100, |it| matches!(it.step, Step::AddWebhook(..)));
        check("reviews", 250, |it| matches!(it.step, Step::Review(..)));
        check("disputes", 200, |it| matches!(it.step, Step::Dispute(..)));
        check("a cancelled generation", 200, |it| matches!(it.step, Step::CancelJob(..)));
        check("trouble at Bria", 50, |it| matches!(it.mishap, Some(Mishap::Bria(..))));
        check("trouble with queues", 50, |it| matches!(it.mishap, Some(Mishap::Queues(..))));
        check("trouble at Stripe", 200, |it| matches!(it.mishap, Some(Mishap::Stripe(..))));
    }
}
