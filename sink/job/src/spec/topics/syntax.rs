//! The syntax of topic patterns: letters, digits, `. _ - * + ? |`, groups, classes, counts, `\\.` and `\\-`. Patterns are
//! matched by this program, by the Kafka client and by the broker, which differ in everything beyond.

use std::iter::Peekable;
use std::str::Chars;

use crate::reader::Refusal;

pub(super) fn check(inner: &str) -> Result<(), Refusal> {
    let mut chars = inner.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(chars.next())?,
            '[' => class(&mut chars)?,
            '{' | '?' | '+' | '*' if matches!(before, None | Some('(' | '|' | '*' | '+' | '?' | '}')) => {
                let problem = if c == '?' && before.is_some() && before != Some('(') {
                    "has a lazy or doubled repeat".to_owned()
                } else {
                    format!("has {c:?} with nothing to repeat")
                };
                return Err(Refusal::new(problem, "repeat one character, class or group once"));
            }
            '(' if chars.peek() == Some(&'?') => {
                return Err(Refusal::new("has (?, which not every engine knows", "write a plain group"));
            }
            '|' | ')' if matches!(before, None | Some('(' | '|')) => {
                return Err(Refusal::new(format!("has an empty branch before {c:?}"), "write a ? instead"));
            }
            '{' => count(&mut chars)?,
            c if c.is_ascii_alphanumeric() || "._-*+?|()".contains(c) => {}
            other => return Err(Refusal::new(format!("has {other:?}, which no topic name holds"), "leave it out")),
        }
        before = Some(if c == '{' { '}' } else { c });
    }
    match before {
        Some('|') => Err(Refusal::new("ends in an empty branch", "write a ? instead")),
        _ => Ok(()),
    }
}

fn escape(escaped: Option<char>) -> Result<(), Refusal> {
    match escaped {
        Some('.' | '-') => Ok(()),
        Some(other) => {
            Err(Refusal::new(format!("has \\{other}, which not every engine knows"), "write a class such as [0-9]"))
        }
        None => Err(Refusal::new("ends in a backslash", "leave it out")),
    }
}

fn class(chars: &mut Peekable<Chars<'_>>) -> Result<(), Refusal> {
    chars.next_if_eq(&'^');
    let mut empty = true;
    for c in chars.by_ref() {
        match c {
            ']' if !empty => return Ok(()),
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => empty = false,
            other => {
                let problem = format!("has {other:?} in a class");
                return Err(Refusal::new(problem, "write letters, digits, . _ and - in a class"));
            }
        }
    }
    Err(Refusal::new("has a class without its ]", "close it"))
}

fn count(chars: &mut Peekable<Chars<'_>>) -> Result<(), Refusal> {
    let text: String = chars.by_ref().take_while(|c| *c != '}').collect();
    let numbers: Vec<&str> = text.split(',').collect();
    let number = |text: &&str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    match numbers.as_slice() {
        [least] if number(least) => Ok(()),
        [least, ""] if number(least) => Ok(()),
        [least, most] if number(least) && number(most) => Ok(()),
        _ => Err(Refusal::new("has a count that is not {n}, {n,} or {n,m}", "write numbers below 1000")),
    }
}
