//! A form with which a browser uploads to S3 directly: a presigned POST, signed with Signature V4.
//!
//! A presigned PUT cannot limit how many bytes arrive; the policy of a POST can, and fixes every
//! field of the form. The SDK signs no such form. It is signed here as the S3 API Reference says
//! ("Authenticating Requests in Browser-Based Uploads Using POST"); signing key, host and path
//! still come from the SDK, so that a form goes wherever the client's other requests go.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    config::{Credentials, ProvideCredentials, SharedCredentialsProvider},
    presigning::PresigningConfig,
};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Timestamp;
use serde_json::{Value, json};

use crate::bucket::{Bucket, BucketFailure};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// A placeholder key, with which the SDK reveals the bucket's URL.
const PLACEHOLDER: &str = "key";

/// What a form may upload, and until when.
#[derive(Debug)]
pub(crate) struct Policy<'a> {
    /// Fields with exactly these values; among them the key.
    pub(crate) fields: Vec<(&'a str, &'a str)>,
    /// Minimum and maximum bytes of the file.
    pub(crate) bytes: (u64, u64),
    pub(crate) signed_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// The URL of a form and the credentials that sign it.
#[derive(Debug)]
pub(crate) struct Signer {
    /// The bucket's URL.
    pub(crate) url: String,
    bucket: String,
    region: String,
    credentials: Credentials,
}

impl Signer {
    /// Gets the bucket's URL from the SDK. No call is made unless the credentials have to be fetched.
    ///
    /// # Errors
    /// When there is no region or there are no credentials.
    pub(crate) async fn of(
        bucket: &Bucket,
        credentials: Option<&SharedCredentialsProvider>,
    ) -> Result<Signer, BucketFailure> {
        let region = bucket.s3().config().region().ok_or("no region to sign for")?.to_string();
        let credentials = credentials.ok_or("no credentials to sign with")?;
        let credentials = credentials.provide_credentials().await?;
        // The request is not sent, so the time does not matter.
        let window = PresigningConfig::builder()
            .start_time(SystemTime::UNIX_EPOCH)
            .expires_in(Duration::from_secs(1))
            .build()?;
        let get = bucket.s3().get_object().bucket(bucket.name()).key(PLACEHOLDER);
        let request = get.presigned(window).await?;
        let address = request.uri().split('?').next().unwrap_or_default();
        let url = address.strip_suffix(PLACEHOLDER).ok_or("no URL of the bucket")?.to_owned();
        Ok(Signer { url, bucket: bucket.name().to_owned(), region, credentials })
    }

    /// All fields of the form, in the order they are sent; the file comes after them.
    pub(crate) fn sign(&self, policy: &Policy<'_>) -> Vec<(String, String)> {
        let signed_at = policy.signed_at.strftime("%Y%m%dT%H%M%SZ");
        let date = policy.signed_at.strftime("%Y%m%d");
        let id = self.credentials.access_key_id();
        let scope = format!("{id}/{date}/{}/s3/aws4_request", self.region);
        let mut fields = policy.fields.clone();
        fields.push(("x-amz-algorithm", ALGORITHM));
        fields.push(("x-amz-credential", &scope));
        fields.push(("x-amz-date", &signed_at));
        if let Some(token) = self.credentials.session_token() {
            fields.push(("x-amz-security-token", token));
        }
        let exactly = |(name, value): &(&str, &str)| json!({ *name: value });
        let mut conditions: Vec<Value> = fields.iter().map(exactly).collect();
        conditions.push(json!({ "bucket": self.bucket }));
        conditions.push(json!(["content-length-range", policy.bytes.0, policy.bytes.1]));
        let document = json!({ "expiration": policy.expires_at, "conditions": conditions });
        let document = STANDARD.encode(document.to_string());
        let signature = self.signature(policy.signed_at, &document);
        fields.push(("policy", &document));
        fields.push(("x-amz-signature", &signature));
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The signature over the encoded policy, with a key of that day, region and service.
    fn signature(&self, signed_at: Timestamp, document: &str) -> String {
        let day = SystemTime::UNIX_EPOCH + Timestamp::from_millis(0).until(signed_at);
        let secret = self.credentials.secret_access_key();
        let key = generate_signing_key(secret, day, &self.region, "s3");
        calculate_signature(key, document.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::{
        Client,
        config::{BehaviorVersion, Config, Region},
    };

    use super::*;
    use crate::bucket::client_at;

    /// What boto3 1.43 produced for the same upload at the same time (`generate_presigned_post`).
    const BOTO_POLICY: &str = concat!(
        r#"{"expiration": "2023-11-14T22:20:00Z", "conditions": [{"Content-Type": "image/png"}, "#,
        r#"{"x-amz-meta-owner": "auth0|1"}, {"success_action_status": "201"}, "#,
        r#"["content-length-range", 1, 1000], {"bucket": "uploads"}, "#,
        r#"{"key": "quarantine/l1/u1"}, {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, "#,
        r#"{"x-amz-credential": "id/20231114/us-east-1/s3/aws4_request"}, "#,
        r#"{"x-amz-date": "20231114T221500Z"}"#,
    );
    const BOTO_TOKEN: &str = r#", {"x-amz-security-token": "a/session+token=="}"#;
    const BOTO_SIGNATURES: [&str; 2] = [
        "1a481f04c5481095e70cbaf164d2798118a24c8d33790ad6cf847862a90da2d7",
        "a31dcca05cea125942ccb3228c1955aaafb0ed3e9c54fcc1cc890df815d994b2",
    ];

    fn signer(token: Option<&str>) -> Signer {
        Signer {
            url: "https://uploads.s3.us-east-1.amazonaws.com/".into(),
            bucket: "uploads".into(),
            region: "us-east-1".into(),
            credentials: Credentials::new("id", "secret", token.map(Into::into), None, "test"),
        }
    }

    fn policy() -> Policy<'static> {
        let signed_at = Timestamp::from_secs(1_700_000_100); // 22:15:00 UTC.
        Policy {
            fields: vec![
                ("key", "quarantine/l1/u1"),
                ("Content-Type", "image/png"),
                ("x-amz-meta-owner", "auth0|1"),
                ("success_action_status", "201"),
            ],
            bytes: (1, 1000),
            signed_at,
            expires_at: signed_at.plus(Duration::from_secs(300)),
        }
    }

    #[test]
    fn a_policy_is_signed_as_boto3_signs_it() {
        let plain = format!("{BOTO_POLICY}]}}");
        let with_token = format!("{BOTO_POLICY}{BOTO_TOKEN}]}}");
        for (document, signature) in [plain, with_token].iter().zip(BOTO_SIGNATURES) {
            let document = STANDARD.encode(document);
            assert_eq!(signer(None).signature(policy().signed_at, &document), signature);
        }
    }

    #[test]
    fn a_form_says_and_signs_what_boto3s_does() {
        let check = |token: Option<&str>, boto: String| {
            let signer = signer(token);
            let mut fields = signer.sign(&policy());
            let (name, signature) = fields.pop().unwrap();
            assert_eq!(name, "x-amz-signature");
            let (name, document) = fields.pop().unwrap();
            assert_eq!(name, "policy");
            assert_eq!(signer.signature(policy().signed_at, &document), signature);

            let document: Value =
                serde_json::from_slice(&STANDARD.decode(document).unwrap()).unwrap();
            let boto: Value = serde_json::from_str(&boto).unwrap();
            assert_eq!(document["expiration"], "2023-11-14T22:20:00.000Z");
            let sorted = |document: &Value| {
                let conditions = document["conditions"].as_array().unwrap().iter();
                let mut conditions: Vec<String> = conditions.map(Value::to_string).collect();
                conditions.sort();
                conditions
            };
            assert_eq!(sorted(&document), sorted(&boto));
            for (name, value) in &fields {
                let condition = json!({ name: value }).to_string();
                assert!(sorted(&boto).contains(&condition), "{condition}");
            }
        };
        check(None, format!("{BOTO_POLICY}]}}"));
        check(Some("a/session+token=="), format!("{BOTO_POLICY}{BOTO_TOKEN}]}}"));
    }

    #[tokio::test]
    async fn a_form_goes_where_the_clients_other_requests_go() {
        let local = Bucket::new(&client_at("http://127.0.0.1:4566"), "uploads");
        let credentials = Credentials::new("id", "secret", Some("token".into()), None, "test");
        let credentials = SharedCredentialsProvider::new(credentials);
        let signer = Signer::of(&local, Some(&credentials)).await.unwrap();
        assert_eq!(signer.url, "http://127.0.0.1:4566/uploads/");

        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials.clone())
            .build();
        let aws = Bucket::new(&Client::from_conf(config), "uploads");
        let signer = Signer::of(&aws, Some(&credentials)).await.unwrap();
        assert_eq!(signer.url, "https://uploads.s3.eu-central-1.amazonaws.com/");
        assert_eq!((signer.region.as_str(), signer.bucket.as_str()), ("eu-central-1", "uploads"));
        assert_eq!(signer.credentials.access_key_id(), "id");
        assert_eq!(signer.credentials.session_token(), Some("token"));
    }

    #[tokio::test]
    async fn without_credentials_there_is_no_form() {
        let bucket = Bucket::new(&client_at("http://127.0.0.1:4566"), "uploads");
        assert!(Signer::of(&bucket, None).await.is_err());
    }
}
