//! Numbers as decimal text: exact up to 38 significant digits, of any spelling JSON allows.

const MAX_POWER: u32 = 38;

/// `±digits × 10^exponent`; `digits` has no trailing zero, and is 0 for zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    negative: bool,
    digits: u128,
    exponent: i32,
}

/// Reads a decimal number (`-12.50e3`). `None` if `text` is not one, or has more than 38 significant digits.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, parse_power(power)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits: u128 = 0;
    let mut zeros: u32 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        if digit == 0 {
            zeros = zeros.saturating_add(u32::from(digits != 0));
        } else {
            // Zeros wait until a digit follows, so that those at the end cost no precision.
            let shift = match zeros {
                0 => 10,
                1..MAX_POWER => 10u128.checked_pow(zeros + 1)?,
                _ => return None,
            };
            digits = digits.checked_mul(shift)?;
            digits = digits.checked_add(u128::from(digit))?;
            zeros = 0;
        }
    }
    if digits == 0 {
        return Some(Number { negative: false, digits: 0, exponent: 0 });
    }
    let exponent = i64::from(power) + i64::from(zeros) - i64::try_from(fraction.len()).ok()?;
    Some(Number { negative, digits, exponent: i32::try_from(exponent).ok()? })
}

/// An exponent with an optional sign; one beyond ±1,000,000,000 is held there.
fn parse_power(text: &str) -> Option<i32> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i32>().unwrap_or(i32::MAX).min(1_000_000_000);
    Some(if negative { -size } else { size })
}

impl Number {
    fn signed(self, size: u128) -> Option<i128> {
        let size = i128::try_from(size).ok()?;
        Some(if self.negative { -size } else { size })
    }

    /// The value times `10^scale`, if that is a whole number within `i128`.
    pub(crate) fn scaled_exactly(self, scale: u32) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let power =
            u32::try_from(i64::from(self.exponent) + i64::from(scale)).ok().filter(|power| *power <= MAX_POWER)?;
        self.signed(self.digits.checked_mul(10u128.checked_pow(power)?)?)
    }

    /// Whether the value times `10^places` is a whole number.
    pub(crate) fn has_places(self, places: i32) -> bool {
        self.digits == 0 || self.exponent.saturating_add(places) >= 0
    }

    /// The greatest whole number not above the value times `10^scale`, if within `i128`.
    pub(crate) fn scaled_down(self, scale: u32) -> Option<i128> {
        let power = i64::from(self.exponent) + i64::from(scale);
        if self.digits == 0 || power >= 0 {
            return self.scaled_exactly(scale);
        }
        let below = if self.negative { -1 } else { 0 };
        let Some(divisor) = u32::try_from(-power).ok().and_then(|power| 10i128.checked_pow(power)) else {
            return Some(below);
        };
        self.signed(self.digits).map(|value| value.div_euclid(divisor))
    }

    /// The value as a whole number within `i64`: `1`, `1.0` and `1e0` are the same.
    pub(crate) fn whole(self) -> Option<i64> {
        self.scaled_exactly(0).and_then(|value| i64::try_from(value).ok())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str, scale: u32) -> Option<i128> {
        parse_number(text)?.scaled_exactly(scale)
    }

    #[test]
    fn one_value_has_many_spellings() {
        for text in
            ["1200", "1200.0", "1.2e3", "0.0012E+6", "120000e-2", "1200.00000000000000000000000000000000000000000"]
        {
            assert_eq!(parse_number(text).unwrap().whole(), Some(1200), "{text}");
        }
    }

    #[test]
    fn a_value_that_needs_more_digits_is_not_exact() {
        assert_eq!(exact("12.345", 2), None);
        assert_eq!(exact("12.34", 2), Some(1234));
        assert_eq!(exact("-0.5", 1), Some(-5));
        assert_eq!(exact("1e40", 0), None);
        assert_eq!(exact("0e999999999999", 2), Some(0));
        assert_eq!(exact("1e-999999999999", 2), None);
    }

    #[test]
    fn the_places_of_a_value_do_not_depend_on_its_spelling() {
        for (text, places, expected) in [
            ("1.5", 1, true),
            ("1.50", 1, true),
            ("15e-1", 1, true),
            ("1.5", 0, false),
            ("1500", -2, true),
            ("1500", -3, false),
            ("1.5e3", -2, true),
            ("0", -3, true),
            ("0.000", -3, true),
            ("1e-2000000000", i32::MIN, false),
        ] {
            assert_eq!(parse_number(text).unwrap().has_places(places), expected, "{text} {places}");
        }
    }

    #[test]
    fn thirty_eight_digits_are_exact_and_forty_are_refused() {
        let nines = "9".repeat(38);
        assert_eq!(exact(&nines, 0), nines.parse::<i128>().ok());
        assert_eq!(parse_number(&"9".repeat(40)), None);
        assert_eq!(exact(&format!("1{}", "0".repeat(38)), 0), 10i128.checked_pow(38));
    }

    #[test]
    fn scaling_down_rounds_towards_minus_infinity() {
        let down = |text: &str, scale| parse_number(text).unwrap().scaled_down(scale);
        assert_eq!(down("1.2345", 3), Some(1234));
        assert_eq!(down("-1.2345", 3), Some(-1235));
        assert_eq!(down("1e-400", 3), Some(0));
        assert_eq!(down("-1e-400", 3), Some(-1));
        assert_eq!(down("1700000000", 3), Some(1_700_000_000_000));
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for text in ["", "-", ".", "1x", "e5", "1e", "1e+", "--1", "1e5x", "NaN", "inf", "٣"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_read_as_themselves(value in any::<i64>()) {
            prop_assert_eq!(parse_number(&value.to_string()).unwrap().whole(), Some(value));
        }

        #[test]
        fn decimals_read_as_their_scaled_digits(value in -10i128.pow(30)..10i128.pow(30), scale in 1u32..20) {
            let places = usize::try_from(scale).unwrap();
            let digits = format!("{:0width$}", value.unsigned_abs(), width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let text = format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" });
            prop_assert_eq!(exact(&text, scale), Some(value));
        }

        #[test]
        fn anything_at_all_does_not_panic(text in ".{0,60}", scale in 0u32..60) {
            if let Some(number) = parse_number(&text) {
                number.scaled_exactly(scale);
                number.scaled_down(scale);
            }
        }
    }
}
