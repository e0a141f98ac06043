//! Numbers, times and links as people read them.
//!
//! Everything a template prints passes through here, so that one quantity looks the same on every page: thousands
//! have commas, times are UTC inside a `<time>` element, rates and ratios keep the digits that mean something.
//! Text from dumps and agents is never marked as safe here: templates escape it.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, UtcOffset};

use super::charts::escape;

/// `412345` as `412,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 machine`, `2 machines`: the count with its noun, the plural made with `s` (or `es` after `sh`).
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let ending = match number {
        1 => "",
        _ if noun.ends_with("sh") => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", count(number))
}

/// A ratio or a rate with about three significant digits: `0.031`, `0.95`, `9.8`, `18.7`, `1,870`.
pub(crate) fn ratio(value: f64) -> String {
    if !value.is_finite() {
        return "∞".to_owned();
    }
    match value.abs() {
        size if size >= 1000.0 => rounded(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 2.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.3}"),
        0.0 => "0".to_owned(),
        _ => "< 0.001".to_owned(),
    }
}

/// A signed score with two decimals and a real minus sign: `−1.25`, `3.08`.
pub(crate) fn score(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.2}").replace('-', "\u{2212}")
    } else {
        "–".to_owned()
    }
}

/// A share of one as a percentage. Close to 0 and 1 it keeps a second decimal, and it never rounds up to 100 %.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value <= 0.0 {
        "0\u{202f}%".to_owned()
    } else if value >= 100.0 {
        "100\u{202f}%".to_owned()
    } else if value > 99.99 {
        "> 99.99\u{202f}%".to_owned()
    } else if value < 0.01 {
        "< 0.01\u{202f}%".to_owned()
    } else if (1.0..=99.0).contains(&value) {
        format!("{value:.1}\u{202f}%")
    } else {
        format!("{value:.2}\u{202f}%")
    }
}

/// The percentage for the width of a bar: `37.5%`.
pub(crate) fn width(part: u64, whole: u64) -> String {
    format!("{:.1}%", share(part, whole) * 100.0)
}

/// `part / whole`, 0 when there is no whole, at most 1.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (float(part) / float(whole)).min(1.0)
    }
}

/// A count as a float; exact far beyond any fleet.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts stay below 2^53; a chart does not need more"
)]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

/// The nearest whole number, with commas; negative ones become 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted"
)]
pub(crate) fn rounded(value: f64) -> String {
    count(value.round().max(0.0) as u64)
}

/// A size in decimal units, as drives and Windows' network dialogs have it: `1.4 MB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if size < 1000 {
        return format!("{size} B");
    }
    let mut value = float(size) / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A span of time in its two largest units: `3 s`, `2 h 14 min`, `12 d 4 h`.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{} d {hours} h", count(days))
    } else if hours > 0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

/// `22 Nov 2026`.
pub(crate) fn day(date: Date) -> String {
    format!("{} {}", day_short(date), date.year())
}

/// `22 Nov`.
pub(crate) fn day_short(date: Date) -> String {
    let month = date.month().to_string();
    format!("{} {}", date.day(), month.get(..3).unwrap_or(&month))
}

/// A moment, shown as `<time datetime="…">2026-11-22 14:05 UTC</time>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When(pub(crate) OffsetDateTime);

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_offset(UtcOffset::UTC);
        let exact = at.format(&Rfc3339).unwrap_or_default();
        let (date, hour, minute) = (at.date(), at.hour(), at.minute());
        write!(
            formatter,
            "<time datetime=\"{exact}\">{date} {hour:02}:{minute:02} UTC</time>"
        )
    }
}

// Only digits and fixed words come out of `Display`.
impl askama::filters::HtmlSafe for When {}

/// A day, shown as `<time datetime="2026-11-22">22 Nov 2026</time>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) Date);

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<time datetime=\"{}\">{}</time>", self.0, day(self.0))
    }
}

// Only digits and month names come out of `Display`.
impl askama::filters::HtmlSafe for Day {}

/// A sentence in which `code` between backticks is set as code; everything in it is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prose(pub(crate) String);

impl fmt::Display for Prose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_str();
        while let Some((before, (code, after))) = rest
            .split_once('`')
            .and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
        {
            write!(formatter, "{}<code>{}</code>", escape(before), escape(code))?;
            rest = after;
        }
        formatter.write_str(&escape(rest))
    }
}

// Every part goes through `escape`.
impl askama::filters::HtmlSafe for Prose {}

/// The sentences as prose.
pub(crate) fn prose(sentences: &[String]) -> Vec<Prose> {
    sentences.iter().cloned().map(Prose).collect()
}

/// `path` with these parameters; empty ones are left out.
pub(crate) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let set = parameters.iter().filter(|(_, value)| !value.trim().is_empty());
    let pairs: Vec<String> = set
        .map(|(name, value)| format!("{name}={}", encode(value.trim())))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// What can mean something else in an address than itself.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One path segment or query value, percent-encoded so that it can be nothing else.
pub(crate) fn encode(text: &str) -> String {
    let mut out = utf8_percent_encode(text, &RESERVED).to_string();
    // A segment of dots alone would be a step up the tree.
    if !out.is_empty() && out.bytes().all(|byte| byte == b'.') {
        out = out.replace('.', "%2E");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_from_the_right() {
        let shown = [0, 999, 1000, 412_345, u64::MAX].map(count);
        assert_eq!(
            shown,
            ["0", "999", "1,000", "412,345", "18,446,744,073,709,551,615"]
        );
    }

    #[test]
    fn nouns_take_their_plural() {
        assert_eq!(counted(1, "crash"), "1 crash");
        assert_eq!(counted(2000, "crash"), "2,000 crashes");
        assert_eq!(counted(0, "machine"), "0 machines");
    }

    #[test]
    fn a_share_never_rounds_up_to_all_or_down_to_nothing() {
        assert_eq!(percent(1.0), "100\u{202f}%");
        assert_eq!(percent(0.999_99), "> 99.99\u{202f}%");
        assert_eq!(percent(0.994_2), "99.42\u{202f}%");
        assert_eq!(percent(0.000_001), "< 0.01\u{202f}%");
        assert_eq!(percent(0.5), "50.0\u{202f}%");
    }

    #[test]
    fn ratios_keep_the_digits_that_mean_something() {
        let shown = [0.0, 0.0001, 0.031, 0.95, 9.8, 187.4, 1870.2, f64::INFINITY].map(ratio);
        assert_eq!(
            shown,
            ["0", "< 0.001", "0.031", "0.95", "9.8", "187", "1,870", "∞"]
        );
    }

    #[test]
    fn sizes_and_spans_have_units() {
        assert_eq!(bytes(1_403_123), "1.4 MB");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(duration(3), "3 s");
        assert_eq!(duration(8_040), "2 h 14 min");
        assert_eq!(duration(1_051_200), "12 d 4 h");
    }

    #[test]
    fn a_moment_is_shown_in_utc_whatever_its_offset() {
        let at = time::macros::datetime!(2026-11-22 15:05:59 +1);
        assert_eq!(
            When(at).to_string(),
            "<time datetime=\"2026-11-22T14:05:59Z\">2026-11-22 14:05 UTC</time>"
        );
    }

    #[test]
    fn code_in_a_sentence_is_set_as_code_and_stays_text() {
        let prose = Prose("run `sfc <x>` & `wait".to_owned());
        assert_eq!(prose.to_string(), "run <code>sfc &lt;x&gt;</code> &amp; `wait");
    }

    #[test]
    fn an_encoded_segment_cannot_leave_its_place() {
        assert_eq!(encode("a b/../c?d#e&f\"<"), "a%20b%2F..%2Fc%3Fd%23e%26f%22%3C");
        assert_eq!(encode(".."), "%2E%2E");
    }
}
