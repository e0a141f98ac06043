//! The client against a server of a few lines.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::Client;

/// Answers one connection after the other with these responses and returns its address.
async fn server(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).await.unwrap();
            assert!(read > 0);
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn a_request_that_was_put_off_is_sent_again_after_the_time_the_server_names() {
    let url = server(&[
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n7",
    ])
    .await;
    let start = Instant::now();
    let answer: u32 = Client::new(&url, "secret").unwrap().get("/number").await.unwrap();
    assert_eq!(answer, 7);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_refusal_is_an_error_that_says_what_the_server_said() {
    let url =
        server(&["HTTP/1.1 403 Forbidden\r\ncontent-length: 14\r\nconnection: close\r\n\r\nupload missing"])
            .await;
    let client = Client::new(&url, "secret").unwrap();
    let error = client.get::<u32>("/number").await.unwrap_err().to_string();
    assert!(error.contains("403"), "{error}");
    assert!(error.contains("upload missing"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}
