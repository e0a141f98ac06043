//! A small reader of Prometheus' text format, strict where `promtool check metrics` is.

use std::collections::{BTreeMap, BTreeSet};

/// What one name stands for.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line of figures.
#[derive(Debug)]
pub(crate) struct Sample {
    /// With the suffix of a histogram's part, such as `_bucket`.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Family {
    /// The value with exactly these labels.
    pub(crate) fn value(&self, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let wanted: BTreeMap<String, String> = wanted.collect();
        let found = self.samples.iter().find(|sample| sample.labels == wanted)?;
        Some(found.value)
    }

    /// The values of a label.
    pub(crate) fn label(&self, name: &str) -> BTreeSet<&str> {
        let labels = self.samples.iter().filter_map(|sample| sample.labels.get(name));
        labels.map(String::as_str).collect()
    }
}

/// The families of an exposition, by name.
///
/// # Panics
///
/// On whatever the format forbids: samples without a type, a type after its samples, a series twice.
pub(crate) fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line has an end");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut series = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a name and a sentence");
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.help.is_empty() && family.samples.is_empty(), "{line}");
            help.clone_into(&mut family.help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.kind.is_empty() && family.samples.is_empty(), "{line}");
            kind.clone_into(&mut family.kind);
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let sample = sample(line);
            assert!(
                series.insert((sample.name.clone(), sample.labels.clone())),
                "twice: {line}"
            );
            let family = family_of(&mut families, &sample.name);
            family
                .unwrap_or_else(|| panic!("no type: {line}"))
                .samples
                .push(sample);
        }
    }
    families
}

fn family_of<'a>(families: &'a mut BTreeMap<String, Family>, name: &str) -> Option<&'a mut Family> {
    let mut bases = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix));
    let histogram = bases.find(|base| {
        families
            .get(*base)
            .is_some_and(|family| family.kind == "histogram")
    });
    families.get_mut(histogram.unwrap_or(name))
}

/// `name{label="value",…} number`; no time stamp is ever told.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (
            name,
            parse_labels(rest.strip_suffix('}').expect("a closing brace")),
        ),
        None => (series, BTreeMap::new()),
    };
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().unwrap_or_else(|_| panic!("no number: {line}")),
    }
}

fn parse_labels(mut rest: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").expect("a quoted value");
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().expect("a closing quote") {
                (end, '"') => break end,
                (_, '\\') => value.push(match letters.next().expect("an escaped letter").1 {
                    'n' => '\n',
                    letter => letter,
                }),
                (_, letter) => value.push(letter),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

#[test]
fn a_label_may_hold_whatever_it_escapes() {
    let families =
        parse("# HELP a_total An a.\n# TYPE a_total counter\na_total{b=\"x\\\"},{ \\\\\",c=\"\\n\"} 1.5\n");
    let sample = &families["a_total"].samples[0];
    assert_eq!(sample.labels["b"], "x\"},{ \\");
    assert_eq!(sample.labels["c"], "\n");
    assert_eq!(
        families["a_total"].value(&[("b", "x\"},{ \\"), ("c", "\n")]),
        Some(1.5)
    );
}

#[test]
#[should_panic(expected = "no type")]
fn a_figure_without_a_type_is_refused() {
    parse("a_total 1\n");
}

#[test]
#[should_panic(expected = "twice")]
fn a_series_that_comes_twice_is_refused() {
    parse("# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 2\n");
}
