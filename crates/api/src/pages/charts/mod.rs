//! The pictures on the pages: SVG text, made on the server.
//!
//! Each chart is a pure function from numbers to [`Svg`]. Coordinates, axes, ticks and series are those of the library
//! `plotters`; [`canvas`] is its paper and writes CSS classes where others write colours, so that one picture serves
//! light, dark and print. A chart that needs room is drawn twice, wide and narrow, and the style sheet shows the one
//! that fits: scaling one drawing down to a phone would make its text unreadable.
//!
//! | Module | What it draws |
//! |---|---|
//! | [`canvas`] | nothing: the paper, its classes, and elements that the library does not have |
//! | [`axes`] | nothing: where round values and days get a tick |
//! | [`columns`] | stacked columns by day or week |
//! | [`days`] | a page's picture of crashes by day |
//! | [`rollout`] | who had what by week, and below it how often they crashed |
//! | [`forest`] | rate ratios with intervals on a logarithmic axis |
//! | [`spark`] | a trend small enough for a table cell |
//! | [`trend`] | a line by week |

mod axes;
mod canvas;
mod columns;
pub(crate) mod days;
pub(crate) mod forest;
pub(crate) mod rollout;
pub(crate) mod spark;
pub(crate) mod trend;

use std::fmt;

/// Series that have a colour of their own (CSS classes `series-0` to `series-5`); the last may be "other".
pub(crate) const SERIES: usize = 6;

/// Finished SVG markup. All text in it has been escaped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Svg(String);

impl Svg {
    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// Built only in this module tree, where every text goes through `escape`.
impl askama::filters::HtmlSafe for Svg {}

/// Text made harmless inside markup and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML at all.
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// `text` cut to `limit` characters, the last one an ellipsis if something was cut.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::{escape, shorten};

    #[test]
    fn markup_in_a_text_stays_text() {
        assert_eq!(
            escape("<b a='1' c=\"2\">&\0"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp; "
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("ääää", 3), "ää…");
        assert_eq!(shorten("äää", 3), "äää");
    }
}
