//! Sharing a listing, and following a shared link.

use clients::ShareLinks;
use domain::marketplace::{community::share::Referral, listing::revision::Edit};
use expect_test::expect;
use serde_json::json;
use testing::{ClientRequest, Fault, TestApp};

use super::{
    super::{LISTINGS, app},
    steps::{draft, next_version, on_sale, on_sale_titled, retire, share_code},
};

/// The counted visitors of a shared link.
async fn clicks(app: &TestApp, code: &str) -> u32 {
    app.store.share(code).await.unwrap().clicks
}

/// A visit of a shared link.
fn follow<'a>(app: &'a TestApp, code: &str) -> ClientRequest<'a> {
    app.visitor().get(format!("/s/{code}"))
}

#[tokio::test]
async fn a_member_has_one_link_to_a_listing() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let answer = kim.post(format!("{LISTINGS}/{listing}/share")).await;
    assert_eq!(answer.status(), 201);
    let code = answer.json()["code"].as_str().unwrap().to_owned();
    let url = format!("https://api.prolight.test/test/s/{code}");
    assert_eq!(answer.json(), json!({"code": code, "url": url, "clicks": 0}));
    assert_eq!(answer.header("location"), Some(&url[..]));
    follow(&app, &code).await;
    let again = kim.post(format!("{LISTINGS}/{listing}/share")).await;
    assert_eq!(again.json(), json!({"code": code, "url": url, "clicks": 1}));
    assert_ne!(share_code(&lena, &listing).await, code, "each member has their own");

    let unpublished = draft(&app, &lena, "A draft", 0).await;
    for id in [unpublished.as_str(), "x"] {
        let answer = lena.post(format!("{LISTINGS}/{id}/share")).await;
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    app.suspend(&kim.id, "spam", None).await;
    let suspended = kim.post(format!("{LISTINGS}/{listing}/share")).await;
    assert_eq!(suspended.brief(), "403 account_suspended");
}

#[tokio::test]
async fn a_visitor_is_counted_once_a_day() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let code = share_code(&kim, &on_sale(&app, &lena, 0).await).await;
    let check = async |ip: &str, agent: &str, expected: u32| {
        assert_eq!(follow(&app, &code).ip(ip).header("User-Agent", agent).await.status(), 200);
        assert_eq!(clicks(&app, &code).await, expected, "{ip} {agent}");
    };
    check("203.0.113.1", "one", 1).await;
    check("203.0.113.1", "one", 1).await;
    check("203.0.113.1", "two", 1).await;
    check("203.0.113.2", "one", 2).await;
    check("2001:db8:1:1::1", "one", 3).await;
    check("2001:db8:1:1:ffff::9", "two", 3).await;
    check("2001:db8:1:2::1", "one", 4).await;
    app.ambient.clock.advance(domain::time::DAY);
    check("203.0.113.1", "one", 5).await;
}

/// Programs do not count as visitors: link previews, prefetching, `HEAD`.
#[tokio::test]
async fn programs_that_follow_a_link_are_not_counted() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let code = share_code(&kim, &on_sale(&app, &lena, 0).await).await;
    for (nth, agent) in
        ["", "curl/8.5.0", "Slackbot-LinkExpanding 1.0", "WhatsApp/2.23"].into_iter().enumerate()
    {
        let visitor = follow(&app, &code).ip(&format!("203.0.113.{nth}"));
        let answer = visitor.header("User-Agent", agent).await;
        assert_eq!(answer.status(), 200, "{agent}");
    }
    for header in ["Sec-Purpose", "Purpose", "X-Moz"] {
        let prefetch = follow(&app, &code).ip("203.0.113.50").header(header, "prefetch");
        assert_eq!(prefetch.await.status(), 200);
    }
    let head = app.visitor().head(format!("/s/{code}")).ip("203.0.113.60").await;
    assert_eq!(clicks(&app, &code).await, 0);
    let get = follow(&app, &code).ip("203.0.113.60").await;
    assert_eq!(clicks(&app, &code).await, 1);
    assert_eq!((head.status(), head.body.as_str()), (get.status(), ""));
    assert_eq!(head.headers, get.headers, "HEAD answers like GET");
}

/// Many addresses count at most the clicks that a listing may gain in a minute.
#[tokio::test]
async fn the_clicks_of_a_minute_are_limited() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let code = share_code(&kim, &on_sale(&app, &lena, 0).await).await;
    for nth in 0..70 {
        let answer = follow(&app, &code).ip(&format!("203.0.113.{nth}")).await;
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(clicks(&app, &code).await, 60);
}

#[tokio::test]
async fn the_page_describes_the_listing_and_redirects_to_it() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale_titled(&app, &lena, r#"Haze "><script>alert('1')</script>"#, 600).await;
    let code = share_code(&kim, &listing).await;
    let answer = follow(&app, &code).query("fbclid", "x").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"), "the token carries the time");
    let refresh = answer.header("refresh").unwrap();
    let page = format!("0; url=https://app.prolight.test/marketplace/listings/{listing}?ref=");
    let token = refresh.strip_prefix(&page).unwrap();
    let links: ShareLinks = app.connect().await;
    let (followed, at) = links.read_click(token).unwrap();
    assert!(followed == code && Referral::counts(at, app.now()));
    let html = answer.body.replace(token, "TOKEN").replace(&code, "CODE");
    let html = html.replace(listing.as_str(), "LISTING").replace("><", ">\n<");
    expect![[r#"
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>Haze &quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="description" content="One warm key, a whisper of fill.">
        <meta property="og:site_name" content="ProLight AI">
        <meta property="og:type" content="product">
        <meta property="og:title" content="Haze &quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;">
        <meta property="og:description" content="One warm key, a whisper of fill.">
        <meta property="og:url" content="https://api.prolight.test/test/s/CODE">
        <meta name="twitter:card" content="summary_large_image">
        <meta name="twitter:title" content="Haze &quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;">
        <meta name="twitter:description" content="One warm key, a whisper of fill.">
        <meta property="og:image" content="https://previews.prolight.test/previews/LISTING/upl_01M817QNM00000000000000001/1200.jpg">
        <meta property="og:image:width" content="1200">
        <meta property="og:image:height" content="800">
        <meta name="twitter:image" content="https://previews.prolight.test/previews/LISTING/upl_01M817QNM00000000000000001/1200.jpg">
        <style>body{font-family:sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}img{max-width:100%}</style>
        </head>
        <body>
        <h1>Haze &quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;</h1>
        <p>
        <img src="https://previews.prolight.test/previews/LISTING/upl_01M817QNM00000000000000001/1200.jpg" alt="">
        </p>
        <p>One warm key, a whisper of fill.</p>
        <p>
        <a href="https://app.prolight.test/marketplace/listings/LISTING?ref=TOKEN">See it on ProLight AI</a>
        </p>
        </body>
        </html>"#]].assert_eq(&html);
}

#[tokio::test]
async fn a_long_description_is_cut_between_letters() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let check = async |description: String, expected: &str| {
        let edit = Edit { description: Some(description), ..Edit::default() };
        next_version(&app, &lena, &listing, edit).await;
        let code = share_code(&kim, &listing).await;
        let html = follow(&app, &code).await.body;
        let tag = format!(r#"<meta property="og:description" content="{expected}">"#);
        assert!(html.contains(&tag), "{html}");
    };
    check("ü".repeat(200), &"ü".repeat(200)).await;
    check("ü".repeat(201), &format!("{}…", "ü".repeat(199))).await;
    check("One\n\n two\tthree ".to_owned(), "One two three").await;
}

#[tokio::test]
async fn an_invented_code_is_refused_without_reading_the_table() {
    let app = app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&app, &lena, 0).await;
    let links: ShareLinks = app.connect().await;
    let unshared = links.code(&lena.id, &listing);
    app.engine.take_usage();
    for code in ["x", "0000000000000", "..%2Fadmin", &unshared[1..]] {
        let answer = follow(&app, code).await;
        assert_eq!(answer.status(), 404, "{code}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("refresh"), None);
        assert!(answer.body.contains("https://app.prolight.test/marketplace\""));
        assert!(!answer.body.contains("admin"), "nothing of the code is on the page");
    }
    assert!(app.engine.take_usage().requests.is_empty());
    assert_eq!(follow(&app, &unshared).await.status(), 404);
}

#[tokio::test]
async fn a_link_to_a_listing_off_sale_leads_to_the_marketplace() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&app, &lena, 0).await;
    let code = share_code(&kim, &listing).await;
    retire(&app, &lena, &listing).await;
    let answer = follow(&app, &code).await;
    assert_eq!((answer.status(), answer.header("refresh")), (200, None));
    assert!(answer.body.contains("No longer on sale"));
    assert!(!answer.body.contains("Rembrandt"));
}

#[tokio::test]
async fn a_visitor_who_cannot_be_counted_sees_the_page() {
    let app = app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let code = share_code(&kim, &on_sale(&app, &lena, 0).await).await;
    for nth in 1..=3 {
        app.engine.order("PutItem", nth, Fault::Fail);
    }
    assert_eq!(follow(&app, &code).await.status(), 200);
    assert_eq!(clicks(&app, &code).await, 0);
}
