//! The member's own account, over whole requests.

mod get_me;
mod update_me;

use testing::{Answer, Ask, World};

async fn get(world: &World, ask: &Ask) -> Answer {
    use crate::get_me::{ENDPOINT, handle};
    world.send(&ENDPOINT, &handle, &world.store, ask).await
}

async fn update(world: &World, ask: &Ask) -> Answer {
    use crate::update_me::{ENDPOINT, handle};
    world.send(&ENDPOINT, &handle, &world.store, ask).await
}
