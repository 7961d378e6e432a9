//! Errors, pages of lists, expansion.

use super::*;

#[tokio::test]
async fn who_asks_and_in_which_version() {
    let account = Account::open().await;
    let url = format!("{}v1/customers", account.control().url());
    let ask = |key: Option<&str>, version: Option<&str>| {
        let mut request = account.visit.http.get(&url);
        if let Some(key) = key {
            request = request.header("Authorization", key);
        }
        if let Some(version) = version {
            request = request.header("Stripe-Version", version);
        }
        request.send()
    };
    for (key, version, status) in [
        (None, Some(VERSION), 401),
        (Some("Bearer sk_live_x"), Some(VERSION), 401),
        (Some("Basic c2tfdGVzdF94Og=="), Some(VERSION), 401),
        (Some("Bearer sk_test_any"), None, 400),
        (Some("Bearer sk_test_any"), Some("2024-11-20.acacia"), 400),
        (Some("Bearer sk_test_any"), Some(VERSION), 200),
    ] {
        let answer = ask(key, version).await.unwrap();
        assert!(answer.headers().contains_key("request-id"), "{key:?} {version:?}");
        let (got, body) = taken_apart(answer).await;
        assert_eq!(got, status, "{key:?} {version:?}");
        if status != 200 {
            assert_eq!(body["error"]["type"], "invalid_request_error");
        }
    }
}

/// Posts, and checks status, code and parameter of the error.
async fn check(account: &Account, path: &str, form: &[(&str, &str)], refusal: (u16, &str, &str)) {
    let (status, body) = account.try_post(path, form).await;
    let told = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    let (code, param) = (told("code"), told("param"));
    assert_eq!((status, code.as_str(), param.as_str()), refusal, "{path} {form:?}: {body}");
    assert!(!told("message").is_empty(), "{body}");
}

#[tokio::test]
async fn bad_requests_are_named() {
    let account = Account::open().await;
    let hook = [("url", "https://x.test")];
    let amount =
        |amount: &'static str, currency: &'static str| [("amount", amount), ("currency", currency)];
    let missing = "parameter_missing";
    let gone = "resource_missing";
    let number = "parameter_invalid_integer";
    for (path, form, refusal) in [
        ("customers", &[("emial", "a@b")][..], (400, "parameter_unknown", "emial")),
        ("customers", &[("email", "")], (400, "parameter_invalid_empty", "email")),
        ("customers", &[("email", "nobody")], (400, "email_invalid", "email")),
        ("customers/cus_none", &[], (404, gone, "id")),
        ("subscriptions/sub_none", &[], (404, gone, "id")),
        ("widgets", &[], (404, "", "")),
        ("refunds", &[], (400, missing, "charge")),
        ("refunds", &[("charge", "ch_none")], (400, gone, "charge")),
        ("payment_intents", &amount("49", "usd"), (400, "amount_too_small", "amount")),
        ("payment_intents", &amount("x", "usd"), (400, number, "amount")),
        ("payment_intents", &amount("100", "xyz"), (400, "", "currency")),
        ("billing_portal/sessions", &[("customer", "cus_none")], (400, gone, "customer")),
        ("webhook_endpoints", &hook, (400, missing, "enabled_events")),
        ("checkout/sessions", &[], (400, missing, "mode")),
    ] {
        check(&account, path, form, refusal).await;
    }
    let json = account.request("POST", "customers", &[]).header("Content-Type", "application/json");
    let (status, _) = taken_apart(json.body("{}").send().await.unwrap()).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn bad_sessions_are_named() {
    let account = Account::open().await;
    let plan = account.price("prolight_pro_monthly").await;
    let pack = account.price("prolight_pack_50").await;
    let soon = (BEGINNING + 60).to_string();
    let no_types = "payment_method_types_no_longer_supported";
    let gone = "resource_missing";
    for (mode, price, more, refusal) in [
        ("payment", "price_none", ("locale", "en"), (400, gone, "line_items[0][price]")),
        ("payment", &plan, ("locale", "en"), (400, "", "mode")),
        ("subscription", &pack, ("locale", "en"), (400, "", "line_items")),
        (
            "payment",
            &pack,
            ("payment_method_types[0]", "card"),
            (400, no_types, "payment_method_types[0]"),
        ),
        ("payment", &pack, ("ui_mode", "hosted"), (400, "", "ui_mode")),
        ("payment", &pack, ("expires_at", &soon), (400, "", "expires_at")),
        ("payment", &pack, ("subscription_data[metadata][a]", "b"), (400, "", "subscription_data")),
        ("payment", &pack, ("customer", "cus_none"), (400, gone, "customer")),
        ("payment", &pack, ("cancel_url", "/plans"), (400, "url_invalid", "cancel_url")),
        ("payment", &pack, ("expand[]", "nonsense"), (400, "", "expand")),
    ] {
        let form = [
            ("mode", mode),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://prolight.test/"),
            more,
        ];
        check(&account, "checkout/sessions", &form, refusal).await;
    }
}

#[tokio::test]
async fn the_pages_of_a_list_are_its_whole() {
    let account = Account::open().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, account.customer().await);
    }
    let ids = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().unwrap();
        data.iter().map(|object| text(object, "/id")).collect()
    };
    let mut seen: Vec<String> = Vec::new();
    let mut path = "customers?limit=2".to_owned();
    loop {
        let page = account.get(&path).await;
        seen.extend(ids(&page));
        if page["has_more"] == false {
            break;
        }
        path = format!("customers?limit=2&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, made);
    let before = account.get(&format!("customers?limit=2&ending_before={}", made[4])).await;
    assert_eq!(ids(&before), made[2..4]);
    assert_eq!(before["has_more"], true);
    let later = account.get(&format!("customers?created[gte]={}", BEGINNING + 1)).await;
    assert!(ids(&later).is_empty());
    assert_eq!(account.try_get("customers?limit=101").await.0, 400);
    assert_eq!(account.try_get("customers?starting_after=cus_none").await.0, 400);
}

#[tokio::test]
async fn prices_are_found_by_lookup_key() {
    let account = Account::open().await;
    let found = account
        .get(
            "prices?lookup_keys[0]=prolight_pro_monthly&lookup_keys[1]=prolight_pack_200\
             &expand[]=data.product",
        )
        .await;
    let prices: Vec<(String, i64, String)> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|price| {
            (text(price, "/lookup_key"), int(price, "/unit_amount"), text(price, "/product/name"))
        })
        .collect();
    assert_eq!(
        prices,
        [
            ("prolight_pack_200".to_owned(), 1800, "200 credits".to_owned()),
            ("prolight_pro_monthly".to_owned(), 2900, "ProLight Pro".to_owned()),
        ]
    );

    // A new price takes over the key; without `transfer_lookup_key` it is refused.
    let new = [
        ("currency", "usd"),
        ("unit_amount", "3100"),
        ("product", "prolight_pro_monthly"),
        ("recurring[interval]", "month"),
        ("lookup_key", "prolight_pro_monthly"),
    ];
    assert_eq!(account.try_post("prices", &new).await.0, 400);
    let transfer = [&new[..], &[("transfer_lookup_key", "true")]].concat();
    let made = account.post("prices", &transfer).await;
    assert_eq!(account.price("prolight_pro_monthly").await, text(&made, "/id"));
    assert_eq!(made["recurring"]["interval"], "month");

    let empty = Setup { catalogue: crate::stripe::Catalogue::Empty, ..Setup::default() };
    let empty = Account::with(empty).await;
    assert_eq!(empty.get("prices").await["data"], json!([]));
    let product = empty.post("products", &[("id", "pro"), ("name", "Pro")]).await;
    assert_eq!(product["id"], "pro");
    assert_eq!(empty.try_post("products", &[("id", "pro"), ("name", "Pro")]).await.0, 400);
    assert_eq!(empty.get("products").await["data"][0]["id"], "pro");
}

#[tokio::test]
async fn a_seed_makes_the_same_ids() {
    let one = Account::open().await.customer().await;
    assert_eq!(one, Account::open().await.customer().await);
    assert!(one.starts_with("cus_") && one.len() == 18, "{one}");
    assert_ne!(one, Account::with(Setup::default()).await.customer().await);
}
