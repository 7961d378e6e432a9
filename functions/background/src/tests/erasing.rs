//! Deleting a generation: its files are erased, its cost stays.

use super::worker_app::{MINUTE, WorkerApp};
use crate::erase_data;

#[tokio::test]
async fn the_files_of_a_deleted_generation_are_erased() {
    let app = WorkerApp::studio();
    let (gone, stays) = (app.post("a red chair").await, app.post("a vase").await);
    app.step().await;
    assert_eq!(app.images_bucket().keys().await.len(), 4);
    let path = format!("/api/v1/generations/{}", gone.id);
    let delete = async || app.client(&app.member).delete(path.clone()).await.brief();
    assert_eq!([delete().await, delete().await], ["204", "204"]);
    let spent = app.account(&gone.user_id).await.credits.totals().spent;
    assert_eq!(spent, 2);

    // Late files, of a worker that was slower, go an hour later.
    for (minutes, files) in [(0, 2), (30, 3), (60, 2)] {
        app.advance(MINUTE * minutes);
        app.run(erase_data::WORKER.name).await.unwrap();
        let left = app.images_bucket().keys().await;
        assert_eq!(left.len(), files, "{minutes}: {left:?}");
        if minutes == 0 {
            let late = format!("generations/{}/{}/original.png", gone.user_id, gone.id);
            app.images_bucket().put(&late, b"late", "image/png", "").await;
        }
    }
    app.check_image(&app.job(&stays).await).await;
    assert_eq!(app.account(&gone.user_id).await.credits.totals().spent, spent);
    app.close().await;
}
