//! Numbers between the worlds of counting and of rates, and as people read them.

/// Exact up to 2^53, which is more than a decision about workers needs.
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Seconds from `then_ms` to `now_ms`; a time in the future is no negative age.
pub(crate) fn seconds_between(then_ms: i64, now_ms: i64) -> f64 {
    now_ms.saturating_sub(then_ms).max(0) as f64 / 1_000.0
}

/// The least whole number of workers that is not less; a hair above a whole number is that number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn workers_for(demand: f64) -> u32 {
    (demand - 1e-9).ceil().max(0.0) as u32
}

/// A `u32` of any count; there are never more workers than that.
pub(crate) fn count_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A count or rate for people: `16,300`.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A duration for people, in the unit that says most: `45 s`, `12 min`, `6.0 h`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// `1 worker`, `3 workers`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(as_f64(count)), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!((grouped(999.0), grouped(0.2)), ("999".into(), "0".into()));
        assert_eq!(
            (duration(59.6), duration(900.0), duration(21_600.0)),
            ("60 s".into(), "15 min".into(), "6.0 h".into())
        );
        assert_eq!((counted(1, "worker"), counted(2_000, "worker")), ("1 worker".into(), "2,000 workers".into()));
    }

    #[test]
    fn a_demand_is_rounded_up_to_whole_workers() {
        assert_eq!([0.0, 0.1, 1.0, 1.000_000_000_1, 1.1, -3.0].map(workers_for), [0, 1, 1, 1, 2, 0]);
        assert_eq!(workers_for(f64::NAN), 0);
    }
}
