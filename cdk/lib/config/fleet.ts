/** The document as a whole: text in, settings or all mistakes out. Pure: nothing here knows the CDK. */

import { parseDocument } from 'yaml';

import { readApi, type Api } from './api';
import { readBucket, type DataBucket } from './bucket';
import { accountId, arn, between, email, fleetName, matches, oneOf, region, whole } from './checks';
import { readClusters, type KafkaCluster } from './clusters';
import { readNetwork, type Network } from './network';
import { readPools, type Actuator, type Pool } from './pools';
import { ConfigError, Section, type Reading } from './section';
import { LAMBDA_BYTES, lagVariablesOver } from '../variables';

export interface Image {
  readonly repository: string;
  readonly tagOrDigest: string;
  readonly createRepository: boolean;
  readonly architecture: 'arm64' | 'x86_64';
}

export interface AlarmSettings {
  readonly emails: readonly string[];
  readonly topicArn: string | undefined;
  readonly lagSeconds: number;
  readonly uncompletedEntrySeconds: number;
  readonly deadLetterRatio: number;
  readonly crashes: number;
}

export interface Settings {
  readonly name: string;
  readonly region: string;
  readonly account: string | undefined;
  readonly image: Image;
  readonly network: Network;
  readonly ecs: { readonly existingCluster: string | undefined; readonly containerInsights: boolean };
  readonly bucket: DataBucket;
  readonly clusters: readonly KafkaCluster[];
  readonly api: Api;
  readonly pools: readonly Pool[];
  readonly actuator: Actuator;
  readonly alarms: AlarmSettings;
  readonly logRetentionDays: number;
  readonly glueDatabase: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What CloudWatch keeps logs for. */
const RETENTION = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/**
 * Reads a document.
 *
 * @param source its name, which begins every mistake
 * @param tag takes the place of `image.tag`: so that a release needs no change of the file
 * @throws ConfigError with every mistake
 */
export function parseSettings(text: string, source: string, tag?: string): Settings {
  const reading: Reading = { mistakes: [], known: new Set() };
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => ({
      key: 'document',
      problem: `is not YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}`,
      fix: 'mend that line',
    }));
    throw new ConfigError(source, mistakes);
  }
  const settings = readSettings(new Section(document.toJS(), '', '', reading), tag);
  if (reading.mistakes.length > 0) throw new ConfigError(source, reading.mistakes);
  return settings;
}

/** Every key there is, with `*` for a name: the reference must describe each. */
export function knownKeys(text: string): string[] {
  const reading: Reading = { mistakes: [], known: new Set() };
  readSettings(new Section(parseDocument(text).toJS(), '', '', reading), undefined);
  return [...reading.known].sort();
}

function readSettings(root: Section, tag: string | undefined): Settings {
  const name = root.text('name', { fallback: 'landfall', check: fleetName, fix: 'write one such as landfall' });
  const network = readNetwork(root.section('network'));
  const scaling = root.section('scaling');
  const actuator = scaling.word<Actuator>('actuator', ['application-autoscaling', 'ecs'], 'application-autoscaling');
  scaling.finish();
  const hasPublicSubnets = network.kind === 'own' || network.publicSubnets.length > 0;
  const settings: Settings = {
    name,
    region: root.text('region', { check: region, fix: 'write one such as eu-west-1' }),
    account: root.optionalText('account', { check: accountId, fix: 'write 12 digits in quotes, or leave it out' }),
    image: readImage(root.section('image'), tag),
    network,
    ecs: readEcs(root.section('ecs')),
    bucket: readBucket(root.section('bucket')),
    clusters: readClusters(root),
    api: readApi(root.section('api'), hasPublicSubnets),
    pools: readPools(root, actuator),
    actuator,
    alarms: readAlarms(root.section('alarms')),
    logRetentionDays: root.number('log_retention_days', { fallback: 30, check: oneOf(RETENTION), fix: 'write one of them' }),
    glueDatabase: root.text('glue_database', {
      fallback: name.replaceAll('-', '_'),
      check: matches(/^[a-z][a-z0-9_]{0,100}$/, 'is not lower-case letters, digits and _ after a letter'),
      fix: 'write one such as landfall',
    }),
    tags: readTags(root),
  };
  root.finish();
  const over = lagVariablesOver(settings);
  if (over > 0) {
    const problem = `is ${over} bytes too long: all variables of the lag Lambda together must fit ${LAMBDA_BYTES}`;
    root.note('clusters', problem, 'take what is default out of properties, or put clusters into a second fleet');
  }
  return settings;
}

function readImage(section: Section, tag: string | undefined): Image {
  const check = (text: string) => {
    if (text === 'latest') return 'moves, and a deploy would not see that it did';
    return /^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/.test(text) ? undefined : 'is neither a tag nor a digest';
  };
  const fix = 'write a version such as 0.1.0 in quotes, or a digest sha256:...; or give -c tag=0.1.0';
  const given = section.optionalText('tag', { check, fix });
  const problem = tag === undefined ? undefined : check(tag);
  if (problem) section.note('tag', `${JSON.stringify(tag)} (from -c tag) ${problem}`, fix);
  if (tag === undefined && given === undefined) section.note('tag', 'is missing', fix);
  const image: Image = {
    repository: section.text('repository', {
      fallback: 'landfall',
      check: matches(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'is not the name of a repository of ECR'),
      fix: 'write its name in this account and region, such as landfall',
    }),
    tagOrDigest: tag ?? given ?? '',
    createRepository: section.flag('create_repository', { fallback: true, fix: 'write true or false' }),
    architecture: section.word('architecture', ['arm64', 'x86_64'], 'arm64'),
  };
  section.finish();
  return image;
}

function readEcs(section: Section): Settings['ecs'] {
  const ecs = {
    existingCluster: section.optionalText('existing_cluster', {
      check: matches(/^[A-Za-z0-9_-]{1,255}$/, 'is not the name of an ECS cluster'),
      fix: 'write its name, with FARGATE and FARGATE_SPOT among its capacity providers',
    }),
    containerInsights: section.flag('container_insights', { fallback: true, fix: 'write true or false' }),
  };
  section.finish();
  return ecs;
}

function readAlarms(section: Section): AlarmSettings {
  const seconds = (key: string, fallback: number) =>
    section.number(key, { fallback, check: whole(60, 604_800), fix: 'write 60 to 604800 seconds' });
  const alarms: AlarmSettings = {
    emails: section.texts('emails', { check: email, fix: 'write one such as ops@example.com' }),
    topicArn: section.optionalText('topic_arn', { check: arn('sns', '[A-Za-z0-9_-]+'), fix: 'write the ARN of an SNS topic' }),
    lagSeconds: seconds('lag_seconds', 900),
    uncompletedEntrySeconds: seconds('uncompleted_entry_seconds', 900),
    deadLetterRatio: section.number('dead_letter_ratio', { fallback: 0.05, check: between(0, 1), fix: 'write 0 to 1' }),
    crashes: section.number('crashes', { fallback: 3, check: whole(1, 100), fix: 'write 1 to 100 ended tasks in ten minutes' }),
  };
  if (alarms.topicArn && alarms.emails.length > 0) {
    section.note('emails', 'would subscribe to a topic that is not ours', 'subscribe there, or leave topic_arn out');
  }
  section.finish();
  return alarms;
}

function readTags(root: Section): Record<string, string> {
  const tags = root.scalars('tags', 'write one value');
  for (const key of Object.keys(tags)) {
    if (key.toLowerCase().startsWith('aws:')) root.note(`tags.${key}`, 'begins with aws:, which AWS keeps for itself', 'rename it');
  }
  return tags;
}
