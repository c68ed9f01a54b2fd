//! Configurations: what good ones mean, what bad ones are answered with, and what never shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Error, ErrorKind};
use std::path::Path;

use landfall_config::{
    AuthMode, ConfigError, FieldErrors, FleetConfig, GroupProtocol, Outside, REFUSED_PROPERTIES, Role, Token,
    config_reference,
};
use landfall_job::{ByteSize, DurationMs, JobSpec};
use proptest::prelude::*;

/// The example of the product's contract.
const CONTRACT: &str = r#"
api:     {listen: 127.0.0.1:8080, auth: {mode: none}}
worker:  {pool: shared, memory: 1GiB, scratch: {dir: /scratch, limit: 20GiB}, drain_timeout: 60s, listen: 127.0.0.1:8081}
state:   {bucket: lake, prefix: _landfall/}
s3:      {region: us-east-1, endpoint: "http://127.0.0.1:9000", force_path_style: true}
buckets: {lake: {region: us-east-1, role_arn: "arn:aws:iam::123456789012:role/sink", external_id: x, expected_owner: "123456789012", kms_key: alias/lake}}
clusters:
  main:
    bootstrap_servers: 127.0.0.1:9092
    properties: {security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512, sasl.username: sink, sasl.password: "${env:KAFKA_PASSWORD}", socket.timeout.ms: 9000}
"#;
const SMALLEST: &str = "state: {bucket: lake}\nclusters: {main: {bootstrap_servers: 'k:9092'}}\n";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<FleetConfig, FieldErrors> {
    let variables: Vec<(String, String)> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let known = variables.clone();

    let variable = move |name: &str| match name {
        "KAFKA_PASSWORD" => Some("hunter2".to_owned()),
        "EMPTY" => Some(String::new()),
        name => known.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
    };
    let file = |path: &str| match path {
        "/run/secret" => Ok("hunter3\n".to_owned()),
        "/run/empty" => Ok("\n".to_owned()),
        _ => Err(Error::from(ErrorKind::NotFound)),
    };
    FleetConfig::parse(text, &Outside { variables, variable: &variable, file: &file, secret: &secret })
}

/// What AWS Secrets Manager would say.
fn secret(reference: &str) -> Result<String, String> {
    match reference {
        "arn:aws:secretsmanager:eu-west-1:1:secret:kafka#password" => Ok("hunter4".to_owned()),
        _ => Err("GetSecretValue: ResourceNotFoundException".to_owned()),
    }
}

#[test]
fn the_contracts_example_is_read() {
    let config = parse(CONTRACT, &[]).unwrap();
    assert_eq!(config.worker.memory, ByteSize::mib(1024));
    assert_eq!(config.worker.scratch.as_ref().unwrap().dir, Path::new("/scratch"));
    let main = &config.clusters["main"];
    assert_eq!(main.bootstrap_servers, "127.0.0.1:9092");
    assert_eq!(main.properties["sasl.password"].expose(), "hunter2");
    assert_eq!(main.properties["socket.timeout.ms"].expose(), "9000");
    assert_eq!(config.s3.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
}

#[test]
fn the_smallest_configuration_has_the_contracts_defaults() {
    let config = parse(SMALLEST, &[]).unwrap();
    assert_eq!((config.api.listen.to_string().as_str(), config.api.auth.mode), ("127.0.0.1:8080", AuthMode::None));
    assert_eq!(config.worker.listen.to_string(), "127.0.0.1:8081");
    assert_eq!((config.worker.pool.as_str(), config.worker.scratch), ("shared", None));
    assert_eq!((config.worker.memory, config.worker.drain_timeout), (ByteSize::mib(1024), DurationMs::secs(60)));
    assert_eq!(config.state.prefix, "_landfall/");
    assert!(config.buckets.is_empty() && !config.s3.force_path_style);
}

#[test]
fn a_variable_overrides_a_field_and_adds_what_the_file_leaves_out() {
    let config = parse(
        CONTRACT,
        &[
            ("LANDFALL_WORKER__MEMORY", "2GiB"),
            ("LANDFALL_S3__FORCE_PATH_STYLE", "false"),
            ("LANDFALL_CLUSTERS__MAIN__PROPERTIES__SASL_USERNAME", "other"),
            ("LANDFALL_CLUSTERS__MAIN__PROPERTIES__SSL_CA_LOCATION", "/ca.pem"),
            ("LANDFALL_CLUSTERS__SECOND__BOOTSTRAP_SERVERS", "k2:9092, k3:9092"),
            ("LANDFALL_CLUSTERS__SECOND__PROPERTIES__SASL_PASSWORD", "12345"),
            ("LANDFALL_BUCKETS__LAKE__EXPECTED_OWNER", "210987654321"),
            ("LANDFALL_API", "http://127.0.0.1:1"),
            ("OTHER__THING", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.worker.memory, ByteSize::mib(2048));
    assert!(!config.s3.force_path_style);
    let main = &config.clusters["main"].properties;
    assert_eq!((main["sasl.username"].expose(), main["ssl.ca.location"].expose()), ("other", "/ca.pem"));
    let second = &config.clusters["second"];
    assert_eq!(
        (second.bootstrap_servers.as_str(), second.properties["sasl.password"].expose()),
        ("k2:9092,k3:9092", "12345")
    );
    assert_eq!(config.buckets["lake"].expected_owner.as_deref(), Some("210987654321"));
}

#[test]
fn a_variable_may_hold_a_list() {
    let hash = "ab".repeat(32);
    let tokens = format!(r#"[{{"name": "ci", "sha256": "{hash}", "role": "editor", "team": "ads"}}]"#);
    let config =
        parse(SMALLEST, &[("LANDFALL_API__AUTH__MODE", "token"), ("LANDFALL_API__AUTH__TOKENS", &tokens)]).unwrap();
    let token = &config.api.auth.tokens[0];
    assert_eq!((token.role, token.sha256, token.team.as_deref()), (Role::Editor, [0xab; 32], Some("ads")));
}

#[test]
fn a_file_of_tokens_may_stand_beside_the_tokens_or_alone() {
    let auth = |rest: &str| parse(&with(&format!("api: {{auth: {{mode: token, {rest}}}}}")), &[]).unwrap().api.auth;
    assert_eq!(auth("tokens_file: /run/tokens.yaml").tokens_file.unwrap(), Path::new("/run/tokens.yaml"));
    let hash = "ab".repeat(32);
    let both = auth(&format!("tokens: [{{name: ci, sha256: {hash}, role: editor}}], tokens_file: /run/tokens.yaml"));
    assert_eq!((both.tokens.len(), both.tokens_file.is_some()), (1, true));
    let list = Token::parse_list(&format!("- {{name: ci, sha256: {hash}, role: editor, team: ads}}")).unwrap();
    assert_eq!((list[0].role, list[0].team.as_deref()), (Role::Editor, Some("ads")));
    assert_eq!(Token::parse_list("[]").unwrap(), []);
    for bad in ["", "tokens: []", "[", "- {name: ci}", "- {name: ci, token: hunter2, role: editor}", "- hunter2"] {
        let told = Token::parse_list(bad).expect_err(bad).to_string();
        assert!(!told.is_empty(), "{bad}");
    }
}

#[test]
fn the_examples_about_authentication_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/auth.md");
    let text = std::fs::read_to_string(path).unwrap();
    let examples: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let modes: Vec<AuthMode> =
        examples.iter().map(|example| parse(&with(example), &[]).expect(example).api.auth.mode).collect();
    assert_eq!(modes, AuthMode::ALL, "docs/auth.md has an example of each mode, in their order");
}

#[test]
fn issuers_and_load_balancers_are_read() {
    let oidc =
        "api: {listen: '0.0.0.0:80', auth: {mode: oidc, oidc: {issuer: 'https://login.example/t', audience: landfall,
        role_claim: groups, roles: {viewer: [v], operator: [o]}, team_claim: team}}}";
    let oidc = parse(&with(oidc), &[]).unwrap().api.auth.oidc.unwrap();
    assert_eq!(
        (oidc.issuer.as_str(), oidc.audience, oidc.jwks_url),
        ("https://login.example/t", vec!["landfall".to_owned()], None)
    );
    assert_eq!(
        (oidc.claims.viewer, oidc.claims.editor, oidc.claims.operator),
        (vec!["v".to_owned()], vec![], vec!["o".to_owned()])
    );
    let alb = |rest: &str| {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/landfall/0123456789abcdef";
        let text = format!(
            "api: {{listen: '0.0.0.0:80', auth: {{mode: alb, alb: {{signer: '{arn}', issuer: 'https://login.example',
             role_claim: groups, roles: {{operator: [o]}}{rest}}}}}}}"
        );
        parse(&with(&text), &[]).unwrap().api.auth.alb.unwrap()
    };
    assert_eq!(alb("").keys_url, "https://public-keys.auth.elb.eu-west-1.amazonaws.com");
    assert_eq!(alb(", keys_url: 'http://127.0.0.1:9/k'").keys_url, "http://127.0.0.1:9/k");
    for loopback in ["http://localhost:1/x", "http://[::1]:1", "http://127.1.2.3"] {
        alb(&format!(", keys_url: '{loopback}'"));
    }
}

#[test]
fn a_secret_is_text_with_references_in_it_and_is_not_resolved_twice() {
    let text = format!(
        "{SMALLEST}s3: {{access_key_id: 'a-${{env:KAFKA_PASSWORD}}-${{file:/run/secret}}', secret_access_key: '${{env:NESTED}}'}}"
    );
    let config = parse(&text, &[("NESTED", "${env:KAFKA_PASSWORD}")]).unwrap();
    assert_eq!(config.s3.access_key_id.unwrap().expose(), "a-hunter2-hunter3");
    assert_eq!(config.s3.secret_access_key.unwrap().expose(), "${env:KAFKA_PASSWORD}");
}

#[test]
fn a_secret_of_aws_is_resolved_by_who_may_ask_and_a_refusal_is_told() {
    let reference = "${secretsmanager:arn:aws:secretsmanager:eu-west-1:1:secret:kafka#password}";
    let config = parse(&cluster(&format!("properties: {{sasl.password: '{reference}'}}")), &[]).unwrap();
    assert_eq!(config.clusters["main"].properties["sasl.password"].expose(), "hunter4");
}

#[test]
fn a_pool_is_scaled_by_a_variable_as_well_as_by_the_file() {
    let file = parse(&with("pools: {shared: {scaling: {lagThreshold: 5, max_workers: 4}}}"), &[]).unwrap();
    assert_eq!((file.pools["shared"].scaling.lag_threshold, file.pools["shared"].ecs.is_none()), (5, true));
    let json = r#"{"scaling": {"min_workers": 1}, "ecs": {"cluster": "c", "service": "worker-shared"}}"#;
    let config = parse(SMALLEST, &[("LANDFALL_POOLS__SHARED", json)]).unwrap();
    let pool = &config.pools["shared"];
    assert_eq!((pool.scaling.min_workers, pool.scaling.max_workers), (1, 20));
    assert_eq!(pool.ecs.as_ref().map(|ecs| ecs.service.as_str()), Some("worker-shared"));
}

#[test]
fn a_resolved_secret_shows_nowhere() {
    let text = CONTRACT.replace(
        "force_path_style: true",
        "access_key_id: 'k${env:KAFKA_PASSWORD}', secret_access_key: 's${file:/run/secret}'",
    );
    let config = parse(&text, &[]).unwrap();
    let shown = format!("{config:?}{config:#?}{}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hunter"), "{shown}");
    // Nor in a message about the field that holds it.
    for bad in [
        text.replace("sasl.mechanism:", "sasl.mechanism: \"${env:KAFKA_PASSWORD}\", SASL:"),
        text.replace("127.0.0.1:9092", "user:hunter2@host"),
        text.replace("http://127.0.0.1:9000", "http://user:hunter2@host"),
        text.replace("http://127.0.0.1:9000", "user:hunter2@host:9000"),
        text.replace("http://127.0.0.1:9000", "hunter2"),
        text.replace("auth: {mode: none}", "auth: {mode: token, tokens: [{name: ci, role: viewer, sha256: hunter2}]}"),
        text.replace("auth: {mode: none}", "auth: {mode: token, tokens: [{name: ci, role: viewer, token: hunter2}]}"),
        text.replace("sasl.password: \"${env:KAFKA_PASSWORD}\"", "sasl.password: [hunter2]"),
    ] {
        assert_ne!(bad, text);
        let told = parse(&bad, &[]).expect_err(&bad).to_string();
        assert!(!told.contains("hunter"), "{told}");
    }
}

#[test]
fn every_property_that_would_break_the_promise_is_refused_by_name() {
    for (property, why, _) in REFUSED_PROPERTIES {
        let text = format!(
            "state: {{bucket: lake}}\nclusters: {{main: {{bootstrap_servers: 'k:9092', properties: {{{property}: x}}}}}}"
        );
        let told = parse(&text, &[]).expect_err(property).to_string();
        assert!(told.starts_with(&format!("clusters.main.properties.{property}: {why}")), "{told}");
    }
}

#[test]
fn a_cluster_says_who_computes_the_assignments_of_its_groups() {
    let protocol = |text: &str| parse(text, &[]).unwrap().clusters["main"].group_protocol;
    assert_eq!(protocol(SMALLEST), GroupProtocol::Classic);
    assert_eq!(protocol(&cluster("group_protocol: consumer")), GroupProtocol::Consumer);
    // The session's time is the worker's own where a worker computes them.
    let classic = cluster("group_protocol: classic, properties: {session.timeout.ms: 9000}");
    assert_eq!(protocol(&classic), GroupProtocol::Classic);
    let variable = [("LANDFALL_CLUSTERS__MAIN__GROUP_PROTOCOL", "consumer")];
    assert_eq!(parse(SMALLEST, &variable).unwrap().clusters["main"].group_protocol, GroupProtocol::Consumer);
}

fn with(changes: &str) -> String {
    format!("{SMALLEST}{changes}")
}

fn cluster(rest: &str) -> String {
    format!("state: {{bucket: lake}}\nclusters: {{main: {{bootstrap_servers: 'k:9092', {rest}}}}}")
}

#[test]
fn every_bad_configuration_is_answered_with_the_field_the_value_and_the_fix() {
    let hash = "ab".repeat(32);
    let token = |rest: &str| with(&format!("api: {{auth: {{mode: token, tokens: [{rest}]}}}}"));
    let identity = |mode: &str, rest: &str| {
        with(&format!("api: {{auth: {{mode: {mode}, {mode}: {{role_claim: g, roles: {{operator: [o]}}, {rest}}}}}}}"))
    };
    let oidc = |rest: &str| identity("oidc", rest);
    let alb = |rest: &str| identity("alb", rest);
    let cases: Vec<(String, Vec<(&str, &str)>)> = [
        "{}".to_owned(),
        "state: lake".to_owned(),
        "state: {bucket: lake}\nclusters: {}".to_owned(),
        "state: {bucket: lake}\nclusters: [main]".to_owned(),
        with("wrker: {}"),
        with("kafka: {}"),
        with("jobs: []"),
        SMALLEST.replace("lake", "a"),
        with("schema_registries: {}"),
        with("state: {bucket: lake}"),
        with("api: {listen: 'localhost:8080'}"),
        with("api: {listen: '0.0.0.0:8080'}"),
        with("api: {listen: '[::]:8080', auth: {mode: none}}"),
        with("api: {listen: 8080}"),
        with("api: {auth: {mode: jwt}}"),
        with("api: {auth: {mode: oidc}}"),
        with("api: {auth: {mode: none, tokens_file: /t, oidc: {issuer: x}, alb: {}}}"),
        with("api: {auth: {mode: token, tokens_file: tokens.yaml}}"),
        with("api: {auth: {mode: token, jwt: {}}}"),
        oidc("issuer: 'http://login.example', audience: a"),
        oidc("issuer: 'https://user:hunter2@login.example', audience: a"),
        oidc("issuer: 'https://login.example/?a=b', audience: []"),
        oidc("issuer: login.example, audience: [1]"),
        oidc("issuer: 'https://login.example', audience: a, jwks_url: 'http://127.0.0.1.evil.example/keys'"),
        with("api: {auth: {mode: oidc, oidc: {role_claim: g, roles: {}}}}"),
        with("api: {auth: {mode: oidc, oidc: {issuer: 'https://a', audience: a, role_claim: g, roles: {viewer: [a]}}}}"),
        with("api: {auth: {mode: oidc, oidc: {issuer: 'https://a', audience: a, role_claim: g, roles: {operator: [a, b], editor: [b], admin: [c]}, team_claim: ''}}}"),
        with("api: {auth: {mode: alb}}"),
        alb("signer: 'arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/a/b', issuer: 'https://a'"),
        alb("signer: 'arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/a/b', issuer: 'https://a'"),
        alb("signer: 'arn:aws:elasticloadbalancing:evil.example/x:123456789012:loadbalancer/app/a/b', issuer: 'https://a'"),
        with("api: {auth: {mode: tokens}}"),
        with("api: {auth: {mode: token}}"),
        with("api: {auth: {tokens: []}}"),
        with("api: {port: 8080}"),
        with("api: {tls: {}}"),
        token("{name: ci}"),
        token("{name: ci, sha256: abc, role: editor}"),
        token(&format!("{{name: ci, sha256: {hash}, role: admin}}")),
        token(&format!("{{name: ci, sha256: {hash}, role: editor}}, {{name: ci, sha256: {hash}, role: viewer}}")),
        token("{name: ci, token: abc, role: editor}"),
        token(&format!("{{name: ops, sha256: {hash}, role: operator, team: ads}}")),
        with("worker: {memory: 64MiB}"),
        with("worker: {memory: lots}"),
        with("worker: {memroy: 1GiB}"),
        with("worker: {scratch: {}}"),
        with("worker: {scratch: {dir: scratch}}"),
        with("worker: {scratch: /scratch}"),
        with("worker: {drain_timeout: 2h}"),
        with("worker: {pool: 'a b'}"),
        with("worker: {listen: nowhere}"),
        with("pools: {shared: {max: 4}}"),
        with("pools: {shared: {scaling: 4}}"),
        with("pools: {shared: {scaling: {max_worker: 4}}}"),
        with("pools: {shared: {scaling: {min_workers: 4, max_workers: 2}}}"),
        with("pools: {shared: {scaling: {max_workers: many}}}"),
        with("pools: {'a b': {}}"),
        with("pools: {shared: {ecs: {cluster: c}}}"),
        "state: {bucket: lake, prefix: _landfall}\nclusters: {main: {bootstrap_servers: 'k:9092'}}".to_owned(),
        "state: {bucket: lake, prefix: ../x/}\nclusters: {main: {bootstrap_servers: 'k:9092'}}".to_owned(),
        "state: {bucket: '${env:KAFKA_PASSWORD}'}\nclusters: {main: {bootstrap_servers: 'k:9092'}}".to_owned(),
        with("s3: {endpoint: 'localhost:9000'}"),
        with("s3: {endpoint: 'http://user:hunter2@host'}"),
        with("s3: {endpoint: 'user:hunter2@host:9000'}"),
        with("s3: {endpoint: 9000}"),
        with("s3: {endpoint: 'http://host/path'}"),
        with("s3: {region: US East}"),
        with("s3: {force_path_style: yes please}"),
        with("s3: {access_key_id: a}"),
        with("s3: {secret_access_key: '${env:KAFKA_PASSWORD}'}"),
        with("s3: {access_key_id: '', secret_access_key: '${file:/nowhere}'}"),
        with("s3: {session_token: x}"),
        with("s3: {path_style: true}"),
        with("buckets: {Lake: {}}"),
        with("buckets: {lake: {role_arn: sink}}"),
        with("buckets: {lake: {external_id: x}}"),
        with("buckets: {lake: {expected_owner: 123456789012}}"),
        with("buckets: {lake: {owner: x}}"),
        with("buckets: [lake]"),
        with("connect: {cluster: elsewhere, poll: shared}"),
        "state: {bucket: lake}\nclusters: {main: {}}".to_owned(),
        "state: {bucket: lake}\nclusters: {'a b': {bootstrap_servers: 'k:9092'}}".to_owned(),
        "state: {bucket: lake}\nclusters: {main: {bootstrap_servers: kafka}}".to_owned(),
        "state: {bucket: lake}\nclusters: {main: {bootstrap_servers: 'sink:hunter2@k:9092'}}".to_owned(),
        "state: {bucket: lake}\nclusters: {main: {bootstrap_servers: ['k:9092']}}".to_owned(),
        cluster("bootstrap.servers: x"),
        cluster("properties: []"),
        cluster("properties: {enable.auto.commit: true}"),
        cluster("properties: {isolation.level: read_committed}"),
        cluster("properties: {request.required.acks: 1}"),
        cluster("properties: {group.protocol: consumer}"),
        cluster("group_protocol: consumers"),
        cluster("group_protocol: consumer, properties: {session.timeout.ms: 9000, heartbeat.interval.ms: 3000}"),
        cluster("properties: {Security Protocol: x}"),
        cluster("properties: {a: {b: c}}"),
        cluster("properties: {a: null}"),
        cluster("properties: {sasl.mechanism: OAUTHBEARER}"),
        cluster("properties: {sasl.mechanism: AWS_MSK_IAM}"),
        cluster("properties: {sasl.mechanism: AWS_MSK_IAM, security.protocol: SASL_PLAINTEXT}"),
        cluster("properties: {sasl.password: '${env:NOT_SET}'}"),
        cluster("properties: {sasl.password: '${env:EMPTY}'}"),
        cluster("properties: {sasl.password: '${file:/nowhere}'}"),
        cluster("properties: {sasl.password: '${file:/run/empty}'}"),
        cluster("properties: {sasl.password: '${secretsmanager:arn:aws:x#key}'}"),
        cluster("properties: {sasl.password: '${vault:x}'}"),
        cluster("properties: {sasl.password: '${PASSWORD}'}"),
        cluster("properties: {sasl.password: '${env:X'}"),
        cluster("schema_registry: x"),
        cluster("property: {}"),
    ]
    .into_iter()
    .map(|text| (text, Vec::new()))
    .chain([
        (SMALLEST.to_owned(), vec![("LANDFALL_WORKER__MEMORY", "12 parsecs")]),
        (SMALLEST.to_owned(), vec![("LANDFALL_WORKR__MEMORY", "1GiB")]),
        (SMALLEST.to_owned(), vec![("LANDFALL_WORKER____MEMORY", "1GiB")]),
        (SMALLEST.to_owned(), vec![("LANDFALL_STATE__BUCKET__NAME", "x")]),
        (SMALLEST.to_owned(), vec![("LANDFALL_API__AUTH__TOKENS", "[hunter2")]),
        (SMALLEST.to_owned(), vec![("LANDFALL_CLUSTERS__MAIN__PROPERTIES__ENABLE_AUTO_COMMIT", "true")]),
    ])
    .collect();
    let mut table = String::new();
    for (text, variables) in cases {
        let Err(errors) = parse(&text, &variables) else { panic!("accepted:\n{text}\n{variables:?}") };
        let told: String = errors.0.iter().map(|error| format!("    {error}\n")).collect();
        let changed: Vec<&str> = text.lines().filter(|line| !SMALLEST.lines().any(|plain| plain == *line)).collect();
        let set: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert!(!told.contains("hunter"), "a password is repeated: {told}");
        table.push_str(&format!("{}{}\n{told}\n", changed.join("\n"), set.join("\n")));
    }
    golden("tests/golden/bad-configurations.txt", &table);
}

fn job(text: &str) -> JobSpec {
    JobSpec::parse(text).unwrap()
}

#[test]
fn a_job_may_name_only_what_is_registered_and_keeps_off_the_fleets_own_objects() {
    let fleet = parse(CONTRACT, &[]).unwrap();
    let good = "{name: a, source: {cluster: main, topics: [t]}, sink: {bucket: lake}}";
    assert_eq!(fleet.check_job(&job(good)), Ok(()));
    let every_topic = good.replace("topics: [t]", "topics_regex: '.*'");
    assert_eq!(fleet.check_job(&job(&every_topic)), Ok(()));
    let open = parse(SMALLEST, &[]).unwrap();
    assert_eq!(open.check_job(&job(&good.replace("lake", "sea"))), Ok(()));
    let pools = parse(&with("pools: {shared: {}, nightly: {}}"), &[]).unwrap();
    assert_eq!(pools.check_job(&job(&good.replace("bucket: lake", "bucket: sea"))), Ok(()));
    let stray = job(&good.replace("{name: a,", "{name: a, pool: nightli,"));
    assert_eq!(fleet.check_job(&stray), Ok(()), "without pools any name is good");
    let told = pools.check_job(&stray).unwrap_err().to_string();
    assert!(told.contains("pool") && told.contains("nightly"), "{told}");
    let mut table = String::new();
    for bad in [
        good.replace("cluster: main", "cluster: mian"),
        good.replace("}}", "}, dead_letter: {cluster: other, topic: d}}"),
        good.replace("bucket: lake", "bucket: lakes"),
        good.replace("bucket: lake", "bucket: sea"),
        good.replace("bucket: lake", "bucket: lake, expected_bucket_owner: '000000000000'"),
        good.replace("bucket: lake", "bucket: lake, key: '_landfall/{unique}.{ext}'"),
        good.replace("bucket: lake", "bucket: lake, key: '_land{field:x}/{unique}.{ext}'")
            .replace("}}", "}, dead_letter: {s3: dlq/}}"),
        good.replace("[t]", "[_landfall]"),
        good.replace("[t]", "[t, _]")
            .replace("bucket: lake", "bucket: lake, key: '{topic}landfall/jobs/b{partition}-{first_offset}.{ext}'"),
        good.replace("[t]", "[_landfall]")
            .replace("bucket: lake", "bucket: lake, key: '{topic}/jobs/{partition}+{first_offset}.{ext}'"),
        good.replace("}}", "}, dead_letter: {s3: _landfall/dlq/}}"),
    ] {
        let errors = fleet.check_job(&job(&bad)).expect_err(&bad);
        table.push_str(&format!("{bad}\n    {}\n\n", errors.to_string().replace('\n', "\n    ")));
    }
    golden("tests/golden/refused-jobs.txt", &table);
}

#[test]
fn a_file_is_loaded_and_one_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.yaml");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hunter4\n").unwrap();
    let text = CONTRACT.replace("${env:KAFKA_PASSWORD}", &format!("${{file:{}}}", secret.display()));
    std::fs::write(&path, text).unwrap();
    let config = FleetConfig::load(&path, &self::secret).unwrap();
    assert_eq!(config.clusters["main"].properties["sasl.password"].expose(), "hunter4");

    let missing = FleetConfig::load(&folder.path().join("none.yaml"), &self::secret).unwrap_err();
    assert!(matches!(&missing, ConfigError::File { .. }) && missing.to_string().contains("none.yaml"), "{missing}");
    std::fs::write(&path, "x".repeat(2 * 1024 * 1024)).unwrap();
    assert!(FleetConfig::load(&path, &self::secret).unwrap_err().to_string().contains("longer than"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(FleetConfig::load(&path, &self::secret), Err(ConfigError::File { .. })));
}

#[test]
fn the_reference_is_up_to_date() {
    golden("../../docs/config-reference.md", &config_reference());
}

proptest! {
    #[test]
    fn reading_any_text_with_any_variable_ends(text in "\\PC{0,120}", name in "LANDFALL_[A-Z_]{1,24}", value in "\\PC{0,24}") {
        for text in [text, SMALLEST.to_owned()] {
            if let Err(errors) = parse(&text, &[(&name, &value)]) {
                prop_assert!(!errors.0.is_empty());
            }
        }
    }
}

/// Compares with a file; `UPDATE_GOLDEN=1` writes it anew.
fn golden(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(text.lines()).find(|(was, is)| was != is);
    assert!(
        expected == text,
        "{} differs, first at {differing:#?}; look at the change, then run with UPDATE_GOLDEN=1",
        path.display()
    );
}
