/**
 * A pool: one ECS service of workers.
 *
 * How it is upgraded without loss: new workers start before old ones stop (100 % to 200 %), so that no lag grows; an old
 * one gets SIGTERM, lands its open files within `drain_seconds` and leaves; what it could not append is read again by the
 * others. Fargate kills only after `STOP_TIMEOUT_SECONDS`, which is more. A deployment whose tasks do not get healthy is
 * rolled back.
 *
 * The number of workers belongs to scaling: the template never sets it, or each deploy would reset it.
 */

import type { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { FargateService, PropagatedTagSource, type ICluster } from 'aws-cdk-lib/aws-ecs';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import type { Pool as Settings } from './config/pools';
import type { DataBucket } from './data-bucket';
import { COMMAND, SCRATCH_DIR } from './names';
import type { Network } from './network';
import { grantKafka, logGroup, ProcessTask, TaskRoles, type Fleet } from './process';
import { BY_VARIABLE, fleetVariables, workerVariables } from './variables';

export interface PoolProps {
  readonly fleet: Fleet;
  readonly pool: Settings;
  readonly cluster: ICluster;
  readonly network: Network;
  readonly group: SecurityGroup;
  readonly bucket: DataBucket;
}

export class Pool extends Construct {
  readonly settings: Settings;
  readonly service: FargateService;
  readonly log: LogGroup;
  readonly roles: TaskRoles;
  /** A worker of a pool without jobs, healthy when it is ready: what a deploy is tried with. */
  readonly smoke: ProcessTask;

  constructor(scope: Construct, id: string, props: PoolProps) {
    super(scope, id);
    const { fleet, pool } = props;
    const { settings } = fleet;
    this.settings = pool;
    this.log = logGroup(this, `/landfall/${settings.name}/worker/${pool.name}`, settings.logRetentionDays);
    this.roles = new TaskRoles(this, 'Roles');
    props.bucket.grantWorker(this.roles.task);
    grantKafka(this.roles.task, settings.clusters, 'consume');

    const family = `${settings.name}-worker-${pool.name}`;
    const common = {
      fleet,
      size: pool.size,
      variables: { ...fleetVariables(settings, fleet.bucketName, BY_VARIABLE), ...workerVariables(pool) },
      log: this.log,
      roles: this.roles,
      scratchGiB: pool.scratchGiB,
    };
    const task = new ProcessTask(this, 'Task', { ...common, family, command: COMMAND.worker(pool.name) });
    this.smoke = new ProcessTask(this, 'Smoke', {
      ...common,
      family: `${family}-smoke`,
      // Another pool: it takes part in no job, so that no partition moves for it.
      command: COMMAND.worker(`${pool.name}-smoke`),
      health: 'ready',
    });
    for (const { definition, container } of [task, this.smoke]) {
      definition.addVolume({ name: 'scratch' });
      container.addMountPoints({ sourceVolume: 'scratch', containerPath: SCRATCH_DIR, readOnly: false });
    }

    this.service = new FargateService(this, 'Service', {
      serviceName: `worker-${pool.name}`,
      cluster: props.cluster,
      taskDefinition: task.definition,
      vpcSubnets: props.network.inside,
      securityGroups: [props.group],
      assignPublicIp: false,
      capacityProviderStrategies: [
        { capacityProvider: 'FARGATE', base: pool.onDemandBase, weight: pool.onDemandWeight },
        ...(pool.spotWeight > 0 ? [{ capacityProvider: 'FARGATE_SPOT', weight: pool.spotWeight }] : []),
      ],
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      enableECSManagedTags: true,
      propagateTags: PropagatedTagSource.SERVICE,
    });
  }
}
