/** One page of the fleet: is it behind, how many run, what is stuck, what is set aside. */

import { Duration } from 'aws-cdk-lib';
import { AlarmStatusWidget, Dashboard as Page, GraphWidget, LogQueryWidget, Stats, TextWidget, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';

import type { Alarms } from './alarms';
import type { Api } from './api';
import type { Crashes } from './crashes';
import type { PoolMetrics } from './metrics';
import type { Pool } from './pool';

export interface DashboardProps {
  readonly fleet: string;
  readonly alarms: Alarms;
  readonly pools: readonly { readonly pool: Pool; readonly metrics: PoolMetrics }[];
  readonly api: Api;
  readonly crashes: Crashes;
}

export class Dashboard extends Construct {
  readonly page: Page;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.page = new Page(this, 'Page', { dashboardName: `landfall-${props.fleet}`, defaultInterval: Duration.hours(6) });
    this.page.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: props.alarms.all, width: 24, height: 4 }));
    for (const { pool, metrics } of props.pools) {
      const { name, min, max } = pool.settings;
      this.page.addWidgets(new TextWidget({ markdown: `## Pool ${name}\n${min} to ${max} workers`, width: 24, height: 2 }));
      this.page.addWidgets(
        graph('Behind', [metrics.lagSeconds], [metrics.lagRecords]),
        graph('Workers', [metrics.desiredTasks, metrics.running]),
        graph('Not visible yet, seconds', [metrics.uncompletedEntryAge, metrics.unlandedAge]),
      );
      this.page.addWidgets(
        graph('Set aside', [metrics.deadLetterRatio]),
        graph('Waits and losses', [metrics.waits, metrics.lostRecords]),
        graph('Use', [metrics.cpu, metrics.memoryUse], [metrics.memory]),
      );
    }
    const { balancer, targets } = props.api;
    this.page.addWidgets(
      graph('API answers', [
        targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_2XX_COUNT, { statistic: Stats.SUM }),
        targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { statistic: Stats.SUM }),
      ]),
      graph('API seconds', [targets.metrics.targetResponseTime({ statistic: 'p99' })], [balancer.metrics.activeConnectionCount()]),
      graph('Tasks that ended by themselves', [props.crashes.metric]),
    );
    this.page.addWidgets(
      new LogQueryWidget({
        title: 'Errors',
        width: 24,
        height: 6,
        logGroupNames: props.pools.map(({ pool }) => pool.log.logGroupName),
        queryLines: ['fields @timestamp, pool, job, message, error', "filter level = 'ERROR'", 'sort @timestamp desc', 'limit 50'],
      }),
    );
  }
}

const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
  new GraphWidget({ title, left, right, width: 8, height: 6, leftYAxis: { min: 0 }, rightYAxis: { min: 0 } });
