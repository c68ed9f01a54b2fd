//! What claims make of their bearer.

use serde_json::{Map, Value, json};

use super::config;
use crate::claims::principal;
use crate::{Principal, Refused, RefusedKind, Role};

fn of(rules: &str, claims: Value) -> Result<Principal, Refused> {
    let auth = config(&format!(
        "mode: oidc, oidc: {{issuer: 'https://login.example', audience: landfall, \
         roles: {{viewer: [see, all], editor: [edit], operator: [ops]}}, {rules}}}"
    ));
    let Value::Object(claims): Value = claims else { panic!("an object") };
    let claims: Map<String, Value> = claims;
    principal(&auth.oidc.unwrap().claims, &claims)
}

const PLAIN: &str = "role_claim: groups, team_claim: team";

#[test]
fn the_highest_role_counts_and_only_an_operator_has_no_team() {
    for (groups, role) in [
        (json!("see"), Role::Viewer),
        (json!(["x", "all"]), Role::Viewer),
        (json!(["see", "edit", 1, null]), Role::Editor),
        (json!(["ops", "edit", "see"]), Role::Operator),
    ] {
        let who = of(PLAIN, json!({"sub": "u1", "groups": groups, "team": "ads"})).unwrap();
        let team = (role != Role::Operator).then(|| "ads".to_owned());
        assert_eq!(who, Principal { name: "u1".to_owned(), role, team });
    }
    of(PLAIN, json!({"sub": "u1", "groups": "ops"})).unwrap();
}

#[test]
fn a_claim_is_found_by_its_whole_name_or_inside_others() {
    let keycloak = json!({"sub": "u1", "realm_access": {"roles": ["edit"]}, "a": {"b": {"team": "ads"}}});
    let who = of("role_claim: realm_access.roles, team_claim: a.b.team", keycloak).unwrap();
    assert_eq!((who.role, who.team.as_deref()), (Role::Editor, Some("ads")));
    // A claim whose own name has dots, as Auth0 wants it.
    let rules = "role_claim: 'https://acme.example/roles', team_claim: 'https://acme.example/team'";
    let auth0 = json!({"sub": "u1", "https://acme.example/roles": "see", "https://acme.example/team": ["ads"]});
    assert_eq!(of(rules, auth0).unwrap().team.as_deref(), Some("ads"));
    let cognito = json!({"sub": "u1", "cognito:groups": ["ops"]});
    assert_eq!(of("role_claim: 'cognito:groups', team_claim: team", cognito).unwrap().role, Role::Operator);
}

#[test]
fn scopes_are_divided_at_spaces_and_nothing_else_is() {
    let scope = "role_claim: scope, team_claim: team";
    of(scope, json!({"sub": "u1", "scope": "openid ops"})).unwrap();
    of(scope, json!({"sub": "u1", "scope": "openid opsx"})).unwrap_err();
    // A group that a user may name as they like.
    of(PLAIN, json!({"sub": "u1", "groups": "my ops"})).unwrap_err();
}

#[test]
fn an_address_names_its_holder_only_where_the_issuer_checked_it() {
    let named = |rules: &str, more: Value| {
        let mut claims = json!({"sub": "u1", "groups": "ops", "email": "ann@example.com"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        of(rules, claims).map(|who| who.name)
    };
    assert_eq!(named(PLAIN, json!({})).unwrap(), "ann@example.com");
    for yes in [json!(true), json!("true")] {
        assert_eq!(named(PLAIN, json!({"email_verified": yes})).unwrap(), "ann@example.com");
    }
    for no in [json!(false), json!("false"), json!(null), json!(1)] {
        assert_eq!(named(PLAIN, json!({"email_verified": no})).unwrap(), "u1");
    }
    let upn = format!("{PLAIN}, name_claim: upn");
    assert_eq!(named(&upn, json!({"upn": "ann"})).unwrap(), "ann");
    named(&upn, json!({})).expect_err("a configured claim has no substitute");
}

#[test]
fn who_has_no_name_role_or_team_is_refused_with_the_reason() {
    for (claims, told) in [
        (json!({"groups": "edit", "team": "ads"}), "gives no name in its claim \"sub\""),
        (json!({"sub": "", "groups": "edit", "team": "ads"}), "gives no name"),
        (json!({"sub": 7, "groups": "edit", "team": "ads"}), "gives no name"),
        (json!({"sub": "a\nb", "groups": "edit", "team": "ads"}), "gives no name"),
        (json!({"sub": "x".repeat(300), "groups": "edit", "team": "ads"}), "gives no name"),
        (json!({"sub": "u1", "team": "ads"}), "gives no role: it has no claim \"groups\""),
        (json!({"sub": "u1", "groups": [], "team": "ads"}), "has none of the configured values"),
        (json!({"sub": "u1", "groups": ["Edit", "editor", ""], "team": "ads"}), "none of the configured values"),
        (json!({"sub": "u1", "groups": {"edit": true}, "team": "ads"}), "none of the configured values"),
        (json!({"sub": "u1", "groups": "edit"}), "gives no team in its claim \"team\""),
        (json!({"sub": "u1", "groups": "see", "team": null}), "gives no team"),
        (json!({"sub": "u1", "groups": "see", "team": ""}), "is not the name of a team"),
        (json!({"sub": "u1", "groups": "see", "team": "a/b"}), "is not the name of a team"),
        (json!({"sub": "u1", "groups": "see", "team": ["ads", "web"]}), "gives several teams"),
    ] {
        let refused = of(PLAIN, claims).expect_err(told);
        assert_eq!(refused.kind, RefusedKind::Forbidden, "{refused}");
        assert!(refused.reason.contains(told), "{refused}, not {told}");
    }
}
