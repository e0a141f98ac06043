//! One verdict on one fleet, held against the truth.

use attribution::counts::{Case, Counts, Peers};
use attribution::verdict::{Verdict, Word, verdict};

use super::truth::Truth;

/// From this probability on a suspect counts as accused, however few machines crashed.
pub(crate) const ACCUSED: f64 = 0.95;
/// Probabilities below this are not tabled: there are a hundred in every verdict, and all are right.
const WORTH_TABLING: f64 = 0.01;

/// What a verdict is allowed to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Machine-days and cases by hardware model and week.
    Counts,
    /// These, and whom dumps name.
    Dumps,
    /// Machine-days and cases, and the site of each case.
    Sites,
    /// All of it.
    DumpsAndSites,
}

impl Evidence {
    /// All kinds.
    pub const ALL: [Evidence; 4] = [
        Evidence::Counts,
        Evidence::Dumps,
        Evidence::Sites,
        Evidence::DumpsAndSites,
    ];

    /// Those of the released table: without dumps, with them, and all that a server knows.
    pub const USUAL: [Evidence; 3] = [Evidence::Counts, Evidence::Dumps, Evidence::DumpsAndSites];

    /// Its name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Counts => "counts",
            Evidence::Dumps => "dumps",
            Evidence::Sites => "sites",
            Evidence::DumpsAndSites => "dumps+sites",
        }
    }

    pub(crate) fn has_dumps(self) -> bool {
        matches!(self, Evidence::Dumps | Evidence::DumpsAndSites)
    }

    fn has_sites(self) -> bool {
        matches!(self, Evidence::Sites | Evidence::DumpsAndSites)
    }
}

/// What came of one verdict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) word: Word,
    /// Place of the first guilty suspect; the most suspicious has 0.
    pub(crate) place: Option<usize>,
    /// The lead of the first effect.
    pub(crate) lead: Option<Lead>,
    /// The first effect's credible set.
    pub(crate) set: Option<CredibleSet>,
    /// Guilty drivers that lead some effect.
    pub(crate) found: usize,
    /// Leads of further effects: guilty ones, and innocent ones.
    pub(crate) later: [usize; 2],
    /// Suspects' probabilities, and whether they are guilty.
    pub(crate) probabilities: Vec<(f64, bool)>,
}

/// The most probable suspect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lead {
    pub(crate) probability: f64,
    pub(crate) guilty: bool,
}

/// What the credible set is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CredibleSet {
    pub(crate) size: usize,
    pub(crate) covers: bool,
}

/// Judges the verdict on the same counts with each kind of evidence.
pub(crate) fn judge(counts: &mut Counts, truth: &Truth, evidence: &[Evidence]) -> Vec<Judged> {
    let cases = std::mem::take(&mut counts.cases);
    let peers = std::mem::take(&mut counts.peers);
    let judged = evidence.iter().map(|evidence| {
        show(counts, &cases, &peers, *evidence);
        held_against(counts, truth, &verdict(counts))
    });
    let judged = judged.collect();
    counts.cases = cases;
    counts.peers = peers;
    judged
}

/// Puts into the counts what the evidence allows to see.
fn show(counts: &mut Counts, cases: &[Case], peers: &[Peers], evidence: Evidence) {
    let seen = cases.iter().map(|case| Case {
        named: case.named.clone().filter(|_| evidence.has_dumps()),
        peers: case.peers.filter(|_| evidence.has_sites()),
        ..case.clone()
    });
    counts.cases = seen.collect();
    counts.peers = if evidence.has_sites() {
        peers.to_vec()
    } else {
        Vec::new()
    };
}

fn held_against(counts: &Counts, truth: &Truth, verdict: &Verdict) -> Judged {
    let met: Vec<Option<usize>> = verdict
        .suspects
        .iter()
        .map(|suspect| truth.met_by(counts, suspect))
        .collect();
    let guilty = |suspect: usize| met.get(suspect).copied().flatten();
    let first = verdict.effects.first();
    let mut found: Vec<usize> = verdict
        .effects
        .iter()
        .filter_map(|effect| guilty(effect.lead))
        .collect();
    let later = verdict.effects.iter().skip(1);
    let later_guilty = later
        .clone()
        .filter(|effect| guilty(effect.lead).is_some())
        .count();
    found.sort_unstable();
    found.dedup();
    let tabled = verdict.suspects.iter().zip(&met);
    Judged {
        word: verdict.word,
        place: met.iter().position(Option::is_some),
        lead: first.and_then(|effect| {
            Some(Lead {
                probability: verdict.suspects.get(effect.lead)?.probability,
                guilty: guilty(effect.lead).is_some(),
            })
        }),
        set: first.map(|effect| CredibleSet {
            size: effect.credible_set.len(),
            covers: effect
                .credible_set
                .iter()
                .any(|suspect| guilty(*suspect).is_some()),
        }),
        found: found.len(),
        later: [later_guilty, later.count() - later_guilty],
        probabilities: tabled
            .map(|(suspect, met)| (suspect.probability, met.is_some()))
            .filter(|(probability, _)| *probability >= WORTH_TABLING)
            .collect(),
    }
}
