//! From the claims of a checked token to the principal.

use landfall_config::ClaimRules;
use landfall_job::names::check_plain_name;
use serde_json::{Map, Value};

use crate::principal::{Principal, Role};
use crate::refused::Refused;

/// The longest name that is taken, in bytes: it is stored with every change.
const MAX_NAME_BYTES: usize = 256;

/// Who the claims say it is.
///
/// # Errors
/// They give no name, no role, or no team to who needs one.
pub(crate) fn principal(rules: &ClaimRules, claims: &Map<String, Value>) -> Result<Principal, Refused> {
    let name = name(rules, claims)?;
    let role = role(rules, claims)?;
    let team = if role == Role::Operator { None } else { Some(team(rules, claims)?) };
    Ok(Principal { name, role, team })
}

/// The claim of a name; else, of names with dots between them, the one inside the others.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut names = name.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name))
}

fn name(rules: &ClaimRules, claims: &Map<String, Value>) -> Result<String, Refused> {
    let text = |claim: &str| find(claims, claim).and_then(Value::as_str);
    // An address that the issuer did not check may be somebody else's.
    let email = || text("email").filter(|_| claims.get("email_verified").is_none_or(is_true));
    let (claim, name) = match &rules.name_claim {
        Some(claim) => (claim.as_str(), text(claim)),
        None => ("sub", email().or_else(|| text("sub"))),
    };
    let good =
        |name: &&str| !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    name.filter(good).map(str::to_owned).ok_or_else(|| {
        let fix = "ask the operator to look at name_claim";
        Refused::forbidden(format!("the token gives no name in its claim {claim:?}: {fix}"))
    })
}

/// Some issuers write truth as text.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
}

fn role(rules: &ClaimRules, claims: &Map<String, Value>) -> Result<Role, Refused> {
    let claim = rules.role_claim.as_str();
    let Some(value) = find(claims, claim) else {
        let fix = "ask for a token with it";
        return Err(Refused::forbidden(format!("the token gives no role: it has no claim {claim:?}: {fix}")));
    };
    let given = texts(claim, value);
    let any = |wanted: &[String]| wanted.iter().any(|wanted| given.contains(&wanted.as_str()));
    // The highest counts.
    if any(&rules.operator) {
        Ok(Role::Operator)
    } else if any(&rules.editor) {
        Ok(Role::Editor)
    } else if any(&rules.viewer) {
        Ok(Role::Viewer)
    } else {
        let reason = format!("the token gives no role: its claim {claim:?} has none of the configured values");
        Err(Refused::forbidden(reason))
    }
}

fn team(rules: &ClaimRules, claims: &Map<String, Value>) -> Result<String, Refused> {
    let Some(claim) = rules.team_claim.as_deref() else {
        return Err(Refused::forbidden("no team_claim is configured, and only operators have no team"));
    };
    let given = find(claims, claim).map(|value| texts(claim, value)).unwrap_or_default();
    match given.as_slice() {
        [team] if check_plain_name(team).is_ok() => Ok((*team).to_owned()),
        [_] => Err(Refused::forbidden(format!("the claim {claim:?} of the token is not the name of a team"))),
        [] => Err(Refused::forbidden(format!("the token gives no team in its claim {claim:?}"))),
        _ => Err(Refused::forbidden(format!("the token gives several teams in its claim {claim:?}"))),
    }
}

/// The texts of a claim: one, or those of a list. Scopes are one text with spaces between them (RFC 8693, 4.2).
fn texts<'a>(claim: &str, value: &'a Value) -> Vec<&'a str> {
    match value {
        Value::String(text) if matches!(claim, "scope" | "scp") => text.split(' ').collect(),
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
