//! Every operation of the deployed API, for every kind of caller, about things that are theirs,
//! another member's, missing, and no ids at all.
//!
//! What is expected follows from the endpoint: its access, its scope, its error codes, and what its
//! request names. Every answer is compared with the API's document too. A function that lacks a
//! permission answers 500, which no cell expects.

mod world;

use std::collections::BTreeSet;

use demo::api::{Api, fresh_key};
use domain::account::api_key::Scope;
use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use runtime::{Access, Endpoint};
use testing::{
    Answer, TestRequest,
    contract::compare,
    valid::{Subject, valid},
};

use self::world::{Subjects, World};
use crate::member::{Member, answer};

/// Cells that are asked at the same time.
const AT_ONCE: usize = 4;
/// Its caller is nobody afterwards.
const ENDS_ITS_CALLER: &str = "account-delete-me";
/// What does not exist looks deleted, and another member's does not exist.
const DELETES_AGAIN: &str = "generation-delete-generation";
/// A suspended member may end their subscription, but not renew it.
const ENDS_A_PLAN: &str = "billing-cancel-subscription";
const NO_ID: &str = "not-an-id";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    BadToken,
    ExpiredToken,
    KeyWithoutScope,
    /// Whose things they are.
    Owner,
    /// The owner, once they are suspended.
    Suspended,
    Other,
    Creator,
    Moderator,
    Admin,
}

const CALLERS: [Caller; 10] = [
    Caller::Nobody,
    Caller::BadToken,
    Caller::ExpiredToken,
    Caller::KeyWithoutScope,
    Caller::Owner,
    Caller::Suspended,
    Caller::Other,
    Caller::Creator,
    Caller::Moderator,
    Caller::Admin,
];

/// What the request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The owner's things, which staff decide on.
    Owned,
    /// The same, asked by somebody to whom they do not exist.
    Foreign,
    Missing,
    Malformed,
}

const ABOUT: [About; 4] = [About::Owned, About::Foreign, About::Missing, About::Malformed];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Success, or a refusal with a code of the endpoint's own.
    Done,
    /// It does not exist.
    NotThere,
    /// This status.
    Refused(u16),
    /// Nothing is changed.
    Suspended,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    endpoint: Endpoint,
    caller: Caller,
    about: About,
    expected: Expected,
}

#[tokio::test]
async fn everybody_gets_what_the_endpoint_says() {
    let world = World::new().await;
    let (suspended, others): (Vec<_>, Vec<_>) =
        cells().into_iter().partition(|cell| cell.caller == Caller::Suspended);
    let mut wrong = wrong_of(&world, others, AT_ONCE).await;
    world.suspend_the_owner().await;
    // What they may still change is changed one by one, and their account last of all.
    let (mut changes, others): (Vec<_>, Vec<_>) =
        suspended.into_iter().partition(|cell| cell.changes() && cell.expected == Expected::Done);
    changes.sort_by_key(|cell| cell.endpoint.name == ENDS_ITS_CALLER);
    wrong.extend(wrong_of(&world, others, AT_ONCE).await);
    wrong.extend(wrong_of(&world, changes, 1).await);
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for endpoint in testing::endpoints(contract::functions()) {
        let named = subjects_of(&endpoint);
        for caller in CALLERS {
            for about in ABOUT {
                let expected = expected(&endpoint, caller, about, &named);
                cells.extend(expected.map(|expected| Cell { endpoint, caller, about, expected }));
            }
        }
    }
    cells
}

/// What a valid request for an endpoint names.
fn subjects_of(endpoint: &Endpoint) -> BTreeSet<Subject> {
    let mut named = BTreeSet::new();
    valid(endpoint, TestRequest::anonymous(), |subject| {
        named.insert(subject);
        NO_ID.to_owned()
    });
    named
}

/// `None` where nothing is asked that is not asked in another cell: who is refused is refused
/// whatever the request is about, and a route for everybody knows nobody.
fn expected(
    endpoint: &Endpoint,
    caller: Caller,
    about: About,
    named: &BTreeSet<Subject>,
) -> Option<Expected> {
    let is_asked = match about {
        About::Owned => true,
        About::Foreign => named.iter().any(|subject| subject.is_private()),
        About::Missing | About::Malformed => !named.is_empty(),
    };
    if !is_asked {
        return None;
    }
    let is_staff = matches!(endpoint.access, Access::Moderator | Access::Admin);
    match (endpoint.access, caller, about) {
        (Access::Public, Caller::Nobody, About::Owned) => Some(Expected::Done),
        (Access::Public, Caller::Nobody, About::Missing | About::Malformed) => {
            Some(Expected::NotThere)
        }
        (Access::Signed, Caller::Nobody, About::Owned) => Some(Expected::Refused(400)),
        (Access::Public | Access::Signed, _, _) => None,

        (_, Caller::Nobody | Caller::BadToken | Caller::ExpiredToken, About::Owned) => {
            Some(Expected::Refused(401))
        }
        (_, Caller::KeyWithoutScope, About::Owned) => Some(Expected::Refused(403)),

        (Access::Member, Caller::Owner, About::Owned) => Some(Expected::Done),
        (Access::Member, Caller::Suspended, About::Owned) => Some(suspended(endpoint)),
        (Access::Member, Caller::Owner, About::Missing | About::Malformed) => {
            Some(Expected::NotThere)
        }
        (
            Access::Member,
            Caller::Other | Caller::Creator | Caller::Moderator | Caller::Admin,
            About::Foreign,
        ) => Some(Expected::NotThere),

        (_, Caller::Admin, About::Owned) if is_staff => Some(Expected::Done),
        (_, Caller::Admin, About::Missing | About::Malformed) if is_staff => {
            Some(Expected::NotThere)
        }
        (Access::Moderator, Caller::Moderator, About::Owned) => Some(Expected::Done),
        (
            _,
            Caller::Owner | Caller::Suspended | Caller::Creator | Caller::Moderator,
            About::Owned,
        ) if is_staff => Some(Expected::Refused(403)),
        _ => None,
    }
}

fn suspended(endpoint: &Endpoint) -> Expected {
    let reads = endpoint.method == runtime::Method::Get;
    match reads || endpoint.for_suspended || endpoint.name == ENDS_A_PLAN {
        true => Expected::Done,
        false => Expected::Suspended,
    }
}

impl Cell {
    fn changes(&self) -> bool {
        self.endpoint.method != runtime::Method::Get
    }

    /// What is asked about, new if this request may change it.
    async fn subjects(&self, world: &World) -> Subjects {
        let is_changed = self.changes() && self.about == About::Owned;
        match is_changed && self.expected == Expected::Done && self.caller != Caller::Suspended {
            true => world.renewed(&subjects_of(&self.endpoint)).await,
            false => world.subjects.clone(),
        }
    }

    fn request(&self, subjects: &Subjects) -> TestRequest {
        let request = TestRequest::anonymous().key(&fresh_key());
        valid(&self.endpoint, request, |subject| match self.about {
            About::Owned | About::Foreign => subjects[&subject].clone(),
            // A hash is no id: a malformed one is refused before anything is looked for.
            About::Malformed if subject != Subject::ContentHash => NO_ID.to_owned(),
            About::Missing | About::Malformed => subject.missing().to_owned(),
        })
    }

    /// How the answer differs from what is expected.
    fn difference(&self, answer: &Answer) -> Option<String> {
        let Cell { endpoint, caller, about, expected } = self;
        let has_own_code = endpoint.errors.contains(&answer.code().as_str());
        let fits = match (expected, answer.status()) {
            (Expected::Done, 200..400) => true,
            (Expected::Done, status) => has_own_code && status != 404,
            (Expected::NotThere, 404) => true,
            (Expected::NotThere, 403) => has_own_code,
            (Expected::NotThere, 204) => endpoint.name == DELETES_AGAIN,
            (Expected::NotThere, 400 | 422) => *about == About::Malformed,
            (Expected::NotThere, _) => false,
            (Expected::Refused(wanted), status) => status == *wanted,
            (Expected::Suspended, 403) => true,
            // Refused for what was bought or made already.
            (Expected::Suspended, status) => has_own_code && status == 409,
        };
        let asked = format!("{} by {caller:?}, {about:?}", endpoint.name);
        match compare(endpoint, answer) {
            Err(difference) => Some(format!("{asked}: {difference}")),
            Ok(()) if !fits => Some(format!("{asked}: {expected:?}, but {}", answer.brief())),
            Ok(()) => None,
        }
    }
}

/// Asks these cells. Returns the answers that are wrong.
async fn wrong_of(world: &World, cells: Vec<Cell>, at_once: usize) -> Vec<String> {
    let asked = stream::iter(cells).map(|cell| wrong(world, cell));
    let found: Vec<Option<String>> = asked.buffer_unordered(at_once).collect().await;
    found.into_iter().flatten().collect()
}

async fn wrong(world: &World, cell: Cell) -> Option<String> {
    let throw_away;
    let api = match cell.caller == Caller::Owner && cell.endpoint.name == ENDS_ITS_CALLER {
        true => {
            throw_away = Member::new().await;
            &throw_away.0
        }
        false => api(world, &cell),
    };
    let request = cell.request(&cell.subjects(world).await);
    cell.difference(&send(api, &cell.endpoint, &request).await)
}

fn api<'a>(world: &'a World, cell: &Cell) -> &'a Api {
    match cell.caller {
        Caller::Nobody => &world.nobody,
        Caller::BadToken => &world.bad_token,
        Caller::ExpiredToken => &world.expired_token,
        Caller::KeyWithoutScope if cell.endpoint.scope == Some(Scope::Read) => &world.seller_key,
        Caller::KeyWithoutScope => &world.reader_key,
        Caller::Owner | Caller::Suspended => &world.owner.0,
        Caller::Other => &world.other.0,
        Caller::Creator => &world.creator.0,
        Caller::Moderator => &world.moderator.0,
        Caller::Admin => &world.admin.0,
    }
}

async fn send(api: &Api, endpoint: &Endpoint, request: &TestRequest) -> Answer {
    let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
    let mut sent = api.request(method, &request.target(endpoint));
    for (name, value) in request.headers() {
        sent = sent.header(name, value);
    }
    if let Some(body) = request.body() {
        sent = sent.body(body.to_owned());
    }
    let got = answer(sent).await;
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let headers = got.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    let body = String::from_utf8_lossy(&got.body).into_owned();
    Answer::new(got.status, headers.collect(), body)
}
