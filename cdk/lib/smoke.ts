/**
 * The end of a deploy: one task of each pool's new definition must get ready, and end with 0 when it is told to. Runs
 * when the definition changes; where it fails, CloudFormation rolls the deploy back.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { ICluster } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct, type IConstruct } from 'constructs';

import { grant } from './grant';
import type { Network } from './network';
import type { Pool } from './pool';

/** For a task to be placed, to fetch its image and to get ready; with stopping it, less than a Lambda may last. */
const READY_WITHIN_SECONDS = 480;

export interface SmokeProps {
  readonly fleet: string;
  readonly cluster: ICluster;
  readonly network: Network;
  readonly group: SecurityGroup;
  readonly pools: readonly Pool[];
  readonly retentionDays: number;
  /** What must be up first. */
  readonly after: readonly IConstruct[];
}

export class Smoke extends Construct {
  constructor(scope: Construct, id: string, props: SmokeProps) {
    super(scope, id);
    const log = new LogGroup(this, 'Log', {
      logGroupName: `/landfall/${props.fleet}/smoke`,
      retention: props.retentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    log.grantWrite(role);
    this.grantTasks(role, props);
    const runner = new LambdaFunction(this, 'Runner', {
      description: `Tries the tasks of ${props.fleet} when they are deployed`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromInline(readFileSync(join(__dirname, 'smoke-handler.js'), 'utf8')),
      timeout: Duration.seconds(900),
      memorySize: 256,
      role,
      logGroup: log,
      environment: {
        TASK: Stack.of(this).toJsonString({
          cluster: props.cluster.clusterName,
          subnets: props.network.vpc.selectSubnets(props.network.inside).subnetIds,
          securityGroups: [props.group.securityGroupId],
          seconds: READY_WITHIN_SECONDS,
        }),
      },
    });
    for (const pool of props.pools) {
      const run = new CustomResource(this, `Run-${pool.settings.name}`, {
        resourceType: 'Custom::LandfallSmoke',
        serviceToken: runner.functionArn,
        serviceTimeout: Duration.seconds(900),
        // A new revision of the definition is a new value: that is what makes CloudFormation call.
        properties: { TaskDefinition: pool.smoke.definition.taskDefinitionArn },
      });
      run.node.addDependency(role, ...props.after);
    }
  }

  private grantTasks(role: Role, { cluster, pools }: SmokeProps): void {
    const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const tasks = Stack.of(this).formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` });
    grant(
      role,
      { actions: ['ecs:RunTask'], resources: pools.map((pool) => pool.smoke.definition.taskDefinitionArn), conditions: inCluster },
      {
        actions: ['ecs:DescribeTasks', 'ecs:StopTask'],
        resources: [tasks],
        conditions: inCluster,
        reason: 'A task has its id when it has started; the cluster is fixed.',
      },
      {
        actions: ['iam:PassRole'],
        resources: pools.flatMap(({ roles }) => [roles.task.roleArn, roles.execution.roleArn]),
        conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    );
  }
}

