//! Whole uploads: forms, archives, budgets.

use std::io::{self, Cursor, Write};
use std::time::Duration;

use async_compression::tokio::write::GzipEncoder;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncWriteExt;
use wire::dump::DumpFormat;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{BodyError, ByteBudget, Limits, Upload, carried, receive};

const LIMITS: Limits = Limits {
    max_bytes: 100_000,
    idle: Duration::from_secs(5),
    deadline: Duration::from_secs(5),
};

fn minidump(size: usize) -> Vec<u8> {
    let mut bytes = b"MDMP\x93\xa7".to_vec();
    bytes.resize(size, 7);
    bytes
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        let head = format!("--xyz\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--xyz--\r\n");
    body
}

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

async fn upload(headers: &[(&'static str, &'static str)], body: Vec<u8>) -> Result<Upload, BodyError> {
    let mut map: HeaderMap = headers
        .iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    map.insert("content-length", HeaderValue::from(body.len()));
    receive(&map, Body::from(body), LIMITS, &ByteBudget::new(1 << 20)).await
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=xyz");
const DUMP_PART: &str = "name=\"upload_file_minidump\"; filename=\"C:\\\\x\\\\a.dmp\"";

#[test]
fn a_body_error_is_found_inside_two_layers_of_io_errors() {
    let error = io::Error::other(io::Error::other(BodyError::Busy));
    assert_eq!(carried(&error), Some(BodyError::Busy));
    assert_eq!(carried(&io::Error::from(io::ErrorKind::UnexpectedEof)), None);
}

#[tokio::test]
async fn a_breakpad_form_gives_its_dump_and_annotations() {
    let body = form(&[
        ("name=\"prod\"", b"Acme"),
        (DUMP_PART, &minidump(3000)),
        ("name=\"ver\"", b"1.2"),
    ]);
    let upload = upload(&[FORM], body).await.unwrap();
    assert_eq!(upload.dumps.len(), 1);
    assert_eq!(upload.dumps[0].format, DumpFormat::UserMinidump);
    assert_eq!(upload.dumps[0].held.bytes, minidump(3000));
    assert_eq!(upload.dumps[0].file_name.as_deref(), Some("a.dmp"));
    assert_eq!(upload.annotations["prod"], "Acme");
    assert_eq!(upload.annotations["ver"], "1.2");
}

/// Crashpad compresses the whole body, not the part.
#[tokio::test]
async fn a_form_may_be_compressed_as_a_whole() {
    let body = gzip(&form(&[(DUMP_PART, &minidump(3000))])).await;
    let upload = upload(&[FORM, ("content-encoding", "gzip")], body).await.unwrap();
    assert_eq!(upload.dumps[0].held.bytes, minidump(3000));
}

#[tokio::test]
async fn a_part_may_be_compressed_too() {
    let body = form(&[(DUMP_PART, &gzip(&minidump(3000)).await)]);
    let upload = upload(&[FORM], body).await.unwrap();
    assert_eq!(upload.dumps[0].held.bytes, minidump(3000));
}

#[tokio::test]
async fn attachments_are_skipped_and_other_files_taken_if_they_are_dumps() {
    let body = form(&[
        ("name=\"log\"; filename=\"log.txt\"", b"hello"),
        ("name=\"f\"; filename=\"b.dmp\"", &minidump(99)),
    ]);
    let upload = upload(&[FORM], body).await.unwrap();
    assert_eq!(upload.dumps.len(), 1);
    assert!(upload.refused.is_empty());
}

#[tokio::test]
async fn a_form_without_a_dump_says_which_part_is_missing() {
    let error = upload(&[FORM], form(&[("name=\"prod\"", b"Acme")]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("upload_file_minidump"), "{error}");
}

#[tokio::test]
async fn a_form_that_breaks_off_is_corrupt() {
    let body = form(&[(DUMP_PART, &minidump(3000))]);
    let error = upload(&[FORM], body[..2000].to_vec()).await.unwrap_err();
    assert!(matches!(error, BodyError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_small_form_cannot_inflate_without_end() {
    let body = form(&[("name=\"log\"; filename=\"log.txt\"", &vec![b'a'; 20_000_000])]);
    let error = upload(&[FORM], gzip(&body).await).await.unwrap_err();
    assert!(matches!(error, BodyError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_zip_of_dumps_tells_what_it_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [("a.dmp", minidump(50)), ("readme.txt", b"hello".to_vec())] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let upload = upload(&[], writer.finish().unwrap().into_inner()).await.unwrap();
    assert_eq!(upload.dumps.len(), 1);
    assert_eq!(upload.refused[0].file_name.as_deref(), Some("readme.txt"));
}

#[tokio::test]
async fn a_raw_dump_may_bring_its_name_along() {
    let name = (
        "content-disposition",
        r#"attachment; filename="C:\Windows\Minidump\112226-1.dmp""#,
    );
    let upload = upload(&[name], minidump(50)).await.unwrap();
    assert_eq!(upload.dumps[0].file_name.as_deref(), Some("112226-1.dmp"));
}

#[tokio::test]
async fn an_empty_body_is_named() {
    let error = upload(&[], Vec::new()).await.unwrap_err();
    assert_eq!(
        error,
        BodyError::NoDump {
            saw: "it is empty".to_owned()
        }
    );
}

/// The announced length is paid for before the first byte is read, so a full server refuses at once.
#[tokio::test]
async fn a_body_that_does_not_fit_the_budget_is_refused_unread() {
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from(50_000));
    let budget = ByteBudget::new(32 << 10);
    let body = Body::from_stream(futures_util::stream::pending::<io::Result<bytes::Bytes>>());
    let error = receive(&headers, body, LIMITS, &budget).await.unwrap_err();
    assert_eq!(error, BodyError::Busy);
}

#[tokio::test]
async fn an_upload_gives_its_bytes_back_when_it_is_done() {
    let budget = ByteBudget::new(1 << 20);
    let body = Body::from(minidump(90_000));
    let upload = receive(&HeaderMap::new(), body, LIMITS, &budget).await.unwrap();
    assert!(budget.free_bytes() < 1 << 20);
    drop(upload);
    assert_eq!(budget.free_bytes(), 1 << 20);
}
