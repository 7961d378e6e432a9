//! The member's own account, tested with complete requests.

mod delete_me;
mod export_me;
mod get_me;
mod update_me;

use testing::{Answer, TestApp, TestRequest};

async fn get(app: &TestApp, ask: &TestRequest) -> Answer {
    use crate::get_me::{ENDPOINT, handle};
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}

async fn delete(app: &TestApp, ask: &TestRequest) -> Answer {
    use crate::delete_me::{ENDPOINT, handle};
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}

async fn export(app: &TestApp, ask: &TestRequest) -> Answer {
    use crate::export_me::{ENDPOINT, handle};
    let deps = (app.store.clone(), app.images(), app.uploads(), app.previews());
    app.send(&ENDPOINT, &handle, &deps, ask).await
}

async fn update(app: &TestApp, ask: &TestRequest) -> Answer {
    use crate::update_me::{ENDPOINT, handle};
    app.send(&ENDPOINT, &handle, &app.store, ask).await
}
