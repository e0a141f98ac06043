//! The overview's legend, table and lists, row by row.

use std::cmp::Reverse;

use time::Date;
use wire::stop_code::StopCodeCount;
use wire::suspects::VerdictWord;

use super::{Facts, NewSignature, NewVersion};
use crate::pages::charts::days::Series;
use crate::pages::charts::{SERIES, Svg, spark};
use crate::pages::show::{self, Day};
use crate::pages::{verdict, words};

pub(super) struct LegendEntry {
    pub(super) series: usize,
    pub(super) code: Option<String>,
    pub(super) name: String,
    pub(super) crashes: String,
}

pub(super) struct Row {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) crashes: String,
    pub(super) machines: String,
    pub(super) trend: Svg,
    pub(super) last_seen: Day,
    pub(super) new: bool,
    pub(super) suspect: Option<RowSuspect>,
    /// Why there is no verdict.
    pub(super) unranked: &'static str,
}

pub(super) struct RowSuspect {
    pub(super) name: String,
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
}

pub(super) struct NewCode {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) crashes: String,
}

pub(super) struct NewVersionView {
    pub(super) driver: String,
    pub(super) href: String,
    pub(super) version: String,
    pub(super) company: String,
    pub(super) first_seen: Day,
}

pub(super) struct NewSignatureView {
    pub(super) signature: String,
    pub(super) href: String,
    pub(super) crashes: String,
    pub(super) first_seen: Day,
}

/// The most frequent codes get a series each; if there are more than colours, the last series is the rest.
pub(super) fn chart_series(codes: &[StopCodeCount]) -> (Vec<Series>, Vec<LegendEntry>) {
    let mut sorted: Vec<&StopCodeCount> = codes.iter().collect();
    sorted.sort_by_key(|count| Reverse(count.crashes));
    let own = if sorted.len() > SERIES {
        SERIES - 1
    } else {
        sorted.len()
    };
    let (shown, rest) = sorted.split_at(own);
    let counts = |count: &StopCodeCount| {
        count
            .trend
            .iter()
            .map(|day| (day.day, day.crashes))
            .collect::<Vec<_>>()
    };
    let mut series: Vec<Series> = Vec::with_capacity(SERIES);
    let mut legend = Vec::with_capacity(SERIES);
    for (index, count) in shown.iter().enumerate() {
        series.push(Series {
            name: count.code.to_string(),
            counts: counts(count),
        });
        legend.push(LegendEntry {
            series: index,
            code: Some(count.code.to_string()),
            name: count.name.clone(),
            crashes: show::count(count.crashes),
        });
    }
    if !rest.is_empty() {
        series.push(Series {
            name: "other codes".to_owned(),
            counts: rest.iter().flat_map(|one| counts(one)).collect(),
        });
        let crashes = rest
            .iter()
            .fold(0_u64, |sum, one| sum.saturating_add(one.crashes));
        legend.push(LegendEntry {
            series: SERIES - 1,
            code: None,
            name: show::counted(rest.len() as u64, "other code"),
            crashes: show::count(crashes),
        });
    }
    (series, legend)
}

pub(super) fn row(count: &StopCodeCount, facts: &Facts) -> Row {
    let counts: Vec<(Date, u64)> = count.trend.iter().map(|day| (day.day, day.crashes)).collect();
    let found = facts.verdicts.iter().find(|one| one.stop_code == count.code);
    let suspect = found.map(|suspects| {
        let (word, tone) = verdict::word(suspects.verdict);
        let named = suspects.verdict >= VerdictWord::Associated;
        let first = suspects.suspects.first().filter(|_| named);
        RowSuspect {
            name: first.map(verdict::short).unwrap_or_default(),
            word,
            tone,
        }
    });
    Row {
        code: count.code.to_string(),
        name: count.name.clone(),
        class: words::class_label(count.class),
        crashes: show::count(count.crashes),
        machines: show::count(count.machines),
        trend: spark::bars(&counts, (facts.window.from, facts.window.to)),
        last_seen: Day(count.last_seen),
        new: count.new,
        suspect,
        unranked: if count.class.is_crash() {
            "not ranked yet"
        } else {
            "not a crash"
        },
    }
}

pub(super) fn new_codes(codes: &[StopCodeCount]) -> Vec<NewCode> {
    let new = codes.iter().filter(|count| count.new);
    new.map(|count| NewCode {
        code: count.code.to_string(),
        name: count.name.clone(),
        crashes: show::counted(count.crashes, "crash"),
    })
    .collect()
}

pub(super) fn new_version(new: &NewVersion) -> NewVersionView {
    NewVersionView {
        driver: new.driver.clone(),
        href: format!("/drivers/{}", show::encode(&new.driver)),
        version: new
            .version
            .clone()
            .unwrap_or_else(|| "version unknown".to_owned()),
        company: new.company.clone().unwrap_or_default(),
        first_seen: Day(new.first_seen),
    }
}

pub(super) fn new_signature(new: &NewSignature) -> NewSignatureView {
    NewSignatureView {
        signature: new.signature.clone(),
        href: format!("/crashes?signature={}", show::encode(&new.signature)),
        crashes: show::counted(new.crashes, "crash"),
        first_seen: Day(new.first_seen),
    }
}
