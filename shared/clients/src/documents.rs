//! Invoices, receipts and creators' statements that we produce, each stored once, and links to
//! them.
//!
//! A document is stored at `documents/<user>/<folder>/<content>.<kind>`, where `<content>` is a
//! hash of its input: a refund changes the invoice and adds a document beside the old one. A stored
//! document is never overwritten: what was issued does not change when the company moves. Nothing
//! in the bucket is public: members get links that expire.

use aws_sdk_s3::Client;
use bytes::Bytes;
use connect::{Aws, Connect, Environment, InitError};
use domain::{Timestamp, billing::invoice::Invoice, id::UserId, time::Day};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::bucket::{
    Bucket, BucketFailure, Object, OverwritePolicy, StorageUnavailable, in_bucket,
};

const COMPANY_NAME: &str = "COMPANY_NAME";
/// Lines separated by `|`.
const COMPANY_ADDRESS: &str = "COMPANY_ADDRESS";
const COMPANY_EMAIL: &str = "COMPANY_EMAIL";
const COMPANY_TAX_ID: &str = "COMPANY_TAX_ID";
const TAX_LABEL: &str = "TAX_LABEL";
/// Bytes of the hash in a key.
const CONTENT_BYTES: usize = 8;

/// The company that issues our documents, as printed on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Full name.
    pub name: String,
    /// In print order.
    pub address_lines: Vec<String>,
    /// The address for customers.
    pub email: String,
    /// With its country or scheme prefix, as printed.
    pub tax_id: Option<String>,
    /// The name of its tax, such as `VAT` or `Sales tax`.
    pub tax_label: String,
}

impl Connect for Company {
    fn variables() -> Vec<&'static str> {
        vec![COMPANY_NAME, COMPANY_ADDRESS, COMPANY_EMAIL, COMPANY_TAX_ID, TAX_LABEL]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Company, InitError> {
        let address = env.optional(COMPANY_ADDRESS).unwrap_or_default().split('|').map(str::trim);
        Ok(Company {
            name: env.text(COMPANY_NAME)?.to_owned(),
            address_lines: address.filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            email: env.text(COMPANY_EMAIL)?.to_owned(),
            tax_id: env.optional(COMPANY_TAX_ID).map(str::to_owned),
            tax_label: env.text(TAX_LABEL)?.to_owned(),
        })
    }
}

/// The file format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// For people.
    Pdf,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// A document's key and file name, whether it is stored or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    key: String,
    file_name: String,
    kind: FileKind,
}

impl Document {
    /// A document of a member, made from `content`, in one of their folders; `name` is for people.
    ///
    /// # Errors
    /// When the content does not serialize.
    pub fn new(
        (user, folder): (&UserId, &str),
        content: &impl Serialize,
        name: &str,
        kind: FileKind,
    ) -> Result<Document, StorageUnavailable> {
        let (content, ending) = (Document::hash_of(content)?, kind.ending());
        // Characters safe in headers and file systems.
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = name.chars().map(plain).collect();
        Ok(Document {
            key: format!("documents/{user}/{folder}/{content}.{ending}"),
            file_name: format!("prolight-{name}.{ending}"),
            kind,
        })
    }

    /// A daily report made from `content`: `reports/<folder>/<day>/<content>.<kind>`.
    ///
    /// # Errors
    /// When the content does not serialize.
    pub fn of_report(
        (folder, day): (&str, Day),
        content: &impl Serialize,
        kind: FileKind,
    ) -> Result<Document, StorageUnavailable> {
        let (content, ending) = (Document::hash_of(content)?, kind.ending());
        Ok(Document {
            key: format!("reports/{folder}/{day}/{content}.{ending}"),
            file_name: format!("prolight-{folder}-{day}.{ending}"),
            kind,
        })
    }

    fn hash_of(content: &impl Serialize) -> Result<String, StorageUnavailable> {
        let content = serde_json::to_vec(content).map_err(BucketFailure::from);
        let digest = Sha256::digest(content.map_err(StorageUnavailable)?);
        Ok(hex::encode(&digest[..CONTENT_BYTES]))
    }

    /// The PDF of an invoice in its current state.
    ///
    /// # Errors
    /// When the invoice does not serialize.
    pub fn of_invoice(invoice: &Invoice) -> Result<Document, StorageUnavailable> {
        let name = invoice.number.as_deref().unwrap_or(invoice.id.as_str());
        let place = (&invoice.user_id, invoice.id.as_str());
        Document::new(place, invoice, name, FileKind::Pdf)
    }
}

impl FileKind {
    const fn ending(self) -> &'static str {
        match self {
            FileKind::Pdf => "pdf",
            FileKind::Csv => "csv",
            FileKind::Json => "json",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            FileKind::Pdf => "application/pdf",
            FileKind::Csv => "text/csv; charset=utf-8; header=present",
            FileKind::Json => "application/json",
        }
    }
}

/// The documents in the bucket. Storing needs `s3:PutObject` and `s3:GetObject`, links need
/// `s3:GetObject`.
#[derive(Debug, Clone)]
pub struct Documents {
    bucket: Bucket,
}

in_bucket!(Documents, RECORDS_BUCKET);

impl Documents {
    /// Over the process's S3 client.
    pub fn new(s3: &Client, bucket: impl Into<String>) -> Documents {
        Documents { bucket: Bucket::new(s3, bucket) }
    }

    /// The key of a document. Makes and stores it if it is missing; of two concurrent writes, the
    /// first wins.
    ///
    /// # Errors
    /// Errors of `make`; and when the bucket did not confirm the write.
    pub async fn store_once<E: From<StorageUnavailable>>(
        &self,
        document: Document,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<String, E> {
        let Document { key, file_name, kind } = document;
        if self.bucket.has(&key).await.map_err(StorageUnavailable)? {
            return Ok(key);
        }
        let bytes = Bytes::from(make()?);
        let object = Object {
            key: &key,
            content_type: kind.content_type(),
            disposition: Some(format!("attachment; filename=\"{file_name}\"")),
            bytes: &bytes,
        };
        self.bucket.put(object, OverwritePolicy::Kept).await.map_err(StorageUnavailable)?;
        Ok(key)
    }

    /// A presigned link to the document at `key`, valid for [`domain::image::LINK_LIFETIME`] from
    /// the start of the window of [`domain::image::LINK_WINDOW`] that contains `now`. No call is
    /// made.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn link(&self, key: &str, now: Timestamp) -> Result<String, StorageUnavailable> {
        self.bucket.link(key, now).await.map_err(StorageUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{
        Router,
        extract::Request,
        http::{HeaderMap, Method, StatusCode},
    };
    use domain::{
        billing::invoice::{InvoiceStatus, Issue},
        id::{InvoiceId, OrderId, UserId},
        money::Currency,
    };

    use super::*;
    use crate::{bucket::client_at, loopback};

    fn invoice() -> Invoice {
        let created_at = Timestamp::from_secs(1_700_000_000);
        Invoice {
            id: InvoiceId::new(created_at, 1),
            user_id: UserId::parse("auth0|1").unwrap(),
            issue: Issue::Pack { order: OrderId::new(created_at, 2) },
            number: Some("PL-1/\"\r\n2".to_owned()),
            status: InvoiceStatus::Paid,
            currency: Currency::USD,
            subtotal: 500,
            tax: 0,
            total: 500,
            amount_paid: 500,
            amount_due: 0,
            amount_refunded: 0,
            bill_to: None,
            period: None,
            lines: Vec::new(),
            hosted_url: None,
            pdf_url: None,
            payment: None,
            attempts: 1,
            next_attempt_at: None,
            created_at,
            paid_at: None,
            granted: Vec::new(),
            taken_back: 0,
            unlimited_ended: false,
            gone: 0,
            fees: 0,
            stated: Default::default(),
        }
    }

    type Puts = Arc<Mutex<Vec<(String, HeaderMap)>>>;

    /// A bucket that answers `head` and `put`, and the objects put into it.
    async fn bucket(head: StatusCode, put: StatusCode) -> (Documents, Puts) {
        let puts = Puts::default();
        let seen = puts.clone();
        let routes = Router::new().fallback(move |request: Request| {
            let seen = seen.clone();
            async move {
                let (parts, _) = request.into_parts();
                if parts.method != Method::PUT {
                    return head;
                }
                seen.lock().unwrap().push((parts.uri.path().to_owned(), parts.headers));
                put
            }
        });
        let endpoint = loopback::serve(routes).await;
        (Documents::new(&client_at(&endpoint), "bucket"), puts)
    }

    fn document() -> Document {
        Document::of_invoice(&invoice()).unwrap()
    }

    fn made() -> Result<Vec<u8>, StorageUnavailable> {
        Ok(b"%PDF".to_vec())
    }

    #[tokio::test]
    async fn a_missing_document_is_made_and_stored_unless_a_concurrent_write_won() {
        for put in [StatusCode::OK, StatusCode::PRECONDITION_FAILED] {
            let (documents, puts) = bucket(StatusCode::NOT_FOUND, put).await;
            let key = documents.store_once(document(), made).await.unwrap();
            let invoice = invoice().id;
            assert!(key.starts_with(&format!("documents/auth0|1/{invoice}/")), "{key}");
            let puts = puts.lock().unwrap();
            let (path, headers) = &puts[0];
            assert_eq!(*path, format!("/bucket/{}", key.replace('|', "%7C")));
            assert_eq!(headers["content-type"], "application/pdf");
            let disposition = "attachment; filename=\"prolight-PL-1----2.pdf\"";
            assert_eq!(headers["content-disposition"], disposition);
            assert_eq!(headers["if-none-match"], "*");
        }
    }

    #[tokio::test]
    async fn a_stored_document_is_not_made_again() {
        let (documents, puts) = bucket(StatusCode::OK, StatusCode::OK).await;
        let make = || -> Result<Vec<u8>, StorageUnavailable> { panic!("made again") };
        let key = documents.store_once(document(), make).await.unwrap();
        assert!(puts.lock().unwrap().is_empty());
        let now = Timestamp::from_secs(1_700_000_100);
        let link = documents.link(&key, now).await.unwrap();
        assert!(link.contains("X-Amz-Expires=600"), "{link}");
    }

    #[tokio::test]
    async fn a_bucket_that_refuses_is_an_error() {
        let (documents, _) = bucket(StatusCode::NOT_FOUND, StatusCode::FORBIDDEN).await;
        assert!(documents.store_once(document(), made).await.is_err());
    }

    #[test]
    fn a_refund_makes_another_document() {
        let key = |invoice: &Invoice| Document::of_invoice(invoice).unwrap().key;
        let refunded = Invoice { amount_refunded: 500, ..invoice() };
        assert_eq!(key(&invoice()), key(&invoice()));
        assert_ne!(key(&invoice()), key(&refunded));
    }

    #[test]
    fn a_document_says_what_it_is() {
        let user = UserId::parse("auth0|1").unwrap();
        let place = (&user, "statement-2026-11");
        let document = Document::new(place, &[1, 2], "statement 2026-11", FileKind::Csv).unwrap();
        assert_eq!(document.file_name, "prolight-statement-2026-11.csv");
        let key = "documents/auth0|1/statement-2026-11/";
        assert!(document.key.starts_with(key) && document.key.ends_with(".csv"), "{document:?}");
        let other = Document::new(place, &[1, 3], "statement 2026-11", FileKind::Csv).unwrap();
        assert_ne!(document.key, other.key);
    }
}
