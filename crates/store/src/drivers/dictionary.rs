//! Growing the dictionaries of drivers and versions.
//!
//! Every function looks first and inserts what is missing: an `INSERT … ON CONFLICT` uses up an id for every row that
//! is there already, and ids of versions must stay dense. Rows are inserted in the order of their keys, so that two
//! writers never wait for each other in a circle.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use time::Date;

use super::image_dictionary::insert_images;
use super::{InventoryDriver, code_id};
use crate::Error;
use crate::text::without_nul;

/// Version ids by driver and version.
pub(super) type VersionIds = HashMap<(i32, String), i32>;

/// A driver whose name has its id.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) driver_id: i32,
    pub(super) version: Option<String>,
    pub(super) code_id: Option<String>,
    /// The key of its placeholder if it has no version: the code id, or the name and a slash.
    pub(super) placeholder_key: String,
    pub(super) checksum: Option<i64>,
    pub(super) sha256: Option<Vec<u8>>,
}

impl Told {
    /// The same with `name` as the driver's base name.
    pub(super) fn new(name: &str, driver_id: i32, driver: &InventoryDriver) -> Self {
        let image = driver.time_date_stamp.zip(driver.size_of_image);
        let code_id = image.and_then(|(stamp, size)| code_id(name, stamp, size));
        let version = driver
            .version
            .as_deref()
            .map(cleaned)
            .filter(|version| !version.is_empty());
        Told {
            driver_id,
            version,
            placeholder_key: code_id.clone().unwrap_or_else(|| format!("{name}/")),
            code_id,
            checksum: driver.checksum.map(i64::from),
            sha256: driver.sha256.map(Vec::from),
        }
    }

    /// An image that only a dump told of.
    pub(super) fn image(driver_id: i32, code_id: &str) -> Self {
        Told {
            driver_id,
            version: None,
            code_id: Some(code_id.to_owned()),
            placeholder_key: code_id.to_owned(),
            checksum: None,
            sha256: None,
        }
    }
}

/// A version as it is stored: without control characters, at most 100 characters.
fn cleaned(version: &str) -> String {
    let printable = version.trim().chars().filter(|letter| !letter.is_control());
    printable.take(100).collect()
}

/// The ids of drivers by base name. What is new about known ones is added where nothing was known.
pub(super) async fn driver_ids(
    conn: &mut PgConnection,
    told: Vec<(&str, &InventoryDriver)>,
) -> Result<HashMap<String, i32>, Error> {
    let told: BTreeMap<&str, &InventoryDriver> = told.into_iter().collect();
    let names: Vec<&str> = told.keys().copied().collect();
    let column = |field: fn(&InventoryDriver) -> Option<&String>| -> Vec<Option<String>> {
        told.values()
            .map(|driver| field(driver).map(|value| without_nul(value)))
            .collect()
    };
    let companies = column(|driver| driver.company.as_ref());
    let classes = column(|driver| driver.class.as_ref());
    let descriptions = column(|driver| driver.description.as_ref());
    let products = column(|driver| driver.product.as_ref());
    let signers = column(|driver| driver.signer.as_ref());
    sqlx::query_file!(
        "src/drivers/describe_drivers.sql",
        &names as &[&str],
        &companies as &[Option<String>],
        &classes as &[Option<String>],
        &descriptions as &[Option<String>],
        &products as &[Option<String>],
        &signers as &[Option<String>],
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        "SELECT id, name FROM driver WHERE name = ANY($1)",
        &names as &[&str]
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}

/// The ids of versions that inventories tell.
pub(super) async fn version_ids(
    conn: &mut PgConnection,
    told: impl Iterator<Item = &Told>,
    today: Date,
) -> Result<VersionIds, Error> {
    let mut wanted: Vec<(i32, &str)> = told
        .filter_map(|told| Some((told.driver_id, told.version.as_deref()?)))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let (driver_ids, versions): (Vec<i32>, Vec<&str>) = wanted.into_iter().unzip();
    sqlx::query!(
        r#"
        INSERT INTO driver_version (driver_id, version, first_seen_on)
        SELECT told.driver_id, told.version, $3::date
        FROM unnest($1::integer[], $2::text[]) AS told (driver_id, version)
        WHERE NOT EXISTS (
            SELECT FROM driver_version AS known
            WHERE known.driver_id = told.driver_id AND known.version = told.version
        )
        ON CONFLICT DO NOTHING
        "#,
        &driver_ids,
        &versions as &[&str],
        today,
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        SELECT known.id, known.driver_id, known.version AS "version!"
        FROM unnest($1::integer[], $2::text[]) AS told (driver_id, version)
        JOIN driver_version AS known USING (driver_id, version)
        "#,
        &driver_ids,
        &versions as &[&str],
    )
    .fetch_all(conn)
    .await?;
    let ids = rows.into_iter().map(|row| ((row.driver_id, row.version), row.id));
    Ok(ids.collect())
}

/// The ids of placeholders by their keys; their images point at them from now on.
pub(super) async fn placeholder_ids(
    conn: &mut PgConnection,
    told: impl Iterator<Item = (&Told, Date)>,
) -> Result<HashMap<String, i32>, Error> {
    let mut first: BTreeMap<&str, (&Told, Date)> = BTreeMap::new();
    for (told, seen_on) in told {
        let earliest = &mut first.entry(&told.placeholder_key).or_insert((told, seen_on)).1;
        *earliest = seen_on.min(*earliest);
    }
    if first.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<&str> = first.keys().copied().collect();
    let driver_ids: Vec<i32> = first.values().map(|(told, _)| told.driver_id).collect();
    let days: Vec<Date> = first.values().map(|(_, seen_on)| *seen_on).collect();
    sqlx::query!(
        r#"
        INSERT INTO driver_version (driver_id, placeholder_code_id, first_seen_on)
        SELECT told.driver_id, told.key, told.seen_on
        FROM unnest($1::integer[], $2::text[], $3::date[]) AS told (driver_id, key, seen_on)
        WHERE NOT EXISTS (SELECT FROM driver_version AS known WHERE known.placeholder_code_id = told.key)
        ON CONFLICT DO NOTHING
        "#,
        &driver_ids,
        &keys as &[&str],
        &days,
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        SELECT placeholder_code_id AS "key!", coalesce(merged_into, id) AS "id!"
        FROM driver_version
        WHERE placeholder_code_id = ANY($1)
        "#,
        &keys as &[&str],
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: HashMap<String, i32> = rows.into_iter().map(|row| (row.key, row.id)).collect();
    let images = first.iter().filter_map(|(key, (told, _))| {
        let code_id = told.code_id.as_deref()?;
        Some((code_id, *ids.get(*key)?, *told))
    });
    insert_images(conn, images.collect()).await?;
    Ok(ids)
}
