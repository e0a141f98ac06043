//! The paper that the library draws on: SVG with CSS classes in place of colours.
//!
//! The library knows colours only, so each class travels through it as one: the blue part of an RGB colour is its
//! number. Fonts are the style sheet's; the library is built without any and only ever estimates.
//!
//! The library rounds to whole pixels, which would make of ninety columns some that are a tenth wider than others. So
//! its pixels are tenths of the drawing's units ([`units`]).

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Drawable, PointCollection};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, ShapeStyle, TextStyle};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::{Svg, escape};

/// The library's pixels in one unit of the drawing.
const FINE: i32 = 10;

/// A place to draw on.
pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// Whether something was drawn. Only a place without room for its margins fails.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<Infallible>>;

/// What is drawn, by its CSS class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Nothing at all.
    Unseen,
    /// The line that values stand on.
    Axis,
    /// A line at a round value.
    Grid,
    /// A word or number at an axis.
    Tick,
    /// What a row is called.
    Label,
    /// The numbers of a row.
    Value,
    /// Where a ratio is one.
    One,
    /// An interval that leaves no doubt, and one that does.
    Interval(Strength),
    /// The value in the middle of an interval.
    Mark(Strength),
    /// The arrow of an interval that goes on beyond the paper.
    Beyond(Strength),
    /// A line through rates.
    Rates,
    /// The line of a trend.
    Line,
    /// A value on it.
    Point,
    /// One of the series, the first 0.
    Series(usize),
    /// A bar of a small trend: without anything, of the past, of the last week.
    Spark(Spark),
}

/// Whether an interval excludes that there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    Strong,
    Weak,
}

/// Bars of a small trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spark {
    None,
    Past,
    Recent,
}

/// All inks that are seen, in the order of their numbers.
const CLASSES: [(Ink, &str); 24] = [
    (Ink::Axis, "axis"),
    (Ink::Grid, "grid"),
    (Ink::Tick, "tick"),
    (Ink::Label, "label"),
    (Ink::Value, "value"),
    (Ink::One, "one"),
    (Ink::Interval(Strength::Strong), "interval strong"),
    (Ink::Interval(Strength::Weak), "interval weak"),
    (Ink::Mark(Strength::Strong), "mark strong"),
    (Ink::Mark(Strength::Weak), "mark weak"),
    (Ink::Beyond(Strength::Strong), "beyond strong"),
    (Ink::Beyond(Strength::Weak), "beyond weak"),
    (Ink::Rates, "rates"),
    (Ink::Line, "line"),
    (Ink::Point, "mark"),
    (Ink::Series(0), "series-0"),
    (Ink::Series(1), "series-1"),
    (Ink::Series(2), "series-2"),
    (Ink::Series(3), "series-3"),
    (Ink::Series(4), "series-4"),
    (Ink::Series(5), "series-5"),
    (Ink::Spark(Spark::None), "none"),
    (Ink::Spark(Spark::Past), "past"),
    (Ink::Spark(Spark::Recent), "recent"),
];

impl Color for Ink {
    fn to_backend_color(&self) -> BackendColor {
        let place = CLASSES.iter().position(|(ink, _)| ink == self);
        let number = place.and_then(|place| u8::try_from(place).ok());
        BackendColor {
            alpha: if number.is_some() { 1.0 } else { 0.0 },
            rgb: (0, 0, number.unwrap_or(u8::MAX)),
        }
    }
}

impl Ink {
    /// The style of lines and boxes.
    pub(super) fn style(self) -> ShapeStyle {
        ShapeStyle {
            color: self.to_rgba(),
            filled: true,
            stroke_width: 1,
        }
    }

    /// The style of texts that hang so on their points.
    pub(super) fn text(self, h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
        // The size is that of the style sheet, for the library's estimates.
        let mut style = TextStyle::from((FontFamily::SansSerif, 12 * FINE));
        style.color = self.to_backend_color();
        style.pos = Pos::new(h_pos, v_pos);
        style
    }
}

/// The class that a colour stands for; `None` for what is not to be seen.
fn class(color: BackendColor) -> Option<&'static str> {
    let (_, _, number) = color.rgb;
    let (_, class) = CLASSES.get(usize::from(number))?;
    (color.alpha > 0.0).then_some(*class)
}

/// The library's pixels in so many units of the drawing.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and drawings are far smaller than that"
)]
pub(super) fn units(units: f64) -> i32 {
    (units * f64::from(FINE)).round() as i32
}

fn unfine(pixels: i32) -> f64 {
    f64::from(pixels) / f64::from(FINE)
}

/// What a drawing is: its class, its size in units, and what screen readers hear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet<'a> {
    pub(super) class: &'a str,
    pub(super) size: (f64, f64),
    /// What it shows, in a few words.
    pub(super) title: &'a str,
    /// What is to be seen in it, in a sentence or two. Empty for mere decoration, which screen readers pass over.
    pub(super) description: &'a str,
}

/// Draws on a new sheet. Nothing at all comes of a drawing that fails: the table behind it has its numbers.
pub(super) fn drawing(sheet: &Sheet<'_>, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Svg {
    let mut body = opening(sheet);
    let size = (
        units(sheet.size.0).unsigned_abs(),
        units(sheet.size.1).unsigned_abs(),
    );
    let area = Canvas {
        body: &mut body,
        size,
    }
    .into_drawing_area();
    let drawn = draw(&area);
    drop(area);
    if drawn.is_err() {
        return Svg::default();
    }
    body.push_str("</svg>");
    Svg(body)
}

fn opening(sheet: &Sheet<'_>) -> String {
    let (width, height) = sheet.size;
    let class = sheet.class;
    let open = format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\""
    );
    if sheet.description.is_empty() {
        return format!("{open} aria-hidden=\"true\">");
    }
    format!(
        "{open} role=\"img\"><title>{}</title><desc>{}</desc>",
        escape(sheet.title),
        escape(sheet.description)
    )
}

/// Writes one drawing.
pub(super) struct Canvas<'a> {
    body: &'a mut String,
    /// In the library's pixels.
    size: (u32, u32),
}

impl Canvas<'_> {
    /// Markup that is already safe: numbers and fixed words only.
    fn push(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing into a `String` cannot fail.
        let _ = self.body.write_fmt(markup);
    }

    fn rect(&mut self, class: &str, from: BackendCoord, to: BackendCoord, title: &str) {
        let (left, right) = (unfine(from.0.min(to.0)), unfine(from.0.max(to.0)));
        let (top, bottom) = (unfine(from.1.min(to.1)), unfine(from.1.max(to.1)));
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
            right - left,
            bottom - top
        ));
        self.close("rect", title);
    }

    fn dot(&mut self, ink: Ink, (x, y): BackendCoord, title: &str) {
        if let Some(class) = class(ink.to_backend_color()) {
            self.push(format_args!(
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"",
                unfine(x),
                unfine(y)
            ));
            self.close("circle", title);
        }
    }

    /// Ends an element of this name; `title` is shown when the mouse rests on it.
    fn close(&mut self, element: &str, title: &str) {
        if title.is_empty() {
            self.body.push_str("/>");
        } else {
            let title = escape(title);
            self.push(format_args!("><title>{title}</title></{element}>"));
        }
    }

    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        for (x, y) in points {
            self.push(format_args!("{:.1},{:.1} ", unfine(x), unfine(y)));
        }
        if self.body.ends_with(' ') {
            self.body.pop();
        }
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    /// Nothing here is made of pixels.
    fn draw_pixel(
        &mut self,
        _point: BackendCoord,
        _color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(class) = class(style.color()) {
            self.push(format_args!(
                "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
                unfine(from.0),
                unfine(from.1),
                unfine(to.0),
                unfine(to.1)
            ));
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        _fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(class) = class(style.color()) {
            self.rect(class, upper_left, bottom_right, "");
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(class) = class(style.color()) {
            self.push(format_args!("<polyline class=\"{class}\" points=\""));
            self.points(path);
            self.body.push_str("\"/>");
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(class) = class(style.color()) {
            self.push(format_args!(
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\"/>",
                unfine(center.0),
                unfine(center.1),
                unfine(i32::try_from(radius).unwrap_or(i32::MAX))
            ));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(class) = class(style.color()) {
            self.push(format_args!("<polygon class=\"{class}\" points=\""));
            self.points(vert);
            self.body.push_str("\"/>");
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let Some(class) = class(style.color()) else {
            return Ok(());
        };
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // From where the library puts the text to its baseline, in letters' heights of about 12 units.
        let down = match style.anchor().v_pos {
            VPos::Top => 9.0,
            VPos::Center => 4.0,
            VPos::Bottom => -3.0,
        };
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            unfine(x),
            unfine(y) + down,
            escape(text)
        ));
        Ok(())
    }
}

/// A box between two corners, told when the mouse rests on it.
pub(super) struct Block {
    pub(super) corners: [(f64, f64); 2],
    pub(super) ink: Ink,
    pub(super) title: String,
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Block {
    type Point = &'a (f64, f64);
    type IntoIter = std::slice::Iter<'a, (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        self.corners.iter()
    }
}

impl Drawable<Canvas<'_>> for Block {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut at: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (Some(from), Some(to)) = (at.next(), at.next()) else {
            return Ok(());
        };
        // The least that is still seen, in a chart whose other columns are a thousand times as high.
        let to = (to.0, to.1.min(from.1 - FINE / 2));
        if let Some(class) = class(self.ink.to_backend_color()) {
            canvas.rect(class, from, to, &self.title);
        }
        Ok(())
    }
}

/// A value, told when the mouse rests on it.
pub(super) struct Dot {
    pub(super) at: (f64, f64),
    pub(super) title: String,
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Dot {
    type Point = &'a (f64, f64);
    type IntoIter = std::iter::Once<&'a (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.at)
    }
}

impl Drawable<Canvas<'_>> for Dot {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut at: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if let Some(at) = at.next() {
            canvas.dot(Ink::Point, at, &self.title);
        }
        Ok(())
    }
}

/// A value with its interval, upright, told when the mouse rests on it.
pub(super) struct Whisker {
    /// The lower end, the value and the upper end, all above one place.
    pub(super) points: [(f64, f64); 3],
    pub(super) strength: Strength,
    pub(super) title: String,
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Whisker {
    type Point = &'a (f64, f64);
    type IntoIter = std::slice::Iter<'a, (f64, f64)>;

    fn point_iter(self) -> Self::IntoIter {
        self.points.iter()
    }
}

impl Drawable<Canvas<'_>> for Whisker {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut at: I,
        canvas: &mut Canvas<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (Some(low), Some(value), Some(high)) = (at.next(), at.next(), at.next()) else {
            return Ok(());
        };
        canvas.draw_line(low, high, &Ink::Interval(self.strength).to_backend_color())?;
        canvas.dot(Ink::Mark(self.strength), value, &self.title);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::text_anchor::{HPos, VPos};

    use super::{Block, Ink, Sheet, drawing, units};

    const SHEET: Sheet<'_> = Sheet {
        class: "chart",
        size: (100.0, 50.0),
        title: "A & B",
        description: "what is to be seen",
    };

    #[test]
    fn classes_stand_where_others_write_colours() {
        let svg = drawing(&SHEET, |area| {
            area.draw_text(
                "<i>",
                &Ink::Tick.text(HPos::Right, VPos::Center),
                (units(5.0), units(7.0)),
            )
        });
        assert_eq!(
            svg.to_string(),
            "<svg class=\"chart\" viewBox=\"0 0 100 50\" width=\"100\" height=\"50\" role=\"img\">\
             <title>A &amp; B</title><desc>what is to be seen</desc>\
             <text class=\"tick\" x=\"5.0\" y=\"11.0\" text-anchor=\"end\">&lt;i&gt;</text></svg>"
        );
    }

    #[test]
    fn decoration_is_hidden_from_screen_readers_and_unseen_ink_leaves_nothing() {
        let sheet = Sheet {
            description: "",
            ..SHEET
        };
        let svg = drawing(&sheet, |area| {
            area.draw_text("x", &Ink::Unseen.text(HPos::Left, VPos::Top), (0, 0))
        });
        let svg = svg.to_string();
        assert!(
            svg.contains("aria-hidden=\"true\"") && !svg.contains("<text"),
            "{svg}"
        );
    }

    #[test]
    fn a_box_without_height_is_still_seen_and_tells_its_title() {
        let block = Block {
            corners: [(1.0, 2.0), (3.0, 2.0)],
            ink: Ink::Series(0),
            title: "a > b".to_owned(),
        };
        let svg = drawing(&SHEET, |area| {
            let area = area.apply_coord_spec(plotters::coord::cartesian::Cartesian2d::<
                plotters::coord::types::RangedCoordf64,
                plotters::coord::types::RangedCoordf64,
            >::new(0.0..10.0, 0.0..10.0, (0..1000, 0..500)));
            area.draw(&block)
        });
        assert!(
            svg.to_string()
                .contains("height=\"0.5\"><title>a &gt; b</title></rect>"),
            "{svg}"
        );
    }
}
