//! The parser of column types: recursive descent over at most a few kilobytes of text, bounded in depth.

use super::{ColumnType, MAX_TYPE_DEPTH, StructField};
use crate::reader::{Refusal, closest};
use crate::spec::TimestampUnit;

const WORDS: &[&str] = &[
    "string",
    "int32",
    "int64",
    "float",
    "double",
    "boolean",
    "date",
    "json",
    "timestamp",
    "decimal",
    "list",
    "struct",
];
const FIX: &str = "write string, int32, int64, float, double, boolean, date, timestamp(ms), decimal(18,4), json, \
                   list<string> or struct<a: int64, b: string>";
/// The longest type as written, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The most fields of one struct.
const MAX_FIELDS: usize = 1_000;

pub(super) fn column_type(text: &str) -> Result<ColumnType, Refusal> {
    if text.len() > MAX_BYTES {
        return Err(Refusal::new(format!("is longer than {MAX_BYTES} bytes"), "use a json column for deep values"));
    }
    let mut parser = Parser { rest: text };
    let ty = parser.ty(0)?;
    parser.space();
    match parser.rest {
        "" => Ok(ty),
        left => Err(Refusal::new(format!("has {left:?} after the type"), FIX)),
    }
}

/// A struct field's name as the grammar writes it: in backticks unless plain.
pub(super) fn quote_name(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && !name.is_empty() { name.to_owned() } else { format!("`{name}`") }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: char) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<(), Refusal> {
        if self.take(token) {
            return Ok(());
        }
        let found = match self.rest.chars().next() {
            Some(c) => format!("{c:?}"),
            None => "the end".to_owned(),
        };
        Err(Refusal::new(format!("lacks {token:?} before {found}"), FIX))
    }

    fn word(&mut self) -> &'a str {
        self.space();
        let end = self.rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn ty(&mut self, depth: usize) -> Result<ColumnType, Refusal> {
        if depth > MAX_TYPE_DEPTH {
            return Err(Refusal::new(
                format!("nests deeper than {MAX_TYPE_DEPTH}"),
                "use a json column for deep values",
            ));
        }
        let word = self.word();
        Ok(match word {
            "string" => ColumnType::String,
            "int32" => ColumnType::Int32,
            "int64" => ColumnType::Int64,
            "float" => ColumnType::Float,
            "double" => ColumnType::Double,
            "boolean" => ColumnType::Boolean,
            "date" => ColumnType::Date,
            "json" => ColumnType::Json,
            "timestamp" => self.timestamp()?,
            "decimal" => self.decimal()?,
            "list" => {
                self.expect('<')?;
                let item = self.ty(depth + 1)?;
                self.expect('>')?;
                ColumnType::List(Box::new(item))
            }
            "struct" => self.structure(depth)?,
            other => return Err(unknown(other)),
        })
    }

    fn timestamp(&mut self) -> Result<ColumnType, Refusal> {
        if !self.take('(') {
            return Ok(ColumnType::Timestamp(TimestampUnit::Rfc3339));
        }
        let word = self.word();
        let unit = TimestampUnit::ALL.iter().find(|unit| unit.as_str() == word).ok_or_else(|| {
            Refusal::new(format!("has no timestamp unit {word:?}"), "write timestamp(s), (ms), (us), (ns) or (rfc3339)")
        })?;
        self.expect(')')?;
        Ok(ColumnType::Timestamp(*unit))
    }

    fn decimal(&mut self) -> Result<ColumnType, Refusal> {
        const RULE: &str = "write decimal(P,S) with 1 to 38 digits, S of them after the point, such as decimal(18,4)";
        let bad = || Refusal::new("is not a decimal type", RULE);
        self.expect('(')?;
        let precision: u8 = self.word().parse().map_err(|_| bad())?;
        let scale: u8 = if self.take(',') { self.word().parse().map_err(|_| bad())? } else { 0 };
        self.expect(')')?;
        if !(1..=38).contains(&precision) || scale > precision {
            return Err(bad());
        }
        Ok(ColumnType::Decimal { precision, scale })
    }

    fn structure(&mut self, depth: usize) -> Result<ColumnType, Refusal> {
        self.expect('<')?;
        let mut fields: Vec<StructField> = Vec::new();
        loop {
            let name = self.name()?;
            self.expect(':')?;
            let ty = self.ty(depth + 1)?;
            if fields.iter().any(|field| field.name.eq_ignore_ascii_case(&name)) {
                let fix = "rename one, query engines ignore upper and lower case";
                return Err(Refusal::new(format!("has the field {name} twice"), fix));
            }
            if fields.len() == MAX_FIELDS {
                return Err(Refusal::new(format!("has more than {MAX_FIELDS} fields"), "use a json column"));
            }
            fields.push(StructField { name, ty });
            if !self.take(',') {
                break;
            }
        }
        self.expect('>')?;
        Ok(ColumnType::Struct(fields))
    }

    fn name(&mut self) -> Result<String, Refusal> {
        if self.take('`') {
            let (name, rest) = self
                .rest
                .split_once('`')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| Refusal::new("has an unfinished name", "close it with a backtick"))?;
            self.rest = rest;
            return Ok(name.to_owned());
        }
        match self.word() {
            "" => Err(Refusal::new("lacks a field name", "write struct<a: int64, b: string>")),
            word => Ok(word.to_owned()),
        }
    }
}

fn unknown(word: &str) -> Refusal {
    let alias = match word {
        "int" | "integer" => Some("int32"),
        "long" | "bigint" => Some("int64"),
        "float32" | "real" => Some("float"),
        "float64" => Some("double"),
        "bool" => Some("boolean"),
        "text" | "varchar" | "utf8" => Some("string"),
        "array" => Some("list"),
        "object" | "map" => Some("json"),
        _ => closest(word, WORDS.iter().copied()),
    };
    match alias {
        Some(near) => Refusal::new("is not a column type", format!("did you mean {near}?")),
        None => Refusal::new("is not a column type", FIX),
    }
}
