//! Counts as numbers to calculate with, and numbers as people write them.

/// A count as a number to calculate with: exact up to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no count here comes near")]
pub const fn real(count: u64) -> f64 {
    count as f64
}

/// A decimal number with a comma before each three digits of its whole part.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (whole, decimals) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

/// A count, grouped.
#[must_use]
pub fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

/// An amount in dollars and cents.
#[must_use]
pub fn dollars(amount: f64) -> String {
    // Half a cent counts as one.
    format!("${:.2}", amount + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_comes_before_each_three_digits_of_the_whole_part() {
        for (number, text) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("12345.678901", "12,345.678901"),
            ("1234567", "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(thousands(100_000), "100,000");
    }

    #[test]
    fn half_a_cent_counts_as_one() {
        assert_eq!([dollars(0.005), dollars(1.004), dollars(0.0)], ["$0.01", "$1.00", "$0.00"]);
    }
}
