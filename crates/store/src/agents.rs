//! What agents tell once a day, and what each of them told last.
//!
//! A check-in is presence, one row of `agent`, and the machine's place in an experiment if it has one. What the machine
//! is asked to do is in [`crate::experiments`].

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{Error, MachineId, experiments, machines, presence, text};

/// Longest reason of an agent that is kept, in bytes.
const MAX_TROUBLE_BYTES: usize = 500;

/// What an agent tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckIn {
    /// The agent's version.
    pub agent_version: String,
    /// UTC days on which the machine was on.
    pub days: Vec<Date>,
    /// When the machine was started last.
    pub started_at: Option<OffsetDateTime>,
    /// Whether the machine's owner lets the server have locked pages tracked on it.
    pub may_track_locked_pages: bool,
    /// How tracking stands; `None` while the agent never set it.
    pub locked_pages: Option<LockedPages>,
}

/// How the tracking of locked pages stands on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPages {
    /// Whether `TrackLockedPages` is set in the registry.
    pub set: bool,
    /// Since which start Windows works by it.
    pub in_force_since: Option<OffsetDateTime>,
    /// Why it could not be set or removed, in the agent's words.
    pub trouble: Option<String>,
}

/// The agent of a machine, as it told at its last check-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its version.
    pub agent_version: String,
    /// When it last checked in.
    pub checked_in_at: OffsetDateTime,
    /// When the machine was started last.
    pub started_at: Option<OffsetDateTime>,
    /// Whether the machine's owner lets the server have locked pages tracked on it.
    pub may_track_locked_pages: bool,
    /// How tracking stands; `None` while the agent never set it.
    pub locked_pages: Option<LockedPages>,
}

/// Takes what an agent tells. Wants a transaction.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.agents.check_in", skip_all)]
pub async fn check_in(
    conn: &mut PgConnection,
    machine: &str,
    told: &CheckIn,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let id = if told.days.is_empty() {
        machines::touch(conn, machine, now).await?
    } else {
        presence::add(conn, machine, &told.days, now).await?;
        MachineId::of(machine)
    };
    let pages = told.locked_pages.as_ref();
    sqlx::query!(
        r#"
        INSERT INTO agent AS known (
            machine_id, agent_version, checked_in_at, started_at, may_track_locked_pages,
            locked_pages_set, locked_pages_in_force_since, locked_pages_trouble
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (machine_id) DO UPDATE
        SET agent_version = excluded.agent_version,
            checked_in_at = excluded.checked_in_at,
            started_at = coalesce(excluded.started_at, known.started_at),
            may_track_locked_pages = excluded.may_track_locked_pages,
            locked_pages_set = excluded.locked_pages_set,
            locked_pages_in_force_since = excluded.locked_pages_in_force_since,
            locked_pages_trouble = excluded.locked_pages_trouble
        "#,
        id.0,
        text::without_nul(&told.agent_version),
        now,
        // A machine whose clock runs ahead must not own the future.
        told.started_at.map(|at| at.min(now)),
        told.may_track_locked_pages,
        pages.map(|pages| pages.set),
        pages.and_then(|pages| pages.in_force_since).map(|at| at.min(now)),
        pages.and_then(|pages| pages.trouble.as_deref()).map(cut),
    )
    .execute(&mut *conn)
    .await?;
    experiments::heard(conn, id, told, now).await
}

/// What an agent says of its trouble, short enough to be kept.
fn cut(trouble: &str) -> String {
    let end = trouble.floor_char_boundary(MAX_TROUBLE_BYTES);
    text::without_nul(trouble.get(..end).unwrap_or_default())
}

/// The agent of a machine, or `None` if none ever checked in.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.agents.find", skip_all)]
pub async fn find(conn: &mut PgConnection, machine: MachineId) -> Result<Option<Agent>, Error> {
    let row = sqlx::query!(
        r#"
        SELECT agent_version, checked_in_at, started_at, may_track_locked_pages, locked_pages_set,
            locked_pages_in_force_since, locked_pages_trouble
        FROM agent
        WHERE machine_id = $1
        "#,
        machine.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Agent {
        agent_version: row.agent_version,
        checked_in_at: row.checked_in_at,
        started_at: row.started_at,
        may_track_locked_pages: row.may_track_locked_pages,
        locked_pages: row.locked_pages_set.map(|set| LockedPages {
            set,
            in_force_since: row.locked_pages_in_force_since,
            trouble: row.locked_pages_trouble,
        }),
    }))
}
