import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EXAMPLES, example, ofType, one, type Json } from './support';

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { smoke } = require('../lib/smoke-handler.js') as { smoke: (ecs: Json, wanted: Json, clock: Json) => Promise<string> };

/** An ECS that shows these states one after another, and a clock that moves when somebody sleeps. */
function fake(states: Json[], started: Json = { tasks: [{ taskArn: 'task-1' }] }) {
  let seconds = 0;
  const stops: string[] = [];
  return {
    stops,
    ecs: {
      run: () => Promise.resolve(started),
      look: () => Promise.resolve({ tasks: [states.length > 1 ? states.shift() : states[0]] }),
      stop: (task: string) => Promise.resolve(stops.push(task)),
    },
    clock: { sleep: (ms: number) => Promise.resolve((seconds += ms / 1000)), now: () => seconds * 1000 },
  };
}

const STARTING = { lastStatus: 'PENDING', healthStatus: 'UNKNOWN' };
const HEALTHY = { lastStatus: 'RUNNING', healthStatus: 'HEALTHY' };
const ended = (exitCode?: number, stoppedReason = '') => ({ lastStatus: 'STOPPED', containers: [{ exitCode }], stoppedReason });
const run = ({ ecs, clock }: ReturnType<typeof fake>) => smoke(ecs, { seconds: 60 }, clock);

test('a task that gets ready and ends with 0 when it is told to has passed', async () => {
  const world = fake([STARTING, STARTING, HEALTHY, HEALTHY, ended(0)]);
  assert.equal(await run(world), 'task-1');
  assert.deepEqual(world.stops, ['task-1']);
});

test('a task that ends by itself, cannot start, is killed, never gets ready or never ends has not', async () => {
  await assert.rejects(run(fake([STARTING, ended(2, 'Essential container in task exited')])), /code 2 before it was healthy: Essential container/);
  await assert.rejects(run(fake([STARTING, ended(undefined, 'CannotPullContainerError')])), /code none before it was healthy: CannotPull/);
  await assert.rejects(run(fake([HEALTHY, ended(137)])), /code 137 after SIGTERM/);
  await assert.rejects(run(fake([ended(0)])), /before it was healthy/);
  await assert.rejects(run(fake([HEALTHY])), /did not end within its stop timeout/);
  await assert.rejects(run(fake([], { failures: [{ reason: 'RESOURCE:ENI' }] })), /did not start: RESOURCE:ENI/);
  const sick = fake([STARTING, { ...HEALTHY, healthStatus: 'UNHEALTHY' }]);
  await assert.rejects(run(sick), /UNHEALTHY/);
  const slow = fake([STARTING]);
  await assert.rejects(run(slow), /UNKNOWN after 60 s/);
  assert.deepEqual([...sick.stops, ...slow.stops], ['task-1', 'task-1'], 'none is left running');
});

for (const name of EXAMPLES) {
  test(`${name}: a deploy ends with a smoke task of each pool, run anew when its definition changes`, () => {
    const { template, settings } = example(name);
    const runs = ofType(template, 'Custom::LandfallSmoke');
    assert.equal(runs.length, settings.pools.length);
    for (const [id, { Properties }] of runs) {
      const definition = template.Resources[Properties.TaskDefinition.Ref]!;
      const [container] = definition.Properties.ContainerDefinitions;
      assert.match(container.Command.join(' '), /^worker --pool \w+-smoke$/, 'a pool without jobs: no partition moves for it');
      assert.deepEqual(container.HealthCheck.Command, ['CMD', '/usr/local/bin/landfall', 'healthcheck', '--ready']);
      const after = (template.Resources[id] as Json).DependsOn as string[];
      const services = ofType(template, 'AWS::ECS::Service').map(([service]) => service);
      assert.ok(services.every((service) => after.includes(service)), 'it comes last');
    }
    const runner = one(template, 'AWS::Lambda::Function', 'SmokeRunner').Properties;
    assert.ok(runner.Code.ZipFile.length <= 4096, 'CloudFormation takes 4096 characters of inline code');
    assert.ok(runner.Timeout >= 480 + 150 + 60, 'time to get ready, to stop, and to say so');
  });
}
