import assert from 'node:assert/strict';
import { test } from 'node:test';

import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';

import { grant, WILDCARDS } from '../lib/grant';
import { decide, roleId, roles, roleStatements } from './policies';
import { EXAMPLES, example, flat, list, ofType, type Json } from './support';

for (const name of EXAMPLES) {
  const { template } = example(name);
  const all = ofType(template, 'AWS::IAM::Policy').flatMap(([id, policy]) =>
    (policy.Properties.PolicyDocument.Statement as Json[]).map((statement) => ({ id, statement })),
  );

  test(`${name}: no right is for every action`, () => {
    for (const { id, statement } of all) {
      for (const action of list<string>(statement.Action)) assert.doesNotMatch(action, /\*/, `${id}: list the actions`);
    }
  });

  test(`${name}: every pattern among resources has a reason in the template`, () => {
    const reasons = Object.values(template.Metadata[WILDCARDS] as Record<string, Record<string, string>>);
    const written = new Map(reasons.flatMap((role) => Object.entries(role)));
    for (const { id, statement } of all) {
      for (const resource of list(statement.Resource).map(flat).filter((each) => each.includes('*'))) {
        assert.ok((written.get(resource) ?? '').length > 30, `${id}: ${resource} has no reason`);
      }
    }
  });

  test(`${name}: no role has a policy that AWS writes, and none is lent to another service`, () => {
    for (const [id, role] of ofType(template, 'AWS::IAM::Role')) {
      assert.equal(role.Properties.ManagedPolicyArns, undefined, id);
      assert.equal(role.Properties.AssumeRolePolicyDocument.Statement.length, 1, id);
      const { Principal, Condition } = role.Properties.AssumeRolePolicyDocument.Statement[0];
      assert.match(Principal.Service, /^(ecs-tasks|lambda|ec2|vpc-flow-logs)\.amazonaws\.com$/, id);
      if (/RolesTask/.test(id)) assert.ok(Condition.StringEquals['aws:SourceAccount'], id);
    }
  });

  test(`${name}: only the smoke test starts tasks, only in this cluster, and passes on only the pools' roles`, () => {
    const smoke = roleId(template, 'SmokeRole');
    for (const { id, statement } of all) {
      const actions = list<string>(statement.Action);
      if (actions.some((action) => action === 'iam:PassRole' || action === 'ecs:RunTask')) assert.match(id, /^LandfallSmokeRole/);
    }
    const pass = roleStatements(template, smoke).filter((each) => each.actions.includes('iam:PassRole'));
    for (const statement of pass) {
      assert.deepEqual(statement.condition, { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } });
      assert.ok(statement.resources.every((resource) => /^<LandfallPool.*Roles(Task|Execution).*\.Arn>$/.test(resource)), statement.resources.join());
    }
    const run = roleStatements(template, smoke).filter((each) => each.actions.includes('ecs:RunTask'));
    assert.ok(run.length > 0 && run.every((each) => each.condition.ArnEquals['ecs:cluster']));
  });

  test(`${name}: the lag Lambda publishes to one namespace`, () => {
    const lag = roleStatements(template, roleId(template, 'LagRole'));
    assert.equal(decide(lag, 'cloudwatch:PutMetricData', 'x', { 'cloudwatch:namespace': 'Landfall' }), true);
    assert.equal(decide(lag, 'cloudwatch:PutMetricData', 'x', { 'cloudwatch:namespace': 'AWS/ECS' }), false);
  });

  test(`${name}: no process may read a secret but the Lambda, for which nobody injects them`, () => {
    for (const id of roles(template)) {
      const reads = roleStatements(template, id).flatMap(({ actions, resources }) => (actions.includes('secretsmanager:GetSecretValue') ? resources : []));
      if (reads.length > 0) assert.match(id, /Execution|LagRole/);
      const named = new Set(example(name).settings.clusters.flatMap(({ secrets }) => Object.values(secrets).map((secret) => secret.split('#')[0])));
      for (const resource of reads) assert.ok(named.has(resource), `${id} reads ${resource}`);
    }
  });
}

test('MSK with IAM: workers consume what the YAML names, the API commits where a job begins, the Lambda looks', () => {
  const { template } = example('msk-iam');
  const cluster = 'arn:aws:kafka:us-east-1:123456789012';
  const uuid = 'events/a1b2c3d4-5678-90ab-cdef-111122223333-4';
  const may = (role: string, action: string, resource: string) => decide(roleStatements(template, role), `kafka-cluster:${action}`, resource, {});
  const worker = roleId(template, 'Poolshared', 'Task');
  for (const role of [worker, roleId(template, 'Api', 'Task'), roleId(template, 'LagRole')]) {
    assert.ok(may(role, 'Connect', `${cluster}:cluster/${uuid}`));
    assert.ok(may(role, 'ReadData', `${cluster}:topic/${uuid}/clicks-eu`));
    assert.equal(may(role, 'ReadData', `${cluster}:topic/${uuid}/payments`), false);
    assert.ok(may(role, 'DescribeGroup', `${cluster}:group/${uuid}/landfall-bids`));
    assert.ok(may(role, 'DescribeGroup', `${cluster}:group/${uuid}/connect-bids`), 'of a job made from a connector');
    assert.equal(may(role, 'AlterGroup', `${cluster}:group/${uuid}/landfall-bids`), role !== roleId(template, 'LagRole'));
    assert.equal(may(role, 'AlterGroup', `${cluster}:group/${uuid}/billing`), false);
    assert.equal(may(role, 'WriteData', `${cluster}:topic/${uuid}/bids-dlq`), role === worker);
    assert.equal(may(role, 'WriteData', `${cluster}:topic/${uuid}/bids`), false);
  }
});

test('a right for a pattern without a reason is refused when it is written', () => {
  const role = new Role(new Stack(new App()), 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
  assert.throws(() => grant(role, { actions: ['s3:GetObject'], resources: ['*'] }), /give a reason/);
  assert.throws(() => grant(role, { actions: ['s3:*'], resources: ['arn:aws:s3:::lake'] }), /list the actions/);
});
