import assert from 'node:assert/strict';
import { test } from 'node:test';

import { act, policiesOf, refusals } from './scaling-model';
import { EXAMPLES, example, exampleText, ofType, quickly } from './support';

const clamp = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);

for (const name of EXAMPLES.filter((each) => each !== 'existing-network')) {
  for (const pool of example(name).settings.pools) {
    test(`${name}: every wanted number of workers of ${pool.name} is what the service is set to, by one policy alone`, () => {
      const policies = policiesOf(example(name).template, pool.name);
      for (let wanted = 0; wanted <= pool.max + 50; wanted += 1) {
        assert.deepEqual(act(policies, wanted), [clamp(wanted, pool.min, pool.max)], `DesiredTasks ${wanted}`);
      }
    });
    test(`${name}: the steps of ${pool.name} are such as the service takes`, () => {
      for (const { id, steps } of policiesOf(example(name).template, pool.name)) assert.deepEqual(refusals(steps), [], id);
    });
    test(`${name}: no data means no action for ${pool.name}`, () => {
      assert.deepEqual(act(policiesOf(example(name).template, pool.name), 'no data'), []);
    });
  }
}

test('any limits that the configuration takes are covered number by number', () => {
  for (const [min, max] of [[0, 1], [0, 19], [0, 20], [0, 39], [5, 24], [5, 25], [5, 44], [20, 20], [3, 3], [100, 139]] as const) {
    const template = quickly(exampleText('minimal').replace('max: 8', `max: ${max}\n    min: ${min}`));
    const policies = policiesOf(template, 'shared');
    assert.equal(policies.length, max - min < 20 ? 1 : 2, `${min} to ${max}`);
    for (const { id, steps } of policies) assert.deepEqual(refusals(steps), [], id);
    for (let wanted = 0; wanted <= max + 5; wanted += 1) {
      assert.deepEqual(act(policies, wanted), [clamp(wanted, min, max)], `${min} to ${max}: DesiredTasks ${wanted}`);
    }
  }
});

test('a decision is acted on within its minute, and the next one is not swallowed', () => {
  for (const [, { Properties: policy }] of ofType(example('production').template, 'AWS::ApplicationAutoScaling::ScalingPolicy')) {
    const configuration = policy.StepScalingPolicyConfiguration;
    assert.equal(configuration.AdjustmentType, 'ExactCapacity');
    assert.ok(configuration.Cooldown < 60, `a cooldown of ${configuration.Cooldown} s`);
  }
  for (const { alarm } of policiesOf(example('production').template, 'shared')) {
    assert.equal(alarm.Period * alarm.EvaluationPeriods, 60);
    assert.equal(alarm.MetricName, 'DesiredTasks');
    assert.equal(alarm.Namespace, 'Landfall');
    assert.equal(alarm.Statistic, 'Maximum');
  }
});

test('either Application Auto Scaling acts or the Lambda, never both', () => {
  const own = example('existing-network').template;
  assert.equal(ofType(own, 'AWS::ApplicationAutoScaling::ScalingPolicy').length, 0);
  assert.match(JSON.stringify(own), /ecs:UpdateService/);
  assert.doesNotMatch(JSON.stringify(example('production').template), /ecs:UpdateService/);
});

test('the template never says how many workers run, as scaling does', () => {
  for (const name of EXAMPLES) {
    for (const [id, service] of ofType(example(name).template, 'AWS::ECS::Service')) {
      assert.equal('DesiredCount' in service.Properties, !id.includes('Pool'), id);
    }
  }
});

test('the model itself sees a gap, an overlap and too many steps', () => {
  const step = (from: number | undefined, to: number | undefined) => ({ MetricIntervalLowerBound: from, MetricIntervalUpperBound: to, ScalingAdjustment: 1 });
  assert.deepEqual(refusals([step(0, 1), step(1, undefined)]), []);
  assert.match(refusals([step(0, 1), step(2, undefined)]).join(), /gap/);
  assert.match(refusals([step(0, 2), step(1, undefined)]).join(), /overlap/);
  assert.match(refusals([step(0, 1), step(1, 2)]).join(), /nothing above/);
  assert.match(refusals([step(-1, 0)]).join(), /nothing below/);
  assert.match(refusals(Array.from({ length: 21 }, (_, at) => step(at, at === 20 ? undefined : at + 1))).join(), /more than 20/);
});
