import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXAMPLES, example, flat, ofType, one, type Json, type Template } from './support';

const containers = (template: Template) =>
  ofType(template, 'AWS::ECS::TaskDefinition').map(([id, { Properties }]) => ({ id, task: Properties, container: Properties.ContainerDefinitions[0] }));
const variable = (container: Json, name: string): string => flat(container.Environment.find((each: Json) => each.Name === name)?.Value);
const seconds = (text: string) => Number(text.replace(/s$/, ''));

for (const name of EXAMPLES) {
  const { template, settings } = example(name);

  test(`${name}: a worker has time to land its files before it is killed`, () => {
    for (const { id, container } of containers(template)) {
      assert.equal(container.StopTimeout, 120, id);
      if (!id.includes('Pool')) continue;
      const drain = seconds(variable(container, 'LANDFALL_WORKER__DRAIN_TIMEOUT'));
      assert.ok(drain >= 10 && drain <= container.StopTimeout - 10, `${id}: ${drain} s`);
    }
  });

  test(`${name}: new tasks start before old ones stop, and a deployment that does not get healthy is rolled back`, () => {
    const services = ofType(template, 'AWS::ECS::Service');
    assert.equal(services.length, settings.pools.length + 1);
    for (const [id, { Properties }] of services) {
      const { MinimumHealthyPercent, MaximumPercent, DeploymentCircuitBreaker } = Properties.DeploymentConfiguration;
      assert.deepEqual([MinimumHealthyPercent, MaximumPercent, DeploymentCircuitBreaker], [100, 200, { Enable: true, Rollback: true }], id);
      assert.equal(Properties.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp, 'DISABLED', id);
    }
  });

  test(`${name}: Spot takes no more than the YAML says`, () => {
    for (const pool of settings.pools) {
      const strategy: Json[] = one(template, 'AWS::ECS::Service', `Pool${pool.name}`).Properties.CapacityProviderStrategy;
      const by = Object.fromEntries(strategy.map((each) => [each.CapacityProvider, each]));
      assert.equal(by['FARGATE'].Base ?? 0, pool.onDemandBase);
      assert.equal(by['FARGATE'].Weight, pool.onDemandWeight);
      assert.equal(by['FARGATE_SPOT']?.Weight ?? 0, pool.spotWeight);
      assert.equal(by['FARGATE_SPOT']?.Base, undefined);
    }
    assert.doesNotMatch(JSON.stringify(one(template, 'AWS::ECS::Service', 'Api')), /FARGATE_SPOT/);
  });

  test(`${name}: containers run the binary as nobody, on a root that is read-only, and hold no secret`, () => {
    for (const { id, task, container } of containers(template)) {
      assert.equal(container.ReadonlyRootFilesystem, true, id);
      assert.equal(container.User, '65532:65532', id);
      assert.equal(container.Privileged ?? false, false, id);
      assert.deepEqual(container.HealthCheck.Command.slice(0, 3), ['CMD', '/usr/local/bin/landfall', 'healthcheck'], id);
      assert.ok(container.Ulimits.some((limit: Json) => limit.Name === 'nofile' && limit.SoftLimit >= 65536), id);
      assert.match(container.Command[0], /^(api|worker)$/);
      assert.equal(container.EntryPoint, undefined, "the image's own");
      assert.equal(task.RuntimePlatform.CpuArchitecture, settings.image.architecture.toUpperCase());
      const references = container.Environment.flatMap((each: Json) => [...flat(each.Value).matchAll(/\$\{env:(\w+)\}/g)].map((found) => found[1]));
      const injected = (container.Secrets ?? []).map((each: Json) => each.Name);
      assert.deepEqual([...new Set(references)].sort(), [...injected].sort(), `${id}: what is referred to is what is injected`);
    }
  });

  test(`${name}: a worker knows its memory and scratch as Fargate gives them`, () => {
    for (const { id, task, container } of containers(template).filter((each) => each.id.includes('Pool'))) {
      const budget = Number(/^(\d+)MiB$/.exec(variable(container, 'LANDFALL_WORKER__MEMORY'))![1]);
      assert.ok(budget < Number(task.Memory) * 0.9 && budget > Number(task.Memory) * 0.7, `${id}: ${budget} of ${task.Memory} MiB`);
      const scratch = Number(/^(\d+)GiB$/.exec(variable(container, 'LANDFALL_WORKER__SCRATCH__LIMIT'))![1]);
      assert.ok(scratch < task.EphemeralStorage.SizeInGiB, id);
      assert.deepEqual(container.MountPoints.map((mount: Json) => mount.ContainerPath), [variable(container, 'LANDFALL_WORKER__SCRATCH__DIR')]);
    }
  });

  test(`${name}: clusters reach the binary as JSON that it can read`, () => {
    for (const { container } of containers(template)) {
      for (const cluster of settings.clusters) {
        const told = JSON.parse(variable(container, `LANDFALL_CLUSTERS__${cluster.name.toUpperCase()}`)) as Json;
        assert.equal(told.bootstrap_servers, cluster.bootstrapServers);
        assert.deepEqual(Object.keys(told.properties).sort(), [...Object.keys(cluster.properties), ...Object.keys(cluster.secrets)].sort());
      }
    }
  });

  test(`${name}: the API is served with TLS 1.3 or 1.2 only, and port 80 does nothing but redirect`, () => {
    const listeners = ofType(template, 'AWS::ElasticLoadBalancingV2::Listener').map(([, { Properties }]) => Properties);
    const tls = listeners.find((listener) => listener.Port === 443)!;
    assert.equal(tls.Protocol, 'HTTPS');
    assert.match(tls.SslPolicy, /^ELBSecurityPolicy-TLS13-1-2/);
    const plain = listeners.find((listener) => listener.Port === 80)!;
    assert.deepEqual(plain.DefaultActions.map((action: Json) => [action.Type, action.RedirectConfig.Protocol]), [['redirect', 'HTTPS']]);
    assert.equal(listeners.length, 2);
    const [, group] = ofType(template, 'AWS::ElasticLoadBalancingV2::TargetGroup')[0]!;
    const delay = group.Properties.TargetGroupAttributes.find((each: Json) => each.Key === 'deregistration_delay.timeout_seconds');
    assert.ok(Number(delay.Value) < 120);
    assert.equal(group.Properties.HealthCheckPath, '/readyz');
    assert.equal(one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer').Properties.Scheme, settings.api.isPublic ? 'internet-facing' : 'internal');
  });

  test(`${name}: nobody comes in but by the balancer, and nothing goes out but to Kafka and AWS`, () => {
    const groups = ofType(template, 'AWS::EC2::SecurityGroup').filter(([id]) => /Clients|Served/.test(id));
    assert.equal(groups.length, 2);
    const ports = new Set([443, ...settings.clusters.flatMap((cluster) => cluster.ports)]);
    for (const [id, { Properties }] of groups) {
      assert.equal(Properties.SecurityGroupIngress, undefined, id);
      for (const rule of Properties.SecurityGroupEgress) {
        assert.equal(rule.FromPort, rule.ToPort);
        assert.ok(ports.has(rule.ToPort), `${id}: ${rule.ToPort}`);
      }
    }
    const ingress = ofType(template, 'AWS::EC2::SecurityGroupIngress').filter(([, { Properties }]) => /Clients|Served/.test(flat(Properties.GroupId)));
    assert.deepEqual(ingress.map(([, { Properties }]) => Properties.FromPort), [8080]);
  });

  test(`${name}: the lag Lambda is the same image, told by the minute, and shorter than one`, () => {
    const lag = one(template, 'AWS::Lambda::Function', 'LagFunction').Properties;
    assert.deepEqual(lag.ImageConfig.Command, ['lag-lambda']);
    assert.equal(lag.PackageType, 'Image');
    assert.ok(flat(lag.Code.ImageUri).endsWith(settings.image.tagOrDigest));
    assert.ok(lag.Timeout < 60);
    assert.equal(one(template, 'AWS::Events::Rule', 'EveryMinute').Properties.ScheduleExpression, 'rate(1 minute)');
    const variables = lag.Environment.Variables as Record<string, Json>;
    assert.ok(Object.entries(variables).reduce((sum, [key, value]) => sum + key.length + flat(value).length, 0) <= 4096);
    for (const pool of settings.pools) {
      const told = JSON.parse(flat(variables[`LANDFALL_POOLS__${pool.name.toUpperCase()}`])) as Json;
      assert.equal(told.scaling.max_workers, pool.max);
      assert.equal('ecs' in told, settings.actuator === 'ecs');
    }
    assert.doesNotMatch(JSON.stringify(variables), /\{env:/, 'nobody injects variables into a Lambda');
  });

  test(`${name}: every alarm that is worth having is there, and tells somebody`, () => {
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties).filter((alarm) => !alarm.AlarmName.endsWith('-scaling'));
    const names = new Set(alarms.map((alarm) => alarm.AlarmName));
    for (const pool of settings.pools) {
      for (const what of ['lag', 'no-samples', 'uncompleted-entry', 'dead-letters', 'lost-records', 'waits-for-somebody', 'errors']) {
        assert.ok(names.has(`${settings.name}-${pool.name}-${what}`), `${pool.name}-${what}`);
      }
    }
    assert.ok(names.has(`${settings.name}-crash-loop`) && names.has(`${settings.name}-api-without-a-healthy-task`));
    for (const alarm of alarms) {
      assert.equal(alarm.AlarmActions.length, 1, alarm.AlarmName);
      assert.ok(alarm.AlarmDescription.length > 40, alarm.AlarmName);
      // Silence is what an alarm on samples is for, and a balancer without a target; elsewhere a pool at zero is silent.
      assert.equal(alarm.TreatMissingData, /no-samples|vpn|healthy-task/.test(alarm.AlarmName) ? 'breaching' : 'notBreaching', alarm.AlarmName);
    }
    const crash = JSON.stringify(one(template, 'AWS::Events::Rule', 'CrashesRule').Properties.EventPattern);
    for (const service of ['api', ...settings.pools.map((pool) => `worker-${pool.name}`)]) assert.ok(crash.includes(`service:${service}`));
    assert.doesNotMatch(crash, /ServiceSchedulerInitiated|SpotInterruption/);
  });

  test(`${name}: every log is kept for as long as the YAML says`, () => {
    const logs = ofType(template, 'AWS::Logs::LogGroup');
    assert.ok(logs.length >= settings.pools.length + 3);
    for (const [id, { Properties }] of logs) assert.equal(Properties.RetentionInDays, settings.logRetentionDays, id);
  });

  test(`${name}: the outputs tell the API's address, and what can be tagged is`, () => {
    assert.match(flat(template.Outputs['ApiUrl'].Value), /^https:\/\/./);
    for (const output of ['BucketName', 'ClusterName', 'GlueDatabase', 'DashboardName']) assert.ok(template.Outputs[output], output);
    for (const type of ['AWS::ECS::Service', 'AWS::S3::Bucket', 'AWS::ElasticLoadBalancingV2::LoadBalancer']) {
      for (const [id, { Properties }] of ofType(template, type)) {
        const tags = Object.fromEntries(Properties.Tags.map((tag: Json) => [tag.Key, tag.Value]));
        assert.equal(tags['landfall:fleet'], settings.name, id);
        for (const [key, value] of Object.entries(settings.tags)) assert.equal(tags[key], value, id);
      }
    }
    const page = flat(one(template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);
    for (const metric of ['LagSeconds', 'LagRecords', 'DesiredTasks', 'RunningTaskCount', 'DeadLetterRatio', 'OldestUncompletedEntryAgeSeconds']) {
      assert.ok(page.includes(metric), metric);
    }
    assert.ok(one(template, 'AWS::Glue::Database'));
  });

  test(`${name}: nothing is built or fetched at synth, and no secret and no account's number is made up`, () => {
    assert.doesNotMatch(JSON.stringify(template), /cdk-hnb659fds-assets|cdk-hnb659fds-container/);
    assert.doesNotMatch(JSON.stringify(template), /dummy1|hunter2/);
  });
}

test('production: people sign in at the balancer, whose word the service takes', () => {
  const { template } = example('production');
  const tls = ofType(template, 'AWS::ElasticLoadBalancingV2::Listener').find(([, { Properties }]) => Properties.Port === 443)![1].Properties;
  assert.deepEqual(tls.DefaultActions.map((action: Json) => action.Type), ['authenticate-oidc', 'forward']);
  assert.match(flat(tls.DefaultActions[0].AuthenticateOidcConfig.ClientSecret), /^\{\{resolve:secretsmanager:/);
  assert.deepEqual(ofType(template, 'AWS::ElasticLoadBalancingV2::ListenerRule'), [], 'nothing passes without signing in');
  const { container } = containers(template).find(({ id }) => id.includes('Api'))!;
  assert.equal(variable(container, 'LANDFALL_API__AUTH__MODE'), 'alb');
  const alb = variable(container, 'LANDFALL_API__AUTH__ALB');
  assert.match(alb, /"signer":"<LandfallApiBalancer/);
  assert.match(alb, /"issuer":"https:\/\/login\.example\.com","client":"landfall","role_claim":"groups"/);
  assert.match(alb, /"team_claim":"department"/);
});

test('existing-network: machines show a JWT, which the balancer checks before it forwards', () => {
  const rule = one(example('existing-network').template, 'AWS::ElasticLoadBalancingV2::ListenerRule').Properties;
  assert.deepEqual(rule.Actions.map((action: Json) => [action.Order, action.Type]), [[1, 'jwt-validation'], [2, 'forward']]);
  const { container } = containers(example('existing-network').template).find(({ id }) => id.includes('Api'))!;
  assert.equal(variable(container, 'LANDFALL_API__AUTH__MODE'), 'oidc', 'no x-amzn-oidc-data comes with a JWT');
  assert.deepEqual(JSON.parse(variable(container, 'LANDFALL_API__AUTH__OIDC')), {
    issuer: 'https://login.example.com', audience: 'landfall', jwks_url: 'https://login.example.com/.well-known/jwks.json',
    role_claim: 'scope', roles: { viewer: ['landfall.read'], editor: ['landfall.write'], operator: [] }, team_claim: 'team',
  });
});

test('production: three zones, a NAT in each, a VPN to the supplier with its route, an alarm when it is down', () => {
  const { template } = example('production');
  assert.equal(ofType(template, 'AWS::EC2::Subnet').length, 6);
  assert.equal(ofType(template, 'AWS::EC2::NatGateway').length, 3);
  assert.equal(one(template, 'AWS::EC2::CustomerGateway').Properties.IpAddress, '203.0.113.10');
  assert.equal(one(template, 'AWS::EC2::VPNConnectionRoute').Properties.DestinationCidrBlock, '10.200.0.0/16');
  assert.ok(ofType(template, 'AWS::EC2::VPNGatewayRoutePropagation').length > 0);
  assert.match(JSON.stringify(template), /landfall-prod-vpn-supplier-down/);
  assert.ok(template.Outputs['EgressAddresses']);
});

test('existing-network: makes no network and no cluster', () => {
  const { template } = example('existing-network');
  for (const type of ['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::NatGateway', 'AWS::EC2::VPCEndpoint', 'AWS::ECS::Cluster']) {
    assert.deepEqual(ofType(template, type), [], type);
  }
  assert.equal(Object.keys(example('existing-network').templates).length, 1, 'nor a repository');
});

test('msk-iam: no NAT, every endpoint that Fargate needs, and the brokers let the fleet in', () => {
  const { template } = example('msk-iam');
  assert.equal(ofType(template, 'AWS::EC2::NatGateway').length, 0);
  const endpoints = ofType(template, 'AWS::EC2::VPCEndpoint').map(([, { Properties }]) => flat(Properties.ServiceName));
  for (const service of ['.s3', '.ecr.api', '.ecr.dkr', '.logs', '.secretsmanager', '.monitoring', '.sts']) {
    assert.ok(endpoints.some((endpoint) => endpoint.endsWith(service)), service);
  }
  const brokers = ofType(template, 'AWS::EC2::SecurityGroupIngress').filter(([, { Properties }]) => Properties.GroupId === 'sg-0123456789abcdef0');
  assert.deepEqual(brokers.map(([, { Properties }]) => Properties.FromPort), [9098, 9098]);
});

test('a new cluster has Spot from the moment it is made', () => {
  assert.deepEqual(one(example('minimal').template, 'AWS::ECS::Cluster').Properties.CapacityProviders, ['FARGATE', 'FARGATE_SPOT']);
});

test('the registry keeps what was deployed: tags do not move', () => {
  const registry = one(example('minimal').templates['landfall-registry']!, 'AWS::ECR::Repository');
  assert.equal(registry.Properties.ImageTagMutability, 'IMMUTABLE');
  assert.equal(registry.DeletionPolicy, 'Retain');
  assert.match(JSON.stringify(registry.Properties.RepositoryPolicyText), /:function:\*.*lambda\.amazonaws\.com/s);
});
