//! The SDK's adapter: what goes over the wire, and what each answer is taken for.

use bytes::Bytes;

use super::canned::{answering, xml};
use super::{BUCKET, keys, memory, served, settings};
use crate::{
    AwsSettings, AwsStore, Condition, ConnectError, ErrorKind, ListRequest, ObjectOptions, Operation, PartReceipt,
    PayloadSigning, PutRequest, StaticCredentials, Store, StoreError, crc64nvme,
};

fn put(key: &str, body: Bytes) -> PutRequest {
    PutRequest {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body,
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    }
}

fn part() -> PartReceipt {
    PartReceipt {
        number: 1,
        etag: "\"e\"".to_owned(),
        size_bytes: 1,
        crc64nvme: crc64nvme(&[Bytes::from_static(b"x")]),
    }
}

async fn completed_against(answer: &str) -> Result<String, StoreError> {
    let canned = answering(answer).await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    store.complete_upload(BUCKET, "k", "id", &[part()], Condition::IfAbsent).await
}

#[tokio::test]
async fn an_error_inside_a_200_of_complete_is_an_error() {
    let body = "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code><Message>We failed</Message></Error>";
    let error = completed_against(&xml("200 OK", body)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str(), error.status), (ErrorKind::Server, "InternalError", Some(200)));
    assert!(error.kind.fate_unknown());
    let body = "<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>";
    assert_eq!(completed_against(&xml("200 OK", body)).await.unwrap_err().kind, ErrorKind::SlowDown);
}

#[tokio::test]
async fn a_200_of_complete_that_says_nothing_is_an_error() {
    let empty = completed_against(&xml("200 OK", "")).await.unwrap_err();
    assert!(empty.kind.fate_unknown(), "{empty}");
    let bare = completed_against(&xml("200 OK", "<CompleteMultipartUploadResult/>")).await.unwrap_err();
    assert_eq!((bare.kind, bare.code.as_str()), (ErrorKind::Server, "MissingETag"));
    let whole = xml("200 OK", "<CompleteMultipartUploadResult><ETag>\"a\"</ETag></CompleteMultipartUploadResult>");
    assert_eq!(completed_against(&whole).await.unwrap(), "\"a\"");
    let cut = completed_against(whole.trim_end_matches("</CompleteMultipartUploadResult>")).await.unwrap_err();
    assert!(cut.kind.fate_unknown(), "{cut}");
}

#[tokio::test]
async fn refusals_keep_code_status_message_and_request() {
    let cases = [
        ("404 Not Found", "NoSuchUpload", ErrorKind::NoSuchUpload),
        ("404 Not Found", "NoSuchBucket", ErrorKind::NoSuchBucket),
        ("412 Precondition Failed", "PreconditionFailed", ErrorKind::PreconditionFailed),
        ("409 Conflict", "ConditionalRequestConflict", ErrorKind::Conflict),
        ("400 Bad Request", "InvalidPart", ErrorKind::InvalidPart),
        ("400 Bad Request", "EntityTooSmall", ErrorKind::EntityTooSmall),
        ("400 Bad Request", "BadDigest", ErrorKind::BadDigest),
        ("400 Bad Request", "ExpiredToken", ErrorKind::Credentials),
        ("403 Forbidden", "AccessDenied", ErrorKind::AccessDenied),
        ("503 Slow Down", "SlowDown", ErrorKind::SlowDown),
        ("500 Internal Server Error", "InternalError", ErrorKind::Server),
        ("501 Not Implemented", "NotImplemented", ErrorKind::NotImplemented),
    ];
    for (status, code, kind) in cases {
        let body = format!("<Error><Code>{code}</Code><Message>because</Message></Error>");
        let error = completed_against(&xml(status, &body)).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (kind, code));
        assert_eq!(error.status.map(|status| status.to_string()).as_deref(), status.split(' ').next());
        assert_eq!((error.message.as_str(), error.request_id.as_deref()), ("because", Some("R1")));
        assert_eq!((error.operation, error.key.as_str()), (Operation::CompleteUpload, "k"));
    }
}

#[tokio::test]
async fn a_404_of_a_web_server_is_no_missing_key() {
    let canned = answering("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 9\r\n\r\nnot found").await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    let error = store.get(BUCKET, "k").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
    let error = store.complete_upload(BUCKET, "k", "id", &[part()], Condition::None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
}

#[tokio::test]
async fn head_tells_by_status_alone() {
    let cases = [
        ("404 Not Found", ErrorKind::NoSuchKey),
        ("403 Forbidden", ErrorKind::AccessDenied),
        ("400 Bad Request", ErrorKind::Credentials),
        ("503 Service Unavailable", ErrorKind::Server),
    ];
    for (status, kind) in cases {
        let canned = answering(&format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")).await;
        let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
        let error = store.head(BUCKET, "k").await.unwrap_err();
        assert_eq!(error.kind, kind, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_names_the_region() {
    let answer = "HTTP/1.1 301 Moved Permanently\r\nx-amz-bucket-region: eu-west-1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let canned = answering(answer).await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    let error = store.head(BUCKET, "k").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(error.message.contains("eu-west-1"), "{error}");
}

#[tokio::test]
async fn one_attempt_is_made_and_no_more() {
    let body = "<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>";
    let canned = answering(&xml("503 Slow Down", body)).await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    store.put(put("k", Bytes::from_static(b"x"))).await.unwrap_err();
    assert_eq!(canned.heads.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let canned = answering("never").await;
    let quick = AwsSettings { operation_timeout_ms: 200, transfer_timeout_ms: 200, ..settings(&canned.endpoint) };
    let store = AwsStore::connect(quick).await.unwrap();
    let error = store.put(put("k", Bytes::from_static(b"x"))).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Timeout, "Timeout"));
    let error = store.get(BUCKET, "k").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_reset_and_a_closed_port_are_connection_errors() {
    let canned = answering("").await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    let error = store.put(put("k", Bytes::from_static(b"x"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connection, "{error}");
    assert!(error.kind.fate_unknown());

    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let store = AwsStore::connect(settings(&endpoint)).await.unwrap();
    let error = store.head(BUCKET, "k").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Connection, "ConnectionRefused"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_connection_error() {
    let canned =
        answering("HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf").await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    assert_eq!(store.get(BUCKET, "k").await.unwrap_err().kind, ErrorKind::Connection);
}

/// A checksum that the SDK sent in a trailer would make the body `aws-chunked`, which some servers keep.
#[tokio::test]
async fn checksums_travel_in_headers_and_bodies_keep_their_length() {
    let canned = answering("HTTP/1.1 200 OK\r\netag: \"a\"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    for signing in [PayloadSigning::Auto, PayloadSigning::Always, PayloadSigning::Never] {
        let store =
            AwsStore::connect(AwsSettings { payload_signing: signing, ..settings(&canned.endpoint) }).await.unwrap();
        store.put(put("k", Bytes::from_static(b"hello"))).await.unwrap();
        let chunks = vec![Bytes::from_static(b"hel"), Bytes::from_static(b"lo")];
        store.upload_part(BUCKET, "k", "id", 3, chunks).await.unwrap();
        let sum = crc64nvme(&[Bytes::from_static(b"hello")]).to_lowercase();
        for head in std::mem::take(&mut *canned.heads.lock().unwrap()) {
            assert!(head.contains(&format!("x-amz-checksum-crc64nvme: {sum}")), "{head}");
            assert!(head.contains("content-length: 5"), "{head}");
            assert!(!head.contains("aws-chunked") && !head.contains("x-amz-trailer"), "{head}");
            assert!(!head.contains("content-encoding") && !head.contains("transfer-encoding"), "{head}");
            let unsigned = head.contains("x-amz-content-sha256: unsigned-payload");
            assert_eq!(unsigned, signing != PayloadSigning::Always, "{head}");
        }
    }
}

#[tokio::test]
async fn options_and_owner_travel_as_headers() {
    let canned = answering("HTTP/1.1 200 OK\r\netag: \"a\"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let owned = AwsSettings { expected_bucket_owner: Some("123456789012".to_owned()), ..settings(&canned.endpoint) };
    let store = AwsStore::connect(owned).await.unwrap();
    let options = ObjectOptions {
        content_type: Some("application/x-ndjson".to_owned()),
        storage_class: Some("STANDARD_IA".to_owned()),
        sse: Some("aws:kms".to_owned()),
        sse_kms_key_id: Some("key-1".to_owned()),
        tags: [("team".to_owned(), "bids & co".to_owned())].into(),
        metadata: [("landfall-job".to_owned(), "bids".to_owned())].into(),
    };
    let mut request = put("k", Bytes::from_static(b"x"));
    (request.condition, request.options) = (Condition::IfMatch("abc".to_owned()), options.clone());
    store.put(request).await.unwrap();
    // The answer has no body, so that the id of the upload is missing: it is the request that is looked at.
    store.create_upload(BUCKET, "k", &options).await.unwrap_err();
    let heads = canned.heads.lock().unwrap().clone();
    for wanted in [
        "x-amz-expected-bucket-owner: 123456789012",
        "content-type: application/x-ndjson",
        "x-amz-storage-class: standard_ia",
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: key-1",
        "x-amz-tagging: team=bids%20%26%20co",
        "x-amz-meta-landfall-job: bids",
    ] {
        for head in &heads[..2] {
            assert!(head.contains(wanted), "{wanted} is not in\n{head}");
        }
    }
    assert!(heads[0].contains("if-match: \"abc\""), "{}", heads[0]);
}

#[tokio::test]
async fn a_page_that_hides_its_end_is_an_error() {
    let body = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
    let canned = answering(&xml("200 OK", body)).await;
    let store = AwsStore::connect(settings(&canned.endpoint)).await.unwrap();
    let list = ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() };
    assert_eq!(store.list(list).await.unwrap_err().code, "MissingToken");
}

#[tokio::test]
async fn wrong_keys_are_access_denied() {
    let (_, handle) = served(memory()).await;
    for (access_key, secret_key) in [(keys().access_key, "wrong".to_owned()), ("nobody".to_owned(), "x".to_owned())] {
        let wrong = AwsSettings {
            credentials: Some(StaticCredentials { access_key, secret_key }),
            ..settings(&handle.endpoint())
        };
        let store = AwsStore::connect(wrong).await.unwrap();
        let list = ListRequest { bucket: BUCKET.to_owned(), ..ListRequest::default() };
        assert_eq!(store.list(list).await.unwrap_err().kind, ErrorKind::AccessDenied);
    }
    handle.shutdown().await;
}

#[tokio::test]
async fn a_get_over_the_limit_is_refused() {
    let (store, handle) = served(memory()).await;
    store.put(put("big", Bytes::from(vec![7; 2_000]))).await.unwrap();
    let small = AwsSettings { max_get_bytes: 1_999, ..settings(&handle.endpoint()) };
    let limited = AwsStore::connect(small).await.unwrap();
    let error = limited.get(BUCKET, "big").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Rejected, "EntityTooLarge"));
    assert_eq!(store.get(BUCKET, "big").await.unwrap().body.len(), 2_000);
    handle.shutdown().await;
}

#[tokio::test]
async fn part_numbers_outside_s3s_range_never_leave() {
    let (store, handle) = served(memory()).await;
    for number in [0, 10_001, u32::MAX] {
        let error = store.upload_part(BUCKET, "k", "id", number, Vec::new()).await.unwrap_err();
        assert_eq!(error.code, "InvalidPartNumber");
    }
    handle.shutdown().await;
}

#[tokio::test]
async fn settings_that_can_never_work_are_refused_at_once() {
    for endpoint in ["127.0.0.1:9000", "ftp://x", "http://", "", "http//x"] {
        let refused = AwsStore::connect(settings(endpoint)).await.unwrap_err();
        assert_eq!(refused, ConnectError::Endpoint { endpoint: endpoint.to_owned() });
    }
    let zero = AwsSettings { operation_timeout_ms: 0, ..settings("http://127.0.0.1:1") };
    assert_eq!(AwsStore::connect(zero).await.unwrap_err(), ConnectError::ZeroTimeout { name: "operation_timeout_ms" });
}

#[test]
fn secrets_never_show_in_debug() {
    let shown = format!("{:?}", settings("http://127.0.0.1:1"));
    assert!(shown.contains("landfall") && !shown.contains("secret-of-the-tests"), "{shown}");
}

/// A role's credentials come from STS; what it refuses is a credentials error, which waits.
#[tokio::test]
async fn a_role_that_sts_refuses_is_a_credentials_error() {
    let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    let sts = answering(&xml("403 Forbidden", body)).await;
    let (_, handle) = served(memory()).await;
    let assumed = AwsSettings {
        role: Some(crate::AssumeRole {
            arn: "arn:aws:iam::123456789012:role/lake".to_owned(),
            external_id: Some("ext-1".to_owned()),
            session: "landfall".to_owned(),
            sts_endpoint: Some(sts.endpoint.clone()),
        }),
        ..settings(&handle.endpoint())
    };
    let store = AwsStore::connect(assumed).await.unwrap();
    let error = store.head_bucket(BUCKET).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Credentials, "CredentialsNotLoaded"), "{error}");
    assert!(error.kind.transient() && !error.kind.fate_unknown());
    assert!(!sts.heads.lock().unwrap().is_empty(), "sts was asked");
    handle.shutdown().await;
}

/// The base credentials are nobody's here, so an answer proves that the role's were used.
#[tokio::test]
async fn a_role_is_assumed_with_its_external_id_and_used() {
    let keys = keys();
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}\
         </SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>",
        keys.access_key, keys.secret_key
    );
    let sts = answering(&xml("200 OK", &body)).await;
    let (_, handle) = served(memory()).await;
    let assumed = AwsSettings {
        credentials: Some(("base".to_owned(), "base-secret".to_owned()).into()),
        role: Some(crate::AssumeRole {
            arn: "arn:aws:iam::123456789012:role/lake".to_owned(),
            external_id: Some("ext-1".to_owned()),
            session: "landfall-w1".to_owned(),
            sts_endpoint: Some(sts.endpoint.clone()),
        }),
        ..settings(&handle.endpoint())
    };
    let store = AwsStore::connect(assumed).await.unwrap();
    store.head_bucket(BUCKET).await.unwrap();
    store.head_bucket(BUCKET).await.unwrap();
    let asked = sts.bodies.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "the role's credentials are kept until they expire");
    for wanted in ["Action=AssumeRole", "ExternalId=ext-1", "RoleSessionName=landfall-w1", "role%2Flake"] {
        assert!(asked[0].contains(wanted), "{wanted} is not in {}", asked[0]);
    }
    handle.shutdown().await;
}
