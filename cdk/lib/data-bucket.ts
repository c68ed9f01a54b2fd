/**
 * The bucket that jobs land in and that holds the commit log.
 *
 * The log is the promise: what it names is what counts. So nobody may delete under it, and nobody may write there without
 * a precondition (a second writer of one number must lose). S3's lifecycle does not ask policies, hence no rule of ours
 * expires anything under the state prefix; open uploads live longer than the longest outage, since the log may name them.
 * Not versioned: entries are written once and never deleted, while heartbeats are written every three seconds and would
 * pile up.
 */

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership, StorageClass, type IBucket, type LifecycleRule,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

import type { DataBucket as Settings, DataRule } from './config/bucket';
import { grant } from './grant';
import { DATA_PROBE, STATE } from './names';

const BY_TEMPLATE = 'Keys are made by the key templates of jobs, which are not known when the role is made.';
const OWN_FOLDER = "The fleet's own folder: job records, logs and heartbeats have names made at run time.";
const PROBE = 'Only what a probe of the store wrote, under a folder with its name; a probe takes its objects away.';
const HISTORY = 'What the last decisions were, one object a pool; without it no pool would ever shrink.';

export class DataBucket extends Construct {
  readonly bucket: Bucket;
  private readonly key: Key | undefined;
  private readonly state: string;

  constructor(scope: Construct, id: string, private readonly settings: Settings, logs: IBucket) {
    super(scope, id);
    this.state = settings.statePrefix;
    this.key =
      settings.encryption === 'kms'
        ? new Key(this, 'Key', { enableKeyRotation: true, description: 'Objects of Landfall', removalPolicy: RemovalPolicy.RETAIN })
        : undefined;
    this.bucket = new Bucket(this, 'Bucket', {
      ...(settings.name && { bucketName: settings.name }),
      ...(this.key
        ? { encryption: BucketEncryption.KMS, encryptionKey: this.key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      ...(settings.accessLogs && { serverAccessLogsBucket: logs, serverAccessLogsPrefix: 's3/' }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      lifecycleRules: [abortUploads(settings.abortUploadsAfterDays), ...settings.rules.map(dataRule)],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    if (!settings.accessLogs) {
      Validations.of(this.bucket).acknowledge({ id: 'AwsSolutions-S1', reason: 'The YAML says access_logs: false; every request is one of our roles.' });
    }
    this.protectLog();
  }

  /** Data and state: read, write, finish and abort uploads. Deletes nothing but its own probes. */
  grantWorker(role: Role): void {
    this.grantBucket(role);
    grant(
      role,
      {
        actions: [
          's3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload',
          ...(this.settings.objectTags ? ['s3:PutObjectTagging'] : []),
        ],
        resources: [this.bucket.arnForObjects('*')],
        reason: BY_TEMPLATE,
      },
      { actions: ['s3:DeleteObject'], resources: this.probes(), reason: PROBE },
    );
    this.grantKey(role, ['kms:GenerateDataKey', 'kms:Decrypt']);
  }

  /** State; of the data only the probe that is made before a job is accepted. */
  grantApi(role: Role): void {
    this.grantBucket(role);
    grant(
      role,
      { actions: ['s3:GetObject', 's3:PutObject'], resources: [this.stateArn('*')], reason: OWN_FOLDER },
      {
        actions: ['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
        resources: [this.bucket.arnForObjects(DATA_PROBE)],
        reason: PROBE,
      },
      { actions: ['s3:DeleteObject'], resources: this.probes(), reason: PROBE },
    );
    this.grantKey(role, ['kms:GenerateDataKey', 'kms:Decrypt']);
  }

  /** Reads jobs, heartbeats and the logs of jobs at rest; writes nothing but its own history. */
  grantLag(role: Role): void {
    grant(
      role,
      {
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': [`${this.state}*`] } },
      },
      { actions: ['s3:GetObject'], resources: [this.stateArn('*')], reason: OWN_FOLDER },
      { actions: ['s3:PutObject'], resources: [this.stateArn(STATE.scaling)], reason: HISTORY },
    );
    this.grantKey(role, ['kms:GenerateDataKey', 'kms:Decrypt']);
  }

  private grantBucket(role: Role): void {
    // ListBucket also makes HEAD of an absent key answer 404 and not 403.
    grant(role, { actions: ['s3:ListBucket', 's3:GetLifecycleConfiguration'], resources: [this.bucket.bucketArn] });
  }

  private grantKey(role: Role, actions: string[]): void {
    if (this.key) grant(role, { actions, resources: [this.key.keyArn] });
  }

  private probes(): string[] {
    return [this.stateArn(STATE.probe), this.bucket.arnForObjects(DATA_PROBE)];
  }

  private stateArn(key: string): string {
    return this.bucket.arnForObjects(`${this.state}${key}`);
  }

  private protectLog(): void {
    const writeOnce = STATE.writeOnce.map((key) => this.stateArn(key));
    const records = this.stateArn(STATE.compareAndSwap);
    const deny = (sid: string, actions: string[], resources: string[], conditions?: Record<string, Record<string, string>>) =>
      this.bucket.addToResourcePolicy(
        new PolicyStatement({ sid, effect: Effect.DENY, principals: [new AnyPrincipal()], actions, resources, ...(conditions && { conditions }) }),
      );
    deny('NobodyDeletesTheLog', ['s3:DeleteObject', 's3:DeleteObjectVersion'], [...writeOnce, records]);
    deny('TheLogIsWrittenOnce', ['s3:PutObject'], writeOnce, { Null: { 's3:if-none-match': 'true' } });
    // Both absent: neither a new record nor one that replaces what was read.
    deny('RecordsAreSwapped', ['s3:PutObject'], [records], { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' } });
  }
}

/** Of the whole bucket; it removes parts that a crash left, never an object. */
const abortUploads = (days: number): LifecycleRule => ({
  id: 'abort-forgotten-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(days),
});

const dataRule = (rule: DataRule): LifecycleRule => ({
  id: `data-${rule.prefix.replaceAll('/', '-')}`,
  prefix: rule.prefix,
  ...(rule.expireAfterDays && { expiration: Duration.days(rule.expireAfterDays) }),
  ...(rule.infrequentAccessAfterDays && {
    transitions: [{ storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(rule.infrequentAccessAfterDays) }],
  }),
});
