//! From path, query and body to a request: what is read, and how each error is reported.

use std::collections::BTreeMap;

use domain::{
    account::Role,
    id::{ListingId, UserId},
    money::Money,
};
use expect_test::{Expect, expect};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, json};

use super::{brief, context, dispatch, event, request, with, with_header, with_json};
use crate::{Access, ApiError, Call, Endpoint, NoStore};

const GET: Endpoint = Endpoint::get("shelf-list-books", "/api/v1/shelves/{id}", Access::Member);
const POST: Endpoint = Endpoint::post("shelf-add-book", "/api/v1/shelves/{id}", Access::Member);
const SIGNED: Endpoint = Endpoint::post("shelf-hear", "/hooks/shelf", Access::Signed);

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct List {
    id: String,
    limit: Option<u8>,
    drafts: Option<bool>,
    role: Option<Role>,
    at_most: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sizes: Option<Vec<u8>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Add {
    id: u32,
    title: String,
    #[serde(default)]
    pages: u32,
    #[serde(default)]
    authors: Vec<Author>,
    format: Option<Format>,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Author {
    name: String,
    #[serde(default)]
    born: i32,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Format {
    Paper,
    Audio,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Sell {
    listing_id: ListingId,
    price: Money,
    copies: u32,
    places: BTreeMap<String, u32>,
}

/// Its types refuse zero, an empty text, and almost everything.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Review {
    by: UserId,
    #[serde(deserialize_with = "at_least_one")]
    volume: u8,
    #[serde(deserialize_with = "stars")]
    stars: String,
    #[serde(default)]
    quotes: Vec<Quote>,
}

#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Quote {
    #[serde(deserialize_with = "shelf_mark")]
    from: String,
    page: u32,
}

fn at_least_one<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    match u8::deserialize(from)? {
        0 => Err(D::Error::custom("1 or more")),
        number => Ok(number),
    }
}

fn stars<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let fits = ["4", "4.5"].contains(&text.as_str());
    if fits { Ok(text) } else { Err(D::Error::custom("0 to 5 stars, such as 4 or 4.5")) }
}

/// Its refusal has no example.
fn shelf_mark<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text == "QA 76" { Ok(text) } else { Err(D::Error::custom("no shelf mark")) }
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Heard {
    of: String,
}

async fn list(_: &(), call: Call<List>) -> Result<NoStore<List>, ApiError> {
    Ok(NoStore(call.body))
}
async fn add(_: &(), call: Call<Add>) -> Result<NoStore<Add>, ApiError> {
    Ok(NoStore(call.body))
}
async fn sell(_: &(), call: Call<Sell>) -> Result<NoStore<Sell>, ApiError> {
    Ok(NoStore(call.body))
}
async fn review(_: &(), call: Call<Review>) -> Result<NoStore<Review>, ApiError> {
    Ok(NoStore(call.body))
}
async fn nothing(_: &(), _: Call) -> Result<NoStore<()>, ApiError> {
    Ok(NoStore(()))
}
async fn hear(_: &(), call: Call<Heard>) -> Result<NoStore<Value>, ApiError> {
    Ok(NoStore(json!([call.body.of, call.raw().body])))
}

fn outcome(response: &crate::apigw::Response) -> String {
    if response.status_code == 200 { response.body.clone() } else { brief(response) }
}

async fn listed(query: Value) -> String {
    let request = with(
        request("GET", "/api/v1/shelves/s1"),
        [("/pathParameters", json!({"id": "s1"})), ("/multiValueQueryStringParameters", query)],
    );
    outcome(&dispatch(&GET, &list, &(), &context(), event(request)).await)
}

/// Links of public pages come with parameters of advertisements; those of a member's do not.
#[tokio::test]
async fn a_public_route_ignores_the_parameters_of_advertisements() {
    const PUBLIC: Endpoint = Endpoint { access: Access::Public, ..GET };
    let listed = async |endpoint: &Endpoint, query: Value| {
        let request = with(
            request("GET", "/api/v1/shelves/s1"),
            [("/pathParameters", json!({"id": "s1"})), ("/multiValueQueryStringParameters", query)],
        );
        let response = dispatch(endpoint, &list, &(), &context(), event(request)).await;
        brief(&response)
    };
    let tracked = json!({
        "utm_source": ["mail"], "utm_campaign": ["x"], "gclid": ["1"], "fbclid": ["2", "3"],
        "ref": ["friend"], "limit": ["20"],
    });
    assert!(listed(&PUBLIC, tracked).await.starts_with("200"));
    for (endpoint, query, unknown) in [
        (&PUBLIC, json!({"utm_source": ["mail"], "page": ["1"]}), "/page"),
        (&PUBLIC, json!({"utm": ["mail"]}), "/utm"),
        (&GET, json!({"utm_source": ["mail"]}), "/utm_source"),
    ] {
        let refused = listed(endpoint, query).await;
        assert!(refused.starts_with("422"), "{refused}");
        assert!(refused.contains(&format!("{unknown} unknown_field")), "{refused}");
    }
}

fn add_event() -> Value {
    with(request("POST", "/api/v1/shelves/7"), [("/pathParameters", json!({"id": "7"}))])
}

async fn added(request: Value) -> String {
    outcome(&dispatch(&POST, &add, &(), &context(), event(request)).await)
}

#[tokio::test]
async fn a_query_is_read_as_the_types_ask() {
    let mut table = String::new();
    for query in [
        json!({}),
        json!({"limit": ["20"], "drafts": ["true"], "role": ["admin"]}),
        json!({"at_most": ["1.5"]}),
        json!({"at_most": ["NaN"]}),
        json!({"limit": ["many"]}),
        json!({"limit": ["-1"]}),
        json!({"limit": ["+1"]}),
        json!({"limit": ["256"]}),
        json!({"drafts": ["yes"]}),
        json!({"role": ["king"]}),
        json!({"limit": ["1", "2"]}),
        json!({"role": ["admin", "admin"]}),
        json!({"sizes": ["1"]}),
        json!({"sizes": ["1,2", "3", " 4 ,,"]}),
        json!({"sizes": [""]}),
        json!({"sizes": ["1", "many"]}),
        json!({"drafts": ["yes"], "limit": ["many"], "page": ["1"], "sizes": ["1", "many"]}),
        json!({"page": ["1"]}),
        json!({"page": ["1", "2"]}),
        json!({"id": ["s2"]}),
    ] {
        table += &format!("{query}\n  {}\n", listed(query.clone()).await);
    }
    expect![[r#"
        {}
          {"id":"s1","limit":null,"drafts":null,"role":null,"at_most":null}
        {"drafts":["true"],"limit":["20"],"role":["admin"]}
          {"id":"s1","limit":20,"drafts":true,"role":"admin","at_most":null}
        {"at_most":["1.5"]}
          {"id":"s1","limit":null,"drafts":null,"role":null,"at_most":1.5}
        {"at_most":["NaN"]}
          422 invalid_request /at_most wrong_type Expected a number, got a string.
        {"limit":["many"]}
          422 invalid_request /limit wrong_type Expected a whole number that is not negative, got a string.
        {"limit":["-1"]}
          422 invalid_request /limit wrong_type Expected a whole number that is not negative, got a string.
        {"limit":["+1"]}
          422 invalid_request /limit wrong_type Expected a whole number that is not negative, got a string.
        {"limit":["256"]}
          422 invalid_request /limit invalid_value 256 is too large.
        {"drafts":["yes"]}
          422 invalid_request /drafts wrong_type Expected a boolean, got a string.
        {"role":["king"]}
          422 invalid_request /role unknown_value Expected one of: moderator, admin.
        {"limit":["1","2"]}
          422 invalid_request /limit duplicate_field Send this field once.
        {"role":["admin","admin"]}
          422 invalid_request /role duplicate_field Send this field once.
        {"sizes":["1"]}
          {"id":"s1","limit":null,"drafts":null,"role":null,"at_most":null,"sizes":[1]}
        {"sizes":["1,2","3"," 4 ,,"]}
          {"id":"s1","limit":null,"drafts":null,"role":null,"at_most":null,"sizes":[1,2,3,4]}
        {"sizes":[""]}
          {"id":"s1","limit":null,"drafts":null,"role":null,"at_most":null,"sizes":[]}
        {"sizes":["1","many"]}
          422 invalid_request /sizes/1 wrong_type Expected a whole number that is not negative, got a string.
        {"drafts":["yes"],"limit":["many"],"page":["1"],"sizes":["1","many"]}
          422 invalid_request /drafts wrong_type Expected a boolean, got a string.; /limit wrong_type Expected a whole number that is not negative, got a string.; /page unknown_field There is no such field.; /sizes/1 wrong_type Expected a whole number that is not negative, got a string.
        {"page":["1"]}
          422 invalid_request /page unknown_field There is no such field.
        {"page":["1","2"]}
          422 invalid_request /page unknown_field There is no such field.
        {"id":["s2"]}
          422 invalid_request /id unknown_field There is no such field.
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn a_body_is_read_as_it_is() {
    let mut table = String::new();
    for body in [
        r#"{"title": "A", "authors": [{"name": "B", "born": -5}]}"#,
        r#"{"title": "A", "format": "audio"}"#,
        r#"{"title": "A", "format": "paper", "pages": 3}"#,
        r#"{"title": "A", "pages": "3"}"#,
        r#"{"title": "A", "pages": -3}"#,
        r#"{"title": "A", "pages": 1.5}"#,
        r#"{"title": "A", "pages": 1e999}"#,
        r#"{"title": null}"#,
        r#"{}"#,
        r#"{"title": "A", "colour": 1}"#,
        r#"{"title": "A", "a/b~c": 1}"#,
        r#"{"size": 1, "a/b~c": 1, "authors": [{"name": "B"}, {"age": 1, "name": "C"}]}"#,
        r#"{"title": "A", "id": 8}"#,
        r#"{"title": "A", "authors": [{"name": "B"}, {"name": 1}]}"#,
        r#"{"title": "A", "authors": [{"name": "B"}, {"age": 1}]}"#,
        r#"{"title": "A", "authors": [{}]}"#,
        r#"{"title": "A", "authors": {"name": "B"}}"#,
        r#"{"title": "A", "authors": ["B"]}"#,
        r#"{"title": "A", "format": "vinyl"}"#,
        r#"{"title": "A", "format": {"audio": null}}"#,
    ] {
        table += &format!("{body}\n  {}\n", added(with_json(add_event(), body)).await);
    }
    expect![[r#"
        {"title": "A", "authors": [{"name": "B", "born": -5}]}
          {"id":7,"title":"A","pages":0,"authors":[{"name":"B","born":-5}],"format":null}
        {"title": "A", "format": "audio"}
          {"id":7,"title":"A","pages":0,"authors":[],"format":"audio"}
        {"title": "A", "format": "paper", "pages": 3}
          {"id":7,"title":"A","pages":3,"authors":[],"format":"paper"}
        {"title": "A", "pages": "3"}
          422 invalid_request /pages wrong_type Expected a whole number that is not negative, got a string.
        {"title": "A", "pages": -3}
          422 invalid_request /pages invalid_value Expected a whole number that is not negative, got -3.
        {"title": "A", "pages": 1.5}
          422 invalid_request /pages wrong_type Expected a whole number that is not negative, got 1.5.
        {"title": "A", "pages": 1e999}
          400 malformed_json
        {"title": null}
          422 invalid_request /title wrong_type Expected a string, got null.
        {}
          422 invalid_request /title missing_field This field is required.
        {"title": "A", "colour": 1}
          422 invalid_request /colour unknown_field There is no such field.
        {"title": "A", "a/b~c": 1}
          422 invalid_request /a~1b~0c unknown_field There is no such field.
        {"size": 1, "a/b~c": 1, "authors": [{"name": "B"}, {"age": 1, "name": "C"}]}
          422 invalid_request /size unknown_field There is no such field.; /a~1b~0c unknown_field There is no such field.; /authors/1/age unknown_field There is no such field.; /title missing_field This field is required.
        {"title": "A", "id": 8}
          422 invalid_request /id unknown_field There is no such field.
        {"title": "A", "authors": [{"name": "B"}, {"name": 1}]}
          422 invalid_request /authors/1/name wrong_type Expected a string, got 1.
        {"title": "A", "authors": [{"name": "B"}, {"age": 1}]}
          422 invalid_request /authors/1/age unknown_field There is no such field.; /authors/1/name missing_field This field is required.
        {"title": "A", "authors": [{}]}
          422 invalid_request /authors/0/name missing_field This field is required.
        {"title": "A", "authors": {"name": "B"}}
          422 invalid_request /authors wrong_type Expected a list, got an object.
        {"title": "A", "authors": ["B"]}
          422 invalid_request /authors/0 wrong_type Expected an object, got a string.
        {"title": "A", "format": "vinyl"}
          422 invalid_request /format unknown_value Expected one of: paper, audio.
        {"title": "A", "format": {"audio": null}}
          422 invalid_request /format wrong_type Expected one of the allowed values, got an object.
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn every_field_that_does_not_fit_is_named() {
    let mut table = String::new();
    for body in [
        r#"{"colour": 1, "pages": "3"}"#,
        r#"{"title": 5, "format": "vinyl", "authors": [{"name": 1}, {"born": "x"}, 7]}"#,
        r#"{"title": null, "authors": {}, "pages": -1}"#,
    ] {
        table += &format!("{}\n", added(with_json(add_event(), body)).await);
    }
    for body in [
        r#"{}"#,
        r#"{"places": [], "price": {"amount": "1", "currency": 7}, "copies": true}"#,
        r#"{"listing_id": "x", "price": {"currency": "usd"}, "places": {"a": "b"}, "copies": -1}"#,
    ] {
        let request = with_json(request("POST", "/api/v1/shelves/7"), body);
        let response = dispatch(&POST, &sell, &(), &context(), event(request)).await;
        table += &format!("{}\n", outcome(&response));
    }
    expect![[r#"
        422 invalid_request /colour unknown_field There is no such field.
          /pages wrong_type Expected a whole number that is not negative, got a string.
          /title missing_field This field is required.
        422 invalid_request /title wrong_type Expected a string, got 5.
          /format unknown_value Expected one of: paper, audio.
          /authors/0/name wrong_type Expected a string, got 1.
          /authors/1/born wrong_type Expected a whole number, got a string.
          /authors/1/name missing_field This field is required.
          /authors/2 wrong_type Expected an object, got 7.
        422 invalid_request /title wrong_type Expected a string, got null.
          /authors wrong_type Expected a list, got an object.
          /pages invalid_value Expected a whole number that is not negative, got -1.
        422 invalid_request /listing_id missing_field This field is required.
          /price missing_field This field is required.
          /copies missing_field This field is required.
          /places missing_field This field is required.
        422 invalid_request /places wrong_type Expected an object, got a list.
          /price/amount wrong_type Expected a whole number, got a string.
          /price/currency wrong_type Expected a string, got 7.
          /copies wrong_type Expected a whole number that is not negative, got true.
          /listing_id missing_field This field is required.
        422 invalid_request /listing_id invalid_value Expected an id such as lst_01JD0000000000000000000000.
          /price/amount missing_field This field is required.
          /places/a wrong_type Expected a whole number that is not negative, got a string.
          /copies invalid_value Expected a whole number that is not negative, got -1.
    "#]]
    .assert_eq(&table.replace("; ", "\n  "));
}

#[tokio::test]
async fn a_field_that_refuses_its_stand_in_hides_no_other() {
    let mut table = String::new();
    for body in [
        r#"{}"#,
        r#"{"volume": 0, "stars": "9", "quotes": [{"from": "x", "page": "y"}]}"#,
        r#"{"by": "", "quotes": [{}, {"page": 1, "from": "QA 76"}]}"#,
    ] {
        let request = with_json(request("POST", "/api/v1/shelves/7"), body);
        let response = dispatch(&POST, &review, &(), &context(), event(request)).await;
        table += &format!("{}\n", outcome(&response));
    }
    expect![[r#"
        422 invalid_request /by missing_field This field is required.
          /volume missing_field This field is required.
          /stars missing_field This field is required.
        422 invalid_request /volume invalid_value 1 or more.
          /stars invalid_value 0 to 5 stars, such as 4 or 4.5.
          /quotes/0/from invalid_value No shelf mark.
          /quotes/0/page wrong_type Expected a whole number that is not negative, got a string.
          /by missing_field This field is required.
        422 invalid_request /by invalid_value Expected a subject of 1 to 128 plain characters.
          /quotes/0/from missing_field This field is required.
          /volume missing_field This field is required.
          /stars missing_field This field is required.
    "#]]
    .assert_eq(&table.replace("; ", "\n  "));
}

/// The input is read once for each, so a large one is not read for all of them.
#[tokio::test]
async fn at_most_twenty_fields_are_named_and_fewer_of_a_large_body() {
    let named = async |values: usize| {
        let unknown: String = (0..21).map(|at| format!(r#""f{at}": 0, "#)).collect();
        let body = format!(r#"{{{unknown}"more": [{}]}}"#, vec!["0"; values].join(","));
        added(with_json(add_event(), &body)).await.matches("unknown_field").count()
    };
    assert_eq!(named(0).await, 20);
    assert_eq!(named(30_000).await, 13, "thirteen readings of 30,024 values are 390,312");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_malformed() {
    let check = async |body: &str, expected: Expect| {
        expected.assert_eq(&added(with_json(add_event(), body)).await);
    };
    for body in ["{", "[]", "\"a\"", "null", "1 2", "{'a': 1}"] {
        check(body, expect!["400 malformed_json"]).await;
    }
    check(r#"{"title": "A", "title": "B"}"#, expect!["400 malformed_json"]).await;
    check(r#"{"title": "A", "x": {"y": 1, "y": 2}}"#, expect!["400 malformed_json"]).await;
    check(&"[".repeat(1000), expect!["400 malformed_json"]).await;
}

#[tokio::test]
async fn bytes_are_checked_before_they_are_read() {
    let check = async |event: Value, expected: &str| {
        let outcome = added(event).await;
        assert!(outcome.starts_with(expected), "{expected}: {outcome}");
    };
    let good = || with_json(add_event(), r#"{"title": "A"}"#);
    let typed = |content_type| with_header(good(), "Content-Type", content_type);
    check(typed("application/json; charset=utf-8"), "{").await;
    check(typed("application/merge-patch+json"), "{").await;
    check(typed("text/plain"), "415 unsupported_media_type").await;
    check(typed("application/x-www-form-urlencoded"), "415 unsupported_media_type").await;
    check(with(add_event(), [("/body", json!("{}"))]), "415 unsupported_media_type").await;
    check(with(add_event(), [("/body", json!(""))]), "422 invalid_request /title").await;

    let base64 =
        |body: &str| with(with_json(add_event(), body), [("/isBase64Encoded", json!(true))]);
    check(base64("eyJ0aXRsZSI6IkEifQ=="), "{").await;
    check(base64("eyJ0aXRsZSI6Iv8ifQ=="), "400 malformed_json").await;

    let padded = |bytes: usize| format!("{}{}", r#"{"title":"A"}"#, " ".repeat(bytes - 13));
    check(with_json(add_event(), &padded(64 * 1024)), "{").await;
    check(with_json(add_event(), &padded(64 * 1024 + 1)), "413 body_too_large").await;

    let query = json!({"title": ["A"]});
    let queried = with(good(), [("/multiValueQueryStringParameters", query)]);
    check(queried, "422 invalid_request /title unknown_field").await;
}

#[tokio::test]
async fn an_unread_parameter_may_be_repeated() {
    let query = json!({"of": ["b1"], "unread": ["1", "2"]});
    let request = with(
        request("POST", "/hooks/shelf"),
        [("/requestContext/authorizer", Value::Null), ("/multiValueQueryStringParameters", query)],
    );
    let response = dispatch(&SIGNED, &hear, &(), &context(), event(request)).await;
    assert_eq!(outcome(&response), r#"["b1",[]]"#);
}

#[tokio::test]
async fn a_request_without_input_takes_none() {
    let check = async |endpoint: &Endpoint, request: Value, expected: &str| {
        let response = dispatch(endpoint, &nothing, &(), &context(), event(request)).await;
        assert_eq!(outcome(&response), expected);
    };
    let get = request("GET", "/api/v1/shelves");
    let post = request("POST", "/api/v1/shelves");
    let queried = with(get.clone(), [("/queryStringParameters", json!({"a": "1"}))]);
    check(&GET, get, "null").await;
    check(&GET, queried, "422 invalid_request /a unknown_field There is no such field.").await;
    check(&POST, post.clone(), "null").await;
    check(&POST, with_json(post.clone(), "{}"), "null").await;
    let one_field = with_json(post, r#"{"a": 1}"#);
    check(&POST, one_field, "422 invalid_request /a unknown_field There is no such field.").await;
}

#[tokio::test]
async fn a_signed_body_reaches_its_handler_byte_for_byte() {
    let check = async |body: &str, is_base64: bool, expected: &[u8]| {
        let request = with(
            request("POST", "/hooks/shelf"),
            [
                ("/requestContext/authorizer", Value::Null),
                ("/queryStringParameters", json!({"of": "b1"})),
                ("/body", json!(body)),
                ("/isBase64Encoded", json!(is_base64)),
            ],
        );
        let response = dispatch(&SIGNED, &hear, &(), &context(), event(request)).await;
        assert_eq!(response.body, json!(["b1", expected]).to_string());
    };
    check("{ \"a\":1}\n", false, b"{ \"a\":1}\n").await;
    check("/wA=", true, &[0xff, 0x00]).await;
}
