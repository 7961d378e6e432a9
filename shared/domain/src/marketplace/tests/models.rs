//! A tailored model belongs to one creator.

use super::*;
use crate::marketplace::listing::{
    DelistedBy, DraftState,
    model::{ModelOwner, ModelOwnership, check_use, fingerprint},
};

/// A pending fine-tune of a creator, with the usual model.
fn pending(creator: &str, number: u128) -> (Listing, Revision) {
    let (id, described) = (listing_id(number), description(Kind::ModelFinetune));
    let (mut listing, mut revision) =
        Listing::create(id, user(creator), Kind::ModelFinetune, described, NOW).unwrap();
    assert!(revision.add_preview(preview(number)));
    submitted(&mut listing, &mut revision).unwrap();
    (listing, revision)
}

fn owned_by(creator: &str, number: u128) -> ModelOwner {
    ModelOwner {
        model_id: "acme-v1".to_owned(),
        creator_id: user(creator),
        listing_id: listing_id(number),
        version: 3,
        approved_at: NOW,
    }
}

#[test]
fn the_first_approval_makes_the_owner() {
    let approve = |creator: &str, claim: &mut ModelClaim| {
        let (mut listing, mut revision) = pending(creator, 7);
        let approved = listing.approve(&mut revision, claim, day(1));
        assert_eq!(listing.on_sale().is_some(), approved.is_ok());
        // As it is read the next time.
        if let Some(proven) = claim.proven.take() {
            *claim = ModelClaim { owner: Some(proven), ..ModelClaim::default() };
        }
        approved
    };
    let mut claim = ModelClaim::default();
    assert_eq!(claim.ownership(&user("ana")), ModelOwnership::Unclaimed);
    approve("ana", &mut claim).unwrap();
    let owner = claim.owner.clone().unwrap();
    assert_eq!((&owner.creator_id, owner.version), (&user("ana"), 0));
    assert_eq!((&owner.listing_id, owner.approved_at), (&listing_id(7), day(1)));
    assert_eq!(claim.ownership(&user("ana")), ModelOwnership::Owned);
    assert_eq!(claim.ownership(&user("bob")), ModelOwnership::Taken);

    let before = claim.clone();
    approve("ana", &mut claim).unwrap();
    assert_eq!(claim, before, "an owner's next approval changes nothing");
    assert_eq!(approve("bob", &mut claim), Err(ListingError::ModelTaken));
    assert_eq!(claim, before);

    let owner = Some(owned_by("ana", 1));
    let mut ended = ModelClaim { owner, has_ended: true, proven: None };
    assert_eq!(ended.ownership(&user("bob")), ModelOwnership::Unclaimed);
    approve("bob", &mut ended).unwrap();
    let owner = ended.owner.unwrap();
    assert_eq!((owner.creator_id, owner.version), (user("bob"), 3), "it replaces the old one");
}

#[test]
fn a_model_that_is_taken_is_not_even_submitted() {
    let (_, revision) = pending("bob", 1);
    let (mut listing, _) = begun(Kind::ModelFinetune, 10_000);
    let taken = ModelClaim { owner: Some(owned_by("ana", 1)), ..ModelClaim::default() };
    let before = listing.clone();
    let submitted = listing.submit(&revision, &taken, picture(1), NOW);
    assert_eq!(submitted, Err(ListingError::ModelTaken));
    assert_eq!(listing, before);
}

#[test]
fn a_model_that_is_taken_meanwhile_is_not_shown_to_a_moderator() {
    let (mut listing, mut revision) = begun(Kind::ModelFinetune, 10_000);
    listing.submit(&revision, &ModelClaim::default(), picture(1), NOW).unwrap();
    let taken = ModelClaim { owner: Some(owned_by("ana", 1)), ..ModelClaim::default() };
    listing.prepared(&picture(1), (&mut revision, None), &taken, NOW).unwrap();
    let state = listing.draft.map(|draft| draft.state).unwrap();
    let DraftState::PreparationFailed { code, .. } = state else { panic!("{state:?}") };
    assert_eq!(code, "model_taken");
}

#[test]
fn images_are_made_by_the_owner_and_by_who_bought_of_the_owner() {
    let check = |by: &str, owner: Option<&str>, listing: &Listing, revision: &Revision| {
        let owner = owner.map(|creator| owned_by(creator, 1));
        check_use(&user(by), (Some(listing), revision), owner.as_ref()).is_ok()
    };
    let (listing, draft) = pending("ana", 1);
    assert!(!check("ana", None, &listing, &draft), "not approved");
    assert!(!check("ana", Some("bob"), &listing, &draft), "another creator's");
    assert!(check("ana", Some("ana"), &listing, &draft), "the next version of an owner");

    let (mut listing, mut sold) = (listing, draft);
    listing.approve(&mut sold, &mut ModelClaim::default(), NOW).unwrap();
    for by in ["ana", "buyer"] {
        assert!(check(by, Some("ana"), &listing, &sold));
        assert!(check(by, None, &listing, &sold), "on sale before models had owners");
        assert!(!check(by, Some("bob"), &listing, &sold), "it turned out to be another creator's");
    }
    listing.delist(DelistedBy::Staff, Some("Copied.".to_owned()), NOW).unwrap();
    assert!(check("buyer", Some("ana"), &listing, &sold), "a buyer keeps it");
    assert!(!check("ana", Some("ana"), &listing, &sold), "its creator may not use it");

    let (listing, light) = begun(Kind::LightingPreset, 500);
    assert!(check("ana", Some("bob"), &listing, &light), "nothing but a model has an owner");
}

#[test]
fn a_fingerprint_is_what_sha256sum_prints() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(fingerprint("abc"), expected);
}
