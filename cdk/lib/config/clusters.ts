/** The Kafka clusters that jobs may name, as the binary takes them, and how they are reached. */

import { arn, cidr, matches, resourceId, secretArn, servers, variableName } from './checks';
import type { Section } from './section';

export interface MskIam {
  readonly clusterArn: string;
  /** What may be read, and what dead letters may be written to. Both may end in `*`. */
  readonly readTopics: readonly string[];
  readonly writeTopics: readonly string[];
  readonly groups: readonly string[];
}

export interface KafkaCluster {
  readonly name: string;
  readonly bootstrapServers: string;
  readonly ports: readonly number[];
  readonly groupProtocol: 'classic' | 'consumer';
  readonly properties: Readonly<Record<string, string>>;
  /** A librdkafka property and the secret that holds its value: an ARN, with `#key` for one key of it. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly cidrs: readonly string[];
  /** The brokers' own security group, which is opened for the fleet. */
  readonly securityGroup: string | undefined;
  readonly mskIam: MskIam | undefined;
}

/** Values that must not stand in a template; they are injected from Secrets Manager. */
const SECRET_PROPERTIES = [
  'sasl.password',
  'sasl.oauthbearer.client.secret',
  'ssl.key.password',
  'ssl.key.pem',
  'ssl.keystore.password',
];

/** What the binary refuses in clusters.*.properties (docs/config-reference.md): told here, before a deploy. */
export const REFUSED_PROPERTIES = [
  'acks', 'allow.auto.create.topics', 'auto.commit.enable', 'auto.commit.interval.ms', 'auto.offset.reset',
  'bootstrap.servers', 'check.crcs', 'client.id', 'enable.auto.commit', 'enable.auto.offset.store', 'enable.idempotence',
  'enable.partition.eof', 'group.id', 'group.instance.id', 'group.protocol', 'group.remote.assignor', 'isolation.level',
  'log.queue', 'metadata.broker.list', 'offset.store.method', 'offset.store.path', 'offset.store.sync.interval.ms',
  'partition.assignment.strategy', 'plugin.library.paths', 'queued.max.messages.kbytes', 'request.required.acks',
  'topic.blacklist', 'transactional.id',
];

const EXAMPLE = 'write clusters: {main: {bootstrap_servers: "broker-1:9092"}}';

export function readClusters(root: Section): KafkaCluster[] {
  const named = root.named('clusters', variableName, 'rename it: it becomes part of a variable, LANDFALL_CLUSTERS__MAIN');
  const clusters = [...named].map(([name, section]) => readCluster(name, section));
  if (!root.has('clusters')) root.note('clusters', 'is missing', EXAMPLE);
  else if (named.size === 0) root.note('clusters', 'names no cluster', EXAMPLE);
  return clusters;
}

function readCluster(name: string, section: Section): KafkaCluster {
  const bootstrapServers = section.text('bootstrap_servers', { check: servers, fix: 'write host:port, several divided by commas' });
  const properties = section.scalars('properties', 'write a single value, such as security.protocol: SASL_SSL');
  const secrets = section.scalars('secrets', 'write the ARN of a secret, with #key for one key of it');
  const mskIam = section.has('msk_iam') ? readMsk(section.section('msk_iam')) : undefined;
  checkProperties(section, properties, secrets, mskIam !== undefined);
  if (!mskIam) section.section('msk_iam');
  const cluster: KafkaCluster = {
    name,
    bootstrapServers: bootstrapServers.replaceAll(' ', ''),
    ports: [...new Set(bootstrapServers.split(',').map((server) => Number(server.split(':')[1])))].filter((port) => port > 0),
    groupProtocol: section.word('group_protocol', ['classic', 'consumer'], 'classic'),
    properties: mskIam ? { ...properties, 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'AWS_MSK_IAM' } : properties,
    secrets,
    cidrs: section.texts('cidrs', { check: cidr, fix: 'write ranges that hold the brokers, such as 10.200.0.0/16' }),
    securityGroup: section.optionalText('security_group', { check: resourceId('sg'), fix: "write the brokers' own security group" }),
    mskIam,
  };
  section.finish();
  return cluster;
}

function checkProperties(
  section: Section,
  properties: Record<string, string>,
  secrets: Record<string, string>,
  msk: boolean,
): void {
  for (const [property, value] of Object.entries(properties)) {
    const at = `properties.${property}`;
    if (SECRET_PROPERTIES.includes(property)) {
      // The value is not repeated.
      section.note(at, 'is a secret, and would stand in the template', 'put it in Secrets Manager and write its ARN under secrets');
    } else if (REFUSED_PROPERTIES.includes(property)) {
      section.note(at, 'is decided by the fleet or by a job', 'leave it out; docs/config-reference.md says what decides it');
    } else if (value.includes('${')) {
      section.note(at, 'holds a reference', 'write the ARN of the secret under secrets');
    } else if (msk && ['security.protocol', 'sasl.mechanism', 'sasl.mechanisms'].includes(property)) {
      section.note(at, 'is set by msk_iam', 'leave it out');
    }
  }
  for (const [property, value] of Object.entries(secrets)) {
    const at = `secrets.${property}`;
    if (property in properties) section.note(at, 'is also among properties', 'leave one of them out');
    const problem = secretArn(value);
    if (problem) {
      section.note(at, `${JSON.stringify(value)} ${problem}`, 'write the whole ARN with its last six characters, and #key for one key');
    }
  }
}

function readMsk(section: Section): MskIam {
  const name = matches(/^[A-Za-z0-9._-]+\*?$|^\*$/, 'is not a name, or the beginning of one and *');
  const names = (key: string, fix: string) => section.texts(key, { check: name, fix });
  const msk: MskIam = {
    clusterArn: section.text('cluster_arn', {
      check: arn('kafka', 'cluster/[A-Za-z0-9_-]+/[a-f0-9-]+'),
      fix: 'write arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID',
    }),
    readTopics: names('read_topics', 'write the topics that jobs read, such as bids or bids-*'),
    writeTopics: names('write_topics', 'write the topics of dead letters, such as bids-dlq'),
    groups: names('groups', 'write consumer groups, such as landfall-*'),
  };
  if (msk.readTopics.length === 0) section.note('read_topics', 'names no topic', 'write the topics that jobs read');
  section.finish();
  return { ...msk, groups: msk.groups.length > 0 ? msk.groups : ['landfall-*', 'connect-*'] };
}
