/**
 * The configuration of the binary as variables: LANDFALL_SECTION__FIELD over an empty file in the image. Pure. Secrets are
 * references that the process resolves; none stands in a template.
 */

import type { KafkaCluster } from './config/clusters';
import type { Settings } from './config/fleet';
import type { Pool } from './config/pools';
import { CONFIG_FILE, METRIC, PORT, SCRATCH_DIR } from './names';

export type Variables = Record<string, string>;

/** Where a process finds the value of a secret property. */
export type SecretReference = (cluster: string, property: string, secret: string) => string;

export const variableOf = (cluster: string, property: string) =>
  `KAFKA_${cluster}_${property}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');

/** ECS injects secrets as variables; a Lambda has nobody who does, and asks Secrets Manager itself. */
export const BY_VARIABLE: SecretReference = (cluster, property) => `\${env:${variableOf(cluster, property)}}`;
export const BY_SECRETS_MANAGER: SecretReference = (_cluster, _property, secret) => `\${secretsmanager:${secret}}`;

/** What every process of a fleet is told. */
export function fleetVariables(settings: Settings, bucketName: string, secret: SecretReference): Variables {
  const clusters = settings.clusters.map((cluster) => [`LANDFALL_CLUSTERS__${cluster.name.toUpperCase()}`, clusterJson(cluster, secret)]);
  return {
    LANDFALL_CONFIG: CONFIG_FILE,
    LANDFALL_LOG_FORMAT: 'json',
    LANDFALL_FLEET: settings.name,
    LANDFALL_METRICS_NAMESPACE: METRIC.namespace,
    LANDFALL_STATE__BUCKET: bucketName,
    LANDFALL_STATE__PREFIX: settings.bucket.statePrefix,
    LANDFALL_S3__REGION: settings.region,
    ...Object.fromEntries(clusters),
  };
}

function clusterJson(cluster: KafkaCluster, secret: SecretReference): string {
  const secrets = Object.entries(cluster.secrets).map(([property, named]) => [property, secret(cluster.name, property, named)]);
  return JSON.stringify({
    bootstrap_servers: cluster.bootstrapServers,
    group_protocol: cluster.groupProtocol,
    properties: { ...cluster.properties, ...Object.fromEntries(secrets) },
  });
}

/** Of the task's memory; the rest is for what no budget counts: stacks, TLS, the kernel's socket buffers. */
const BUDGET_SHARE = 0.85;

export function workerVariables(pool: Pool): Variables {
  return {
    LANDFALL_WORKER__POOL: pool.name,
    LANDFALL_WORKER__MEMORY: `${Math.floor(pool.size.memoryMiB * BUDGET_SHARE)}MiB`,
    LANDFALL_WORKER__DRAIN_TIMEOUT: `${pool.drainSeconds}s`,
    LANDFALL_WORKER__LISTEN: `127.0.0.1:${PORT.worker}`,
    LANDFALL_WORKER__SCRATCH__DIR: SCRATCH_DIR,
    LANDFALL_WORKER__SCRATCH__LIMIT: `${pool.scratchGiB}GiB`,
  };
}

/** What the lag Lambda is told of one pool. */
export function poolVariable(pool: Pool, ecs?: { cluster: string; service: string }): Variables {
  const scaling = { min_workers: pool.min, max_workers: pool.max, ...pool.scaling };
  return { [`LANDFALL_POOLS__${pool.name.toUpperCase()}`]: JSON.stringify({ scaling, ...(ecs && { ecs }) }) };
}

/** What the API is told of the pools: their names, so that it refuses a job of a pool that nobody runs. */
export function poolNames(settings: Settings): Variables {
  return Object.fromEntries(settings.pools.map((pool) => [`LANDFALL_POOLS__${pool.name.toUpperCase()}`, '{}']));
}

/** AWS Lambda takes so much for all variables together. */
export const LAMBDA_BYTES = 4096;
const LONGEST_BUCKET_NAME = 'b'.repeat(63);

/** How many bytes the lag Lambda's variables are above what Lambda takes; 0 or less where they fit. */
export function lagVariablesOver(settings: Settings): number {
  const ecs = settings.actuator === 'ecs' ? { cluster: 'c'.repeat(60), service: 'w'.repeat(40) } : undefined;
  const all = {
    ...fleetVariables(settings, LONGEST_BUCKET_NAME, BY_SECRETS_MANAGER),
    ...Object.assign({}, ...settings.pools.map((pool) => poolVariable(pool, ecs))) as Variables,
  };
  return Object.entries(all).reduce((bytes, [name, value]) => bytes + name.length + value.length, 0) - LAMBDA_BYTES;
}
