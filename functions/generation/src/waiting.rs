//! Waits for a generation to end, within the request.
//!
//! What a wait costs: two writes of counters, at most 36 reads of half a unit (together about
//! $0.000003), and the time of a function of 256 MB, $0.00007 for 20 s. Polling every two seconds
//! for as long is ten requests, $0.00004, and notices the end a second later on average.

use domain::{
    generation::waiting::{
        WAITED_S_A_MINUTE, WAITED_S_A_MINUTE_BY_ALL, WaitSeconds, look_again_after,
    },
    id::{JobId, UserId},
};
use runtime::Clock;
use store::{Rate, Store, StoreError};
use tokio::time::{Instant, sleep};

/// Seconds that a member waits in a minute.
const EACH: Rate = Rate::a_minute(WAITED_S_A_MINUTE);
/// Seconds that all members together wait in a minute.
const ALL: Rate = Rate::a_minute(WAITED_S_A_MINUTE_BY_ALL);

/// Waits until the job has ended, at most `wait`. `false`, at once, if too many wait already.
///
/// # Errors
/// When the table is unavailable.
pub(crate) async fn wait_for(
    store: &Store,
    (user, job): (&UserId, &JobId),
    wait: WaitSeconds,
    clock: &Clock,
) -> Result<bool, StoreError> {
    if !may_wait(store, user, wait, clock).await? {
        return Ok(false);
    }
    let began = Instant::now();
    while !store.has_ended(user, job).await? {
        let left = wait.duration().saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        sleep(look_again_after(began.elapsed()).min(left)).await;
    }
    Ok(true)
}

/// Takes the seconds from what may be waited in this minute. What is not used is not returned.
async fn may_wait(
    store: &Store,
    user: &UserId,
    wait: WaitSeconds,
    clock: &Clock,
) -> Result<bool, StoreError> {
    let (seconds, now) = (wait.get(), clock.now());
    let own = store.take_some(&format!("wait#{user}"), seconds, EACH, now).await?;
    Ok(own.is_some() && store.take_some("wait", seconds, ALL, now).await?.is_some())
}
