//! Tokens as known issuers make them, under the parameters of `infra/README.md`.
//!
//! Claims are those of the issuers' own documentation:
//! <https://clerk.com/docs/guides/sessions/session-tokens>,
//! <https://supabase.com/docs/guides/auth/jwt-fields>,
//! <https://auth0.com/docs/secure/tokens/access-tokens>,
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html>,
//! <https://developers.google.com/identity/openid-connect/openid-connect>.

use super::*;

const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";
const CLERK: &str = "https://clerk.prolight.example";
const SUPABASE: &str = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";
const AUTH0: &str = "https://prolight.eu.auth0.com/";
const COGNITO: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example";
const GOOGLE: &str = "https://accounts.google.com";
const GOOGLE_CLIENT: &str = "1234987819200.apps.googleusercontent.com";
const COGNITO_CLIENT: &str = "1example23456789";

/// A set of claims with the times of a token of an hour.
fn with_times(mut claims: Value) -> Value {
    let now = NOW.as_secs();
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + 3600);
    claims
}

fn clerk() -> Value {
    let mut claims = with_times(json!({
        "azp": "https://app.prolight.example", "fea": "u:articles", "fva": [7, -1], "iss": CLERK,
        "jti": "a1b2c3d4e5f67890abcd", "nbf": NOW.as_secs() - 10, "pla": "u:free",
        "sid": "sess_2hdTPkXVGNqWCLJQ", "sts": "active", "sub": "user_2OAxsJXVGNqWCLJQ", "v": 2,
        // By "Customize session token": {"email": "{{user.primary_email_address}}", ...}.
        "email": "kim@prolight.test", "email_verified": true, "role": "moderator",
    }));
    claims["exp"] = json!(NOW.as_secs() + 60);
    claims
}

fn supabase() -> Value {
    with_times(json!({
        "aal": "aal1", "amr": [{"method": "password", "timestamp": NOW.as_secs()}],
        "app_metadata": {"provider": "email", "providers": ["email"], "role": "moderator"},
        "aud": "authenticated", "email": "kim@prolight.test", "is_anonymous": false,
        "iss": SUPABASE, "phone": "", "role": "authenticated",
        "session_id": "b9b3d2f4-8b1c-4d0e-9b57-3c2f1a0d4e5f",
        "sub": "123e4567-e89b-12d3-a456-426614174000",
        // Members write into this one: it proves nothing.
        "user_metadata": {"email": "kim@prolight.test", "email_verified": true, "role": "admin"},
    }))
}

fn auth0() -> Value {
    let mut claims = with_times(json!({
        "iss": AUTH0, "sub": "auth0|65f1c0a8e4b0c7a1b2c3d4e5",
        "aud": ["https://api.prolight.example", "https://prolight.eu.auth0.com/userinfo"],
        "azp": "my_client_id", "scope": "openid profile email",
        // By an Action of the login flow: `api.accessToken.setCustomClaim("email", ...)`.
        "email": "kim@prolight.test", "email_verified": true,
        "https://prolight.example/role": "moderator",
    }));
    claims["exp"] = json!(NOW.as_secs() + 86_400);
    claims
}

fn cognito_access() -> Value {
    with_times(json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["moderator"],
        "iss": COGNITO, "version": 2, "client_id": COGNITO_CLIENT,
        "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "token_use": "access",
        "event_id": "64f513be-32db-42b0-b78e-b02127b4f463", "scope": "openid profile email",
        "auth_time": NOW.as_secs(), "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "username": "kim",
        // By a pre token generation trigger (V2_0).
        "email": "kim@prolight.test", "email_verified": "true",
    }))
}

fn cognito_id() -> Value {
    with_times(json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["moderator"],
        "email_verified": true, "iss": COGNITO, "cognito:username": "kim", "nonce": "abcdefg",
        "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "aud": COGNITO_CLIENT,
        "event_id": "64f513be-32db-42b0-b78e-b02127b4f463", "token_use": "id",
        "auth_time": NOW.as_secs(), "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "email": "kim@prolight.test",
    }))
}

fn google() -> Value {
    with_times(json!({
        "iss": GOOGLE, "azp": GOOGLE_CLIENT, "aud": GOOGLE_CLIENT,
        "sub": "10769150350006150715113082367", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
        "hd": "prolight.test", "email": "kim@prolight.test", "email_verified": true,
        "nonce": "0394852-3190485-2490358",
    }))
}

/// The issuer `iss` with keys that `served` publishes, and the parameters of one provider.
fn provider(served: &Served, iss: &str, change: impl FnOnce(&mut OidcConfig)) -> Issuer {
    served.issuer_with(|config| {
        config.issuer = iss.to_owned();
        config.keys = TrustedKeys::Published(format!("{}/jwks.json", served.base));
        config.audience = None;
        change(config);
    })
}

/// Supabase's older projects: one secret, and no keys to fetch.
fn older_supabase(change: impl FnOnce(&mut OidcConfig)) -> Issuer {
    let mut config = OidcConfig {
        issuer: SUPABASE.to_owned(),
        audience: Some("authenticated".to_owned()),
        keys: TrustedKeys::Shared(Secret::new(SECRET)),
        authorized_parties: Vec::new(),
        role_claim: "/app_metadata/role".to_owned(),
        emails_verified: false,
    };
    change(&mut config);
    Issuer::new(Http::new().unwrap(), config).unwrap()
}

fn hs256(claims: &Value, secret: &[u8]) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn and(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn each_provider_as_it_comes() {
    let signer = Signer::rs256("a");
    let served = Served::with(&[&signer]).await;
    let check = async |issuer: Issuer, claims: Value, role: Option<Role>| {
        let identity = issuer.verify(&signer.sign(&claims), NOW).await.unwrap();
        assert_eq!(identity.user_id.as_str(), claims["sub"], "{claims}");
        assert_eq!(identity.email.as_deref(), Some("kim@prolight.test"), "{claims}");
        assert!(identity.email_verified, "{claims}");
        assert_eq!(identity.role, role, "{claims}");
    };
    let moderator = Some(Role::Moderator);
    let clerks = provider(&served, CLERK, |config| {
        config.authorized_parties = vec!["https://app.prolight.example".to_owned()];
        config.role_claim = "/role".to_owned();
    });
    check(clerks, clerk(), moderator).await;
    let supabases = provider(&served, SUPABASE, |config| {
        config.audience = Some("authenticated".to_owned());
        config.emails_verified = true;
    });
    check(supabases, supabase(), moderator).await;
    let auth0s = provider(&served, AUTH0, |config| {
        config.audience = Some("https://api.prolight.example".to_owned());
        config.authorized_parties = vec!["my_client_id".to_owned()];
        config.role_claim = "/https:~1~1prolight.example~1role".to_owned();
    });
    check(auth0s, auth0(), moderator).await;
    let access_tokens = provider(&served, COGNITO, |config| {
        config.authorized_parties = vec![COGNITO_CLIENT.to_owned()];
        config.role_claim = "/cognito:groups".to_owned();
    });
    check(access_tokens, cognito_access(), moderator).await;
    let id_tokens = provider(&served, COGNITO, |config| {
        config.audience = Some(COGNITO_CLIENT.to_owned());
        config.role_claim = "/cognito:groups".to_owned();
    });
    check(id_tokens, cognito_id(), moderator).await;
    let googles = provider(&served, GOOGLE, |config| {
        config.audience = Some(GOOGLE_CLIENT.to_owned());
        config.authorized_parties = vec![GOOGLE_CLIENT.to_owned()];
    });
    check(googles, google(), None).await;
}

#[tokio::test]
async fn a_token_of_the_same_issuer_for_others_is_refused() {
    let signer = Signer::rs256("a");
    let served = Served::with(&[&signer]).await;
    let check = async |issuer: &Issuer, claims: Value, expected: TokenError| {
        let refused = issuer.verify(&signer.sign(&claims), NOW).await.unwrap_err();
        assert_eq!(refused, expected, "{claims}");
    };
    let clerks = provider(&served, CLERK, |config| {
        config.authorized_parties = vec!["https://app.prolight.example".to_owned()];
    });
    check(&clerks, without(clerk(), "azp"), TokenError::Party).await;
    let elsewhere = json!("https://evil.example");
    check(&clerks, and(clerk(), "azp", elsewhere), TokenError::Party).await;
    check(&clerks, and(clerk(), "aud", json!("convex")), TokenError::Audience).await;
    check(&clerks, and(clerk(), "sts", json!("pending")), TokenError::Pending).await;

    let access_tokens = provider(&served, COGNITO, |config| {
        config.authorized_parties = vec![COGNITO_CLIENT.to_owned()];
    });
    check(&access_tokens, cognito_id(), TokenError::Audience).await;
    let other_client = and(cognito_access(), "client_id", json!("another"));
    check(&access_tokens, other_client.clone(), TokenError::Party).await;
    // One of two names that is ours is not enough.
    check(&access_tokens, and(other_client, "azp", json!(COGNITO_CLIENT)), TokenError::Party).await;
    let id_tokens = provider(&served, COGNITO, |config| {
        config.audience = Some(COGNITO_CLIENT.to_owned());
    });
    check(&id_tokens, cognito_access(), TokenError::Audience).await;

    let googles = provider(&served, GOOGLE, |config| {
        config.audience = Some(GOOGLE_CLIENT.to_owned());
    });
    let other_app = and(google(), "aud", json!("9.apps.googleusercontent.com"));
    check(&googles, other_app, TokenError::Audience).await;
    check(&googles, and(google(), "iss", json!("https://evil.example")), TokenError::Issuer).await;
}

#[tokio::test]
async fn an_older_supabase_signs_with_its_secret() {
    let issuer = older_supabase(|_| ());
    let identity = issuer.verify(&hs256(&supabase(), SECRET.as_bytes()), NOW).await.unwrap();
    assert_eq!(identity.role, Some(Role::Moderator));
    assert!(!identity.email_verified, "what members write about themselves proves nothing");
    let trusting = older_supabase(|config| config.emails_verified = true);
    let token = hs256(&supabase(), SECRET.as_bytes());
    assert!(trusting.verify(&token, NOW).await.unwrap().email_verified);
    let said = hs256(&and(supabase(), "email_verified", json!(false)), SECRET.as_bytes());
    assert!(!trusting.verify(&said, NOW).await.unwrap().email_verified);
    issuer.load_keys(NOW).await.unwrap();

    // The keys for the project's own services are tokens of the same secret.
    for role in ["anon", "service_role"] {
        let key = json!({
            "iss": "supabase", "ref": "abcdefghijklmnopqrst", "role": role,
            "iat": NOW.as_secs() - 1000, "exp": NOW.as_secs() + 315_360_000,
        });
        let refused = issuer.verify(&hs256(&key, SECRET.as_bytes()), NOW).await.unwrap_err();
        assert_eq!(refused, TokenError::Malformed, "{role}");
    }
    let other = hs256(&supabase(), b"another-secret-with-at-least-32-characters");
    assert_eq!(issuer.verify(&other, NOW).await.unwrap_err(), TokenError::Signature);
    let anonymous = and(supabase(), "aud", json!("anon"));
    let anonymous = hs256(&anonymous, SECRET.as_bytes());
    assert_eq!(issuer.verify(&anonymous, NOW).await.unwrap_err(), TokenError::Audience);
}

/// Neither a published key as a secret, nor a secret in place of a published key, nor `none`.
#[tokio::test]
async fn a_secret_and_published_keys_are_never_taken_for_each_other() {
    let (rsa, ec) = (Signer::rs256("a"), Signer::es256("b"));
    let served = Served::with(&[&rsa, &ec]).await;
    // A set that lists the secret, too, still gives no key for it.
    let oct = json!({"kty": "oct", "kid": "c", "alg": "HS256", "k": "c2VjcmV0"});
    served.keys.lock().unwrap().as_mut().unwrap().push(oct);
    let newer = provider(&served, SUPABASE, |config| {
        config.audience = Some("authenticated".to_owned());
    });
    let older = older_supabase(|_| ());
    for signer in [&rsa, &ec] {
        let token = signer.sign(&supabase());
        assert!(newer.verify(&token, NOW).await.is_ok());
        assert_eq!(older.verify(&token, NOW).await.unwrap_err(), TokenError::Signature);
    }
    let public = ec.public();
    let secrets = [SECRET.to_owned(), public["x"].as_str().unwrap().to_owned(), public.to_string()];
    for (secret, kid) in secrets.iter().flat_map(|secret| {
        [None, Some("a"), Some("b"), Some("c")].map(|kid| (secret.as_bytes(), kid))
    }) {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = kid.map(str::to_owned);
        let key = EncodingKey::from_secret(secret);
        let token = encode(&header, &supabase(), &key).unwrap();
        let refused = newer.verify(&token, NOW).await.unwrap_err();
        let refusals = [TokenError::Signature, TokenError::UnknownKey];
        assert!(refusals.contains(&refused), "{kid:?} {refused:?}");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::new(algorithm), &supabase(), &key).unwrap();
        assert_eq!(older.verify(&token, NOW).await.unwrap_err(), TokenError::Signature);
    }
}

#[test]
fn a_configuration_that_accepts_everybody_or_a_short_secret_does_not_start() {
    let start = |change: fn(&mut OidcConfig)| {
        let mut config = OidcConfig {
            issuer: CLERK.to_owned(),
            audience: None,
            keys: TrustedKeys::Discovered,
            authorized_parties: vec!["https://app.prolight.example".to_owned()],
            role_claim: "/role".to_owned(),
            emails_verified: false,
        };
        change(&mut config);
        Issuer::new(Http::new().unwrap(), config).is_ok()
    };
    assert!(start(|_| ()));
    assert!(!start(|config| config.authorized_parties.clear()));
    assert!(start(|config| config.keys = TrustedKeys::Shared(Secret::new("x".repeat(32)))));
    assert!(!start(|config| config.keys = TrustedKeys::Shared(Secret::new("x".repeat(31)))));
}
