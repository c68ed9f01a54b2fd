//! ETag and If-Match: a job's ETag is that of its record, so it changes with every change of the record.

use http::{HeaderMap, HeaderValue, header};

use crate::problem::{Kind, Problem};

/// The header value of a record's ETag.
pub(crate) fn header_value(etag: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", bare(etag))).unwrap_or(HeaderValue::from_static("\"\""))
}

fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// The ETags of If-Match; `None` where any will do (no header, or `*`). A weak ETag never matches.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<Vec<String>>, Problem> {
    let bad = || {
        let detail = "if-match is neither * nor a list of ETags: send it as the job's etag header showed it";
        Problem::new(Kind::InvalidRequest, detail)
    };
    let mut etags = Vec::new();
    let mut given = false;
    for value in headers.get_all(header::IF_MATCH) {
        given = true;
        for etag in value.to_str().map_err(|_| bad())?.split(',').map(str::trim) {
            if etag == "*" {
                return Ok(None);
            }
            if etag.starts_with("W/") {
                continue;
            }
            let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(bad)?;
            // The store may keep the quotes as part of the ETag.
            etags.push(inner.to_owned());
            etags.push(format!("\"{inner}\""));
        }
    }
    Ok(given.then_some(etags))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Result<Option<Vec<String>>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_str(value).unwrap());
        if_match(&headers).map_err(|problem| problem.status)
    }

    #[test]
    fn lists_stars_and_weak_etags_are_told_apart() {
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        assert_eq!(parsed("*"), Ok(None));
        assert_eq!(parsed("W/\"a\""), Ok(Some(vec![])));
        let both = parsed("\"a\", \"b\"").unwrap().unwrap();
        assert!(both.contains(&"a".to_owned()) && both.contains(&"b".to_owned()));
        assert_eq!(parsed("a"), Err(400));
    }
}
