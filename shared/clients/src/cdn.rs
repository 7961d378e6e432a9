//! The CDN of images: links that CloudFront lets pass because we have signed them.
//!
//! A signature of S3 is made with the credentials of one process. This one is made with a key that
//! all processes share, by RSASSA-PKCS1-v1_5, which is not randomized; so all of them link an image
//! by the same URL, and a browser that has it does not load it again. ECDSA, which CloudFront takes
//! too, would have to be made deterministic.
//!
//! One signature is for all images of a member, by a policy with a wildcard: RSA is slow, and a
//! page has a hundred links. So until it ends, a link also opens the other object of its image: who
//! is given that of a thumbnail can open the original. An image of another job they could open only
//! by that job's id, which has 80 random bits.
//!
//! A link by S3 opens the same object, so a secret without a key of the distribution stops nothing.
//!
//! * The policy, the alphabet, and `Hash-Algorithm`, without which a signature is over SHA-1:
//!   <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html>
//! * Keys: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-trusted-signers.html>

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use connect::{Aws, Environment, InitError, chain};
use domain::Timestamp;
use jsonwebtoken::EncodingKey;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::warn;

use crate::{
    bucket::BucketFailure,
    secrets::{self, ImagesSecret, Secret},
};

/// The variable of the distribution's URL; empty without one.
const IMAGES_URL: &str = "IMAGES_URL";
/// The variable of its public keys: see [`id_of`].
const IMAGES_KEYS: &str = "IMAGES_KEYS";
/// The variable of the secret with a private key.
const IMAGES_SECRET_ARN: &str = "IMAGES_SECRET_ARN";

/// What is escaped in a path: everything but what RFC 3986 calls unreserved, and slashes.
const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A distribution in front of the bucket that serves what is requested with our signature.
#[derive(Debug)]
pub(crate) struct Cdn {
    url: String,
    key_id: String,
    key: RsaKeyPair,
    /// What was signed last: the links of an answer are about one member.
    last: Mutex<Option<Signed>>,
}

#[derive(Debug)]
struct Signed {
    policy: String,
    query: String,
}

/// The distribution with the key that was read last, which stays when the secret is read again and
/// has none.
#[derive(Debug, Clone, Default)]
struct Known(Arc<Mutex<Option<Arc<Cdn>>>>);

impl Known {
    fn get(&self) -> MutexGuard<'_, Option<Arc<Cdn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a secret signs no links.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyRefused {
    #[error("it is no RSA private key in PEM")]
    Unreadable,
    #[error("it belongs to none of the distribution's public keys")]
    Foreign,
}

impl Cdn {
    /// See [`connect::Connect::variables`].
    pub(crate) fn variables() -> Vec<&'static str> {
        vec![IMAGES_URL, IMAGES_KEYS, IMAGES_SECRET_ARN]
    }

    /// The distribution of this deployment, with the key in its secret or, if that cannot be read
    /// or is none of the distribution, the one that the process had. `None` without either, and
    /// without a distribution: then the images are linked by S3.
    ///
    /// # Errors
    /// When a variable is missing.
    pub(crate) async fn connect(
        env: &Environment,
        aws: &Aws,
    ) -> Result<Option<Arc<Cdn>>, InitError> {
        let Some(url) = env.optional(IMAGES_URL) else { return Ok(None) };
        let (keys, arn) = (env.text(IMAGES_KEYS)?, env.text(IMAGES_SECRET_ARN)?);
        let read = secrets::read::<ImagesSecret>(aws, arn, "the images secret").await;
        let made = read
            .map_err(BucketFailure::from)
            .and_then(|secret| Ok(Cdn::new(url, keys, &secret.private_key)?));
        let known = aws.shared(|_| Known::default());
        let mut known = known.get();
        match made {
            Ok(cdn) => *known = Some(Arc::new(cdn)),
            Err(why) => {
                let used = if known.is_some() { "have the key read before" } else { "lead to S3" };
                let said = "until their secret has a private key of the distribution, which \
                            scripts/secrets stores";
                warn!(secret = arn, why = chain(&*why), "links to images {used} {said}");
            }
        }
        Ok(known.clone())
    }

    /// The distribution at `url`, signing with `private_key`, which has to be of one of `keys`.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn new(url: &str, keys: &str, private_key: &Secret) -> Result<Cdn, KeyRefused> {
        let pem = private_key.expose().as_bytes();
        let der = EncodingKey::from_rsa_pem(pem).map_err(|_| KeyRefused::Unreadable)?;
        let key = RsaKeyPair::from_der(der.as_bytes()).map_err(|_| KeyRefused::Unreadable)?;
        let key_id = id_of(&key, keys).ok_or(KeyRefused::Foreign)?.to_owned();
        let url = url.trim_end_matches('/').to_owned();
        Ok(Cdn { url, key_id, key, last: Mutex::default() })
    }

    /// A link to the object at `key` in `folder`, valid until `expires_at`. No call is made; the
    /// distribution refuses a link to a key outside `folder`.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn link(
        &self,
        folder: &str,
        key: &str,
        expires_at: Timestamp,
    ) -> Result<String, BucketFailure> {
        // As AWS writes it. The URL has nothing that JSON escapes.
        let (url, until) = (self.url_of(folder), expires_at.as_secs());
        let condition = format!(r#"{{"DateLessThan":{{"AWS:EpochTime":{until}}}}}"#);
        let policy =
            format!(r#"{{"Statement":[{{"Resource":"{url}*","Condition":{condition}}}]}}"#);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = match last.take().filter(|signed| signed.policy == policy) {
            Some(signed) => signed,
            None => self.sign(policy)?,
        };
        let link = format!("{}?{}", self.url_of(key), signed.query);
        *last = Some(signed);
        Ok(link)
    }

    fn url_of(&self, key: &str) -> String {
        format!("{}/{}", self.url, utf8_percent_encode(key, IN_PATH))
    }

    fn sign(&self, policy: String) -> Result<Signed, Unspecified> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            policy.as_bytes(),
            &mut signature,
        )?;
        let query = format!(
            "Policy={}&Signature={}&Key-Pair-Id={}&Hash-Algorithm=SHA256",
            in_query(policy.as_bytes()),
            in_query(&signature),
            self.key_id,
        );
        Ok(Signed { policy, query })
    }
}

/// The id of the public key that belongs to `pair`. Of each key, `keys` has `<id>:<key>`, where the
/// key is what PEM has between its first and its last line, with commas in place of line breaks.
/// During a rotation there are two.
fn id_of<'a>(pair: &RsaKeyPair, keys: &'a str) -> Option<&'a str> {
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
    let ours = STANDARD.encode(der.as_ref());
    let mut keys = keys.split_whitespace().filter_map(|key| key.split_once(':'));
    keys.find(|(_, key)| key.replace(',', "") == ours).map(|(id, _)| id)
}

/// Base64 in the alphabet that CloudFront reads from a query.
fn in_query(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::Pkcs8V1Der,
        rsa::KeySize,
        signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };

    use super::*;

    const URL: &str = "https://d111111abcdef8.cloudfront.net";
    const FOLDER: &str = "generations/auth0|1/";
    const UNTIL: Timestamp = Timestamp::from_secs(1_700_000_700);

    fn pair() -> RsaKeyPair {
        RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
    }

    /// The private key as `openssl genpkey` writes it.
    fn private(pair: &RsaKeyPair) -> Secret {
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let text = lines(der.as_ref()).join("\n");
        Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"))
    }

    /// The public key as a variable has it.
    fn public(id: &str, pair: &RsaKeyPair) -> String {
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        format!("{id}:{}", lines(der.as_ref()).join(","))
    }

    fn lines(der: &[u8]) -> Vec<String> {
        let text = STANDARD.encode(der).into_bytes();
        text.chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
    }

    fn from_query(text: &str) -> Vec<u8> {
        STANDARD.decode(text.replace('-', "+").replace('_', "=").replace('~', "/")).unwrap()
    }

    #[test]
    fn a_link_has_a_policy_for_its_owner_and_a_signature_that_the_public_key_verifies() {
        let pair = pair();
        let cdn = Cdn::new(URL, &public("K2JCJMDEHXQW5F", &pair), &private(&pair)).unwrap();
        let link = cdn.link(FOLDER, "generations/auth0|1/gen_1/original.png", UNTIL).unwrap();
        let (url, query) = link.split_once('?').unwrap();
        assert_eq!(url, format!("{URL}/generations/auth0%7C1/gen_1/original.png"));
        let parameters: Vec<_> = query.split('&').map(|it| it.split_once('=').unwrap()).collect();
        let [("Policy", policy), ("Signature", signature), rest @ ..] = &parameters[..] else {
            panic!("{query}")
        };
        assert_eq!(rest, [("Key-Pair-Id", "K2JCJMDEHXQW5F"), ("Hash-Algorithm", "SHA256")]);
        let policy = from_query(policy);
        let verifying =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        verifying.verify(&policy, &from_query(signature)).unwrap();
        let expected = concat!(
            r#"{"Statement":[{"Resource":"URL/generations/auth0%7C1/*","#,
            r#""Condition":{"DateLessThan":{"AWS:EpochTime":1700000700}}}]}"#,
        );
        assert_eq!(String::from_utf8(policy).unwrap(), expected.replace("URL", URL));
    }

    #[test]
    fn links_of_two_processes_are_equal_and_those_of_others_or_later_are_not() {
        let pair = pair();
        let (keys, secret) = (public("K1", &pair), private(&pair));
        let made = || Cdn::new(URL, &keys, &secret).unwrap();
        let (one, other) = (made(), made());
        let query = |cdn: &Cdn, folder: &str, until| {
            let link = cdn.link(folder, "generations/auth0|1/gen_1/original.png", until).unwrap();
            link.split_once('?').unwrap().1.to_owned()
        };
        let first = query(&one, FOLDER, UNTIL);
        assert_ne!(first, query(&one, "generations/auth0|2/", UNTIL));
        assert_ne!(first, query(&one, FOLDER, Timestamp::from_secs(1_700_001_000)));
        assert_eq!(first, query(&one, FOLDER, UNTIL), "after others were signed");
        assert_eq!(first, query(&other, FOLDER, UNTIL));
    }

    #[test]
    fn the_private_key_decides_which_public_key_a_link_names() {
        let (old, new) = (pair(), pair());
        let both = format!("{} {}", public("KOLD", &old), public("KNEW", &new));
        let id = |keys: &str, pair| Cdn::new(URL, keys, &private(pair)).map(|cdn| cdn.key_id);
        assert_eq!(id(&both, &old).unwrap(), "KOLD");
        assert_eq!(id(&both, &new).unwrap(), "KNEW");
        assert!(matches!(id(&public("KNEW", &new), &old), Err(KeyRefused::Foreign)));
        for text in ["aB3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", both.as_str()] {
            let refused = Cdn::new(URL, &both, &Secret::new(text));
            assert!(matches!(refused, Err(KeyRefused::Unreadable)), "{text}");
        }
    }
}
