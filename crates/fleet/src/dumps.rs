//! Uploads the dumps of a fleet's crashes and waits until they are processed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use synth::fleet::Fleet;
use wire::dump::{Dump, DumpState, UploadedDumps};

use crate::client::{Client, read};

/// Waits between two looks at a dump that is not done.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Looks after which a dump that is still not done counts as stuck.
const LOOKS: u32 = 1_000;

/// Uploads the dump of one crash and returns its id.
pub(crate) async fn upload(client: &Client, fleet: &Arc<Fleet>, crash: usize) -> anyhow::Result<String> {
    let source = Arc::clone(fleet);
    let body = tokio::task::spawn_blocking(move || zipped(&source, crash)).await??;
    let machine = &fleet.machines[fleet.crashes[crash].machine];
    let path = format!("/api/v1/dumps?machine={}", machine.id);
    let request = || {
        client
            .request(Method::POST, &path)
            .header("content-encoding", "gzip")
            .body(body.clone())
    };
    let response = client.send(&path, request).await?;
    let answer: UploadedDumps = read(&path, response).await?;
    let dump = answer
        .dumps
        .first()
        .context("the answer to an upload names no dump")?;
    Ok(dump.id.to_string())
}

fn zipped(fleet: &Fleet, crash: usize) -> std::io::Result<Vec<u8>> {
    let bytes = fleet.describe(&fleet.crashes[crash]).to_bytes();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&bytes)?;
    encoder.finish()
}

/// Waits until a dump is processed; `false` if its analysis failed.
pub(crate) async fn wait(client: &Client, id: &str) -> anyhow::Result<bool> {
    let path = format!("/api/v1/dumps/{id}");
    for _ in 0..LOOKS {
        let dump: Dump = client.get(&path).await?;
        match dump.state {
            DumpState::Done => return Ok(true),
            DumpState::Failed => return Ok(false),
            DumpState::Queued | DumpState::Processing => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    bail!("dump {id} is still not processed")
}
