//! Names of time zones, as Java takes them.

/// The IANA name of a zone that Java also knows by its offset from UTC; everything else stays as it is and is judged by
/// the job document. IANA names whole hours only, with the sign turned around.
pub(crate) fn iana(text: &str) -> String {
    let bare = ["UTC", "GMT", "UT"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    match (text, hours(bare)) {
        ("Z" | "UT", _) | (_, Some(0)) => "UTC".to_owned(),
        (_, Some(east @ 1..=14)) => format!("Etc/GMT-{east}"),
        (_, Some(west @ -12..=-1)) => format!("Etc/GMT+{}", -west),
        _ => text.to_owned(),
    }
}

/// Whole hours of an offset such as `+2`, `+02` or `+02:00`.
fn hours(text: &str) -> Option<i32> {
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let whole = digits.strip_suffix(":00").unwrap_or(digits);
    let plain = matches!(whole.len(), 1 | 2) && whole.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| whole.parse::<i32>().ok())?.map(|hours| sign * hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_whole_hours_have_names() {
        let table = [
            ("Z", "UTC"),
            ("UT", "UTC"),
            ("UTC", "UTC"),
            ("+00:00", "UTC"),
            ("-00:00", "UTC"),
            ("+02:00", "Etc/GMT-2"),
            ("+2", "Etc/GMT-2"),
            ("-05:00", "Etc/GMT+5"),
            ("UTC+14", "Etc/GMT-14"),
            ("GMT-12:00", "Etc/GMT+12"),
            ("Europe/Berlin", "Europe/Berlin"),
            // What has no name stays, and is refused as no zone.
            ("+05:30", "+05:30"),
            ("+15:00", "+15:00"),
            ("-13", "-13"),
            ("+", "+"),
            ("+123", "+123"),
            ("", ""),
        ];
        for (java, expected) in table {
            assert_eq!(iana(java), expected, "{java}");
        }
    }
}
