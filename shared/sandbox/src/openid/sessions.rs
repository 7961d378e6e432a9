//! Authorization codes and refresh tokens, in memory: a restart signs everybody out.
//!
//! A code is valid once and for a minute (RFC 6749, section 4.1.2), a refresh token once, as for a
//! public client (RFC 9700, section 4.14.2). The second use of either ends the session.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{people::Person, tokens::TokenError};

/// How long a code is valid.
const CODE_S: u64 = 60;
/// How long a session lasts, however often it is refreshed.
const SESSION_S: u64 = 30 * 86_400;
/// Most codes and refresh tokens stored; above it all are dropped.
const ENTRIES_MAX: usize = 10_000;

/// What a person agreed to on the sign-in page.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub(crate) person: Person,
    pub(crate) redirect_uri: String,
    /// Granted scopes, separated by spaces.
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    /// The PKCE challenge, method S256.
    pub(crate) challenge: String,
    /// Unix time in seconds.
    pub(crate) signed_in_at: u64,
    /// The id of the session, in its ID tokens.
    pub(crate) session: String,
}

/// What a client presents for a code.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

/// Every code and refresh token, used ones included until they expire.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    grants: HashMap<String, Grant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Refresh,
}

#[derive(Debug)]
struct Grant {
    kind: Kind,
    consent: Consent,
    expires_at: u64,
    used: bool,
}

impl Sessions {
    /// A code for a consent.
    pub(crate) fn code(&mut self, consent: Consent, now: u64) -> String {
        self.add(Kind::Code, consent, now + CODE_S, now)
    }

    /// A refresh token of the session.
    pub(crate) fn refresh_token(&mut self, consent: &Consent, now: u64) -> String {
        let expires_at = consent.signed_in_at + SESSION_S;
        self.add(Kind::Refresh, consent.clone(), expires_at, now)
    }

    /// Takes a code. Whatever is wrong with the request, the code is spent.
    pub(crate) fn redeem(&mut self, asked: &Exchange<'_>, now: u64) -> Result<Consent, TokenError> {
        let consent = self.take(Kind::Code, asked.code, now)?;
        if consent.redirect_uri != asked.redirect_uri {
            return Err(TokenError::Refused("the code belongs to another redirect_uri"));
        }
        if challenge_of(asked.verifier).as_ref() != Some(&consent.challenge) {
            return Err(TokenError::Refused("code_verifier does not match code_challenge"));
        }
        Ok(consent)
    }

    /// Takes a refresh token; the caller issues the next one.
    pub(crate) fn rotate(&mut self, token: &str, now: u64) -> Result<Consent, TokenError> {
        self.take(Kind::Refresh, token, now)
    }

    /// Ends a session: none of its codes and refresh tokens is valid any longer.
    pub(crate) fn end(&mut self, session: &str) {
        self.grants.retain(|_, grant| grant.consent.session != session);
    }

    fn take(&mut self, kind: Kind, secret: &str, now: u64) -> Result<Consent, TokenError> {
        let known = self.grants.get_mut(secret).filter(|grant| grant.kind == kind);
        let Some(grant) = known else {
            return Err(TokenError::Refused("it is unknown, or its session has ended"));
        };
        if grant.used {
            let session = grant.consent.session.clone();
            self.end(&session);
            return Err(TokenError::Refused("it was used before; its session has ended"));
        }
        grant.used = true;
        if grant.expires_at <= now {
            return Err(TokenError::Refused("it has expired"));
        }
        Ok(grant.consent.clone())
    }

    fn add(&mut self, kind: Kind, consent: Consent, expires_at: u64, now: u64) -> String {
        self.grants.retain(|_, grant| grant.expires_at > now);
        if self.grants.len() >= ENTRIES_MAX {
            self.grants.clear();
        }
        let secret = secret();
        self.grants.insert(secret.clone(), Grant { kind, consent, expires_at, used: false });
        secret
    }
}

/// A new unguessable text.
pub(crate) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The S256 challenge of a verifier, if that has the form of RFC 7636, section 4.1.
fn challenge_of(verifier: &str) -> Option<String> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    well_formed.then(|| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn consent() -> Consent {
        Consent {
            person: Person::parse("member@prolight.test").unwrap(),
            redirect_uri: "http://127.0.0.1:1/back".to_owned(),
            scope: "openid".to_owned(),
            nonce: None,
            // The example of RFC 7636, appendix B.
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
            signed_in_at: 1_000,
            session: "ses".to_owned(),
        }
    }

    fn redeem(sessions: &mut Sessions, code: &str, now: u64) -> Result<Consent, TokenError> {
        let redirect_uri = "http://127.0.0.1:1/back";
        sessions.redeem(&Exchange { code, redirect_uri, verifier: VERIFIER }, now)
    }

    #[test]
    fn a_code_is_valid_once_and_for_a_minute() {
        let mut sessions = Sessions::default();
        let code = sessions.code(consent(), 1_000);
        assert!(redeem(&mut sessions, &code, 1_059).is_ok());
        let late = sessions.code(consent(), 1_000);
        assert!(redeem(&mut sessions, &late, 1_060).is_err());
        assert!(redeem(&mut sessions, "nothing", 1_000).is_err());
    }

    #[test]
    fn the_second_use_of_a_code_or_a_refresh_token_ends_the_session() {
        let mut sessions = Sessions::default();
        let code = sessions.code(consent(), 1_000);
        let granted = redeem(&mut sessions, &code, 1_001).unwrap();
        let first = sessions.refresh_token(&granted, 1_001);
        assert!(redeem(&mut sessions, &code, 1_002).is_err());
        assert!(sessions.rotate(&first, 1_003).is_err());

        let first = sessions.refresh_token(&granted, 1_001);
        let granted = sessions.rotate(&first, 1_002).unwrap();
        let second = sessions.refresh_token(&granted, 1_002);
        assert!(sessions.rotate(&first, 1_003).is_err());
        assert!(sessions.rotate(&second, 1_003).is_err());
    }

    #[test]
    fn a_session_ends_after_thirty_days_however_often_it_is_refreshed() {
        let mut sessions = Sessions::default();
        let last = 1_000 + SESSION_S - 1;
        let token = sessions.refresh_token(&consent(), last);
        let granted = sessions.rotate(&token, last).unwrap();
        let token = sessions.refresh_token(&granted, last);
        assert!(sessions.rotate(&token, last + 1).is_err());
    }

    #[test]
    fn a_wrong_verifier_spends_the_code() {
        let mut sessions = Sessions::default();
        let code = sessions.code(consent(), 1_000);
        let verifier = &"x".repeat(43);
        let redirect_uri = "http://127.0.0.1:1/back";
        let wrong = Exchange { code: &code, redirect_uri, verifier };
        assert!(sessions.redeem(&wrong, 1_001).is_err());
        assert!(redeem(&mut sessions, &code, 1_001).is_err());
    }
}
