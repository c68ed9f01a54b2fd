/** How a process of the binary is set up on Fargate: its roles, its secrets, its container. */

import { Duration, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import type { IRepository } from 'aws-cdk-lib/aws-ecr';
import {
  ContainerImage, CpuArchitecture, FargateTaskDefinition, LogDriver, OperatingSystemFamily, Secret as EcsSecret, UlimitName,
  type ContainerDefinition, type HealthCheck,
} from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Secret, type ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

import type { KafkaCluster } from './config/clusters';
import type { Settings } from './config/fleet';
import type { TaskSize } from './config/pools';
import { explainWildcard, grant } from './grant';
import { COMMAND, STOP_TIMEOUT_SECONDS, USER } from './names';
import { variableOf, type Variables } from './variables';

/** What the parts of a fleet are made with. */
export interface Fleet {
  readonly settings: Settings;
  readonly repository: IRepository;
  readonly bucketName: string;
}

/** The secrets of all clusters, each ARN once. */
export function secretsOf(scope: Construct, clusters: readonly KafkaCluster[]): Map<string, ISecret> {
  const arns = new Set(clusters.flatMap((cluster) => Object.values(cluster.secrets).map((secret) => secret.split('#')[0]!)));
  return new Map([...arns].map((arn, at) => [arn, Secret.fromSecretCompleteArn(scope, `Secret${at}`, arn)]));
}

/** What the role of a process that talks to Kafka needs beyond S3: nothing, but for MSK with IAM. */
export function grantKafka(role: Role, clusters: readonly KafkaCluster[], access: 'consume' | 'set up' | 'look'): void {
  for (const { mskIam } of clusters) {
    if (!mskIam) continue;
    const of = (kind: string, names: readonly string[]) =>
      names.map((name) => `${mskIam.clusterArn.replace(':cluster/', `:${kind}/`)}/${name}`);
    const reason = 'The YAML names topics and groups by their beginning: jobs are created at run time, each with a group of its own.';
    const rights = (actions: string[], resources: string[]) =>
      resources.length > 0 ? [{ actions, resources, reason }] : [];
    const consume = access === 'consume';
    grant(
      role,
      { actions: ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster'], resources: [mskIam.clusterArn] },
      // ReadData is needed to look, too: the age of the oldest waiting record is read from the record.
      ...rights(['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], of('topic', mskIam.readTopics)),
      // Who makes a job commits its start.
      ...rights(['kafka-cluster:DescribeGroup', ...(access === 'look' ? [] : ['kafka-cluster:AlterGroup'])], of('group', mskIam.groups)),
      ...(consume ? rights(['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData', 'kafka-cluster:CreateTopic'], of('topic', mskIam.writeTopics)) : []),
      // Producers of dead letters are idempotent, which MSK asks for on the cluster.
      ...(consume && mskIam.writeTopics.length > 0 ? [{ actions: ['kafka-cluster:WriteDataIdempotently'], resources: [mskIam.clusterArn] }] : []),
    );
  }
}

export function logGroup(scope: Construct, name: string, retentionDays: number): LogGroup {
  return new LogGroup(scope, 'Log', {
    logGroupName: name,
    retention: retentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

export interface TaskProps {
  readonly fleet: Fleet;
  readonly family: string;
  readonly size: TaskSize;
  readonly command: readonly string[];
  readonly variables: Variables;
  readonly log: LogGroup;
  readonly roles: TaskRoles;
  readonly scratchGiB?: number;
  /** Whether health means alive, or able to work. */
  readonly health?: 'alive' | 'ready';
}

/** CloudFormation takes `${...}` for its own; a reference that the binary resolves must reach it as it is. */
export const literally = (variables: Variables): Variables =>
  Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, REFERENCE.test(value) ? Fn.sub(value.replaceAll('${', '${Dollar}{'), { Dollar: '$' }) : value]),
  );

const REFERENCE = /\$\{(env|secretsmanager):/;

/** Two roles: what the agent may do to start the task, and what the process may do. */
export class TaskRoles extends Construct {
  readonly task: Role;
  readonly execution: Role;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.task = new Role(this, 'Task', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com', {
        // The process's rights are not lent to tasks of another account.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    // The agent fetches the image and the secrets before there is a task to ask for.
    this.execution = new Role(this, 'Execution', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
    explainWildcard(this.execution, '*', 'ecr:GetAuthorizationToken names no resource: it is the login to the registry.');
  }
}

export class ProcessTask extends Construct {
  readonly definition: FargateTaskDefinition;
  readonly container: ContainerDefinition;

  constructor(scope: Construct, id: string, props: TaskProps) {
    super(scope, id);
    const { settings, repository } = props.fleet;
    this.definition = new FargateTaskDefinition(this, 'Definition', {
      family: props.family,
      cpu: props.size.cpuUnits,
      memoryLimitMiB: props.size.memoryMiB,
      taskRole: props.roles.task,
      executionRole: props.roles.execution,
      runtimePlatform: {
        cpuArchitecture: settings.image.architecture === 'arm64' ? CpuArchitecture.ARM64 : CpuArchitecture.X86_64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
      // Fargate's own share beyond what scratch is promised.
      ...(props.scratchGiB && { ephemeralStorageGiB: props.scratchGiB + 10 }),
    });
    this.container = this.definition.addContainer('landfall', {
      image: ContainerImage.fromEcrRepository(repository, settings.image.tagOrDigest),
      command: [...props.command],
      environment: literally(props.variables),
      secrets: this.secrets(settings.clusters),
      user: USER,
      readonlyRootFilesystem: true,
      logging: LogDriver.awsLogs({ logGroup: props.log, streamPrefix: 'task' }),
      healthCheck: healthCheck(props.health ?? 'alive'),
      stopTimeout: Duration.seconds(STOP_TIMEOUT_SECONDS),
    });
    this.container.addUlimits({ name: UlimitName.NOFILE, softLimit: 65_536, hardLimit: 65_536 });
    Validations.of(this.definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The variables are configuration; secrets are named by ARN and injected from Secrets Manager.',
    });
  }

  private secrets(clusters: readonly KafkaCluster[]): Record<string, EcsSecret> {
    const known = secretsOf(this, clusters);
    const entries = clusters.flatMap((cluster) =>
      Object.entries(cluster.secrets).map(([property, reference]) => {
        const [arn, key] = reference.split('#') as [string, string | undefined];
        return [variableOf(cluster.name, property), EcsSecret.fromSecretsManager(known.get(arn)!, key)] as const;
      }),
    );
    return Object.fromEntries(entries);
  }
}

const healthCheck = (asked: 'alive' | 'ready'): HealthCheck => ({
  command: [...(asked === 'alive' ? COMMAND.alive : COMMAND.ready)],
  interval: Duration.seconds(10),
  timeout: Duration.seconds(5),
  retries: 3,
  startPeriod: Duration.seconds(30),
});
