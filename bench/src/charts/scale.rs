//! From values to places, and the marks of an axis.

use bench::numbers::{self, grouped};

/// An axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    kind: Kind,
    /// The values at both ends.
    values: (f64, f64),
    /// The places of both ends, in pixels.
    places: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Logarithmic,
}

/// How many marks an axis from zero has at most, beside that of zero.
const MARKS: f64 = 5.0;

impl Scale {
    /// From zero to a round value at or above `most`.
    pub(crate) fn linear(most: f64, places: (f64, f64)) -> Self {
        let step = step(most);
        let end = (most / step).ceil().max(1.0) * step;
        Self { kind: Kind::Linear, values: (0.0, end), places }
    }

    /// From the power of ten at or below `least` to that at or above `most`. Both must be above zero.
    pub(crate) fn logarithmic(least: f64, most: f64, places: (f64, f64)) -> Self {
        let start = least.log10().floor();
        let end = most.log10().ceil().max(start + 1.0);
        Self { kind: Kind::Logarithmic, values: (10_f64.powf(start), 10_f64.powf(end)), places }
    }

    /// Where a value is, in pixels.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (from, to) = self.values;
        let part = match self.kind {
            Kind::Linear => (value - from) / (to - from),
            Kind::Logarithmic => (value / from).log10() / (to / from).log10(),
        };
        (self.places.1 - self.places.0).mul_add(part, self.places.0)
    }

    /// The values that have a mark: each power of ten, or round values.
    pub(crate) fn marks(&self) -> Vec<f64> {
        let (from, to) = self.values;
        match self.kind {
            Kind::Linear => {
                let step = step(to);
                series(|index| step * index, to)
            }
            Kind::Logarithmic => series(|index| from * 10_f64.powf(index), to),
        }
    }
}

/// The values of `of` for 0, 1, 2 and so on, up to `end`; the last may be off by a rounding error.
fn series(of: impl Fn(f64) -> f64, end: f64) -> Vec<f64> {
    (0..100).map(f64::from).map(of).take_while(|value| *value <= end * 1.000_001).collect()
}

/// The distance of round marks, 1, 2 or 5 times a power of ten, of an axis from zero to `most`.
fn step(most: f64) -> f64 {
    let rough = most.max(f64::MIN_POSITIVE) / MARKS;
    let power = 10_f64.powf(rough.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| rough <= factor * power * 1.000_001);
    factor.unwrap_or(10.0) * power
}

/// A number for people: whole from ten on and below only as far as it says something, with a comma
/// before each three digits.
pub(crate) fn number(value: f64) -> String {
    let text = if value >= 9.95 {
        format!("{value:.0}")
    } else if value >= 0.095 || value == 0.0 {
        trimmed(&format!("{value:.1}"))
    } else {
        trimmed(&format!("{value:.2}"))
    };
    grouped(&text)
}

/// The same for the marks and values of a picture: from ten thousand on in thousands or millions, with
/// three digits at most.
pub(crate) fn brief(value: f64) -> String {
    if value < 9_950.0 {
        return number(value);
    }
    let (scaled, unit) = if value < 999_500.0 { (value / 1e3, "k") } else { (value / 1e6, "M") };
    let decimals = usize::from(scaled < 99.95);
    format!("{}{unit}", trimmed(&format!("{scaled:.decimals$}")))
}

/// Without zeros at the end of its decimals.
fn trimmed(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
    }
}

/// An amount in dollars: cents, or whole dollars from a hundred on.
pub(crate) fn dollars(amount: f64) -> String {
    if amount >= 99.995 { format!("${}", number(amount)) } else { numbers::dollars(amount) }
}

/// Places at least `distance` apart, in the same order and each as near as may be to where it was,
/// if those before it leave it there.
pub(crate) fn spread(places: &[f64], distance: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut spread = places.to_vec();
    let mut least = f64::NEG_INFINITY;
    for index in order {
        spread[index] = places[index].max(least);
        least = spread[index] + distance;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} {expected}");
        }
    }

    #[test]
    fn a_linear_axis_goes_from_zero_to_a_round_value() {
        let scale = Scale::linear(187.0, (100.0, 300.0));
        close(&scale.marks(), &[0.0, 50.0, 100.0, 150.0, 200.0]);
        close(&[0.0, 50.0, 200.0].map(|value| scale.place(value)), &[100.0, 150.0, 300.0]);
        close(&Scale::linear(200.0, (0.0, 1.0)).marks(), &[0.0, 50.0, 100.0, 150.0, 200.0]);
        close(&Scale::linear(0.3, (0.0, 1.0)).marks(), &[0.0, 0.1, 0.2, 0.3]);
        assert!(Scale::linear(0.0, (0.0, 1.0)).place(0.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_has_a_mark_at_each_power_of_ten() {
        let scale = Scale::logarithmic(7.5, 12_000.0, (300.0, 100.0));
        close(&scale.marks(), &[1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0]);
        close(&[1.0, 100_000.0, 10.0].map(|value| scale.place(value)), &[300.0, 100.0, 260.0]);
        // A single value has an axis, too.
        close(&Scale::logarithmic(10.0, 10.0, (0.0, 1.0)).marks(), &[10.0, 100.0]);
        close(&Scale::logarithmic(0.02, 0.5, (0.0, 1.0)).marks(), &[0.01, 0.1, 1.0]);
    }

    #[test]
    fn numbers_say_no_more_than_is_worth_reading() {
        for (value, text) in [
            (0.0, "0"),
            (0.01, "0.01"),
            (0.1, "0.1"),
            (7.5, "7.5"),
            (8.0, "8"),
            (9.97, "10"),
            (62.4, "62"),
            (1_234.0, "1,234"),
            (1_000_000.0, "1,000,000"),
        ] {
            assert_eq!(number(value), text);
        }
        for (amount, text) in
            [(7.365, "$7.37"), (0.0, "$0.00"), (99.5, "$99.50"), (1_249.88, "$1,250")]
        {
            assert_eq!(dollars(amount), text);
        }
    }

    #[test]
    fn large_numbers_are_brief() {
        for (value, text) in [
            (7.5, "7.5"),
            (6_020.0, "6,020"),
            (10_000.0, "10k"),
            (60_021.0, "60k"),
            (66_120.0, "66.1k"),
            (100_000.0, "100k"),
            (999_700.0, "1M"),
            (12_340_000.0, "12.3M"),
        ] {
            assert_eq!(brief(value), text);
        }
    }

    #[test]
    fn labels_that_would_overlap_are_moved_apart() {
        close(&spread(&[50.0, 10.0, 52.0], 16.0), &[50.0, 10.0, 66.0]);
        close(&spread(&[10.0, 10.0, 10.0], 5.0), &[10.0, 15.0, 20.0]);
        close(&spread(&[], 5.0), &[]);
    }
}
