/**
 * From the wanted number of workers to the service's: step scaling with ExactCapacity, each step one number.
 *
 * A policy acts on the distance of the metric from its alarm's threshold and has at most 20 steps. One policy covers 20
 * numbers: its alarm is always on (`DesiredTasks >= 0`). Two cover 40, by alarms that are never on together: `<= PIVOT`
 * counts down from the pivot, `>= PIVOT + 1` counts up from there. Overlapping alarms would be executed one after the
 * other and set two different numbers.
 *
 * No data means INSUFFICIENT_DATA, for which nothing is set to happen: when the Lambda is silent, the fleet stays as it is.
 */

import { CfnScalableTarget, CfnScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

import type { Pool } from './pool';
import { METRIC } from './names';

const MAX_STEPS = 20;

type Step = CfnScalingPolicy.StepAdjustmentProperty;

export interface ScalingProps {
  readonly fleet: string;
  readonly clusterName: string;
  readonly pool: Pool;
}

export class Scaling extends Construct {
  private readonly target: CfnScalableTarget;

  constructor(scope: Construct, id: string, private readonly props: ScalingProps) {
    super(scope, id);
    const { service, settings } = props.pool;
    this.target = new CfnScalableTarget(this, 'Target', {
      serviceNamespace: 'ecs',
      scalableDimension: 'ecs:service:DesiredCount',
      resourceId: `service/${props.clusterName}/${service.serviceName}`,
      minCapacity: settings.min,
      maxCapacity: settings.max,
    });

    const { min, max } = settings;
    if (max - min < MAX_STEPS) {
      this.policy('Steps', 'GreaterThanOrEqualToThreshold', 0, stepsUp(0, min, max));
    } else {
      const pivot = min + MAX_STEPS - 1;
      this.policy('LowSteps', 'LessThanOrEqualToThreshold', pivot, stepsDown(pivot, min));
      this.policy('HighSteps', 'GreaterThanOrEqualToThreshold', pivot + 1, stepsUp(pivot + 1, pivot + 1, max));
    }
  }

  private policy(id: string, comparisonOperator: string, threshold: number, steps: Step[]): void {
    const { fleet, pool } = this.props;
    const name = `${fleet}-${pool.settings.name}-${id.toLowerCase()}`;
    const policy = new CfnScalingPolicy(this, id, {
      policyName: name,
      policyType: 'StepScaling',
      scalingTargetId: this.target.ref,
      stepScalingPolicyConfiguration: {
        adjustmentType: 'ExactCapacity',
        metricAggregationType: 'Maximum',
        // Stability is the decision's own; a cooldown of a minute or more would swallow the next decision.
        cooldown: 30,
        stepAdjustments: steps,
      },
    });
    new CfnAlarm(this, `${id}Alarm`, {
      alarmName: `${name}-scaling`,
      alarmDescription: 'Drives the number of workers; that it is in ALARM is how it works, and no reason to worry.',
      namespace: METRIC.namespace,
      metricName: METRIC.desiredTasks,
      dimensions: [
        { name: 'Fleet', value: fleet },
        { name: 'Pool', value: pool.settings.name },
      ],
      statistic: 'Maximum',
      period: 60,
      evaluationPeriods: 1,
      threshold,
      comparisonOperator,
      treatMissingData: 'missing',
      alarmActions: [policy.ref],
    });
  }
}

/** From a threshold upwards: step n is [n, n+1), the last without an end. What is below `first` asks for `first`. */
function stepsUp(threshold: number, first: number, last: number): Step[] {
  return range(first, last).map((workers) => ({
    scalingAdjustment: workers,
    metricIntervalLowerBound: workers === first ? 0 : workers - threshold,
    ...(workers < last && { metricIntervalUpperBound: workers + 1 - threshold }),
  }));
}

/** From a threshold downwards: step n is (n-1, n], the last without an end. */
function stepsDown(threshold: number, first: number): Step[] {
  return range(first, threshold).map((workers) => ({
    scalingAdjustment: workers,
    ...(workers > first && { metricIntervalLowerBound: workers - 1 - threshold }),
    metricIntervalUpperBound: workers - threshold,
  }));
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
