//! Two pieces of work whose requests alternate.

use std::{future::poll_fn, pin::Pin, task::Poll};

use futures_util::future::maybe_done;

use super::Engine;

/// Two pieces of work at once that take turns: before each request to the table, `choose` decides
/// whether the other goes on. The same choices give the same order of requests, which threads do
/// not.
pub struct Turns<'a, C> {
    engine: &'a Engine,
    choose: C,
}

impl<'a, C: FnMut() -> bool> Turns<'a, C> {
    /// Turns on this engine.
    pub fn new(engine: &'a Engine, choose: C) -> Turns<'a, C> {
        Turns { engine, choose }
    }

    /// Does both.
    pub async fn both<T>(
        mut self,
        one: Pin<Box<dyn Future<Output = T> + '_>>,
        other: Pin<Box<dyn Future<Output = T> + '_>>,
    ) -> (T, T) {
        let mut work = [maybe_done(one), maybe_done(other)];
        let mut turn = 0;
        self.engine.state().takes_turns = true;
        poll_fn(|cx| {
            loop {
                let is_done = Pin::new(&mut work[turn]).poll(cx).is_ready();
                let waits = std::mem::take(&mut self.engine.state().waits);
                let next = match is_done {
                    true if Pin::new(&mut work[1 - turn]).output_mut().is_some() => {
                        return Poll::Ready(());
                    }
                    true => true,
                    // It waits for something else, which wakes it.
                    false if !waits => return Poll::Pending,
                    false => {
                        (self.choose)() && Pin::new(&mut work[1 - turn]).output_mut().is_none()
                    }
                };
                turn = if next { 1 - turn } else { turn };
            }
        })
        .await;
        self.engine.state().takes_turns = false;
        let [one, other] = &mut work;
        let done = [one, other].map(|work| Pin::new(work).take_output().expect("both are done"));
        done.into()
    }
}

impl<C> Drop for Turns<'_, C> {
    fn drop(&mut self) {
        self.engine.state().takes_turns = false;
    }
}
