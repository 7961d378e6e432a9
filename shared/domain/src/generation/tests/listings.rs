//! What a listing contributes to a request, and what it rejects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    DomainError,
    fibo::StructuredPrompt,
    id::ListingId,
    lighting::LightingRig,
    marketplace::listing::content::{Content, Slot},
};

const LISTING_ID: &str = "lst_01JD0000000000000000000000";

fn licence() -> Licence {
    Licence {
        listing_id: ListingId::parse(LISTING_ID).unwrap(),
        revision: 3,
        creator_id: UserId::parse("creator").unwrap(),
        attribution: Some("Light by Ana".to_owned()),
    }
}

/// A template with a required and an optional slot.
fn template() -> Content {
    let slot = |name: &str, default: Option<&str>| Slot {
        name: name.to_owned(),
        label: name.to_owned(),
        default: default.map(str::to_owned),
    };
    let words = "a {{thing}} in {{colour}}";
    Content {
        structured_prompt: Some(StructuredPrompt::from_prompt(words, None, None)),
        slots: vec![slot("thing", None), slot("colour", Some("red"))],
        ..Content::default()
    }
}

fn lights() -> Content {
    Content { lighting: Some(LightingRig::rembrandt()), ..Content::default() }
}

/// A request with the member's listing and `fields`.
fn placed_with(content: Content, mut fields: Value) -> Result<(Job, Input), OrderError> {
    fields["listing_id"] = json!(LISTING_ID);
    let mut update = drafted(member(Plan::Free), NOW);
    let named = Some(ResolvedSource::licensed(licence(), content));
    create_job(&mut update, &order(fields), named, &names(1, Provider::Bria))
}

#[test]
fn slots_are_filled_into_the_structured_prompt() {
    let check = |slots: Value, expected: &str| {
        let found = match placed_with(template(), json!({"slots": slots.clone()})) {
            Ok((_, input)) => input.structured_prompt.unwrap().short_description,
            Err(refused) => {
                let fields = refused.fields().iter();
                let list = fields.map(|field| format!("{} {}", field.pointer, field.code));
                list.collect::<Vec<_>>().join(", ")
            }
        };
        assert_eq!(found, expected, "{slots}");
    };
    check(json!({"thing": "chair", "colour": "blue"}), "a chair in blue");
    check(json!({"thing": "chair"}), "a chair in red");
    check(json!({"colour": "blue"}), "/slots/thing missing");
    check(json!({}), "/slots/thing missing");
    check(json!({"thing": "chair", "size": "big"}), "/slots/size unknown_slot");
    check(json!({"thing": "chair", "a/b~c": "big"}), "/slots/a~1b~0c unknown_slot");
    check(json!({"thing": ""}), "/slots/thing length, /slots/thing text");
    check(json!({"thing": "{{colour}}"}), "/slots/thing text");
}

#[test]
fn a_preset_on_sale_has_no_slots() {
    let refused = placed_with(lights(), json!({"prompt": "a", "slots": {"x": "y"}})).unwrap_err();
    let [field] = refused.fields() else { panic!("one field: {refused:?}") };
    assert_eq!((field.pointer.as_str(), field.code), ("/slots/x", "unknown_slot"));
}

#[test]
fn the_licence_is_stored_with_the_job_and_its_input() {
    let (job, input) = placed_with(lights(), json!({"prompt": "a red chair"})).unwrap();
    assert_eq!((job.licence, input.licence), (Some(licence()), Some(licence())));
    assert_eq!((input.preset_id, input.model_id), (None, None));
}

#[test]
fn the_request_takes_precedence_over_the_listing() {
    let (_, plain) = placed_with(lights(), json!({"prompt": "a red chair"})).unwrap();
    assert_eq!(plain.lighting, Some(LightingRig::rembrandt()));
    assert_eq!(plain.prompt.as_deref(), Some("a red chair"));

    let own = json!({"prompt": "a red chair", "lighting": LightingRig::high_key()});
    let (_, own) = placed_with(lights(), own).unwrap();
    assert_eq!(own.lighting, Some(LightingRig::high_key()));
    assert_eq!(own.licence, Some(licence()), "it is still made with the listing");

    let refined = json!({"prompt": "seen from above", "slots": {"thing": "chair"}});
    let (_, refined) = placed_with(template(), refined).unwrap();
    assert_eq!(refined.prompt.as_deref(), Some("seen from above"));
    assert!(refined.structured_prompt.is_some(), "words refine a template");
}

#[test]
fn a_listing_that_shows_nothing_needs_words() {
    let model = || Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
    for content in [lights(), model()] {
        let refused = placed_with(content, json!({})).unwrap_err();
        let [field] = refused.fields() else { panic!("one field: {refused:?}") };
        assert_eq!((field.pointer.as_str(), field.code), ("/prompt", "missing"));
    }
    let (_, input) = placed_with(model(), json!({"prompt": "a red chair"})).unwrap();
    assert_eq!(input.model_id.as_deref(), Some("acme-v1"));
}

#[test]
fn a_preset_does_not_stand_for_a_listing() {
    let mut update = drafted(member(Plan::Free), NOW);
    let order = order(json!({"listing_id": LISTING_ID, "prompt": "a"}));
    let named = Some(ResolvedSource::from_preset(PresetContent::default()));
    let refused = create_job(&mut update, &order, named, &names(1, Provider::Bria)).unwrap_err();
    assert_eq!(refused, OrderError::NotLicensed);
}

#[test]
fn more_values_than_a_template_can_have_slots_are_not_listed_one_by_one() {
    let many: BTreeMap<String, &str> = (0..500).map(|nth| (format!("s{nth}"), "v")).collect();
    let refused = placed_with(template(), json!({"slots": many})).unwrap_err();
    let fields = refused.fields();
    assert_eq!((fields[0].pointer.as_str(), fields[0].code), ("/slots", "too_many"));
    assert!(fields.len() < 20, "{}", fields.len());
}

/// A provider's message may name a model, which only its creator may see.
#[test]
fn a_job_of_a_listing_fails_in_our_words() {
    let check = |licence: Option<Licence>, code: FailureCode, expected: &str| {
        let (job, account) = placed(Provider::Bria);
        let job = Job { licence, ..job.claim_submit(NOW) };
        let failure = Failure::new(code, "model m-7 was not found");
        let failed = job.fail(&mut drafted(account, NOW), failure).unwrap();
        let failure = failed.failure.unwrap();
        assert_eq!((failure.code, &*failure.message), (code, expected));
    };
    let words = "model m-7 was not found";
    check(None, FailureCode::ProviderRejected, words);
    check(None, FailureCode::ContentBlocked, words);
    let ours = "The provider could not make this image.";
    check(Some(licence()), FailureCode::ProviderRejected, ours);
    let blocked = "The provider's content filter blocked this request.";
    check(Some(licence()), FailureCode::ContentBlocked, blocked);
}
