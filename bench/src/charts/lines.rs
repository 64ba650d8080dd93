//! Lines over a common axis, each named at its end.

use crate::scale::{Scale, brief, spread};
use crate::svg::{Anchor, HEIGHT, Svg, WIDTH};

/// The edges of what is plotted. To the right of it stand the names of the lines.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 206.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = HEIGHT - 92.0;

/// Between the first and last place of the horizontal axis and the edges.
const MARGIN: f64 = 24.0;

/// The least distance of two names, in pixels.
const LINE_HEIGHT: f64 = 18.0;

/// A picture of lines. All values must be above zero.
pub(crate) struct Lines {
    /// What it shows.
    pub(crate) title: String,
    /// What is on the vertical axis, which is logarithmic.
    pub(crate) vertical: String,
    /// What is on the horizontal axis.
    pub(crate) horizontal: String,
    /// The places of the horizontal axis that have a value: how far along each is, from 0 to 1, and its
    /// name.
    pub(crate) places: Vec<(f64, String)>,
    /// The lines.
    pub(crate) series: Vec<Series>,
    /// What else must be known.
    pub(crate) note: String,
}

/// A line.
pub(crate) struct Series {
    /// What it is of.
    pub(crate) name: String,
    /// Which colour and marker it has.
    pub(crate) look: usize,
    /// A value for each place.
    pub(crate) values: Vec<f64>,
}

impl Lines {
    /// The picture as SVG.
    pub(crate) fn draw(&self) -> String {
        let mut svg = Svg::new(&self.title, &self.description());
        svg.text(20.0, 54.0, Anchor::Start, "note", &self.vertical);
        let values = || self.series.iter().flat_map(|series| series.values.iter().copied());
        let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        let scale = Scale::logarithmic(least, most, (BOTTOM, TOP));
        for mark in scale.marks() {
            let y = scale.place(mark);
            svg.line((LEFT, y), (RIGHT, y), "grid");
            svg.text(LEFT - 8.0, y + 4.0, Anchor::End, "tick", &brief(mark));
        }
        svg.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
        let x = |part: f64| (RIGHT - LEFT - 2.0 * MARGIN).mul_add(part, LEFT + MARGIN);
        for (part, name) in &self.places {
            svg.line((x(*part), BOTTOM), (x(*part), BOTTOM + 5.0), "axis");
            svg.text(x(*part), BOTTOM + 20.0, Anchor::Middle, "tick", name);
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        svg.text(middle, BOTTOM + 40.0, Anchor::Middle, "note", &self.horizontal);
        for series in &self.series {
            let points = self.places.iter().zip(&series.values);
            let points: Vec<_> =
                points.map(|((part, _), value)| (x(*part), scale.place(*value))).collect();
            svg.path(&points, &format!("l{}", series.look));
            for ((px, py), value) in points.iter().zip(&series.values) {
                svg.marker(*px, *py, series.look);
                let is_highest = values_at(&self.series, &points, *px).all(|other| other <= *value);
                let y = if is_highest { py - 11.0 } else { py + 20.0 };
                svg.text(*px, y, Anchor::Middle, "", &brief(*value));
            }
        }
        let ends: Vec<_> = self.series.iter().filter_map(|series| series.values.last()).collect();
        let ends: Vec<_> = ends.into_iter().map(|value| scale.place(*value) + 4.0).collect();
        for (series, y) in self.series.iter().zip(spread(&ends, LINE_HEIGHT)) {
            let class = format!("strong s{}", series.look);
            svg.text(RIGHT + 4.0, y, Anchor::Start, &class, &series.name);
        }
        svg.note(&self.note);
        svg.finish()
    }

    /// The picture in words.
    fn description(&self) -> String {
        let series = self.series.iter().map(|series| {
            let values = self.places.iter().zip(&series.values);
            let values = values.map(|((_, name), value)| format!("{} at {name}", brief(*value)));
            format!("{}: {}.", series.name, values.collect::<Vec<_>>().join(", "))
        });
        let head = format!("{}, by {}.", self.vertical, self.horizontal);
        [head].into_iter().chain(series).collect::<Vec<_>>().join(" ")
    }
}

/// What all lines have at the place of `points` that is at `x`.
fn values_at<'a>(
    series: &'a [Series],
    points: &[(f64, f64)],
    x: f64,
) -> impl Iterator<Item = f64> + 'a {
    let place = points.iter().position(|(px, _)| px.total_cmp(&x).is_eq());
    series.iter().filter_map(move |series| series.values.get(place?).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_name_stands_beside_its_line() {
        let lines = Lines {
            title: "t".to_owned(),
            vertical: "units".to_owned(),
            horizontal: "entries".to_owned(),
            places: vec![(0.0, "1,000".to_owned()), (1.0, "100,000".to_owned())],
            series: vec![
                Series { name: "this".to_owned(), look: 0, values: vec![7.5, 8.0] },
                Series { name: "that".to_owned(), look: 1, values: vec![70.0, 65_432.0] },
            ],
            note: "a note".to_owned(),
        };
        let svg = lines.draw();
        for text in ["7.5", "8", "70", "65.4k", "this", "that", "1,000", "100,000", "a note"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text}: {svg}");
        }
        let described = "units, by entries. this: 7.5 at 1,000, 8 at 100,000. \
                         that: 70 at 1,000, 65.4k at 100,000.";
        assert!(svg.contains(described), "{svg}");
        assert!(svg.matches("<circle").count() == 2 && svg.matches("<polygon").count() == 2);
    }
}
