//! The CDN of images.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::KeySize,
    signature::{KeyPair, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::TestApp;

/// A CDN of images that has one public key.
#[derive(Debug)]
pub struct ImagesCdn(RsaKeyPair);

impl ImagesCdn {
    /// Its address.
    pub const URL: &str = "https://images.prolight.test";
    /// The variable of its secret, and the name of that secret.
    pub const SECRET: &str = "IMAGES_SECRET_ARN";

    /// One with a key of its own.
    pub fn generate() -> ImagesCdn {
        ImagesCdn(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key pair"))
    }

    /// Puts it in front of the images of `app`. Its secret is not stored yet.
    pub fn serve(&self, app: &mut TestApp) {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().expect("a public key");
        app.set("IMAGES_URL", ImagesCdn::URL);
        app.set("IMAGES_KEYS", format!("K1:{}", STANDARD.encode(der.as_ref())));
        app.set(ImagesCdn::SECRET, ImagesCdn::SECRET);
    }

    /// The secret with its private key.
    pub fn secret(&self) -> Value {
        let der: Pkcs8V1Der<'_> = self.0.as_der().expect("a private key");
        let text = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        json!({ "private_key": pem })
    }
}
