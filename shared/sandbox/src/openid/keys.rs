//! The issuer's keys: generated on first use, stored between starts, rotated on demand.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::{KeyRejected, Unspecified},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Serialize};

/// Name of the file inside the state folder.
const FILE: &str = "openid-keys.json";
/// Most keys published at once; the oldest are dropped.
const KEYS_MAX: usize = 8;

/// Signing algorithm of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 bits.
    RS256,
    /// Ed25519.
    EdDSA,
}

/// Why the issuer has no key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("cannot read or write the issuer's keys in {path}: {source}", path = path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The file is not a valid key file.
    #[error("{path} is not a file of keys: {source}", path = path.display())]
    Content {
        /// The path of the file.
        path: PathBuf,
        /// The parse error.
        source: serde_json::Error,
    },
    /// No key could be generated.
    #[error("cannot generate a key")]
    Generate(#[from] Unspecified),
    /// A key cannot be parsed.
    #[error("a key cannot be read: {0}")]
    Key(#[from] jsonwebtoken::errors::Error),
    /// A key is not a private key of its algorithm.
    #[error("a key was rejected: {0}")]
    Rejected(#[from] KeyRejected),
}

/// A key with its published half.
#[derive(Debug, Clone)]
pub(crate) struct SigningKey {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) private: EncodingKey,
    pub(crate) public: Jwk,
    stored: StoredKey,
}

/// A key as stored in the state file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    algorithm: SigningAlgorithm,
    /// Old keys are published but no longer sign.
    signs: bool,
    /// PKCS #8.
    private_pem: String,
}

/// All keys, oldest first.
#[derive(Debug)]
pub(crate) struct KeyRing {
    keys: Vec<SigningKey>,
    file: Option<PathBuf>,
}

impl SigningAlgorithm {
    /// The algorithm's name in tokens.
    pub(crate) fn jwt(self) -> Algorithm {
        match self {
            SigningAlgorithm::ES256 => Algorithm::ES256,
            SigningAlgorithm::RS256 => Algorithm::RS256,
            SigningAlgorithm::EdDSA => Algorithm::EdDSA,
        }
    }

    /// A new private key as PKCS #8.
    fn generate(self) -> Result<String, KeysError> {
        Ok(match self {
            SigningAlgorithm::ES256 => {
                pem(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?
                    .to_pkcs8v1()?
                    .as_ref())
            }
            SigningAlgorithm::RS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                pem(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref())
            }
            SigningAlgorithm::EdDSA => pem(Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref()),
        })
    }
}

impl SigningKey {
    /// A new key, not yet published.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Result<SigningKey, KeysError> {
        SigningKey::read(StoredKey { algorithm, signs: true, private_pem: algorithm.generate()? })
    }

    /// The key id in the header of its tokens: the thumbprint of RFC 7638.
    pub(crate) fn id(&self) -> Option<&str> {
        self.public.common.key_id.as_deref()
    }

    /// The uncompressed point of an elliptic curve key, as verifiers hold it.
    pub(crate) fn public_point(&self) -> Result<Vec<u8>, KeysError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, self.private.as_bytes())?;
        Ok(pair.public_key().as_ref().to_vec())
    }

    /// A verifier's key.
    pub(crate) fn verifying(&self) -> Result<(Algorithm, DecodingKey), KeysError> {
        Ok((self.algorithm.jwt(), DecodingKey::from_jwk(&self.public)?))
    }

    fn read(stored: StoredKey) -> Result<SigningKey, KeysError> {
        let pem = stored.private_pem.as_bytes();
        let private = match stored.algorithm {
            SigningAlgorithm::ES256 => EncodingKey::from_ec_pem(pem),
            SigningAlgorithm::RS256 => EncodingKey::from_rsa_pem(pem),
            SigningAlgorithm::EdDSA => EncodingKey::from_ed_pem(pem),
        }?;
        let mut public = Jwk::from_encoding_key(&private, stored.algorithm.jwt())?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256)?);
        Ok(SigningKey { algorithm: stored.algorithm, private, public, stored })
    }
}

impl KeyRing {
    /// The keys stored in `state`, or one new key.
    pub(crate) fn open(state: Option<&Path>) -> Result<KeyRing, KeysError> {
        let file = state.map(|folder| folder.join(FILE));
        let stored = file.as_deref().map(load).transpose()?.unwrap_or_default();
        let keys = stored.into_iter().map(SigningKey::read).collect::<Result<_, _>>()?;
        let mut ring = KeyRing { keys, file };
        ring.signing(SigningAlgorithm::ES256)?;
        Ok(ring)
    }

    /// The key that signs with `algorithm`, generated if there is none.
    pub(crate) fn signing(
        &mut self,
        algorithm: SigningAlgorithm,
    ) -> Result<&SigningKey, KeysError> {
        let signs = |key: &SigningKey| key.stored.signs && key.algorithm == algorithm;
        let at = match self.keys.iter().rposition(signs) {
            Some(at) => at,
            None => self.add(SigningKey::generate(algorithm)?)?,
        };
        Ok(&self.keys[at])
    }

    /// Retires every key from signing; the next token makes and publishes a new one.
    pub(crate) fn rotate(&mut self) -> Result<(), KeysError> {
        for key in &mut self.keys {
            key.stored.signs = false;
        }
        self.signing(SigningAlgorithm::ES256)?;
        Ok(())
    }

    /// Removes the keys that no longer sign.
    pub(crate) fn retire(&mut self) -> Result<(), KeysError> {
        self.keys.retain(|key| key.stored.signs);
        self.keep()
    }

    pub(crate) fn key_ids(&self) -> Vec<String> {
        self.keys.iter().filter_map(SigningKey::id).map(str::to_owned).collect()
    }

    /// The published key with an id.
    pub(crate) fn find(&self, id: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.id() == Some(id))
    }

    pub(crate) fn published(&self) -> JwkSet {
        JwkSet { keys: self.keys.iter().map(|key| key.public.clone()).collect() }
    }

    /// Adds a key, stores the ring, and returns the key's index.
    fn add(&mut self, key: SigningKey) -> Result<usize, KeysError> {
        if self.keys.len() >= KEYS_MAX {
            self.keys.remove(0);
        }
        self.keys.push(key);
        self.keep()?;
        Ok(self.keys.len() - 1)
    }

    fn keep(&self) -> Result<(), KeysError> {
        let Some(path) = &self.file else { return Ok(()) };
        let stored: Vec<&StoredKey> = self.keys.iter().map(|key| &key.stored).collect();
        let failed = |source: io::Error| KeysError::File { path: path.clone(), source };
        let text = serde_json::to_vec_pretty(&stored).map_err(|e| failed(e.into()))?;
        replace_private(path, &text).map_err(failed)
    }
}

fn load(path: &Path) -> Result<Vec<StoredKey>, KeysError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|source| KeysError::Content { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(KeysError::File { path: path.to_owned(), source }),
    }
}

/// Replaces a file atomically by one that only its owner can read.
fn replace_private(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let next = path.with_extension("next");
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(next, path)
}

/// RFC 7468, section 10.
fn pem(pkcs8: &[u8]) -> String {
    let text = STANDARD.encode(pkcs8);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|b| char::from(*b)));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}
