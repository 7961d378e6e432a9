//! A member's journey: sign in, order images in each of the three ways, receive them, pay for them.

use demo::api::Api;
use serde_json::json;

use crate::member::{GENERATIONS, Member, quick, text, until};

#[tokio::test]
async fn a_prompt_and_three_lights_become_an_image_for_one_credit() {
    let member = Member::new().await;
    let me = member.get("/api/v1/me").await.ok(200);
    assert_eq!((&me["plan"], &me["role"]), (&json!("free"), &json!(null)));
    assert_eq!((&me["status"], &me["suspension"]), (&json!("active"), &json!(null)));
    assert_eq!(me["generations"], json!({ "open": 0, "open_max": 2 }));
    assert_eq!(me["credits"]["available"], 10);

    let order = json!({
        "prompt": "a marble bust, calm and dignified",
        "lighting": {
            "lights": [
                { "role": "key", "azimuth": -50, "elevation": 35, "colour": 5200 },
                { "role": "fill", "intensity": -2.5 },
                { "role": "rim", "azimuth": 140, "size": 0.3, "colour": 7000 },
            ],
            "backdrop": { "colour": "charcoal" },
        },
        "camera": { "focal_length_mm": 85, "aperture": 2.8, "aspect_ratio": "4:5" },
        "seed": 7,
    });
    let answer = member.post(GENERATIONS, &order).await;
    let job = answer.ok(202);
    assert_eq!(answer.header("location"), job["links"]["self"].as_str());
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!((&job["status"], &job["provider"]), (&json!("queued"), &json!("studio")));
    assert_eq!((&job["charge"]["status"], &job["charge"]["credits"]), (&json!("held"), &json!(1)));
    assert_eq!(job["charge"]["lots"].as_array().unwrap().len(), 1);
    assert_eq!(member.credits().await["available"], 9, "the credit is held immediately");

    let job = member.follow(&job).await;
    assert_eq!((&job["status"], &job["error"]), (&json!("succeeded"), &json!(null)));
    assert_eq!(job["charge"]["status"], "captured");
    assert_eq!(job["input"]["lighting"]["lights"].as_array().unwrap().len(), 3);
    assert_eq!((&job["seed"], &job["aspect_ratio"]), (&json!(7), &json!("4:5")));
    let credits = member.credits().await;
    assert_eq!((&credits["available"], &credits["held"]), (&json!(9), &json!(0)));
    assert_eq!((&credits["totals"]["spent"], &credits["lots"][0]["spent"]), (&json!(1), &json!(1)));
    assert_eq!(credits["ledger"]["items"][0]["cause"], job["id"], "the newest line is the capture");
    member.check_books().await;
}

#[tokio::test]
async fn a_prompt_is_structured_and_the_structure_becomes_an_image() {
    let member = Member::new().await;
    let ask = json!({
        "prompt": "a glass bottle of perfume on black stone",
        "lighting": { "lights": [{ "role": "key" }] },
    });
    let structured = member.post("/api/v1/prompts/structure", &ask).await.ok(200);
    assert_eq!(structured["structured_by"], "template");
    let prompt = &structured["structured_prompt"];
    assert!(text(&prompt["short_description"]).contains("perfume"), "{prompt}");
    assert!(!text(&prompt["lighting"]["conditions"]).is_empty(), "{prompt}");
    assert_eq!(member.credits().await["available"], 10, "structuring is free");

    let job = member.make(&json!({ "structured_prompt": prompt, "quality": "lite" })).await;
    assert_eq!(job["input"]["structured_prompt"], *prompt);
    member.check_books().await;
}

#[tokio::test]
async fn a_preset_is_kept_used_refined_and_forgotten() {
    let member = Member::new().await;
    let preset = json!({
        "name": "Low key",
        "prompt": "a portrait of a violinist",
        "lighting": { "lights": [{ "role": "key", "azimuth": -70 }] },
        "camera": { "aspect_ratio": "16:9" },
    });
    let answer = member.post("/api/v1/presets", &preset).await;
    let kept = answer.ok(201);
    assert!(answer.header("location").unwrap().ends_with(text(&kept["id"])));
    let listed = member.get("/api/v1/presets").await.ok(200);
    assert_eq!(listed["items"], json!([kept]));

    let order = json!({ "preset_id": kept["id"], "prompt": "smiling", "quality": "lite" });
    let job = member.make(&order).await;
    assert_eq!(job["input"]["prompt"], "a portrait of a violinist. smiling");
    assert_eq!((&job["image"]["width"], &job["image"]["height"]), (&json!(512), &json!(288)));

    let path = format!("/api/v1/presets/{}", text(&kept["id"]));
    assert_eq!(
        Member::new().await.delete(&path).await.problem(404, "preset_not_found")["status"],
        404
    );
    assert_eq!(member.delete(&path).await.status, 204);
    member.delete(&path).await.problem(404, "preset_not_found");
    let refused = member.post(GENERATIONS, &order).await.problem(422, "invalid_request");
    assert_eq!(refused["errors"][0]["pointer"], "/preset_id");
    let again = member.get(text(&job["links"]["self"])).await.ok(200);
    assert_eq!(again["input"], job["input"], "an image keeps the preset's values");
    member.check_books().await;
}

#[tokio::test]
async fn the_same_order_with_the_same_seed_is_the_same_image() {
    let member = Member::new().await;
    let mut order = quick("a sphere of brushed steel");
    order["seed"] = json!(42);
    let (first, second) = (member.make(&order).await, member.make(&order).await);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["image"]["sha256"], second["image"]["sha256"]);
    member.check_books().await;
}

#[tokio::test]
async fn members_say_who_they_are() {
    let member = Member::new().await;
    let patch = async |body| {
        let request = member.request(reqwest::Method::PATCH, "/api/v1/me").json(&body);
        crate::member::answer(request).await
    };
    let me = patch(json!({ "display_name": "Ada", "bio": "Light first." })).await.ok(200);
    assert_eq!((&me["display_name"], &me["bio"]), (&json!("Ada"), &json!("Light first.")));
    let me = patch(json!({ "bio": null })).await.ok(200);
    assert_eq!((&me["display_name"], &me["bio"]), (&json!("Ada"), &json!(null)));
    assert_eq!(member.get("/api/v1/me").await.ok(200), me);
    patch(json!({ "plan": "enterprise" })).await.problem(422, "invalid_request");
}

/// The image's link works until it expires, so the object itself has to be deleted.
#[tokio::test]
async fn a_member_takes_everything_along_and_leaves() {
    let member = Member::new().await;
    let job = member.make(&quick("a lamp that is switched off")).await;
    let export = member.get("/api/v1/me/export").await.ok(200);
    let of_kind = |kind: &str| {
        let items = export["items"].as_array().unwrap().iter();
        items.filter(|item| item["kind"] == kind).count()
    };
    assert_eq!((of_kind("account"), of_kind("job"), of_kind("input")), (1, 1, 1));
    let file = text(&export["files"][0]["url"]).to_owned();
    assert!(!Api::anonymous().unwrap().fetch(&file).await.unwrap().is_empty());

    let left = member.delete("/api/v1/me").await.ok(200);
    assert!(left["deletion"]["requested_at"].is_string(), "{left}");
    member.post(GENERATIONS, &quick("another")).await.problem(403, "account_deleted");
    let erased = until("the erasure", async || {
        let me = member.get("/api/v1/me").await.ok(200);
        me["deletion"]["erased_at"].is_string().then_some(me)
    });
    let me = erased.await;
    assert_eq!((&me["email"], &me["display_name"]), (&json!(null), &json!(null)));
    assert!(Api::anonymous().unwrap().fetch(&file).await.is_err(), "the image is deleted");
    let link = text(&job["links"]["self"]).to_owned();
    member.get(&link).await.problem(404, "generation_not_found");
    let ledger = member.credits().await;
    assert_eq!(ledger["totals"]["spent"], 1, "spent credits stay in the ledger");
}
