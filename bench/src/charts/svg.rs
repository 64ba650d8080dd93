//! Elements of SVG, and the looks that all pictures share.
//!
//! The pictures are text, so that a change shows in a diff, and are written by hand: a plotting crate
//! knows neither a dark theme nor a description for screen readers. A picture brings its own
//! background, since the reader of a page may have chosen another theme than the page has. It has no
//! scripts, and no fonts but those that are there.

use std::fmt::Write;

/// Width and height of every picture, in pixels.
pub(crate) const WIDTH: f64 = 720.0;
pub(crate) const HEIGHT: f64 = 400.0;

/// How many characters of a note are as wide as a picture, in the widest of the fonts.
const NOTE: usize = 104;

/// Colours that people with any kind of colour vision tell apart, after Okabe and Ito ("Color universal
/// design", 2008): one for each series, lighter on a dark background. Series differ in their marker, too.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328;\
stroke:#fff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.title{font-size:17px;font-weight:600}
.note,.tick{font-size:12px;fill:#59636e}
.page{fill:#fff;stroke:#d1d9e0}
.grid{stroke:#d1d9e0;stroke-width:1}
.axis{stroke:#818b98;stroke-width:1}
.range{stroke:#1f2328;stroke-width:1.5}
.line{fill:none;stroke-width:2.5}
.s0{fill:#0072b2}.l0{stroke:#0072b2}
.s1{fill:#d55e00}.l1{stroke:#d55e00}
.s2{fill:#a3508a}.l2{stroke:#a3508a}
.s3{fill:#007a5a}.l3{stroke:#007a5a}
.soft{opacity:.4}
.strong{font-weight:600}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc;stroke:#0d1117}
.note,.tick{fill:#9198a1}
.page{fill:#0d1117;stroke:#3d444d}
.grid{stroke:#30363d}
.axis{stroke:#656c76}
.range{stroke:#f0f6fc}
.s0{fill:#56b4e9}.l0{stroke:#56b4e9}
.s1{fill:#f5893d}.l1{stroke:#f5893d}
.s2{fill:#d996c3}.l2{stroke:#d996c3}
.s3{fill:#3fc99b}.l3{stroke:#3fc99b}
}
";

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At its start.
    Start,
    /// At its middle.
    Middle,
    /// At its end.
    End,
}

/// A picture that is being drawn.
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// A picture with this title, which it shows, and this description, which screen readers read.
    pub(crate) fn new(title: &str, description: &str) -> Self {
        let (name, described) = (escaped(title), escaped(description));
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"title desc\">\n\
             <title id=\"title\">{name}</title>\n<desc id=\"desc\">{described}</desc>\n\
             <style>\n{STYLE}</style>\n"
        );
        let mut svg = Self { text };
        let (width, height) = (WIDTH - 1.0, HEIGHT - 1.0);
        svg.element(&format!(
            "<rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>"
        ));
        svg.text(20.0, 32.0, Anchor::Start, "title", title);
        svg
    }

    fn element(&mut self, element: &str) {
        self.text.push_str(element);
        self.text.push('\n');
    }

    /// A text of this class, its baseline at `y`.
    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let (x, y, text) = (short(x), short(y), escaped(text));
        self.element(&format!("<text{class} x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"));
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(short);
        self.element(&format!(
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"
        ));
    }

    /// A line through these points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], class: &str) {
        let mut corners = String::new();
        for (x, y) in points {
            // Writing to a string cannot fail.
            let _ = write!(corners, "{},{} ", short(*x), short(*y));
        }
        let corners = corners.trim_end();
        self.element(&format!("<polyline class=\"line {class}\" points=\"{corners}\"/>"));
    }

    /// A bar from `x` on.
    pub(crate) fn bar(&mut self, x: f64, y: f64, size: (f64, f64), class: &str) {
        let [x, y, width, height] = [x, y, size.0, size.1].map(short);
        self.element(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        ));
    }

    /// The marker of a series, one of four shapes.
    pub(crate) fn marker(&mut self, x: f64, y: f64, series: usize) {
        let at = |dx: f64, dy: f64| format!("{},{}", short(x + dx), short(y + dy));
        let polygon = |corners: &[(f64, f64)]| {
            let corners: Vec<_> = corners.iter().map(|(dx, dy)| at(*dx, *dy)).collect();
            format!("<polygon class=\"s{series}\" points=\"{}\"/>", corners.join(" "))
        };
        let shape = match series {
            0 => format!("<circle class=\"s0\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", short(x), short(y)),
            1 => polygon(&[(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)]),
            2 => polygon(&[(0.0, -5.5), (5.5, 4.5), (-5.5, 4.5)]),
            _ => polygon(&[(0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0)]),
        };
        self.element(&shape);
    }

    /// The note at the bottom, its last line above the lower edge.
    pub(crate) fn note(&mut self, note: &str) {
        let mut y = HEIGHT - 16.0;
        for line in wrapped(note, NOTE).iter().rev() {
            self.text(20.0, y, Anchor::Start, "note", line);
            y -= 16.0;
        }
    }

    /// The picture.
    pub(crate) fn finish(self) -> String {
        self.text + "</svg>\n"
    }
}

/// What stands for itself in XML, in texts and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A coordinate, to a tenth of a pixel.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// `text` in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_it_says_in_xml() {
        assert_eq!(escaped("a < b & \"c\" > d's"), "a &lt; b &amp; &quot;c&quot; &gt; d's");
        let mut svg = Svg::new("a & b", "<c>");
        svg.text(1.0, 2.25, Anchor::End, "", "1 < 2");
        let text = svg.finish();
        assert!(text.contains("<title id=\"title\">a &amp; b</title>"), "{text}");
        assert!(text.contains("<desc id=\"desc\">&lt;c&gt;</desc>"), "{text}");
        assert!(
            text.contains("<text x=\"1\" y=\"2.2\" text-anchor=\"end\">1 &lt; 2</text>"),
            "{text}"
        );
    }

    #[test]
    fn coordinates_have_at_most_one_decimal() {
        for (number, text) in [(1.0, "1"), (1.26, "1.3"), (-0.04, "0"), (99.96, "100")] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn a_note_is_cut_between_words() {
        assert_eq!(wrapped("one two  three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrapped("immeasurable", 3), ["immeasurable"]);
        assert!(wrapped(" ", 3).is_empty());
    }
}
