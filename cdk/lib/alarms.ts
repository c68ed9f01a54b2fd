/** What somebody is woken for. Each alarm says what it means and where to look. */

import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic, type ITopic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

import type { Api } from './api';
import type { AlarmSettings } from './config/fleet';
import type { Crashes } from './crashes';
import type { PoolMetrics } from './metrics';
import { METRIC } from './names';
import type { Pool } from './pool';

interface Watch {
  readonly metric: Metric;
  readonly above: number;
  readonly minutes: number;
  readonly says: string;
  /** Whether silence is an alarm too. */
  readonly silence?: boolean;
}

export interface AlarmsProps {
  readonly fleet: string;
  readonly settings: AlarmSettings;
  readonly pools: readonly { readonly pool: Pool; readonly metrics: PoolMetrics }[];
  readonly api: Api;
  readonly crashes: Crashes;
  readonly vpnIds: readonly { readonly name: string; readonly id: string }[];
}

export class Alarms extends Construct {
  readonly all: Alarm[] = [];
  private readonly topic: ITopic;

  constructor(scope: Construct, id: string, private readonly props: AlarmsProps) {
    super(scope, id);
    const { settings } = props;
    this.topic = settings.topicArn ? Topic.fromTopicArn(this, 'Topic', settings.topicArn) : this.makeTopic(settings.emails);
    for (const { pool, metrics } of props.pools) this.watchPool(pool, metrics);
    this.watch('crash-loop', {
      metric: props.crashes.metric,
      above: settings.crashes - 1,
      minutes: 10,
      says: `Tasks end by themselves, again and again. Why: log group ${props.crashes.log.node.path}, and the logs of the tasks.`,
    });
    const healthy = new Alarm(this, 'api-without-a-healthy-task', {
      alarmName: `${props.fleet}-api-without-a-healthy-task`,
      alarmDescription: 'No task of the API is ready: /readyz says what it misses. Jobs run on meanwhile.',
      metric: props.api.targets.metrics.healthyHostCount({ statistic: Stats.MAXIMUM, period: Duration.minutes(1) }) as Metric,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 3,
      // The balancer counts nothing where no task is registered.
      treatMissingData: TreatMissingData.BREACHING,
    });
    this.tell(healthy);
    for (const { name, id: vpnId } of props.vpnIds) this.watchVpn(name, vpnId);
  }

  private makeTopic(emails: readonly string[]): Topic {
    const topic = new Topic(this, 'Topic', { displayName: `Landfall ${this.props.fleet}`, enforceSSL: true });
    for (const address of emails) topic.addSubscription(new EmailSubscription(address));
    topic.grantPublish(
      new ServicePrincipal('cloudwatch.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } } }),
    );
    return topic;
  }

  private watchPool(pool: Pool, metrics: PoolMetrics): void {
    const { name } = pool.settings;
    const { settings } = this.props;
    const watch = (id: string, watched: Watch) => this.watch(`${name}-${id}`, watched);
    watch('lag', {
      metric: metrics.lagSeconds,
      above: settings.lagSeconds,
      minutes: 5,
      says: `Pool ${name} is behind by more than ${settings.lagSeconds} s. Is it at its max? landfall plan says why it wants what it wants.`,
    });
    watch('no-samples', {
      metric: metrics.sampleAge,
      above: 180,
      minutes: 5,
      silence: true,
      says: `Nobody knows the lag of pool ${name}, so it stays at its size. Look at the lag Lambda's log.`,
    });
    watch('uncompleted-entry', {
      metric: metrics.uncompletedEntryAge,
      above: settings.uncompletedEntrySeconds,
      minutes: 5,
      says: `A committed file of pool ${name} does not become visible: waiting_for in the status of its job says why.`,
    });
    watch('dead-letters', {
      metric: metrics.deadLetterRatio,
      above: settings.deadLetterRatio,
      minutes: 5,
      says: `More than ${settings.deadLetterRatio} of the records of pool ${name} are set aside: landfall job status says for what reasons.`,
    });
    watch('lost-records', {
      metric: metrics.lostRecords,
      above: 0,
      minutes: 1,
      says: `Records of pool ${name} were declared lost: Kafka's retention was shorter than an outage. landfall audit names them.`,
    });
    watch('waits-for-somebody', {
      metric: metrics.waits,
      above: 0,
      minutes: 3,
      says: `A job of pool ${name} waits for a right, a bucket or a setting that somebody must mend: see waiting_for in its status.`,
    });
    watch('errors', {
      metric: this.errorLines(pool),
      above: 0,
      minutes: 15,
      says: `Workers of pool ${name} have logged errors for a quarter of an hour.`,
    });
  }

  /** Of the log itself, so that it works for whatever is wrong. */
  private errorLines(pool: Pool): Metric {
    const filter = new MetricFilter(this, `Errors-${pool.settings.name}`, {
      logGroup: pool.log,
      filterPattern: FilterPattern.stringValue('$.level', '=', 'ERROR'),
      metricNamespace: METRIC.namespace,
      metricName: `${this.props.fleet}-${pool.settings.name}-ErrorLines`,
      defaultValue: 0,
    });
    return filter.metric({ statistic: Stats.SUM, period: Duration.minutes(1) });
  }

  private watchVpn(name: string, vpnId: string): void {
    const metric = new Metric({
      namespace: 'AWS/VPN',
      metricName: 'TunnelState',
      dimensionsMap: { VpnId: vpnId },
      statistic: Stats.MAXIMUM,
      period: Duration.minutes(5),
    });
    const alarm = new Alarm(this, `vpn-${name}`, {
      alarmName: `${this.props.fleet}-vpn-${name}-down`,
      alarmDescription: `Both tunnels to ${name} are down: its clusters cannot be reached. Nothing is lost before Kafka's retention ends.`,
      metric,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    });
    this.tell(alarm);
  }

  private watch(id: string, { metric, above, minutes, says, silence }: Watch): void {
    const alarm = new Alarm(this, id, {
      alarmName: `${this.props.fleet}-${id}`,
      alarmDescription: says,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: Math.max(1, minutes / metric.period.toMinutes()),
      // A pool at zero has no worker to say anything.
      treatMissingData: silence ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    this.tell(alarm);
  }

  private tell(alarm: Alarm): void {
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}
