//! Prices side by side, over one logarithmic axis: they are from cents to a hundred dollars.

use crate::scale::{Scale, dollars};
use crate::svg::{Anchor, Svg, WIDTH};

const LEFT: f64 = 200.0;
const RIGHT: f64 = WIDTH - 176.0;
const TOP: f64 = 44.0;
const LINE_HEIGHT: f64 = 18.0;

/// A picture of prices.
pub(crate) struct Prices {
    /// What it shows.
    pub(crate) title: String,
    /// What is bought, part by part.
    pub(crate) parts: Vec<Part>,
    /// What else must be known.
    pub(crate) note: String,
}

/// Something that is bought.
pub(crate) struct Part {
    /// What it is.
    pub(crate) name: String,
    /// Who asks for how much.
    pub(crate) rows: Vec<Row>,
}

/// A price.
pub(crate) struct Row {
    /// Whose it is.
    pub(crate) name: String,
    /// Which colour and marker it has.
    pub(crate) look: usize,
    /// The price in dollars, if there is one.
    pub(crate) price: Option<f64>,
    /// What is said of it, beside it or in its place.
    pub(crate) remark: String,
}

impl Row {
    /// The price and what is said of it.
    fn label(&self) -> String {
        match (self.price, &*self.remark) {
            (None, remark) => remark.to_owned(),
            (Some(price), "") => dollars(price),
            (Some(price), remark) => format!("{} {remark}", dollars(price)),
        }
    }
}

impl Prices {
    /// The picture as SVG.
    pub(crate) fn draw(&self) -> String {
        let mut svg = Svg::new(&self.title, &self.description());
        let prices = || self.parts.iter().flat_map(|part| &part.rows).filter_map(|row| row.price);
        let (least, most) = (prices().fold(f64::INFINITY, f64::min), prices().fold(0.0, f64::max));
        let scale = Scale::logarithmic(least, most, (LEFT, RIGHT));
        let lines = self.parts.iter().map(|part| part.rows.len() + 1).sum::<usize>();
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let bottom = f64::from(lines).mul_add(LINE_HEIGHT, TOP);
        for mark in scale.marks() {
            let x = scale.place(mark);
            svg.line((x, TOP), (x, bottom), "grid");
            svg.text(x, bottom + 14.0, Anchor::Middle, "tick", &dollars(mark));
        }
        let mut y = TOP;
        for part in &self.parts {
            y += LINE_HEIGHT;
            svg.text(20.0, y - 4.0, Anchor::Start, "strong", &part.name);
            for row in &part.rows {
                y += LINE_HEIGHT;
                let middle = y - LINE_HEIGHT / 2.0;
                svg.text(32.0, y - 5.0, Anchor::Start, "", &row.name);
                let mut end = LEFT - 6.0;
                if let Some(price) = row.price {
                    let x = scale.place(price);
                    svg.line((LEFT, middle), (x, middle), &format!("line soft l{}", row.look));
                    svg.marker(x, middle, row.look);
                    end = x;
                }
                svg.text(end + 11.0, y - 5.0, Anchor::Start, "", &row.label());
            }
        }
        svg.note(&self.note);
        svg.finish()
    }

    /// The picture in words.
    fn description(&self) -> String {
        let parts = self.parts.iter().map(|part| {
            let rows = part.rows.iter().map(|row| format!("{} {}", row.name, row.label()));
            format!("{}: {}.", part.name, rows.collect::<Vec<_>>().join(", "))
        });
        parts.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_stands_beside_its_mark_and_what_has_none_says_so() {
        let row = |name: &str, price, remark: &str| Row {
            name: name.to_owned(),
            look: 0,
            price,
            remark: remark.to_owned(),
        };
        let rows = vec![
            row("a", Some(7.365), ""),
            row("b", Some(99.5), "in all"),
            row("c", None, "nothing"),
        ];
        let part = Part { name: "A million".to_owned(), rows };
        let prices = Prices { title: "t".to_owned(), parts: vec![part], note: String::new() };
        let svg = prices.draw();
        for text in ["$7.37", "$99.50 in all", "nothing", "$1.00", "$10.00", "$100"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text}: {svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("A million: a $7.37, b $99.50 in all, c nothing."), "{svg}");
    }
}
