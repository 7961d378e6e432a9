mod providers;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use axum::{Json, Router, extract::State, routing::get};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::json;

use super::*;
use crate::loopback;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);

/// A private key of the issuer, and its published public half.
struct Signer {
    algorithm: Algorithm,
    kid: &'static str,
    key: EncodingKey,
}

impl Signer {
    fn es256(kid: &'static str) -> Signer {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        Signer { algorithm: Algorithm::ES256, kid, key: EncodingKey::from_ec_der(der.as_ref()) }
    }

    fn ed25519(kid: &'static str) -> Signer {
        let der = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        Signer { algorithm: Algorithm::EdDSA, kid, key: EncodingKey::from_ed_der(der.as_ref()) }
    }

    fn rs256(kid: &'static str) -> Signer {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let pkcs1 = pkcs1_of(pkcs8.as_ref());
        Signer { algorithm: Algorithm::RS256, kid, key: EncodingKey::from_rsa_der(&pkcs1) }
    }

    fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.key).unwrap()
    }
}

/// PKCS #8 wraps an RSA key in 26 bytes of header; the JWT library wants what is inside.
fn pkcs1_of(pkcs8: &[u8]) -> Vec<u8> {
    pkcs8[26..].to_vec()
}

/// An issuer on the loopback interface with a set of keys that can change.
#[derive(Clone)]
struct Served {
    base: String,
    keys: Arc<std::sync::Mutex<Option<Vec<Value>>>>,
    fetches: Arc<AtomicUsize>,
}

impl Served {
    async fn with(keys: &[&Signer]) -> Served {
        let mut served = Served {
            base: String::new(),
            keys: Arc::new(std::sync::Mutex::new(None)),
            fetches: Arc::default(),
        };
        served.publish(keys);
        let routes = Router::new()
            .route("/jwks.json", get(jwks))
            .route("/.well-known/openid-configuration", get(discovery))
            .with_state(served.clone());
        served.base = loopback::serve(routes).await;
        served
    }

    fn publish(&self, keys: &[&Signer]) {
        *self.keys.lock().unwrap() = Some(keys.iter().map(|key| key.public()).collect());
    }

    fn break_down(&self) {
        *self.keys.lock().unwrap() = None;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn issuer(&self) -> Issuer {
        self.issuer_with(|_| ())
    }

    fn issuer_with(&self, change: impl FnOnce(&mut OidcConfig)) -> Issuer {
        let mut config = OidcConfig {
            issuer: self.base.clone(),
            audience: Some("prolight".into()),
            keys: TrustedKeys::Discovered,
            authorized_parties: Vec::new(),
            role_claim: "/app_metadata/role".into(),
            emails_verified: false,
        };
        change(&mut config);
        Issuer::new(Http::new().unwrap(), config).unwrap()
    }

    fn claims(&self) -> Value {
        let now = NOW.as_secs();
        json!({
            "iss": self.base, "aud": "prolight", "sub": "user_1", "iat": now, "nbf": now,
            "exp": now + 3600, "email": "one@example.test", "name": "One"
        })
    }
}

async fn discovery(headers: axum::http::HeaderMap) -> Json<Value> {
    let base = format!("http://{}", headers["host"].to_str().unwrap());
    Json(json!({"issuer": base, "jwks_uri": format!("{base}/jwks.json")}))
}

async fn jwks(State(served): State<Served>) -> Result<Json<Value>, axum::http::StatusCode> {
    served.fetches.fetch_add(1, Ordering::SeqCst);
    match &*served.keys.lock().unwrap() {
        Some(keys) => Ok(Json(json!({"keys": keys}))),
        None => Err(axum::http::StatusCode::INTERNAL_SERVER_ERROR),
    }
}

#[tokio::test]
async fn each_accepted_algorithm_proves_who_it_is() {
    let signers = [Signer::es256("a"), Signer::ed25519("b"), Signer::rs256("c")];
    let served = Served::with(&signers.each_ref()).await;
    let issuer = served.issuer();
    for signer in &signers {
        let identity = issuer.verify(&signer.sign(&served.claims()), NOW).await.unwrap();
        assert_eq!(
            identity,
            Identity {
                user_id: UserId::parse("user_1").unwrap(),
                email: Some("one@example.test".into()),
                email_verified: false,
                name: Some("One".into()),
                role: None,
            },
            "{:?}",
            signer.algorithm
        );
    }
    assert_eq!(served.fetches(), 1);
}

#[tokio::test]
async fn an_address_is_verified_where_the_issuer_says_so() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let issuer = served.issuer();
    let check = async |claim: Option<Value>, expected: bool| {
        let mut claims = served.claims();
        if let Some(claim) = &claim {
            claims["email_verified"] = claim.clone();
        }
        let identity = issuer.verify(&signer.sign(&claims), NOW).await.unwrap();
        assert_eq!(identity.email_verified, expected, "{claim:?}");
    };
    check(Some(json!(true)), true).await;
    check(Some(json!("true")), true).await;
    for claim in [json!(false), json!("false"), json!(1), json!("yes"), json!(null)] {
        check(Some(claim), false).await;
    }
    check(None, false).await;
}

#[tokio::test]
async fn every_claim_is_held_to_its_rule() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let issuer = served.issuer();
    let check = async |name: &str, changed: Value, expected: Result<(), TokenError>| {
        let mut claims = served.claims();
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changed.as_object().unwrap() {
            match value.is_null() {
                true => members.remove(name),
                false => members.insert(name.clone(), value.clone()),
            };
        }
        let verified = issuer.verify(&signer.sign(&claims), NOW).await;
        assert_eq!(verified.map(|_| ()), expected, "{name}");
    };
    let now = NOW.as_secs();
    let malformed = Err(TokenError::Malformed);
    check("as it is", json!({}), Ok(())).await;
    check("one of several audiences", json!({"aud": ["other", "prolight"]}), Ok(())).await;
    check("no nbf", json!({"nbf": null}), Ok(())).await;
    check("a fraction", json!({"exp": now as f64 + 0.5}), Ok(())).await;
    check("expired within the leeway", json!({"exp": now - 59}), Ok(())).await;
    check("expired", json!({"exp": now - 60}), Err(TokenError::Expired)).await;
    check("expired before time began", json!({"exp": -1e300}), Err(TokenError::Expired)).await;
    check("begins within the leeway", json!({"nbf": now + 60}), Ok(())).await;
    check("not yet valid", json!({"nbf": now + 61}), Err(TokenError::NotYetValid)).await;
    check("other issuer", json!({"iss": "https://evil"}), Err(TokenError::Issuer)).await;
    check("other audience", json!({"aud": "other"}), Err(TokenError::Audience)).await;
    check("no audience in a list", json!({"aud": []}), Err(TokenError::Audience)).await;
    let day = 24 * 60 * 60;
    check("a day", json!({"exp": now + day}), Ok(())).await;
    check("longer than a day", json!({"exp": now + day + 61}), Err(TokenError::TooLong)).await;
    let long = json!({"iat": now - 3 * day, "exp": now + 60});
    check("longer than a day, and nearly over", long, Err(TokenError::TooLong)).await;
    let ahead = json!({"iat": now + 30 * day, "exp": now + 30 * day + 60});
    check("made in the future", ahead, Err(TokenError::TooLong)).await;
    check("no iat", json!({"iat": null}), Ok(())).await;
    check("no iat, too long", json!({"iat": null, "exp": 9e9}), Err(TokenError::TooLong)).await;
    check("no exp", json!({"exp": null}), malformed.clone()).await;
    check("exp in words", json!({"exp": "tomorrow"}), malformed.clone()).await;
    check("no iss", json!({"iss": null}), malformed.clone()).await;
    check("many issuers", json!({"iss": [served.base]}), malformed.clone()).await;
    check("no aud", json!({"aud": null}), Err(TokenError::Audience)).await;
    check("no sub", json!({"sub": null}), malformed).await;
    check("a key in sub", json!({"sub": "a#b"}), Err(TokenError::Subject)).await;
}

/// A token for another client of the issuer, or for another purpose, is refused.
#[tokio::test]
async fn a_token_for_another_party_or_purpose_is_refused() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let ours = |config: &mut OidcConfig| {
        config.authorized_parties = vec!["https://app".to_owned(), "client_1".to_owned()];
    };
    let (anybody, ours) = (served.issuer(), served.issuer_with(ours));
    let with = |azp: Value| {
        let mut claims = served.claims();
        claims["azp"] = azp;
        signer.sign(&claims)
    };
    for (azp, expected) in [
        (json!("https://app"), Ok(())),
        (json!("client_1"), Ok(())),
        (json!("https://evil"), Err(TokenError::Party)),
        (json!(null), Err(TokenError::Party)),
    ] {
        assert_eq!(ours.verify(&with(azp.clone()), NOW).await.map(drop), expected, "{azp}");
        assert_eq!(anybody.verify(&with(azp), NOW).await.map(drop), Ok(()));
    }
    for (typ, expected) in [
        (None, Ok(())),
        (Some("JWT"), Ok(())),
        (Some("at+jwt"), Ok(())),
        (Some("application/at+JWT"), Ok(())),
        (Some("logout+jwt"), Err(TokenError::Malformed)),
        (Some("dpop+jwt"), Err(TokenError::Malformed)),
    ] {
        let mut header = Header::new(signer.algorithm);
        (header.kid, header.typ) = (Some("a".to_owned()), typ.map(str::to_owned));
        let token = encode(&header, &served.claims(), &signer.key).unwrap();
        assert_eq!(anybody.verify(&token, NOW).await.map(drop), expected, "{typ:?}");
    }
}

#[tokio::test]
async fn keys_of_two_kinds_may_have_one_name() {
    let (one, other) = (Signer::es256("a"), Signer::ed25519("a"));
    for signers in [[&one, &other], [&other, &one]] {
        let served = Served::with(&signers).await;
        let issuer = served.issuer();
        for signer in signers {
            assert!(issuer.verify(&signer.sign(&served.claims()), NOW).await.is_ok());
        }
        let forged = Signer::ed25519("a").sign(&served.claims());
        assert_eq!(issuer.verify(&forged, NOW).await.unwrap_err(), TokenError::Signature);
    }
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (signer, thief) = (Signer::es256("a"), Signer::es256("a"));
    let other_kind = Signer::ed25519("a");
    let served = Served::with(&[&signer]).await;
    let issuer = served.issuer();
    let claims = served.claims();
    let good = signer.sign(&claims);
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let part = |value: Value| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let admin = part(json!({"iss": served.base, "sub": "user_2", "aud": "prolight", "exp": 9e9}));
    let none = part(json!({"alg": "none", "kid": "a"}));
    let critical = part(json!({"alg": "ES256", "kid": "a", "crit": ["b64"], "b64": false}));
    let hmac = {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("a".into());
        let public = signer.public()["x"].as_str().unwrap().to_owned();
        encode(&header, &claims, &EncodingKey::from_secret(public.as_bytes())).unwrap()
    };
    let check = async |name: &str, token: &str, expected: TokenError| {
        assert_eq!(issuer.verify(token, NOW).await.unwrap_err(), expected, "{name}");
    };
    check("nothing", "", TokenError::Malformed).await;
    check("words", "a.b.c", TokenError::Malformed).await;
    check("no signature", &format!("{header}.{payload}."), TokenError::Signature).await;
    check("alg none", &format!("{none}.{payload}."), TokenError::Malformed).await;
    check("crit", &format!("{critical}.{payload}.{signature}"), TokenError::Malformed).await;
    check("other payload", &format!("{header}.{admin}.{signature}"), TokenError::Signature).await;
    check("HMAC with the public key", &hmac, TokenError::Signature).await;
    check("other key, same name", &thief.sign(&claims), TokenError::Signature).await;
    check("other algorithm", &other_kind.sign(&claims), TokenError::Signature).await;
    check("unknown key", &Signer::es256("z").sign(&claims), TokenError::UnknownKey).await;
    check("too long", &"x".repeat(8193), TokenError::Malformed).await;
    assert!(issuer.verify(&good, NOW).await.is_ok());
}

#[tokio::test]
async fn an_unknown_key_is_looked_up_at_most_once_a_minute() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let served = Served::with(&[&old]).await;
    let issuer = served.issuer();
    let claims = served.claims();
    let verify = async |signer: &Signer, at: Timestamp| {
        issuer.verify(&signer.sign(&claims), at).await.map(|_| ())
    };
    assert_eq!(verify(&old, NOW).await, Ok(()));
    served.publish(&[&old, &new]);
    assert_eq!(verify(&new, NOW.plus(59 * SECOND)).await, Err(TokenError::UnknownKey));
    assert_eq!(served.fetches(), 1);
    assert_eq!(verify(&new, NOW.plus(60 * SECOND)).await, Ok(()));
    assert_eq!(verify(&old, NOW.plus(60 * SECOND)).await, Ok(()));
    assert_eq!(served.fetches(), 2);
}

#[tokio::test]
async fn a_broken_issuer_is_not_the_callers_fault_and_known_keys_keep_serving() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let issuer = served.issuer();
    let claims = {
        let mut claims = served.claims();
        claims["exp"] = json!(NOW.as_secs() + 7_200);
        claims
    };
    let token = signer.sign(&claims);
    served.break_down();
    let refused = issuer.verify(&token, NOW).await.unwrap_err();
    assert!(matches!(refused, TokenError::KeysUnavailable { .. }), "{refused:?}");

    served.publish(&[&signer]);
    assert!(issuer.verify(&token, NOW).await.is_ok(), "without keys, every token causes a fetch");
    served.break_down();
    let later = NOW.plus(3600 * SECOND);
    assert!(issuer.verify(&token, later).await.is_ok());
    assert_eq!(served.fetches(), 3, "an hour old: fetched again");
    assert!(issuer.verify(&token, later.plus(59 * SECOND)).await.is_ok());
    assert_eq!(served.fetches(), 3, "the next fetch is a minute later");
}

#[tokio::test]
async fn keys_we_cannot_use_are_passed_over() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let mut encrypting = signer.public();
    encrypting["use"] = json!("enc");
    let mut other_alg = signer.public();
    other_alg["alg"] = json!("ES384");
    *served.keys.lock().unwrap() = Some(vec![
        json!({"kty": "oct", "kid": "a", "k": "c2VjcmV0"}),
        json!({"kty": "EC", "kid": "a", "crv": "secp256k1", "x": "AA", "y": "AA"}),
        json!("not a key"),
        encrypting,
        other_alg,
    ]);
    let issuer = served.issuer();
    let refused = issuer.verify(&signer.sign(&served.claims()), NOW).await.unwrap_err();
    assert!(matches!(refused, TokenError::KeysUnavailable { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_discovery_document_speaks_only_for_its_own_issuer() {
    let signer = Signer::es256("a");
    let served = Served::with(&[&signer]).await;
    let with_slash = served.issuer_with(|config| config.issuer.push('/'));
    let token = signer.sign(&served.claims());
    let refused = with_slash.verify(&token, NOW).await.unwrap_err();
    assert!(matches!(refused, TokenError::KeysUnavailable { .. }), "{refused:?}");

    let direct = served.issuer_with(|config| {
        config.keys = TrustedKeys::Published(format!("{}/jwks.json", served.base));
    });
    direct.load_keys(NOW).await.unwrap();
    assert!(direct.verify(&token, NOW).await.is_ok());
    assert_eq!(served.fetches(), 1);
}

#[tokio::test]
async fn staff_are_who_the_configured_claim_says() {
    let served = Served::with(&[]).await;
    let check = |pointer: &str, claims: Value, expected: Option<Role>| {
        let issuer = served.issuer_with(|config| config.role_claim = pointer.to_owned());
        assert_eq!(issuer.role(claims.as_object().unwrap()), expected, "{pointer} {claims}");
    };
    let path = "/app_metadata/role";
    check(path, json!({"app_metadata": {"role": "admin"}}), Some(Role::Admin));
    check(path, json!({"app_metadata": {"role": "moderator"}}), Some(Role::Moderator));
    check(path, json!({"app_metadata": {"role": "Admin"}}), None);
    check(path, json!({"app_metadata": {"role": true}}), None);
    check(path, json!({"role": "admin"}), None);
    check("/cognito:groups", json!({"cognito:groups": ["x", "admin"]}), Some(Role::Admin));
    check("/https:~1~1app~1role", json!({"https://app/role": "moderator"}), Some(Role::Moderator));
    check("", json!({"": "admin"}), None);
}

#[test]
fn what_is_passed_on_is_short_and_printable() {
    let check = |claim: Value, expected: Option<&str>| {
        assert_eq!(printable(Some(&claim)).as_deref(), expected, "{claim}");
    };
    check(json!(" Ann "), Some("Ann"));
    check(json!("Zoë"), Some("Zoë"));
    check(json!("a\nb"), None);
    check(json!(""), None);
    check(json!(7), None);
    check(json!("x".repeat(255)), None);
}
