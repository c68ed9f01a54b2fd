/** The metrics of a pool as alarms and the dashboard use them. */

import { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';

import { METRIC } from './names';

export interface PoolMetrics {
  readonly lagRecords: Metric;
  readonly lagSeconds: Metric;
  readonly desiredTasks: Metric;
  readonly sampleAge: Metric;
  readonly uncompletedEntryAge: Metric;
  readonly unlandedAge: Metric;
  readonly deadLetterRatio: Metric;
  readonly memory: Metric;
  readonly lostRecords: Metric;
  readonly waits: Metric;
  readonly running: Metric;
  readonly cpu: Metric;
  readonly memoryUse: Metric;
}

export function poolMetrics(fleet: string, pool: string, clusterName: string, serviceName: string): PoolMetrics {
  // The worst of all workers and samples of a minute: an average would hide the one that is stuck.
  const own = (metricName: string, label: string) =>
    new Metric({
      namespace: METRIC.namespace,
      metricName,
      label,
      dimensionsMap: { Fleet: fleet, Pool: pool },
      statistic: Stats.MAXIMUM,
      period: Duration.minutes(1),
    });
  const ofService = (namespace: string, metricName: string, label: string) =>
    new Metric({
      namespace,
      metricName,
      label,
      dimensionsMap: { ClusterName: clusterName, ServiceName: serviceName },
      statistic: Stats.AVERAGE,
      period: Duration.minutes(1),
    });
  return {
    lagRecords: own(METRIC.lagRecords, 'records behind'),
    lagSeconds: own(METRIC.lagSeconds, 'seconds behind'),
    desiredTasks: own(METRIC.desiredTasks, 'wanted'),
    sampleAge: own(METRIC.sampleAge, 'age of the last sample'),
    uncompletedEntryAge: own(METRIC.uncompletedEntryAge, 'oldest entry with an invisible file'),
    unlandedAge: own(METRIC.unlandedAge, 'oldest file that has not landed'),
    deadLetterRatio: own(METRIC.deadLetterRatio, 'dead letters of all records'),
    memory: own(METRIC.memory, 'memory of the largest worker'),
    lostRecords: own(METRIC.lostRecords, 'records declared lost'),
    waits: own(METRIC.waits, 'waits for somebody'),
    running: ofService('ECS/ContainerInsights', 'RunningTaskCount', 'running'),
    cpu: ofService('AWS/ECS', 'CPUUtilization', 'CPU %'),
    memoryUse: ofService('AWS/ECS', 'MemoryUtilization', 'memory %'),
  };
}
