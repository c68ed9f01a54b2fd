//! Topic patterns. A pattern is matched by three engines: this crate when it lists a job's topics, librdkafka when a
//! classic group subscribes, and the broker when a group of the new protocol does. They differ in the odd corners,
//! so only the syntax on which all three agree is let in, and the whole name must match.

use regex_lite::Regex;

const MAX_CHARS: usize = 1_000;

/// A checked pattern over whole topic names.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    anchored: String,
    regex: Regex,
}

/// Why a pattern is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic pattern {pattern:?} {reason}")]
pub struct PatternError {
    pub pattern: String,
    pub reason: String,
}

impl TopicPattern {
    /// Checks and compiles. One leading `^` and one trailing `$` are allowed and change nothing.
    ///
    /// # Errors
    /// The pattern is empty, too long, or uses syntax on which the engines disagree.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refuse = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
        if pattern.chars().count() > MAX_CHARS {
            return Err(refuse(format!("is longer than {MAX_CHARS} characters: list the topics by name")));
        }
        let inner = pattern.strip_prefix('^').unwrap_or(pattern);
        let inner = match inner.strip_suffix('$') {
            Some(rest) if !rest.ends_with('\\') => rest,
            _ => inner,
        };
        if inner.is_empty() {
            return Err(refuse("is empty: give a pattern that matches a topic name".to_owned()));
        }
        check_syntax(inner).map_err(&refuse)?;
        let anchored = format!("^({inner})$");
        let regex = Regex::new(&anchored).map_err(|error| refuse(format!("is no regular expression: {error}")))?;
        Ok(Self { anchored, regex })
    }

    /// Whether the whole name matches. Topics internal to Kafka (`__...`) never do.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        !topic.starts_with("__") && self.regex.is_match(topic)
    }

    /// The form given to librdkafka: it begins with `^`, which is how it knows a pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.anchored
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &Self) -> bool {
        self.anchored == other.anchored
    }
}

impl Eq for TopicPattern {}

/// Letters, digits, `.`, `_`, `-`, `*`, `+`, `?`, `|`, groups, classes, counts and `\.`: nothing else.
fn check_syntax(inner: &str) -> Result<(), String> {
    let mut chars = inner.chars().peekable();
    let mut previous = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('.' | '-') => {}
                Some(other) => {
                    return Err(format!("has \\{other}, which not every engine knows: use a class, as [0-9]"));
                }
                None => return Err("ends in a backslash".to_owned()),
            },
            '[' => check_class(&mut chars)?,
            '(' if chars.peek() == Some(&'?') => {
                return Err("has (?, which not every engine knows: use a plain group".to_owned());
            }
            '|' | ')' if matches!(previous, None | Some('(' | '|')) => {
                return Err(format!("has an empty branch before {c:?}: use a ? instead"));
            }
            '?' | '+' | '*' | '{' if matches!(previous, None | Some('(' | '|' | '*' | '+' | '?' | '}')) => {
                return Err(format!("has {c:?} with nothing to repeat, or a lazy repeat: repeat one group"));
            }
            '{' => check_count(&mut chars)?,
            c if c.is_ascii_alphanumeric() || "._-*+?|()".contains(c) => {}
            other => return Err(format!("has {other:?}, which no topic name holds")),
        }
        previous = Some(if c == '{' { '}' } else { c });
    }
    if previous == Some('|') { Err("ends in an empty branch: use a ? instead".to_owned()) } else { Ok(()) }
}

fn check_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<(), String> {
    if chars.peek() == Some(&'^') {
        chars.next();
    }
    let mut empty = true;
    for c in chars.by_ref() {
        match c {
            ']' if !empty => return Ok(()),
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => empty = false,
            other => return Err(format!("has {other:?} in a class, where only letters, digits, . _ - may stand")),
        }
    }
    Err("has a class without its ]".to_owned())
}

fn check_count(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<(), String> {
    let mut digits = 0;
    for c in chars.by_ref() {
        match c {
            '}' if digits > 0 => return Ok(()),
            ',' if digits > 0 => {}
            c if c.is_ascii_digit() && digits < 6 => digits += 1,
            _ => break,
        }
    }
    Err("has a count that is not {n}, {n,} or {n,m}".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_only() {
        let pattern = TopicPattern::parse("bids|clicks-[0-9]+").unwrap();
        assert!(pattern.matches("bids"));
        assert!(pattern.matches("clicks-12"));
        assert!(!pattern.matches("bids-eu"));
        assert!(!pattern.matches("old-bids"));
        assert_eq!(pattern.as_str(), "^(bids|clicks-[0-9]+)$");
    }

    #[test]
    fn anchors_at_the_ends_change_nothing() {
        assert_eq!(TopicPattern::parse("^bids.*$").unwrap(), TopicPattern::parse("bids.*").unwrap());
    }

    #[test]
    fn topics_internal_to_kafka_never_match() {
        assert!(!TopicPattern::parse(".*").unwrap().matches("__consumer_offsets"));
    }

    #[test]
    fn syntax_on_which_engines_disagree_is_refused_with_its_reason() {
        for (pattern, part) in [
            ("", "is empty"),
            ("^$", "is empty"),
            ("a\\d+", "\\d"),
            ("(?i)bids", "(?"),
            ("a.*?", "lazy"),
            ("a|", "empty branch"),
            ("|a", "empty branch"),
            ("(|a)", "empty branch"),
            ("*a", "nothing to repeat"),
            ("a b", "no topic name"),
            ("a[b", "without its ]"),
            ("[[:digit:]]", "in a class"),
            ("a{,3}", "count"),
            ("a{x}", "count"),
            ("a^b", "no topic name"),
            ("(a", "regular expression"),
            ("a\\", "backslash"),
            ("a{99999,1}", "regular expression"),
        ] {
            let Err(error) = TopicPattern::parse(pattern) else { panic!("{pattern:?} was accepted") };
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(TopicPattern::parse(&"a".repeat(1_001)).is_err());
    }

    #[test]
    fn counts_and_escaped_dots_are_let_in() {
        let pattern = TopicPattern::parse("a{2,3}\\.b{1}(x|y)?").unwrap();
        assert!(pattern.matches("aaa.b"));
        assert!(pattern.matches("aa.by"));
        assert!(!pattern.matches("aaxb"));
    }
}
