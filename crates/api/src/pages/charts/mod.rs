//! The pictures on the pages: SVG text, made on the server.
//!
//! Each chart is a pure function from numbers to [`Svg`]. Colours are CSS classes, so that one picture serves light,
//! dark and print. A chart that needs room is drawn twice, wide and narrow, and the style sheet shows the one that
//! fits: scaling one drawing down to a phone would make its text unreadable.
//!
//! | Module | What it draws |
//! |---|---|
//! | [`scale`] | nothing: linear and logarithmic axes and their round ticks |
//! | [`days`] | stacked bars by day |
//! | [`forest`] | rate ratios with intervals on a logarithmic axis |
//! | [`spark`] | a trend small enough for a table cell |
//! | [`trend`] | a line by week |

pub(crate) mod days;
pub(crate) mod forest;
pub(crate) mod scale;
pub(crate) mod spark;
pub(crate) mod trend;

use std::fmt;

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

// Built only in this module tree, where every text goes through `Pen::text` or `escape`.
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

/// Which way a text hangs on its point.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// Writes the elements of one drawing.
struct Pen {
    body: String,
}

impl Pen {
    /// Opens a drawing of this size; screen readers hear `label`.
    fn new(class: &str, (width, height): (f64, f64), label: &str) -> Pen {
        let label = escape(label);
        Pen {
            body: format!(
                "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
                 height=\"{height:.0}\" role=\"img\" aria-label=\"{label}\">"
            ),
        }
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// A box; `title` is shown when the mouse rests on it.
    fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), title: Option<&str>) {
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
            corner.0, corner.1, size.0, size.1
        ));
        match title {
            Some(title) => self.push(format_args!("><title>{}</title></rect>", escape(title))),
            None => self.body.push_str("/>"),
        }
    }

    fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            at.0,
            at.1,
            escape(text)
        ));
    }

    /// Markup that is already safe: numbers and fixed words only.
    fn push(&mut self, markup: fmt::Arguments<'_>) {
        // Writing into a `String` cannot fail.
        let _ = fmt::Write::write_fmt(&mut self.body, markup);
    }

    fn finish(mut self) -> Svg {
        self.body.push_str("</svg>");
        Svg(self.body)
    }
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
