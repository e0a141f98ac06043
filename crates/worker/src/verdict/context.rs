//! What is shown beside the statistics of each suspect: names, the histories of machines, what dumps say
//! directly; and what the crashing machines have in common.

use std::collections::HashMap;

use attribution::verdict::Verdict;
use store::drivers::{self, VersionDescription};
use store::exposure::{self, Counts, DirectEvidence, Facet, Feature, History};
use store::{Error, PgConnection, Window};

/// The most suspects that a verdict shows. What comes after them is not suspicious.
pub(super) const MOST_SUSPECTS: usize = 50;

/// Facts about the versions that a verdict shows, by version id unless it says otherwise.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) descriptions: HashMap<i32, VersionDescription>,
    /// All versions of the same drivers, by driver id.
    pub(super) siblings: HashMap<i32, Vec<VersionDescription>>,
    /// What machines' own histories tell of each suspect, by rank.
    pub(super) histories: HashMap<u32, History>,
    /// What the crashing machines have in common.
    pub(super) shared: Vec<Facet>,
    pub(super) direct_evidence: HashMap<i32, DirectEvidence>,
}

/// Gathers what is known of the first suspects.
pub(super) async fn gather(
    conn: &mut PgConnection,
    stop_code: u32,
    window: Window,
    counts: &Counts,
    verdict: &Verdict,
) -> Result<Context, Error> {
    let groups = groups(counts, verdict);
    let ids: Vec<i32> = groups.iter().flatten().copied().collect();
    let shared = exposure::shared(conn, counts, stop_code).await?;
    if ids.is_empty() {
        return Ok(Context {
            shared,
            ..Context::default()
        });
    }
    let descriptions = drivers::describe(conn, &ids).await?;
    let mut siblings: HashMap<i32, Vec<VersionDescription>> = HashMap::new();
    for version in drivers::siblings(conn, &ids).await? {
        siblings.entry(version.driver_id).or_default().push(version);
    }
    let histories = exposure::histories(conn, stop_code, window, &groups).await?;
    let evidence = exposure::direct_evidence(conn, stop_code, window, &ids).await?;
    Ok(Context {
        descriptions: descriptions
            .into_iter()
            .map(|version| (version.driver_version_id, version))
            .collect(),
        siblings,
        histories: (1..).zip(histories).collect(),
        shared,
        direct_evidence: ids.into_iter().zip(evidence).collect(),
    })
}

/// The driver versions of each suspect that is shown, in the order of their ranks.
pub(super) fn groups(counts: &Counts, verdict: &Verdict) -> Vec<Vec<i32>> {
    let version = |member: &u32| {
        let candidate = counts.candidates.get(usize::try_from(*member).ok()?)?;
        match candidate.feature {
            Feature::Driver { version, .. } => Some(version),
            Feature::OsBuild(_) => None,
        }
    };
    let shown = verdict.suspects.iter().take(MOST_SUSPECTS);
    shown
        .map(|suspect| suspect.members.iter().filter_map(version).collect())
        .collect()
}
