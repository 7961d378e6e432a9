//! Which requests are valid, and what they resolve to.

use serde_json::{Value, json};

use super::*;
use crate::{
    DomainError, ErrorKind, account::AccountStatus, camera::AspectRatio, error::InvalidFields,
    fibo::StructuredPrompt, id::PresetId, lighting::LightingRig, preset::Preset,
};

const PRESET_ID: &str = "pre_01JD0000000000000000000000";
const LISTING_ID: &str = "lst_01JD0000000000000000000000";

fn structured() -> Value {
    let prompt: StructuredPrompt = StructuredPrompt::from_prompt("a red chair", None, None);
    serde_json::to_value(prompt).unwrap()
}

#[test]
fn an_order_is_one_of_four_with_acceptable_fields() {
    let check = |fields: Value, expected: &str| {
        let found = match order(fields.clone()).subject() {
            Ok(Subject::Prompt(_)) => "prompt".to_owned(),
            Ok(Subject::Structured(_)) => "structured".to_owned(),
            Ok(Subject::Preset(_, None)) => "preset".to_owned(),
            Ok(Subject::Preset(_, Some(_))) => "preset, refined".to_owned(),
            Ok(Subject::Listing(_, None)) => "listing".to_owned(),
            Ok(Subject::Listing(_, Some(_))) => "listing, refined".to_owned(),
            Err(InvalidFields(fields)) => {
                let list = fields.iter().map(|field| format!("{} {}", field.pointer, field.code));
                list.collect::<Vec<_>>().join(", ")
            }
        };
        assert_eq!(found, expected, "{fields}");
    };
    // Exactly one of the four; a prompt with a preset or a listing refines it.
    check(json!({"prompt": "a red chair"}), "prompt");
    check(json!({"structured_prompt": structured()}), "structured");
    check(json!({"preset_id": PRESET_ID}), "preset");
    check(json!({"preset_id": PRESET_ID, "prompt": "in blue"}), "preset, refined");
    check(json!({}), " one_of");
    check(json!({"seed": 1}), " one_of");
    check(json!({"prompt": "a", "seed": 2_147_483_647}), "prompt");
    check(json!({"prompt": "a", "seed": 2_147_483_648_u64}), "/seed too_large");
    check(json!({"prompt": "a", "structured_prompt": structured()}), " one_of");
    check(json!({"preset_id": PRESET_ID, "structured_prompt": structured()}), " one_of");
    check(json!({"listing_id": LISTING_ID}), "listing");
    check(json!({"listing_id": LISTING_ID, "prompt": "in blue"}), "listing, refined");
    check(json!({"listing_id": LISTING_ID, "preset_id": PRESET_ID}), " one_of");
    check(json!({"listing_id": LISTING_ID, "structured_prompt": structured()}), " one_of");

    // Slot values require a listing.
    check(json!({"listing_id": LISTING_ID, "slots": {"colour": "red"}}), "listing");
    check(json!({"listing_id": LISTING_ID, "slots": {}}), "listing");
    check(json!({"prompt": "a", "slots": {"colour": "red"}}), "/slots without_listing");
    check(json!({"preset_id": PRESET_ID, "slots": {}}), "/slots without_listing");
    check(json!({"slots": {}}), " one_of, /slots without_listing");

    // Prompts.
    check(json!({"prompt": "椅".repeat(2000)}), "prompt");
    check(json!({"prompt": "椅".repeat(2001)}), "/prompt too_long");
    check(json!({"prompt": ""}), "/prompt empty");
    check(json!({"prompt": " \n "}), "/prompt empty");
    check(json!({"prompt": "two\nlines\tand a tab"}), "prompt");
    check(json!({"prompt": "a\u{0}b"}), "/prompt invisible_text");

    // Negative prompts.
    check(json!({"prompt": "a", "negative_prompt": "b".repeat(1000)}), "prompt");
    check(json!({"prompt": "a", "negative_prompt": "b".repeat(1001)}), "/negative_prompt too_long");
    check(
        json!({"prompt": "a", "negative_prompt": "b", "quality": "lite"}),
        "/negative_prompt not_with_lite",
    );
    check(json!({"prompt": "a", "negative_prompt": "b", "quality": "standard"}), "prompt");

    // Lighting and camera, each with its own pointer.
    check(json!({"prompt": "a", "lighting": {"lights": []}}), "/lighting/lights count");
    let nine: Vec<Value> = (0..9).map(|_| json!({"role": "key"})).collect();
    check(json!({"prompt": "a", "lighting": {"lights": nine}}), "/lighting/lights count");
    check(
        json!({"prompt": "a", "lighting": {"lights": [{"role": "key", "distance": 0}]}}),
        "/lighting/lights/0/distance out_of_range",
    );
    check(json!({"prompt": "a", "camera": {"aperture": 1e300}}), "/camera/aperture out_of_range");

    // All errors at once.
    check(
        json!({"prompt": "", "quality": "lite", "negative_prompt": "", "camera": {"aperture": 0}}),
        "/prompt empty, /negative_prompt empty, /negative_prompt not_with_lite, \
         /camera/aperture out_of_range",
    );
}

#[test]
fn an_order_with_an_unknown_field_or_a_wrong_type_is_not_read() {
    for fields in [
        json!({"prompt": "a", "steps": 30}),
        json!({"prompt": 1}),
        json!({"prompt": "a", "seed": -1}),
        json!({"prompt": "a", "seed": 4_294_967_296u64}),
        json!({"prompt": "a", "quality": "ultra"}),
        json!({"prompt": "a", "aspect_ratio": "7:3"}),
        json!({"preset_id": "gen_01JD0000000000000000000000"}),
        json!({"listing_id": PRESET_ID}),
        json!({"listing_id": LISTING_ID, "slots": {"colour": 1}}),
        json!({"listing_id": LISTING_ID, "slots": ["red"]}),
        json!({"prompt": "a", "camera": {"iso": 100}}),
    ] {
        assert!(serde_json::from_value::<GenerationRequest>(fields.clone()).is_err(), "{fields}");
    }
}

/// A preset with everything but a structured prompt.
fn kept() -> PresetContent {
    serde_json::from_value(json!({
        "prompt": "a red chair.",
        "lighting": LightingRig::rembrandt(),
        "camera": {"focal_length_mm": 50, "aspect_ratio": "4:5"},
        "negative_prompt": "people",
    }))
    .unwrap()
}

#[test]
fn words_of_the_order_refine_those_of_the_preset() {
    let check = |kept: PresetContent, refine: Option<&str>, expected: (Option<&str>, bool)| {
        let order = order(json!({"preset_id": PRESET_ID, "prompt": refine}));
        let input = Input::resolve(&order, ResolvedSource::from_preset(kept), 7).unwrap();
        assert_eq!(input.preset_id, Some(PresetId::parse(PRESET_ID).unwrap()));
        assert_eq!((input.prompt.as_deref(), input.structured_prompt.is_some()), expected);
    };
    let words = || PresetContent { prompt: Some("a red chair.".to_owned()), ..Default::default() };
    let structured = || PresetContent {
        structured_prompt: serde_json::from_value(structured()).unwrap(),
        ..Default::default()
    };
    let scene = || PresetContent { prompt: None, ..kept() };
    check(words(), None, (Some("a red chair."), false));
    check(words(), Some("seen from above"), (Some("a red chair. seen from above"), false));
    check(structured(), None, (None, true));
    check(structured(), Some("seen from above"), (Some("seen from above"), true));
    check(scene(), Some("a blue vase"), (Some("a blue vase"), false));

    let long = PresetContent { prompt: Some("x".repeat(2000)), ..Default::default() };
    let order = order(json!({"preset_id": PRESET_ID, "prompt": "seen from above"}));
    let prompt =
        Input::resolve(&order, ResolvedSource::from_preset(long), 7).unwrap().prompt.unwrap();
    assert_eq!(prompt.chars().count(), PROMPT_CHARS_MAX);
}

#[test]
fn a_preset_of_light_alone_needs_words() {
    let order = order(json!({"preset_id": PRESET_ID}));
    let scene = PresetContent { prompt: None, ..kept() };
    let InvalidFields(fields) =
        Input::resolve(&order, ResolvedSource::from_preset(scene), 7).unwrap_err();
    let [field] = &fields[..] else { panic!("one field: {fields:?}") };
    assert_eq!((field.pointer.as_str(), field.code), ("/prompt", "missing"));
}

#[test]
fn the_request_precedes_the_preset_and_the_preset_the_defaults() {
    let resolve = |mut fields: Value, kept: Option<PresetContent>| {
        if kept.is_some() {
            fields["preset_id"] = json!(PRESET_ID);
        } else {
            fields["prompt"] = json!("a red chair");
        }
        Input::resolve(&order(fields), ResolvedSource::from_preset(kept.unwrap_or_default()), 7)
            .unwrap()
    };
    let plain = resolve(json!({}), None);
    assert_eq!((plain.seed, plain.quality), (7, Quality::Standard));
    assert_eq!((plain.lighting, plain.camera, plain.negative_prompt), (None, None, None));
    assert_eq!(plain.aspect_ratio, AspectRatio::Square);

    let preset = resolve(json!({}), Some(kept()));
    assert_eq!(preset.lighting, Some(LightingRig::rembrandt()));
    assert_eq!(preset.negative_prompt.as_deref(), Some("people"));
    assert_eq!(preset.aspect_ratio, AspectRatio::Portrait4x5, "the preset's camera's");

    let own = resolve(
        json!({
            "lighting": LightingRig::high_key(),
            "camera": {"aspect_ratio": "16:9"},
            "negative_prompt": "text",
            "seed": 3,
        }),
        Some(kept()),
    );
    assert_eq!(own.lighting, Some(LightingRig::high_key()));
    assert_eq!(own.camera.map(|camera| camera.focal_length_mm), Some(85.0), "as a whole");
    assert_eq!(own.negative_prompt.as_deref(), Some("text"));
    assert_eq!((own.seed, own.aspect_ratio), (3, AspectRatio::Landscape16x9));

    let said = resolve(json!({"aspect_ratio": "9:16", "camera": {"aspect_ratio": "16:9"}}), None);
    assert_eq!(said.aspect_ratio, AspectRatio::Portrait9x16, "the request takes precedence");

    let lite = resolve(json!({"quality": "lite"}), Some(kept()));
    assert_eq!(lite.negative_prompt, None, "lite takes none, so the preset's is left out");
}

#[test]
fn placing_an_order_checks_the_member_then_the_order_then_the_account() {
    let check = |account: Account, fields: Value, expected: (ErrorKind, &str)| {
        let mut update = drafted(account, NOW);
        let names = names(1, Provider::Studio);
        let refused = create_job(&mut update, &order(fields), None, &names).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), expected);
        assert!(!update.is_changed(), "a refusal changes nothing");
    };
    let free = || member(Plan::Free);
    let standing = AccountStatus::Suspended { reason: "fraud".to_owned(), until: None };
    let banned = Account { standing, open_jobs: 2, ..free() };
    let busy = Account { open_jobs: 2, ..free() };
    check(banned.clone(), json!({}), (ErrorKind::Forbidden, "account_suspended"));
    check(banned, json!({"listing_id": LISTING_ID}), (ErrorKind::Forbidden, "account_suspended"));
    check(busy.clone(), json!({}), (ErrorKind::Invalid, "invalid_request"));
    check(free(), json!({"preset_id": PRESET_ID}), (ErrorKind::Invalid, "invalid_request"));
    check(
        busy.clone(),
        json!({"listing_id": LISTING_ID}),
        (ErrorKind::Forbidden, "listing_not_licensed"),
    );
    check(busy, json!({"prompt": "a"}), (ErrorKind::TooMany, "too_many_running"));
}

#[test]
fn a_placed_job_is_queued_with_its_credit_held() {
    let (job, account) = placed(Provider::Bria);
    assert_eq!((job.status, job.version, job.attempt), (Status::Queued, 1, 0));
    assert_eq!((job.due_at, job.lease_until), (Some(NOW), None));
    assert_eq!((job.charge.state, job.charge.credits), (ChargeState::Held, 1));
    assert_eq!(job.hold().credits(), 1);
    assert_eq!((account.open_jobs, account.credits.totals().held), (1, 1));
    assert_eq!(job.next_step(NOW), NextStep::Submit);
}

#[test]
fn a_preset_is_taken_over_into_the_job() {
    let mut update = drafted(member(Plan::Free), NOW);
    let id = PresetId::parse(PRESET_ID).unwrap();
    let user = update.account().user_id.clone();
    let preset = Preset::keep(id, user, "Rembrandt".to_owned(), kept(), NOW).unwrap();
    let order = order(json!({"preset_id": PRESET_ID, "aspect_ratio": "1:1"}));
    let (job, input) = create_job(
        &mut update,
        &order,
        Some(ResolvedSource::from_preset(preset.content)),
        &names(1, Provider::Studio),
    )
    .unwrap();
    assert_eq!(job.aspect_ratio, AspectRatio::Square);
    assert_eq!(input.lighting, Some(LightingRig::rembrandt()));
}

#[test]
fn a_webhook_names_its_job() {
    let check = |subject: &str| {
        let (mut job, _) = placed(Provider::Bria);
        job.user_id = UserId::parse(subject).unwrap();
        let reference = WebhookRef::of(&job);
        assert_eq!(WebhookRef::parse(&reference.to_string()), Some(reference));
    };
    check("user_1");
    check("auth0|65f");
    check("first.last@example.test");
    for bad in ["", "gen_1.token.user", "gen_01JD0000000000000000000000.token", "a.b.c"] {
        assert_eq!(WebhookRef::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_drawn_seed_is_one_that_may_be_ordered() {
    assert_eq!((drawn_seed(0), drawn_seed(u128::MAX)), (0, SEED_MAX));
    assert_eq!(drawn_seed(1 << 97), 1);
}

/// Inputs stored before seeds had a limit are read unchanged.
#[test]
fn an_older_input_keeps_its_seed() {
    let kept = json!({
        "prompt": "a", "seed": u32::MAX, "aspect_ratio": "1:1", "quality": "standard",
    });
    let input: Input = serde_json::from_value(kept).unwrap();
    assert_eq!(input.seed, u32::MAX);
}
