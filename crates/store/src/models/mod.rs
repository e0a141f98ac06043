//! Hardware models: how many machines there are of each, and how often they crash.
//!
//! A machine is what it told at its latest inventory; days and crashes count for what it told on that day.

mod detail;
mod list;

use std::collections::HashMap;

use sqlx::PgConnection;

pub use detail::{ModelBios, ModelBuild, ModelDetail, ModelVersion, ModelWeek, detail};
pub use list::{ModelStopCode, ModelSummary, list};

use crate::{Error, text};

/// A hardware model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareModel {
    /// Its id.
    pub id: i32,
    /// As the firmware spells it; empty when only the model is known.
    pub manufacturer: String,
    /// As the firmware spells it, e.g. `Latitude 7420`.
    pub name: String,
}

/// The model of this name, or `None`. An empty manufacturer is asked for as it is.
///
/// # Errors
///
/// [`Error::Database`].
#[tracing::instrument(name = "db.models.find", skip_all)]
pub async fn find(
    conn: &mut PgConnection,
    manufacturer: &str,
    name: &str,
) -> Result<Option<HardwareModel>, Error> {
    let found = sqlx::query_as!(
        HardwareModel,
        "SELECT id, manufacturer, model AS name FROM hardware_model WHERE manufacturer = $1 AND model = $2",
        text::without_nul(manufacturer),
        text::without_nul(name),
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// These models, by id; ids that do not exist are left out.
pub(crate) async fn by_ids(
    conn: &mut PgConnection,
    ids: &[i32],
) -> Result<HashMap<i32, HardwareModel>, Error> {
    let found = sqlx::query_as!(
        HardwareModel,
        "SELECT id, manufacturer, model AS name FROM hardware_model WHERE id = ANY($1)",
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|model| (model.id, model)).collect())
}
