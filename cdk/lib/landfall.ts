/**
 * A whole fleet as one construct: for a stack of your own. `lib/stacks.ts` puts it into a ready one.
 *
 *     const settings = parseSettings(readFileSync('landfall.yaml', 'utf8'), 'landfall.yaml');
 *     const fleet = new Landfall(this, 'Landfall', { settings });
 *     fleet.bucket.grantRead(analysts);
 */

import { CfnOutput, Fn, Stack, Tags, Validations } from 'aws-cdk-lib';
import { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import { VpnConnection } from 'aws-cdk-lib/aws-ec2';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { CfnCluster, Cluster, ContainerInsights, type ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

import { Alarms } from './alarms';
import { Api } from './api';
import type { Settings } from './config/fleet';
import { Crashes } from './crashes';
import { Dashboard } from './dashboard';
import { DataBucket } from './data-bucket';
import { Lag } from './lag';
import { LogsBucket } from './logs-bucket';
import { poolMetrics } from './metrics';
import { Network } from './network';
import { Pool } from './pool';
import type { Fleet } from './process';
import { Scaling } from './scaling';
import { Smoke } from './smoke';

export { parseSettings, type Settings } from './config/fleet';
export { ConfigError } from './config/section';

/** How long AWS's own logs are kept at least: those of access are looked at later than those of processes. */
const ACCESS_LOG_DAYS = 90;

export class Landfall extends Construct {
  readonly bucket: IBucket;
  readonly cluster: ICluster;
  readonly network: Network;
  readonly api: Api;
  readonly pools: readonly Pool[];
  readonly alarms: Alarms;

  constructor(scope: Construct, id: string, props: { readonly settings: Settings }) {
    super(scope, id);
    const { settings } = props;
    const { name, clusters } = settings;
    Tags.of(this).add('landfall:fleet', name);
    for (const [key, value] of Object.entries(settings.tags)) Tags.of(this).add(key, value);

    const logs = new LogsBucket(this, 'Logs', Math.max(ACCESS_LOG_DAYS, settings.logRetentionDays)).bucket;
    const data = new DataBucket(this, 'Data', settings.bucket, logs);
    this.bucket = data.bucket;
    this.network = new Network(this, 'Network', settings.network, settings.actuator, logs);
    this.cluster = this.makeCluster(settings);
    const fleet: Fleet = {
      settings,
      repository: Repository.fromRepositoryName(this, 'Image', settings.image.repository),
      bucketName: this.bucket.bucketName,
    };

    // Workers and the Lambda are clients; the API is one too, and is called by the balancer.
    const clients = this.network.clientGroup(this, 'Clients', clusters, 'Workers and the lag Lambda');
    const served = this.network.clientGroup(this, 'Served', clusters, 'The API');
    const common = { fleet, cluster: this.cluster, network: this.network, bucket: data };
    this.pools = settings.pools.map((pool) => new Pool(this, `Pool-${pool.name}`, { ...common, pool, group: clients }));
    this.api = new Api(this, 'Api', { ...common, group: served, logs });
    const lag = new Lag(this, 'Lag', { ...common, group: clients, pools: this.pools });
    if (settings.actuator === 'application-autoscaling') {
      for (const pool of this.pools) new Scaling(pool, 'Scaling', { fleet: name, clusterName: this.cluster.clusterName, pool });
    }

    const retentionDays = settings.logRetentionDays;
    const crashes = new Crashes(this, 'Crashes', {
      fleet: name,
      cluster: this.cluster,
      services: ['api', ...this.pools.map((pool) => `worker-${pool.settings.name}`)],
      retentionDays,
    });
    const watched = this.pools.map((pool) => ({
      pool,
      metrics: poolMetrics(name, pool.settings.name, this.cluster.clusterName, pool.service.serviceName),
    }));
    this.alarms = new Alarms(this, 'Alarms', {
      fleet: name, settings: settings.alarms, pools: watched, api: this.api, crashes, vpnIds: this.vpnIds(settings),
    });
    const dashboard = new Dashboard(this, 'Dashboard', { fleet: name, alarms: this.alarms, pools: watched, api: this.api, crashes });
    new CfnDatabase(this, 'Database', {
      catalogId: Stack.of(this).account,
      databaseInput: {
        name: settings.glueDatabase,
        description: `Tables of what ${name} lands; landfall ddl JOB prints them`,
        locationUri: `s3://${this.bucket.bucketName}/`,
      },
    });
    new Smoke(this, 'Smoke', {
      fleet: name, cluster: this.cluster, network: this.network, group: clients, pools: this.pools, retentionDays,
      after: [...this.pools, this.api.service, lag.function, this.bucket],
    });
    this.tell(settings, dashboard);
  }

  private makeCluster(settings: Settings): ICluster {
    const { vpc } = this.network;
    const { existingCluster, containerInsights } = settings.ecs;
    if (existingCluster) {
      return Cluster.fromClusterAttributes(this, 'Cluster', { clusterName: existingCluster, vpc });
    }
    const cluster = new Cluster(this, 'Cluster', {
      clusterName: settings.name,
      vpc,
      containerInsightsV2: containerInsights ? ContainerInsights.ENABLED : ContainerInsights.DISABLED,
    });
    // Of the cluster itself: associated by a resource of its own, a service could be made before it.
    (cluster.node.defaultChild as CfnCluster).capacityProviders = ['FARGATE', 'FARGATE_SPOT'];
    if (!containerInsights) {
      Validations.of(cluster).acknowledge({ id: 'AwsSolutions-ECS4', reason: 'The YAML says container_insights: false, to save its metrics.' });
    }
    return cluster;
  }

  private vpnIds(settings: Settings): { name: string; id: string }[] {
    const { network } = settings;
    if (network.kind === 'existing') return [];
    return network.vpn.map(({ name }) => {
      const made = this.network.vpc.node.findChild(name) as VpnConnection;
      return { name, id: made.vpnId };
    });
  }

  private tell(settings: Settings, dashboard: Dashboard): void {
    const outputs: Record<string, { value: string; description: string }> = {
      ApiUrl: { value: this.api.url, description: 'Where the API and the dashboard answer: LANDFALL_API of the command line' },
      BucketName: { value: this.bucket.bucketName, description: 'What jobs name as sink.bucket' },
      ClusterName: { value: this.cluster.clusterName, description: 'The ECS cluster' },
      GlueDatabase: { value: settings.glueDatabase, description: 'Where tables go' },
      DashboardName: { value: dashboard.page.dashboardName, description: 'The CloudWatch dashboard' },
      ...(this.network.egressAddresses.length > 0 && {
        EgressAddresses: { value: Fn.join(',', this.network.egressAddresses), description: 'Where traffic to Kafka outside comes from' },
      }),
    };
    for (const [id, output] of Object.entries(outputs)) {
      // Short and the same in every stack: scripts ask for them.
      new CfnOutput(this, id, output).overrideLogicalId(id);
    }
  }
}
