/**
 * Tasks that ended by themselves: a crash, an image that cannot be fetched, a health check that failed. ECS starts them
 * again for ever and shows nothing, so the events are counted, and kept with their reason. A task that scaling, a deploy
 * or Spot took away is none of them.
 */

import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ICluster } from 'aws-cdk-lib/aws-ecs';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { CfnResourcePolicy, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface CrashesProps {
  readonly fleet: string;
  readonly cluster: ICluster;
  readonly services: readonly string[];
  readonly retentionDays: number;
}

export class Crashes extends Construct {
  readonly log: LogGroup;
  /** How many tasks so ended in a period. */
  readonly metric: Metric;

  constructor(scope: Construct, id: string, props: CrashesProps) {
    super(scope, id);
    // EventBridge writes only to groups below /aws/events.
    this.log = new LogGroup(this, 'Log', {
      logGroupName: `/aws/events/landfall/${props.fleet}/ended-tasks`,
      retention: props.retentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const rule = new CfnRule(this, 'Rule', {
      description: `Tasks of ${props.fleet} that ended by themselves`,
      eventPattern: {
        source: ['aws.ecs'],
        'detail-type': ['ECS Task State Change'],
        detail: {
          clusterArn: [props.cluster.clusterArn],
          group: props.services.map((service) => `service:${service}`),
          lastStatus: ['STOPPED'],
          $or: [
            { stopCode: ['TaskFailedToStart', 'EssentialContainerExited'] },
            { stoppedReason: [{ wildcard: '*failed container health checks*' }] },
          ],
        },
      },
      targets: [{ id: 'log', arn: Stack.of(this).formatArn({ service: 'logs', resource: 'log-group', resourceName: this.log.logGroupName, arnFormat: ArnFormat.COLON_RESOURCE_NAME }) }],
    });
    new CfnResourcePolicy(this, 'LogPolicy', {
      policyName: `${props.fleet}-ended-tasks`,
      policyDocument: Stack.of(this).toJsonString({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: ['events.amazonaws.com', 'delivery.logs.amazonaws.com'] },
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: this.log.logGroupArn,
            Condition: { ArnEquals: { 'aws:SourceArn': rule.attrArn } },
          },
        ],
      }),
    });
    this.metric = new Metric({
      namespace: 'AWS/Events',
      metricName: 'TriggeredRules',
      dimensionsMap: { RuleName: rule.ref },
      statistic: Stats.SUM,
      period: Duration.minutes(10),
      label: 'tasks that ended by themselves',
    });
  }
}
