//! Presets: created once per key, counted, deleted once.

use domain::{
    account::PRESETS_MAX,
    generation::{GenerationRequest, PresetContent},
    id::PresetId,
    preset::Preset,
};

use super::*;

impl TestApp {
    fn preset(&self, user: &UserId, now: Timestamp) -> Preset {
        let id = PresetId::new(now, u128::from(self.number()));
        let prompt = Some("a red chair".to_owned());
        let content = PresetContent { prompt, ..PresetContent::default() };
        Preset::keep(id, user.clone(), "Chair".to_owned(), content, now).unwrap()
    }

    async fn check_presets(&self, user: &UserId, expected: u32) {
        let presets = self.store.presets(user, size(100), None).await.unwrap().items;
        assert_eq!(u32::try_from(presets.len()), Ok(expected));
        assert_eq!(self.account(user).await.presets, expected);
        self.check_books(user).await;
    }
}

#[tokio::test]
async fn presets_in_pages_of_every_size() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let mut expected = Vec::new();
    for n in 0..7u32 {
        let preset = app.preset(&user, NOW.plus(SECOND * n));
        expected.insert(0, app.store.create_preset(&preset, None, None).await.unwrap());
    }
    for per_page in [1, 3, 7, 8] {
        let pages =
            walk(async |cursor| app.store.presets(&user, size(per_page), cursor).await.unwrap())
                .await;
        assert_eq!(pages.concat(), expected, "size {per_page}");
    }
    app.check_presets(&user, 7).await;
}

#[tokio::test]
async fn the_same_key_at_once_keeps_one_preset() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let kept = at_once(16, async |_| {
        let preset = app.preset(&user, NOW);
        app.store.create_preset(&preset, None, Some(&key("a"))).await.unwrap().id
    });
    assert!(kept.iter().all(|id| *id == kept[0]));
    let other = Idempotency { fingerprint: "another".to_owned(), ..key("a") };
    let preset = app.preset(&user, NOW);
    let refused = app.store.create_preset(&preset, None, Some(&other)).await;
    assert_eq!(code(refused), "idempotency_key_reused");
    app.check_presets(&user, 1).await;
}

#[tokio::test]
async fn the_last_place_of_many_presets_at_once() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let fill = |update: &mut domain::account::AccountUpdate| {
        (1..PRESETS_MAX).try_for_each(|_| update.add_preset())
    };
    app.store.update_account(&user, None, NOW, fill).await.unwrap();
    let kept = at_once(8, async |_| {
        let preset = app.preset(&user, NOW);
        match app.store.create_preset(&preset, None, None).await {
            Ok(_) => true,
            Err(refused) => {
                assert_eq!(refused.code(), "too_many_presets");
                false
            }
        }
    });
    assert_eq!(kept.into_iter().filter(|kept| *kept).count(), 1);
    assert_eq!(app.account(&user).await.presets, PRESETS_MAX);
}

#[tokio::test]
async fn a_preset_is_deleted_once() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let gone = app.preset(&user, NOW);
    let stays = app.preset(&user, NOW);
    for preset in [&gone, &stays] {
        app.store.create_preset(preset, None, None).await.unwrap();
    }
    let foreign = app.store.delete_preset(&other, &gone.id, NOW).await;
    assert_eq!(code(foreign), "preset_not_found");
    assert_eq!(code(app.store.preset(&other, &gone.id).await), "preset_not_found");

    let deleted = at_once(8, async |_| match app.store.delete_preset(&user, &gone.id, NOW).await {
        Ok(()) => true,
        Err(refused) => {
            assert_eq!(refused.code(), "preset_not_found");
            false
        }
    });
    assert_eq!(deleted.into_iter().filter(|deleted| *deleted).count(), 1);
    assert_eq!(code(app.store.preset(&user, &gone.id).await), "preset_not_found");
    assert_eq!(app.store.preset(&user, &stays.id).await.unwrap(), stays);
    app.check_presets(&user, 1).await;
}

#[tokio::test]
async fn a_job_is_placed_from_a_preset_in_the_same_two_trips() {
    let app = TestApp::new();
    let user = app.member("member", Plan::Free, 10).await;
    let other = app.member("other", Plan::Free, 10).await;
    let preset = app.preset(&user, NOW);
    app.store.create_preset(&preset, None, None).await.unwrap();
    let order =
        GenerationRequest { preset_id: Some(preset.id.clone()), ..GenerationRequest::default() };

    let names = app.names(NOW);
    let decide = |update: &mut AccountUpdate, kept| create_job(update, &order, kept, &names);
    let (request, named) = (key("a"), crate::SourceRef::Preset(&preset.id));
    app.engine.take_usage();
    let job = app.store.enqueue((&user, None), &request, named, NOW, decide).await.unwrap();
    assert_eq!(app.engine.take_usage().round_trips(), 2);
    let input = app.store.job_and_input(&user, &job.id).await.unwrap().input;
    assert_eq!(input.preset_id, Some(preset.id.clone()));
    assert_eq!(input.prompt, preset.content.prompt);

    let foreign =
        app.store.enqueue((&other, None), &request, named, NOW, decide).await.unwrap_err();
    assert_eq!(foreign.fields()[0].code, "unknown_preset");
    app.check_books(&user).await;
    app.check_books(&other).await;
}
