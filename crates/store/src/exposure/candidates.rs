//! What is suspected: driver versions and Windows builds, and what is known of them beforehand.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use time::{Date, Duration};

use super::columns::{ById, Column};
use super::naming::Naming;
use super::{Candidate, Feature, Origin, Stratum};
use crate::drivers::compare_versions;
use crate::{Error, Window};

/// What was first seen within the last so many days of a window changed recently.
const RECENT: Duration = Duration::days(30);

/// A version as the dictionary has it.
struct Known {
    driver_id: i32,
    version: Option<String>,
    first_seen_on: Date,
    company: Option<String>,
    signer: Option<String>,
}

/// The candidates with these columns, driver versions first, each by id.
pub(super) async fn describe(
    conn: &mut PgConnection,
    (versions, os_builds): (Vec<ById>, Vec<ById>),
    naming: &HashMap<i32, Naming>,
    strata: &[Stratum],
    window: Window,
) -> Result<Vec<Candidate>, Error> {
    let ids: Vec<i32> = versions.iter().map(|(id, _)| *id).collect();
    let known = known(conn, &ids).await?;
    let orders = orders(&known);
    let recent = window.to.saturating_sub(RECENT);
    let versions = versions.into_iter().map(|(id, machine_days)| {
        let version = known.get(&id);
        Candidate {
            feature: Feature::Driver {
                version: id,
                driver: version.map_or(0, |version| version.driver_id),
                order: orders.get(&id).copied(),
            },
            origin: version.map_or(Origin::Unknown, |version| {
                origin(version.company.as_deref(), version.signer.as_deref())
            }),
            changed_recently: version.is_some_and(|version| version.first_seen_on > recent),
            machine_days,
            named_elsewhere: naming.get(&id).copied().unwrap_or_default(),
        }
    });
    let os_builds = os_builds.into_iter().map(|(os_build, machine_days)| Candidate {
        feature: Feature::OsBuild(os_build),
        origin: Origin::InBox,
        changed_recently: first_week(strata, &machine_days).is_some_and(|week| week > recent),
        machine_days,
        named_elsewhere: Naming::default(),
    });
    Ok(versions.chain(os_builds).collect())
}

/// The first week with days.
fn first_week(strata: &[Stratum], column: &Column) -> Option<Date> {
    let weeks = column
        .iter()
        .filter_map(|(stratum, _)| strata.get(usize::try_from(*stratum).ok()?));
    weeks.map(|stratum| stratum.week).min()
}

async fn known(conn: &mut PgConnection, ids: &[i32]) -> Result<HashMap<i32, Known>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT driver_version.id, driver_version.driver_id, driver_version.version, driver_version.first_seen_on,
            driver.company, driver.signer
        FROM driver_version
        JOIN driver ON driver.id = driver_version.driver_id
        WHERE driver_version.id = ANY($1)
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            driver_id: row.driver_id,
            version: row.version,
            first_seen_on: row.first_seen_on,
            company: row.company,
            signer: row.signer,
        };
        (row.id, known)
    });
    Ok(known.collect())
}

/// The rank of each version within its driver, the oldest 0. Placeholders have none: their version is not known.
fn orders(known: &HashMap<i32, Known>) -> HashMap<i32, u32> {
    let mut families: BTreeMap<i32, Vec<(&str, i32)>> = BTreeMap::new();
    for (id, version) in known {
        if let Some(text) = version.version.as_deref() {
            families.entry(version.driver_id).or_default().push((text, *id));
        }
    }
    let mut orders = HashMap::new();
    for versions in families.values_mut() {
        versions.sort_by(|(one, _), (other, _)| compare_versions(one, other));
        orders.extend(versions.iter().map(|(_, id)| *id).zip(0..));
    }
    orders
}

/// Where a driver comes from. Microsoft also signs what it only certified, so the company tells more than the signer.
fn origin(company: Option<&str>, signer: Option<&str>) -> Origin {
    let is_microsoft = |name: &str| name.to_lowercase().contains("microsoft");
    let company = company.filter(|company| !company.trim().is_empty());
    match (company, signer) {
        (Some(company), _) if is_microsoft(company) => Origin::InBox,
        (Some(_), _) => Origin::ThirdParty,
        (None, Some(signer)) if signer.contains("Compatibility") => Origin::ThirdParty,
        (None, Some(signer)) if is_microsoft(signer) => Origin::InBox,
        (None, Some(signer)) if !signer.trim().is_empty() => Origin::ThirdParty,
        (None, _) => Origin::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use time::macros::date;

    use super::{Known, Origin, orders, origin};

    #[test]
    fn a_driver_that_microsoft_only_certified_is_a_third_partys() {
        let certified = "Microsoft Windows Hardware Compatibility Publisher";
        assert_eq!(origin(Some("Acme"), Some(certified)), Origin::ThirdParty);
        assert_eq!(origin(None, Some(certified)), Origin::ThirdParty);
        assert_eq!(origin(None, Some("Microsoft Windows")), Origin::InBox);
        assert_eq!(origin(Some("Microsoft Corporation"), None), Origin::InBox);
        assert_eq!(origin(None, None), Origin::Unknown);
    }

    #[test]
    fn versions_rank_by_their_numbers_within_their_driver() {
        let version = |driver_id, version: Option<&str>| Known {
            driver_id,
            version: version.map(str::to_owned),
            first_seen_on: date!(2026 - 01 - 01),
            company: None,
            signer: None,
        };
        let known = HashMap::from([
            (1, version(7, Some("4.10"))),
            (2, version(7, Some("4.9"))),
            (3, version(7, None)),
            (4, version(8, Some("1.0"))),
        ]);
        assert_eq!(orders(&known), HashMap::from([(2, 0), (1, 1), (4, 0)]));
    }
}
