//! Tokens of an issuer: a token is accepted if the issuer signed it for us and it is valid now.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clients::{
    Http, Issuer, Secret,
    oidc::{Identity, LEEWAY, LIFETIME_MAX, OidcConfig, TokenError, TrustedKeys},
};
use domain::Timestamp;
use futures_util::FutureExt;
use serde_json::Value;

use crate::parts::code;

const ISSUER_URL: &str = "https://issuer.test";
const AUDIENCE: &str = "prolight";
const ROLE_CLAIM: &str = "/app_metadata/role";
const SECRET: &str = "a secret of more than thirty-two bytes";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const NOW_S: i64 = 1_800_000_000;
const CLAIMS: &str =
    r#"{"iss":"https://issuer.test","aud":"prolight","sub":"user_1","exp":1800003600}"#;

thread_local! {
    static ISSUER: Issuer = issuer();
}

fn issuer() -> Issuer {
    let config = OidcConfig {
        issuer: ISSUER_URL.to_owned(),
        audience: Some(AUDIENCE.to_owned()),
        keys: TrustedKeys::Shared(Secret::new(SECRET)),
        authorized_parties: Vec::new(),
        role_claim: ROLE_CLAIM.to_owned(),
        emails_verified: false,
    };
    let http = Http::new().expect("the machine has root certificates");
    Issuer::new(http, config).expect("the configuration is valid")
}

/// Claims, which are signed here, or a whole token.
pub(crate) fn read(input: &[u8]) -> bool {
    if input.starts_with(b"{") {
        return claims(input);
    }
    str::from_utf8(input).is_ok_and(token)
}

/// A token that is whole.
pub(crate) fn made() -> Vec<Vec<u8>> {
    vec![signed(CLAIMS.as_bytes()).into_bytes()]
}

fn signed(claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
    let signature = code(SECRET.as_bytes(), &[signed.as_bytes()]);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn verify(token: &str) -> Result<Identity, TokenError> {
    let now = Timestamp::from_secs(NOW_S);
    let verified = ISSUER.with(|issuer| issuer.verify(token, now).now_or_never());
    verified.expect("a shared secret is not waited for")
}

fn token(text: &str) -> bool {
    let is_accepted = verify(text).is_ok();
    if is_accepted {
        let (signed, signature) = text.rsplit_once('.').expect("it has a signature");
        let expected = URL_SAFE_NO_PAD.encode(code(SECRET.as_bytes(), &[signed.as_bytes()]));
        assert_eq!(signature, expected);
    }
    is_accepted
}

fn claims(input: &[u8]) -> bool {
    let Ok(identity) = verify(&signed(input)) else { return false };
    let claims: Value = serde_json::from_slice(input).expect("accepted claims are JSON");
    let is_or_has = |claim: Option<&Value>, text: &str| match claim {
        Some(Value::Array(items)) => items.iter().any(|item| item == text),
        Some(claim) => claim == text,
        None => false,
    };
    assert_eq!(claims["iss"], ISSUER_URL);
    assert_eq!(claims["sub"], identity.user_id.as_str());
    assert!(is_or_has(claims.get("aud"), AUDIENCE), "it is for us");
    let (now, leeway) = (NOW_S as f64, LEEWAY.as_secs_f64());
    let date = |name: &str| claims[name].as_f64();
    let expires_at = date("exp").expect("it ends");
    assert!(expires_at + leeway > now, "it has not ended");
    assert!(expires_at <= now + LIFETIME_MAX.as_secs_f64() + leeway + 0.001, "it ends soon");
    assert!(date("nbf").is_none_or(|begins| begins <= now + leeway + 0.001), "it has begun");
    if let Some(role) = identity.role {
        let is_named =
            ["admin", "moderator"].iter().any(|name| is_or_has(claims.pointer(ROLE_CLAIM), name));
        assert!(is_named, "nobody named them {role:?}");
    }
    true
}
