/**
 * A model of step scaling: CloudWatch decides which alarms are on, Application Auto Scaling takes the step that the
 * distance from the threshold lies in, and holds the answer to the target's limits.
 *
 * From the documentation: at or above the threshold a step is [lower, upper), below it (lower, upper]; an absent bound is
 * infinity; 20 steps a policy; steps neither overlap nor leave a gap; a bound below 0 needs a step without a lower one, a
 * bound above 0 one without an upper one.
 */

import { ofType, type Json, type Template } from './support';

interface Policy {
  readonly id: string;
  readonly target: Json;
  readonly steps: Json[];
  readonly alarm: Json;
}

export const MAX_STEPS = 20;

/** The policies of a pool with their alarms. */
export function policiesOf(template: Template, pool: string): Policy[] {
  const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(([, alarm]) => alarm.Properties);
  return ofType(template, 'AWS::ApplicationAutoScaling::ScalingPolicy').flatMap(([id, { Properties: policy }]) => {
    const driving = alarms.filter((alarm) => alarm.AlarmActions?.some((action: Json) => action.Ref === id));
    if (driving.length !== 1) throw new Error(`${id} is driven by ${driving.length} alarms, not one`);
    const alarm = driving[0];
    if (!alarm.Dimensions.some((dimension: Json) => dimension.Name === 'Pool' && dimension.Value === pool)) return [];
    const target = template.Resources[policy.ScalingTargetId.Ref]!.Properties;
    return [{ id, target, steps: policy.StepScalingPolicyConfiguration.StepAdjustments, alarm }];
  });
}

/** The numbers that the service is set to at this value of the metric: at most one, or two policies fight. */
export function act(policies: Policy[], metric: number | 'no data'): number[] {
  if (metric === 'no data') {
    // Kept in its state, an alarm would go on to act on the last value it saw.
    return policies.filter(({ alarm }) => alarm.TreatMissingData !== 'missing' || alarm.InsufficientDataActions).map(() => Number.NaN);
  }
  return policies
    .filter(({ alarm }) => isOn(alarm, metric))
    .map(({ id, target, steps, alarm }) => {
      const distance = metric - alarm.Threshold;
      const taken = steps.filter((step) => inside(step, distance));
      if (taken.length !== 1) throw new Error(`${id}: ${taken.length} steps hold the distance ${distance}, not one`);
      return Math.min(Math.max(taken[0].ScalingAdjustment, target.MinCapacity), target.MaxCapacity);
    });
}

function isOn(alarm: Json, metric: number): boolean {
  switch (alarm.ComparisonOperator) {
    case 'GreaterThanOrEqualToThreshold':
      return metric >= alarm.Threshold;
    case 'LessThanOrEqualToThreshold':
      return metric <= alarm.Threshold;
    default:
      throw new Error(`the model does not know ${alarm.ComparisonOperator}`);
  }
}

const lower = (step: Json) => step.MetricIntervalLowerBound ?? Number.NEGATIVE_INFINITY;
const upper = (step: Json) => step.MetricIntervalUpperBound ?? Number.POSITIVE_INFINITY;

const inside = (step: Json, distance: number) =>
  distance >= 0 && upper(step) > 0
    ? distance >= lower(step) && distance < upper(step)
    : distance > lower(step) && distance <= upper(step);

/** What the service would refuse about a list of steps; empty where it takes them. */
export function refusals(steps: Json[]): string[] {
  const wrong: string[] = [];
  if (steps.length > MAX_STEPS) wrong.push(`${steps.length} steps, more than ${MAX_STEPS}`);
  const sorted = [...steps].sort((a, b) => lower(a) - lower(b));
  for (const [at, step] of sorted.entries()) {
    if (lower(step) >= upper(step)) wrong.push(`a step from ${lower(step)} to ${upper(step)}`);
    const next = sorted[at + 1];
    if (next && upper(step) < lower(next)) wrong.push(`a gap from ${upper(step)} to ${lower(next)}`);
    if (next && upper(step) > lower(next)) wrong.push(`steps overlap from ${lower(next)} to ${upper(step)}`);
  }
  const isOpen = (bound: number) => !Number.isFinite(bound);
  if (steps.some((step) => lower(step) < 0) && !steps.some((step) => isOpen(lower(step)))) wrong.push('nothing below the lowest step');
  if (steps.some((step) => upper(step) > 0) && !steps.some((step) => isOpen(upper(step)))) wrong.push('nothing above the highest step');
  return wrong;
}
