/** The data bucket: where jobs land and where the commit log lies. */

import { bucketName, folder, matches, whole } from './checks';
import type { Section } from './section';

export interface DataRule {
  readonly prefix: string;
  readonly expireAfterDays: number | undefined;
  readonly infrequentAccessAfterDays: number | undefined;
}

export interface DataBucket {
  readonly name: string | undefined;
  readonly encryption: 's3' | 'kms';
  readonly statePrefix: string;
  readonly abortUploadsAfterDays: number;
  readonly accessLogs: boolean;
  readonly objectTags: boolean;
  readonly rules: readonly DataRule[];
}

export function readBucket(section: Section): DataBucket {
  const statePrefix = section.text('state_prefix', { fallback: '_landfall/', check: folder, fix: 'write one such as _landfall/' });
  const bucket: DataBucket = {
    name: section.optionalText('name', { check: bucketName, fix: 'write a free name, or leave it out and one is made' }),
    encryption: section.word('encryption', ['s3', 'kms'], 's3'),
    statePrefix,
    abortUploadsAfterDays: section.number('abort_uploads_after_days', {
      fallback: 14,
      check: whole(7, 365),
      fix: 'write 7 to 365: an upload that the log names must outlive the longest outage',
    }),
    accessLogs: section.flag('access_logs', { fallback: true, fix: 'write true or false' }),
    objectTags: section.flag('object_tags', { fallback: false, fix: 'write true where jobs set sink.tags' }),
    rules: section.sections('lifecycle', 'write {prefix: bids/, expire_after_days: 400}').map((rule) => readRule(rule, statePrefix)),
  };
  section.finish();
  return bucket;
}

function readRule(section: Section, statePrefix: string): DataRule {
  const days = (key: string, least: number) =>
    section.optionalNumber(key, { check: whole(least, 36500), fix: `write ${least} days or more` });
  const rule: DataRule = {
    prefix: section.text('prefix', {
      check: matches(/^[^/].*\/$/, 'is not a folder that ends in /'),
      fix: 'write the folder of a job, such as bids/',
    }),
    expireAfterDays: days('expire_after_days', 1),
    infrequentAccessAfterDays: days('infrequent_access_after_days', 30),
  };
  // S3 expires whatever a policy denies: here is the only place where it can be kept from the log.
  if (rule.prefix && (statePrefix.startsWith(rule.prefix) || rule.prefix.startsWith(statePrefix))) {
    const problem = `${JSON.stringify(rule.prefix)} overlaps ${statePrefix}, where the commit log is: a job cannot go on without it`;
    section.note('prefix', problem, 'write the folder of data only');
  }
  if (rule.expireAfterDays === undefined && rule.infrequentAccessAfterDays === undefined) {
    section.note('', 'does nothing', 'write expire_after_days or infrequent_access_after_days');
  }
  section.finish();
  return rule;
}
