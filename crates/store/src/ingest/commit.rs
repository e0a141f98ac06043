//! Committing one group: rows, then answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Committer, NewDump, Receipt, Waiting};
use crate::dumps::DumpState;
use crate::machines::{self, Attributes, NewMachine};
use crate::{DumpId, Error, MachineId, Sha256, text};

/// The callers that wait for one and the same dump, in the order they came. Never empty.
type Callers = Vec<Waiting>;

impl Committer {
    /// Commits a group and answers each of its callers.
    #[tracing::instrument(name = "ingest.group", level = "debug", skip_all, fields(dumps = group.len()))]
    pub(super) async fn take(&self, group: Vec<Waiting>) {
        // In the order of their hashes, so that two groups that share some never wait for each other in a circle.
        let mut by_hash: BTreeMap<Sha256, Callers> = BTreeMap::new();
        for waiting in group {
            by_hash.entry(waiting.row.sha256).or_default().push(waiting);
        }
        let group: Vec<Callers> = by_hash.into_values().collect();
        match self.insert(&group).await {
            Ok(receipts) => self.answer(group, &receipts),
            Err(error) if group.len() > 1 && !error.is_transient() => self.take_one_by_one(group).await,
            Err(error) => refuse(group, error),
        }
    }

    /// One dump's data can make a statement fail; the rest of its group must not suffer for it.
    async fn take_one_by_one(&self, group: Vec<Callers>) {
        for callers in group {
            let alone = [callers];
            let result = self.insert(&alone).await;
            let alone = Vec::from(alone);
            match result {
                Ok(receipts) => self.answer(alone, &receipts),
                Err(error) => refuse(alone, error),
            }
        }
    }

    async fn insert(&self, group: &[Callers]) -> Result<BTreeMap<Sha256, Receipt>, Error> {
        let rows: Vec<&NewRow> = group
            .iter()
            .filter_map(|callers| callers.first())
            .map(|waiting| &waiting.row)
            .collect();
        let (machines, now) = machines_of(group);
        if machines.is_empty() {
            // One statement is a transaction by itself, and two round trips shorter.
            let mut conn = self.pool.acquire().await?;
            return insert_rows(&mut conn, &rows).await;
        }
        let mut transaction = self.pool.begin().await?;
        machines::upsert_many(&mut transaction, &machines, now).await?;
        let receipts = insert_rows(&mut transaction, &rows).await?;
        transaction.commit().await?;
        Ok(receipts)
    }

    fn answer(&self, group: Vec<Callers>, receipts: &BTreeMap<Sha256, Receipt>) {
        if receipts.values().any(|receipt| !receipt.duplicate) {
            self.notifier.wake();
        }
        for callers in group {
            for (index, waiting) in callers.into_iter().enumerate() {
                let receipt = receipts.get(&waiting.row.sha256).ok_or(Error::Row {
                    table: "dump",
                    column: "sha256",
                });
                let receipt = receipt.map(|receipt| Receipt {
                    duplicate: receipt.duplicate || index > 0,
                    ..*receipt
                });
                // A caller that is gone needs no answer; its dump is stored all the same.
                let _ = waiting.answer.send(receipt);
            }
        }
    }
}

fn refuse(group: Vec<Callers>, error: Error) {
    let error = Arc::new(error);
    for waiting in group.into_iter().flatten() {
        let _ = waiting.answer.send(Err(Error::Group(Arc::clone(&error))));
    }
}

/// The machines that the uploads named, and when the last of them was heard of.
fn machines_of(group: &[Callers]) -> (Vec<NewMachine>, OffsetDateTime) {
    let mut heard_at = OffsetDateTime::UNIX_EPOCH;
    let mut machines = Vec::new();
    for Waiting { row, .. } in group.iter().flatten() {
        heard_at = heard_at.max(row.received_at);
        machines.extend(row.machine.clone().map(|name| NewMachine {
            name,
            attributes: Attributes::default(),
        }));
    }
    (machines, heard_at)
}

/// What the database is told of a dump.
pub(super) struct NewRow {
    id: DumpId,
    sha256: Sha256,
    size_bytes: i64,
    format: &'static str,
    machine: Option<String>,
    file_name: Option<String>,
    annotations: Option<serde_json::Value>,
    received_at: OffsetDateTime,
}

impl NewRow {
    pub(super) fn of(dump: &NewDump, received_at: OffsetDateTime) -> NewRow {
        NewRow {
            id: DumpId(Uuid::now_v7()),
            sha256: dump.sha256,
            size_bytes: i64::try_from(dump.bytes.len()).unwrap_or(i64::MAX),
            format: dump.format,
            machine: dump.machine.clone(),
            file_name: dump.file_name.as_deref().map(text::without_nul),
            annotations: dump.annotations.clone().map(text::json_without_nul),
            received_at,
        }
    }
}

/// Inserts dumps and their jobs, all or none, and finds the rows of those that were there.
async fn insert_rows(conn: &mut PgConnection, rows: &[&NewRow]) -> Result<BTreeMap<Sha256, Receipt>, Error> {
    let ids = insert_new(conn, rows).await?;
    let mut receipts = BTreeMap::new();
    let mut known = Vec::new();
    for row in rows {
        if ids.contains(&row.id.0) {
            let receipt = Receipt {
                id: row.id,
                state: DumpState::Queued,
                duplicate: false,
            };
            receipts.insert(row.sha256, receipt);
        } else {
            known.push(row.sha256.0.to_vec());
        }
    }
    if !known.is_empty() {
        find_known(conn, &known, &mut receipts).await?;
    }
    Ok(receipts)
}

/// One statement, so one transaction; the ids of those that are new.
async fn insert_new(conn: &mut PgConnection, rows: &[&NewRow]) -> Result<Vec<Uuid>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let hashes: Vec<Vec<u8>> = rows.iter().map(|row| row.sha256.0.to_vec()).collect();
    let sizes: Vec<i64> = rows.iter().map(|row| row.size_bytes).collect();
    let formats: Vec<String> = rows.iter().map(|row| row.format.to_owned()).collect();
    let machines: Vec<Option<Uuid>> = rows
        .iter()
        .map(|row| row.machine.as_deref().map(|name| MachineId::of(name).0))
        .collect();
    let file_names: Vec<Option<String>> = rows.iter().map(|row| row.file_name.clone()).collect();
    let annotations: Vec<Option<serde_json::Value>> =
        rows.iter().map(|row| row.annotations.clone()).collect();
    let received: Vec<OffsetDateTime> = rows.iter().map(|row| row.received_at).collect();
    let new = sqlx::query_scalar!(
        r#"
            WITH
                new AS (
                    INSERT INTO dump
                        (id, sha256, size_bytes, format, machine_id, file_name, annotations, received_at)
                    SELECT *
                    FROM unnest(
                        $1::uuid[], $2::bytea[], $3::bigint[], $4::text[],
                        $5::uuid[], $6::text[], $7::jsonb[], $8::timestamptz[]
                    )
                    ON CONFLICT (sha256) DO NOTHING
                    RETURNING id
                ),
                queued AS (
                    INSERT INTO job (kind, key)
                    SELECT 'analyze', id::text
                    FROM new
                )
            SELECT id FROM new
        "#,
        &ids,
        &hashes,
        &sizes,
        &formats,
        &machines as &[Option<Uuid>],
        &file_names as &[Option<String>],
        &annotations as &[Option<serde_json::Value>],
        &received,
    )
    .fetch_all(conn)
    .await?;
    Ok(new)
}

async fn find_known(
    conn: &mut PgConnection,
    hashes: &[Vec<u8>],
    receipts: &mut BTreeMap<Sha256, Receipt>,
) -> Result<(), Error> {
    let rows = sqlx::query!(
        r#"
            SELECT
                dump.id AS "id: DumpId", sha256, dump.state, job.attempts AS "running?"
            FROM dump
            LEFT JOIN job ON job.key = dump.id::text AND job.kind IN ('analyze', 'reanalyze') AND job.state = 1
            WHERE sha256 = ANY ($1)
        "#,
        hashes,
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let sha256 = Sha256::from_slice(&row.sha256).ok_or(Error::Row {
            table: "dump",
            column: "sha256",
        })?;
        let receipt = Receipt {
            id: row.id,
            state: DumpState::read(&row.state, row.running)?,
            duplicate: true,
        };
        receipts.insert(sha256, receipt);
    }
    Ok(())
}
