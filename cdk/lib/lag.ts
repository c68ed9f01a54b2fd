/**
 * The lag Lambda: the same image, run every minute as `landfall lag-lambda`. It measures each pool's lag, decides how many
 * workers it needs, and publishes that; Application Auto Scaling acts on it, or, by `scaling.actuator: ecs`, it does so
 * itself. Never both.
 */

import { Duration, Size } from 'aws-cdk-lib';
import type { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { ICluster } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, DockerImageCode, DockerImageFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

import type { Settings } from './config/fleet';
import type { DataBucket } from './data-bucket';
import { grant } from './grant';
import { COMMAND, METRIC } from './names';
import type { Network } from './network';
import type { Pool } from './pool';
import { grantKafka, literally, logGroup, secretsOf, type Fleet } from './process';
import { BY_SECRETS_MANAGER, fleetVariables, poolVariable, type Variables } from './variables';

export interface LagProps {
  readonly fleet: Fleet;
  readonly cluster: ICluster;
  readonly network: Network;
  readonly group: SecurityGroup;
  readonly bucket: DataBucket;
  readonly pools: readonly Pool[];
}

export class Lag extends Construct {
  readonly function: DockerImageFunction;

  constructor(scope: Construct, id: string, props: LagProps) {
    super(scope, id);
    const { fleet, network } = props;
    const { settings } = fleet;
    const log = logGroup(this, `/landfall/${settings.name}/lag`, settings.logRetentionDays);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    log.grantWrite(role);
    this.grantAll(role, props);
    this.function = new DockerImageFunction(this, 'Function', {
      description: `Measures the lag of ${settings.name} and says how many workers it needs`,
      code: DockerImageCode.fromEcr(fleet.repository, { tagOrDigest: settings.image.tagOrDigest, cmd: [...COMMAND.lagLambda] }),
      architecture: settings.image.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      // Under a minute, or two would run beside each other.
      timeout: Duration.seconds(50),
      memorySize: 512,
      ephemeralStorageSize: Size.mebibytes(512),
      role,
      logGroup: log,
      vpc: network.vpc,
      vpcSubnets: network.inside,
      securityGroups: [props.group],
      environment: literally({ ...fleetVariables(settings, fleet.bucketName, BY_SECRETS_MANAGER), ...poolVariables(settings, props) }),
    });
    new Rule(this, 'EveryMinute', {
      description: `Starts the lag Lambda of ${settings.name}`,
      schedule: Schedule.rate(Duration.minutes(1)),
      // A late decision is worse than none: the next one comes within a minute.
      targets: [new LambdaFunction(this.function, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
  }

  private grantAll(role: Role, { fleet, bucket, pools, cluster }: LagProps): void {
    const { settings } = fleet;
    bucket.grantLag(role);
    grantKafka(role, settings.clusters, 'look');
    for (const secret of secretsOf(this, settings.clusters).values()) {
      grant(role, { actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] });
    }
    grant(
      role,
      {
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': METRIC.namespace } },
        reason: 'PutMetricData takes no resource; the condition holds it to one namespace.',
      },
      {
        actions: ['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DeleteNetworkInterface', 'ec2:DescribeSubnets'],
        resources: ['*'],
        reason: 'Lambda makes its interfaces in the VPC with the rights of the role, and checks them on every resource before any is made.',
      },
    );
    if (settings.actuator === 'ecs') {
      grant(role, {
        actions: ['ecs:UpdateService', 'ecs:DescribeServices'],
        resources: pools.map(({ service }) => service.serviceArn),
        conditions: { ArnEquals: { 'ecs:cluster': cluster.clusterArn } },
      });
    }
  }
}

function poolVariables(settings: Settings, { pools, cluster }: LagProps): Variables {
  const acts = settings.actuator === 'ecs';
  const each = pools.map(({ settings: pool, service }) =>
    poolVariable(pool, acts ? { cluster: cluster.clusterName, service: service.serviceName } : undefined),
  );
  return Object.assign({}, ...each) as Variables;
}
