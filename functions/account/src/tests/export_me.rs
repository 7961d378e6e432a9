//! Data export.

use serde_json::{Value, json};
use testing::{Client, ImagesCdn, engine::TABLE};

use super::account_app;

/// All pages of an export.
async fn whole_export(member: &Client<'_>) -> (Vec<Value>, Vec<Value>) {
    let export = || member.get("/api/v1/me/export");
    let (mut items, mut files, mut next) = (Vec::new(), Vec::new(), export());
    loop {
        let page = next.await;
        assert_eq!(page.status(), 200, "{}", page.pretty());
        let page = page.json();
        items.extend(page["items"].as_array().unwrap().clone());
        files.extend(page["files"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = export().query("cursor", cursor),
            None => return (items, files),
        }
    }
}

/// Writes an item into the member's partition.
fn store_item(member: &Client<'_>, sk: &str, mut item: Value) {
    item["pk"] = json!({"S": format!("USER#{}", member.id)});
    item["sk"] = json!({"S": sk});
    let put = json!({"TableName": TABLE, "Item": item});
    member.app().engine.run("PutItem", &put.to_string()).unwrap();
}

#[tokio::test]
async fn everything_is_exported_except_what_names_other_people() {
    let app = account_app();
    let kim = app.sign_in("kim");
    kim.get("/api/v1/me").await;
    let sale = json!({
        "title": {"S": "Soft key"}, "buyer_id": {"S": "user_ada"}, "version": {"N": "3"},
        "gsi1pk": {"S": "SALES#HELD"}, "expires_at": {"N": "1"},
    });
    store_item(&kim, "SALE#pur_1", sale);
    let input = json!({"prompt": {"S": "a red chair"}, "model_id": {"S": "tailored-7"}});
    store_item(&kim, "INPUT#gen_1", input);
    let job = json!({
        "id": {"S": "gen_1"}, "webhook_token": {"S": "secret"},
        "image": {"M": {"key": {"S": "generations/user_kim/gen_1/original.png"}}},
    });
    store_item(&kim, "JOB#gen_1", job);
    store_item(&kim, "IDEM#key", json!({"key": {"S": "key"}}));
    for number in 0..250 {
        let sk = format!("PRESET#pre_{number:03}");
        store_item(&kim, &sk, json!({"name": {"S": format!("Preset {number}")}}));
    }
    let (items, files) = whole_export(&kim).await;
    let of_kind = |kind: &str| -> Vec<&Value> {
        items.iter().filter(|it| it["kind"] == kind).map(|it| &it["data"]).collect()
    };
    assert_eq!(of_kind("account")[0]["email"], "kim@prolight.test");
    assert_eq!(of_kind("ledger").len(), 1, "the month's grant");
    assert_eq!(of_kind("sale"), [&json!({"title": "Soft key"})]);
    assert_eq!(of_kind("input"), [&json!({"prompt": "a red chair"})]);
    assert_eq!(of_kind("preset").len(), 250, "all pages together are complete");
    assert!(of_kind("idem").is_empty() && of_kind("person").is_empty());
    let text = json!(items).to_string();
    for hidden in ["user_ada", "tailored-7", "secret", "gsi1pk"] {
        assert!(!text.contains(hidden), "{hidden} is nobody else's business");
    }
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["name"], "generations/gen_1.png");
    assert!(
        files[0]["url"].as_str().unwrap().contains("/generations/user_kim/gen_1/original.png?")
    );
}

#[tokio::test]
async fn an_exported_image_is_linked_through_the_cdn() {
    let (mut app, cdn) = (account_app(), ImagesCdn::generate());
    cdn.serve(&mut app);
    app.aws.put_secret(ImagesCdn::SECRET, &cdn.secret());
    let kim = app.sign_in("kim");
    let image = json!({"M": {"key": {"S": "generations/user_kim/gen_1/original.png"}}});
    store_item(&kim, "JOB#gen_1", json!({"id": {"S": "gen_1"}, "image": image}));
    let (_, files) = whole_export(&kim).await;
    let link = files[0]["url"].as_str().unwrap();
    let path = format!("{}/generations/user_kim/gen_1/original.png?Policy=", ImagesCdn::URL);
    assert!(link.starts_with(&path), "{link}");
}

#[tokio::test]
async fn an_export_is_the_members_own() {
    let app = account_app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    kim.get("/api/v1/me").await;
    let (items, _) = whole_export(&ada).await;
    assert!(items.is_empty(), "{items:?}");
    assert_eq!(app.visitor().get("/api/v1/me/export").await.status(), 401);
    let broken = kim.get("/api/v1/me/export?cursor=*").await;
    assert_eq!(broken.status(), 422);
}
