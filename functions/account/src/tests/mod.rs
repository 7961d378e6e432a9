//! The member's own account, tested with complete requests.

mod delete_me;
mod export_me;
mod get_me;
mod update_me;

use testing::{Answer, Ask, World};

async fn get(world: &World, ask: &Ask) -> Answer {
    use crate::get_me::{ENDPOINT, handle};
    world.send(&ENDPOINT, &handle, &world.store, ask).await
}

async fn delete(world: &World, ask: &Ask) -> Answer {
    use crate::delete_me::{ENDPOINT, handle};
    world.send(&ENDPOINT, &handle, &world.store, ask).await
}

async fn export(world: &World, ask: &Ask) -> Answer {
    use crate::export_me::{ENDPOINT, handle};
    let deps = (world.store.clone(), world.images(), world.uploads(), world.previews());
    world.send(&ENDPOINT, &handle, &deps, ask).await
}

async fn update(world: &World, ask: &Ask) -> Answer {
    use crate::update_me::{ENDPOINT, handle};
    world.send(&ENDPOINT, &handle, &world.store, ask).await
}
