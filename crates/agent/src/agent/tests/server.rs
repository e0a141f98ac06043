//! A server for tests: it keeps the contract, unless it is told to misbehave.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::digest;

/// What the server does instead of what it should.
#[derive(Debug, Clone)]
pub(super) enum Misbehaviour {
    /// Answers with this status, `Retry-After` and body.
    Answer(u16, Option<&'static str>, String),
    /// Reads so many bytes of the body and closes the connection.
    CutRequest(usize),
    /// Does what was asked and closes the connection without an answer.
    SwallowAnswer,
    /// Announces more than it sends, and closes.
    CutAnswer,
    /// Answers with a body that does not end.
    EndlessAnswer,
    /// Waits, then does what it should.
    Slow(Duration),
}

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Method and path.
    pub(super) line: String,
    /// The bearer token.
    pub(super) token: String,
    /// The inflated body.
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) seen: Vec<Seen>,
    /// SHA-256 of the dumps that are there.
    pub(super) dumps: BTreeSet<String>,
    pub(super) driver_sets: BTreeMap<String, Value>,
    pub(super) events: Vec<Value>,
    /// The only tokens that are let in; enrolment adds one.
    pub(super) tokens: BTreeSet<String>,
    pub(super) policy: Value,
    enrolments: usize,
    misbehaviours: VecDeque<(&'static str, Misbehaviour)>,
}

/// A listening server; its thread ends with the process.
pub(super) struct Server {
    pub(super) address: String,
    inner: Arc<Mutex<Inner>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner {
            seen: Vec::new(),
            dumps: BTreeSet::new(),
            driver_sets: BTreeMap::new(),
            events: Vec::new(),
            tokens: BTreeSet::new(),
            policy: json!({"upload_interval_seconds": 900, "track_locked_pages": false, "track_locked_pages_until": null}),
            enrolments: 0,
            misbehaviours: VecDeque::new(),
        }));
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(&stream, &shared); // a client that goes away is what tests are about
            }
        });
        Self { address, inner }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The next request whose method and path begin with `line` is treated so.
    pub(super) fn misbehave(&self, line: &'static str, how: Misbehaviour) {
        self.inner().misbehaviours.push_back((line, how));
    }

    /// How many requests began so.
    pub(super) fn count(&self, line: &str) -> usize {
        self.inner()
            .seen
            .iter()
            .filter(|seen| seen.line.starts_with(line))
            .count()
    }

    /// The last request that began so.
    pub(super) fn last(&self, line: &str) -> Seen {
        let inner = self.inner();
        inner
            .seen
            .iter()
            .rfind(|seen| seen.line.starts_with(line))
            .unwrap()
            .clone()
    }
}

pub(super) fn problem(kind: &str, status: u16) -> String {
    json!({"type": kind, "title": kind, "status": status, "detail": "said so", "request_id": "r"}).to_string()
}

/// Serves one request; the connection is closed after it.
fn serve(mut stream: &TcpStream, shared: &Mutex<Inner>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line
        .rsplit_once(' ')
        .map_or(String::new(), |(line, _)| line.to_owned());
    let headers = headers(&mut reader)?;
    let how = {
        let mut inner = shared.lock().unwrap();
        let at = inner
            .misbehaviours
            .iter()
            .position(|(start, _)| line.starts_with(start));
        at.and_then(|at| inner.misbehaviours.remove(at))
            .map(|(_, how)| how)
    };
    if let Some(Misbehaviour::CutRequest(bytes)) = how {
        return reader.take(bytes as u64).read_to_end(&mut Vec::new()).map(drop);
    }
    let body = body(&mut reader, &headers)?;
    let token = headers
        .get("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let seen = Seen {
        line,
        token: token.unwrap_or_default().to_owned(),
        body,
    };
    shared.lock().unwrap().seen.push(seen.clone());
    let (status, retry_after, text) = match how {
        Some(Misbehaviour::Answer(status, retry_after, text)) => (status, retry_after, text),
        Some(Misbehaviour::SwallowAnswer) => {
            shared.lock().unwrap().obey(&seen);
            return Ok(());
        }
        Some(Misbehaviour::CutAnswer) => {
            return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"upl");
        }
        Some(Misbehaviour::EndlessAnswer) => return endless(stream),
        Some(Misbehaviour::Slow(wait)) => {
            std::thread::sleep(wait);
            shared.lock().unwrap().obey(&seen)
        }
        _ => shared.lock().unwrap().obey(&seen),
    };
    let retry_after = retry_after.map_or(String::new(), |wait| format!("retry-after: {wait}\r\n"));
    let text = if seen.line.starts_with("HEAD") {
        String::new()
    } else {
        text
    };
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{retry_after}\r\n{text}"
    )
}

fn endless(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    loop {
        stream.write_all(b"10\r\n{{{{{{{{{{{{{{{{\r\n")?;
    }
}

fn headers(reader: &mut impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok(headers);
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

fn body(reader: &mut impl BufRead, headers: &BTreeMap<String, String>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        reader.take(length.parse().unwrap()).read_to_end(&mut body)?;
    } else if headers.contains_key("transfer-encoding") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let read = reader.take(length).read_to_end(&mut body)? as u64;
            reader.read_line(&mut String::new())?;
            if length == 0 || read < length {
                break;
            }
        }
    }
    if headers
        .get("content-encoding")
        .is_some_and(|encoding| encoding == "gzip")
    {
        let mut inflated = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut inflated)?;
        return Ok(inflated);
    }
    Ok(body)
}

type Reply = (u16, Option<&'static str>, String);

impl Inner {
    /// What the contract says.
    fn obey(&mut self, seen: &Seen) -> Reply {
        let (method, path) = seen.line.split_once(' ').unwrap();
        let is_enrolment = path.ends_with("/enrolment");
        if is_enrolment && seen.token == "enrol-me" {
            self.enrolments += 1;
            let token = format!("own-{}", self.enrolments);
            self.tokens.insert(token.clone());
            return (201, None, json!({"machine": "m1", "token": token}).to_string());
        }
        if !self.tokens.contains(&seen.token) {
            return (401, None, problem("unauthorized", 401));
        }
        if is_enrolment {
            return (403, None, problem("forbidden", 403));
        }
        match (method, path.rsplit('/').next().unwrap()) {
            ("POST", "check-in") => (200, None, self.policy.to_string()),
            ("PUT", "inventory") => self.inventory(&seen.json()),
            ("POST", "events") => {
                self.events
                    .extend(seen.json()["events"].as_array().unwrap().iter().cloned());
                (200, None, "{}".to_owned())
            }
            ("HEAD", sha256) if self.dumps.contains(sha256) => (200, None, String::new()),
            ("POST", "dumps?machine=m1") => self.upload(&seen.body),
            _ => (404, None, problem("not-found", 404)),
        }
    }

    fn inventory(&mut self, inventory: &Value) -> Reply {
        if let Some(hash) = inventory["driver_set"].as_str() {
            if !self.driver_sets.contains_key(hash) {
                return (409, None, problem("unknown-driver-set", 409));
            }
            return (
                200,
                None,
                json!({"driver_set": hash, "changed": false}).to_string(),
            );
        }
        let hash = digest::of_bytes(inventory["drivers"].to_string().as_bytes());
        self.driver_sets
            .insert(hash.clone(), inventory["drivers"].clone());
        (
            200,
            None,
            json!({"driver_set": hash, "changed": true}).to_string(),
        )
    }

    fn upload(&mut self, body: &[u8]) -> Reply {
        let sha256 = digest::of_bytes(body);
        let is_new = self.dumps.insert(sha256.clone());
        let dump = json!({"id": "01990000-0000-7000-8000-000000000000", "sha256": sha256, "size_bytes": body.len(),
            "format": "kernel-triage", "state": "queued", "duplicate": !is_new, "file_name": null});
        (
            if is_new { 201 } else { 200 },
            None,
            json!({"dumps": [dump]}).to_string(),
        )
    }
}
