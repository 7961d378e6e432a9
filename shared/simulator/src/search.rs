//! Runs programs, and shrinks the one that fails.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    step::Move,
    world::{Violation, World},
};

thread_local! { static PANIC: RefCell<Option<String>> = const { RefCell::new(None) }; }

/// When the invariants are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// At the end, when the world is quiet.
    Last,
    /// After each step too.
    Always,
}

/// How a program failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number of the last move made; `None` if it failed after all of them.
    pub at: Option<usize>,
    /// What was wrong.
    pub what: String,
}

/// Keeps panics for the report instead of printing them.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.with_borrow_mut(|kept| *kept = Some(info.to_string()));
    }));
}

/// Runs a program in a new world.
///
/// # Errors
/// When an invariant is broken, or something panics.
pub fn run(moves: &[Move], looks: Looks) -> Result<(), Failure> {
    let at = RefCell::new(None);
    let live = async {
        let world = World::new().await;
        for (number, next) in moves.iter().enumerate() {
            at.replace(Some(number));
            world.make(next).await?;
            if looks == Looks::Always {
                world.check_always().await?;
            }
        }
        at.replace(None);
        world.settle().await?;
        world.check_quiet().await?;
        world.app.restart(); // Its processes would hold its memory.
        Ok::<(), Violation>(())
    };
    let done = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live)
    }));
    let what = match done {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(Violation(what))) => what,
        Err(_) => PANIC.take().unwrap_or_else(|| "a panic".to_owned()),
    };
    Err(Failure { at: at.take(), what })
}

/// The same failure with fewer moves: parts of the program are left out, then mishaps, as long as
/// it still fails.
pub fn shrink(moves: &[Move], looks: Looks) -> (Vec<Move>, Failure) {
    let mut moves = moves.to_vec();
    let mut failure = match run(&moves, looks) {
        Err(failure) => failure,
        Ok(()) => return (moves, Failure { at: None, what: "it passes when repeated".to_owned() }),
    };
    if let Some(at) = failure.at {
        moves.truncate(at + 1);
    }
    let mut size = moves.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < moves.len() {
            let mut fewer = moves.clone();
            fewer.drain(from..(from + size).min(moves.len()));
            match run(&fewer, looks) {
                Err(found) => (moves, failure) = (fewer, found),
                Ok(()) => from += size,
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    for nth in 0..moves.len() {
        let mut calmer = moves.clone();
        if calmer[nth].mishap.take().is_some()
            && let Err(found) = run(&calmer, looks)
        {
            (moves, failure) = (calmer, found);
        }
    }
    (moves, failure)
}

#[cfg(test)]
mod tests {
    use sandbox::stripe::Card;

    use super::*;
    use crate::step::Step;

    #[test]
    fn a_world_of_repeats_webhooks_and_reviews_is_sound() {
        let paid = Some(Card::Succeeds);
        let steps = [
            Step::AddWebhook(0),
            Step::Again(0),
            Step::Generate(0),
            Step::Relay,
            Step::Work(1),
            Step::DeliverBria(2),
            Step::Again(0),
            Step::Relay,
            Step::Work(3),
            Step::Relay,
            Step::SendWebhooks,
            Step::List(0, 2_900),
            Step::Buy(2, 0, Some(3), paid),
            Step::Deliver(4),
            Step::Again(0),
            Step::Review(0, 5),
            Step::WebhookAnswers(0, 500),
            Step::Adjust(2, 5),
            Step::Again(0),
            Step::Refund(0, 100),
            Step::Deliver(5),
            Step::Relay,
            Step::SendWebhooks,
        ];
        let moves: Vec<Move> = steps.into_iter().map(|step| Move { step, mishap: None }).collect();
        assert_eq!(run(&moves, Looks::Always), Ok(()));
    }
}
