import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { REFUSED_PROPERTIES } from '../lib/config/clusters';
import { knownKeys, parseSettings } from '../lib/config/fleet';
import { DEFAULTS } from '../lib/config/pools';
import { ConfigError } from '../lib/config/section';
import { variableOf } from '../lib/variables';
import { EXAMPLES, exampleText, ROOT } from './support';

function mistakes(text: string, tag?: string): string[] {
  try {
    parseSettings(text, 'f.yaml', tag);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n');
  }
}

const minimal = exampleText('minimal');
const production = exampleText('production');
const existing = exampleText('existing-network');
const msk = exampleText('msk-iam');

test('the examples are right', () => {
  for (const name of EXAMPLES) assert.deepEqual(mistakes(exampleText(name)), [], name);
});

/** An example, what is changed in it, and the one line that must come of it. */
const WRONG: [string, string, string, RegExp][] = [
  [minimal, 'region: eu-west-1', 'region: Ireland', /^f\.yaml: region: "Ireland" is not a region; write one such as eu-west-1$/],
  [minimal, 'region: eu-west-1', 'regoin: eu-west-1', /^f\.yaml: regoin: is not a known key, did you mean region\?; mend it$/],
  [minimal, 'max: 8', 'max: 41', /^f\.yaml: pools\.shared\.max: is 41: step scaling covers 40 numbers.*; write scaling: \{actuator: ecs\}/],
  [minimal, 'max: 8', 'max: 8\n    min: 9', /^f\.yaml: pools\.shared\.min: is 9, above max 8;/],
  [minimal, 'max: 8', 'maximum: 8\n    max: 1', /^f\.yaml: pools\.shared\.maximum: is not a known key/],
  [minimal, 'max: 8', 'max: "8"', /^f\.yaml: pools\.shared\.max: "8" is text, not a number;/],
  [minimal, 'max: 8', 'max: 8\n    memory: 1GB', /^f\.yaml: pools\.shared\.memory: "1GB" is not a size; write one such as 2GiB$/],
  [minimal, 'max: 8', 'max: 8\n    memory: 1GiB', /^f\.yaml: pools\.shared\.memory: 1GiB is no size that Fargate has for 1 vCPU; write 2GiB to 8GiB$/],
  [minimal, 'max: 8', 'max: 8\n    drain_seconds: 120', /^f\.yaml: pools\.shared\.drain_seconds: 120 is not a whole number from 10 to 110;/],
  [minimal, 'max: 8', 'max: 8\n    on_demand_weight: 0', /^f\.yaml: pools\.shared\.spot_weight: is 0, and on_demand_weight too/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {lag_treshold: 5}', /^f\.yaml: pools\.shared\.scaling\.lag_treshold: is not a known key, did you mean lag_threshold\?/],
  [minimal, '  shared:', '  my-pool:', /^f\.yaml: pools\.my-pool: is not lower-case letters, digits and single _/],
  [minimal, '  main:', '  Main:', /^f\.yaml: clusters\.Main: is not lower-case letters/],
  [minimal, 'security.protocol: SASL_SSL', 'sasl.password: hunter2', /^f\.yaml: clusters\.main\.properties\.sasl\.password: is a secret, and would stand in the template; put it in Secrets Manager/],
  [minimal, 'security.protocol: SASL_SSL', 'enable.auto.commit: true', /^f\.yaml: clusters\.main\.properties\.enable\.auto\.commit: is decided by the fleet or by a job;/],
  [minimal, 'security.protocol: SASL_SSL', 'sasl.username: "${env:X}"', /^f\.yaml: clusters\.main\.properties\.sasl\.username: holds a reference;/],
  [minimal, 'kafka-AbCdEf#password', 'kafka#password', /^f\.yaml: clusters\.main\.secrets\.sasl\.password: .* is not such an ARN; write the whole ARN with its last six characters/],
  [minimal, 'broker-1.example.com:9096,broker-2.example.com:9096', 'broker-1', /^f\.yaml: clusters\.main\.bootstrap_servers: "broker-1" is not host:port;/],
  [minimal, 'broker-1.example.com:9096,broker-2.example.com:9096', 'u:p@broker:9096', /^f\.yaml: clusters\.main\.bootstrap_servers: .* holds a user or password/],
  [minimal, 'tag: 0.1.0', 'tag: latest', /^f\.yaml: image\.tag: "latest" moves, and a deploy would not see that it did;/],
  [minimal, 'tag: 0.1.0', 'tag: 1.0', /^f\.yaml: image\.tag: 1 is a number, not text;/],
  [minimal, 'role: operator', 'role: admin', /^f\.yaml: api\.tokens\[0\]\.role: "admin" is none of them; write viewer, editor or operator$/],
  [minimal, 'role: operator', 'role: operator, team: x', /^f\.yaml: api\.tokens\[0\]\.team: has no meaning with role: operator/],
  [minimal, '  certificate_arn: ', '  # ', /^f\.yaml: api\.certificate_arn: is missing, and nobody would be served without TLS;/],
  [minimal, 'pools:', 'bucket: {state_prefix: _landfall}\npools:', /^f\.yaml: bucket\.state_prefix: "_landfall" is not a folder that ends in \//],
  [minimal, 'pools:', 'bucket: {abort_uploads_after_days: 1}\npools:', /^f\.yaml: bucket\.abort_uploads_after_days: 1 is not a whole number from 7 to 365; .*longest outage/],
  [minimal, 'pools:', 'network: {nat_gateways: 0, interface_endpoints: false}\npools:', /^f\.yaml: network\.interface_endpoints: is false while nat_gateways is 0: no task could fetch its image/],
  [minimal, 'pools:', 'network: {cidr: 10.0.0.0/8}\npools:', /^f\.yaml: network\.cidr: "10\.0\.0\.0\/8" is not between \/16 and \/24/],
  [minimal, 'pools:', 'log_retention_days: 31\npools:', /^f\.yaml: log_retention_days: 31 is none of 1, 3, 5/],
  [minimal, 'pools:', 'alarms: [ops@example.com]\npools:', /^f\.yaml: alarms: is a list, not a map;/],
  [minimal, 'pools:', 'tags: {"aws:x": 1}\npools:', /^f\.yaml: tags\.aws:x: begins with aws:/],
  [production, 'prefix: bids/', 'prefix: _landfall/jobs/', /^f\.yaml: bucket\.lifecycle\[0\]\.prefix: "_landfall\/jobs\/" overlaps _landfall\/, where the commit log is/],
  [production, 'prefix: bids/', 'prefix: bids', /^f\.yaml: bucket\.lifecycle\[0\]\.prefix: "bids" is not a folder/],
  [production, 'gateway_ip: 203.0.113.10', 'gateway_ip: vpn.example.com', /^f\.yaml: network\.vpn\.supplier\.gateway_ip: "vpn\.example\.com" is not an IPv4 address/],
  [production, 'allow_cidrs: [198.51.100.0/24]', 'allow_cidrs: []', /^f\.yaml: api\.allow_cidrs: is missing while public is true;/],
  [production, 'issuer: https://', 'issuer: http://', /^f\.yaml: api\.oidc\.issuer: "http:\/\/login\.example\.com" is not an https address/],
  [production, 'landfall.example.com', 'landfall.example.org', /^f\.yaml: api\.domain: landfall\.example\.org is not in the zone example\.com/],
  [production, 'ssl.ca.pem:', 'ssl.ca.pem: ""\n      ssl.ca.pme:', /^f\.yaml: clusters\.supplier\.secrets\.ssl\.ca\.pem: "" is not such an ARN/],
  [existing, ', subnet-0123456789abcdef1]', ']', /^f\.yaml: network\.existing\.private_subnets: has 1 ids for 2 zones;/],
  [existing, 'network:\n', 'network:\n  vpn: {s: {gateway_ip: 203.0.113.1}}\n', /^f\.yaml: network\.vpn: belongs to a network of its own, and network\.existing is given;/],
  [existing, 'jwt:', 'public: true\n  jwt:', /^f\.yaml: api\.public: is true, and the network has no public subnets;/],
  [existing, '  jwt:', '  tokens: [{name: a, sha256: x, role: viewer}]\n  jwt:', /^f\.yaml: api\.tokens: stands beside jwt, and the API takes one kind of proof/],
  [production, '  oidc:', '  tokens: [{name: a, sha256: x, role: viewer}]\n  oidc:', /^f\.yaml: api\.tokens: stands beside oidc, and the API takes one/],
  [production, 'role_claim: groups', '', /^f\.yaml: api\.oidc\.role_claim: is missing/],
  [production, 'team_claim: department', '', /^f\.yaml: api\.oidc\.team_claim: is missing, and viewers and editors are refused/],
  [production, '[platform]', '[data-analysts]', /^f\.yaml: api\.oidc\.roles: has the value data-analysts twice/],
  [production, 'roles: {viewer: [data-analysts], editor: [data-engineers], operator: [platform]}', '', /^f\.yaml: api\.oidc\.roles: gives nobody a role/],
  [existing, 'audience: landfall', '', /^f\.yaml: api\.jwt\.audience: is missing/],
  [existing, '[10.0.0.0/8]', '[0.0.0.0/0]', /^f\.yaml: api\.allow_cidrs: lets everybody in, and oidc is not set;/],
  [existing, 'alarms:\n', 'alarms:\n  emails: [a@example.com]\n', /^f\.yaml: alarms\.emails: would subscribe to a topic that is not ours;/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {target_utilization: 85}', /^f\.yaml: pools\.shared\.scaling\.target_utilization: leaves the range above 0 up to 1: 85 give or take 0\.07;/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {utilization_tolerance: 0.2}', /^f\.yaml: pools\.shared\.scaling\.utilization_tolerance: leaves the range/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {lag_threshold: 0}', /^f\.yaml: pools\.shared\.scaling\.lag_threshold: is 0; write a number above 0$/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {target_drain_seconds: 100}', /^f\.yaml: pools\.shared\.scaling\.target_drain_seconds: lets workers come too late to help: 100 s to drain, 180 s/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {start_delay_seconds: 600}', /^f\.yaml: pools\.shared\.scaling\.start_delay_seconds: lets workers come too late/],
  [minimal, 'max: 8', 'max: 8\n    scaling: {sample_stale_after_seconds: 30}', /^f\.yaml: pools\.shared\.scaling\.sample_stale_after_seconds: is below the 60 s from look to look;/],
  [existing, 'actuator: ecs', 'actuator: escs', /^f\.yaml: scaling\.actuator: "escs" is none of them, did you mean ecs\?; write application-autoscaling or ecs$/],
  [msk, 'read_topics: [bids, clicks-*]', 'read_topics: []', /^f\.yaml: clusters\.events\.msk_iam\.read_topics: names no topic;/],
  [msk, '    msk_iam:', '    properties: {sasl.mechanism: PLAIN}\n    msk_iam:', /^f\.yaml: clusters\.events\.properties\.sasl\.mechanism: is set by msk_iam; leave it out$/],
];

for (const [text, from, to, expected] of WRONG) {
  test(`refused with its key: ${to.trim().split('\n').join(' ')}`, () => {
    assert.ok(text.includes(from), `the example no longer has ${from}`);
    const found = mistakes(text.replace(from, to));
    assert.ok(found.some((line) => expected.test(line)), found.join('\n') || 'nothing was refused');
  });
}

test('every mistake names a fix, and all come at once', () => {
  const found = mistakes('region: 7\nimage: {}\nclusters: {}\napi: {tasks: 0}\npools: {a: {}}\nnmae: x\n');
  for (const key of ['region', 'image.tag', 'clusters', 'api.tasks', 'api.tokens', 'api.certificate_arn', 'pools.a.max', 'nmae']) {
    assert.ok(found.some((line) => line.startsWith(`f.yaml: ${key}: `)), `${key} among:\n${found.join('\n')}`);
  }
  for (const line of found) assert.match(line, /^f\.yaml: \S+: [^;]+; \S/, line);
});

test('a secret that was written by mistake is in no message', () => {
  const found = mistakes(minimal.replace('security.protocol: SASL_SSL', 'sasl.password: hunter2').replace(/sha256: \w+/, 'sha256: hunter2'));
  assert.deepEqual(found.map((line) => line.split(': ')[1]).sort(), [
    'api.tokens[0].sha256', 'clusters.main.properties.sasl.password', 'clusters.main.secrets.sasl.password',
  ]);
  assert.doesNotMatch(found.join(), /hunter2/);
});

test('what is no YAML, and keys that stand twice, are told with their line', () => {
  assert.match(mistakes('region: [')[0]!, /^f\.yaml: document: is not YAML: .* line 1/);
  assert.match(mistakes('region: eu-west-1\nregion: eu-west-1\n')[0]!, /unique.* line 2/);
  assert.ok(mistakes('').some((line) => line.startsWith('f.yaml: region: is missing')));
});

test('variables that the lag Lambda has no room for are refused', () => {
  const long = Array.from({ length: 60 }, (_, at) => `      x.property.number.${at}: ${'v'.repeat(60)}`).join('\n');
  assert.match(mistakes(minimal.replace('    properties:', `    properties:\n${long}`)).join(), /f\.yaml: clusters: is \d+ bytes too long/);
});

test('-c tag takes the place of image.tag, and is held to the same rule', () => {
  assert.equal(parseSettings(minimal, 'f.yaml', '0.2.0').image.tagOrDigest, '0.2.0');
  assert.match(mistakes(minimal, 'latest').join(), /f\.yaml: image\.tag: "latest" \(from -c tag\) moves/);
  assert.deepEqual(mistakes(minimal.replace('tag: 0.1.0', 'architecture: arm64'), '0.2.0'), []);
});

test('the README describes every key', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const keys = new Set([minimal, production, existing, msk].flatMap(knownKeys));
  const absent = [...keys].filter((key) => !readme.includes(`\`${key}\``));
  assert.deepEqual(absent, [], 'describe them in README.md');
});

test('the refused properties are those that the binary refuses', () => {
  const reference = readFileSync(join(ROOT, '..', 'docs', 'config-reference.md'), 'utf8');
  const table = reference.split('### Properties that are refused')[1]!.split('\n## ')[0]!;
  const refused = [...table.matchAll(/^\| `([a-z.]+)` \|/gm)].map((found) => found[1]);
  assert.deepEqual([...REFUSED_PROPERTIES].sort(), refused.sort());
});

test('what the YAML leaves out is compared as the binary takes it', () => {
  const limits = readFileSync(join(ROOT, '..', 'infra', 'scale', 'src', 'limits.rs'), 'utf8').split('fn default()')[1]!;
  for (const [knob, value] of Object.entries(DEFAULTS)) {
    const [, written] = new RegExp(`\\b${knob}: ([\\d_.]+),`).exec(limits)!;
    assert.equal(Number(written!.replaceAll('_', '')), value, knob);
  }
});

test('the variables are fields of the configuration reference, but for those that a later binary brings', () => {
  const reference = readFileSync(join(ROOT, '..', 'docs', 'config-reference.md'), 'utf8');
  for (const field of ['state.bucket', 'state.prefix', 's3.region', 'worker.pool', 'worker.memory', 'worker.drain_timeout', 'worker.listen', 'worker.scratch.dir', 'worker.scratch.limit', 'api.listen', 'api.auth.mode']) {
    assert.ok(reference.includes(`\`${field}\``), field);
  }
  assert.equal(variableOf('main', 'sasl.password'), 'KAFKA_MAIN_SASL_PASSWORD');
});

test('the app ends with code 2 and one line a mistake', () => {
  const app = join(ROOT, 'dist', 'bin', 'app.js');
  const run = spawnSync(process.execPath, [app], {
    encoding: 'utf8',
    env: { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ config: join(ROOT, 'test', 'wrong.yaml') }) },
  });
  assert.equal(run.status, 2, run.stderr);
  assert.match(run.stderr, /wrong\.yaml: pools\.shared\.maxx: is not a known key, did you mean max\?; mend it\n/);
  assert.doesNotMatch(run.stderr, /at .*\.js:/);
});

