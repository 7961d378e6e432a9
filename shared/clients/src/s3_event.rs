//! S3 event notifications: an object was created.
//!
//! The format is the S3 User Guide's "Event message structure". When a notification is set up, S3
//! sends `s3:TestEvent` once; it is read as a message without objects. Like every message it may
//! arrive twice, late, or for an object that no longer exists.

use serde::{Deserialize, Serialize};

/// A created object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadedObject {
    /// Decoded, as it is in the bucket.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// The body of a message: the task body of a `runtime::queue` worker. Unknown fields are ignored.
/// `aws_lambda_events` requires fields that nothing here reads (time, identity, bucket).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Notification")]
pub struct S3Event {
    /// The created objects. Other kinds of events are left out.
    pub objects: Vec<UploadedObject>,
}

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    s3: Subject,
}

#[derive(Debug, Deserialize)]
struct Subject {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
}

/// The message is not from S3. Permanent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a notification of S3")]
struct NotANotification;

impl TryFrom<Notification> for S3Event {
    type Error = NotANotification;

    fn try_from(notification: Notification) -> Result<S3Event, NotANotification> {
        let records = match (notification.records, notification.event.as_deref()) {
            (Some(records), _) => records,
            (None, Some("s3:TestEvent")) => Vec::new(),
            (None, Some(_) | None) => return Err(NotANotification),
        };
        let put = records.into_iter().filter(|record| record.is_put());
        Ok(S3Event { objects: put.map(Record::object).collect() })
    }
}

impl Record {
    /// Records omit the `s3:` prefix that subscriptions use.
    fn is_put(&self) -> bool {
        let name = self.event_name.strip_prefix("s3:").unwrap_or(&self.event_name);
        name.starts_with("ObjectCreated:")
    }

    fn object(self) -> UploadedObject {
        UploadedObject { key: decoded(&self.s3.object.key), bytes: self.s3.object.size }
    }
}

/// A key is form-encoded: `+` is a space. The two characters that are special in a form and might
/// be unescaped are escaped first.
fn decoded(key: &str) -> String {
    let value = key.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(value.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The User Guide's example, with the key of an upload.
    fn message(event_name: &str, key: &str) -> Value {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-25T16:00:00.000Z",
            "eventName": event_name,
            "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {
                "x-amz-request-id": "C3D13FE58DE4C810",
                "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "uploads",
                "bucket": {
                    "name": "prolight-uploads",
                    "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                    "arn": "arn:aws:s3:::prolight-uploads"
                },
                "object": {
                    "key": key,
                    "size": 1024,
                    "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "sequencer": "0055AED6DCD90281E5"
                }
            }
        }]})
    }

    #[test]
    fn an_event_names_what_was_put() {
        let check = |event_name: &str, key: &str, expected: &[&str]| {
            let event: S3Event = serde_json::from_value(message(event_name, key)).unwrap();
            let keys: Vec<_> = event.objects.iter().map(|object| object.key.as_str()).collect();
            assert_eq!(keys, expected, "{event_name} {key}");
            assert!(event.objects.iter().all(|object| object.bytes == 1024));
        };
        check("ObjectCreated:Post", "quarantine/lst_1/upl_1", &["quarantine/lst_1/upl_1"]);
        check("s3:ObjectCreated:Post", "a/b", &["a/b"]);
        check("ObjectCreated:Put", "a+b%2Bc/%C3%A4%26%3D", &["a b+c/ä&="]);
        check("ObjectCreated:Copy", "a=b&c", &["a=b&c"]);
        check("ObjectRemoved:Delete", "quarantine/lst_1/upl_1", &[]);
    }

    #[test]
    fn the_test_event_is_about_nothing() {
        let body = json!({
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": "2026-11-25T16:00:00.000Z",
            "Bucket": "prolight-uploads",
            "RequestId": "5582815E1AEA5ADF",
            "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"
        });
        let event: S3Event = serde_json::from_value(body).unwrap();
        assert_eq!(event.objects, []);
    }

    #[test]
    fn what_s3_did_not_write_is_not_an_event() {
        for body in ["", "{}", "[]", r#"{"Event":"s3:Other"}"#, r#"{"Records":[{}]}"#] {
            assert!(serde_json::from_str::<S3Event>(body).is_err(), "{body}");
        }
    }
}
