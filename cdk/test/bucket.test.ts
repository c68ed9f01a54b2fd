import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bucketId, bucketStatements, decide, mayOnBucket, roleId, type Context } from './policies';
import { EXAMPLES, example, type Example, type Json } from './support';

const ENTRY = '_landfall/0f9c-uid/log/0/00000017.json';
const SIDECAR = '_landfall/0f9c-uid/log/0/00000017-token.sets.zst';
const CHECKPOINT = '_landfall/0f9c-uid/checkpoint/0/00000016.json';
const RECORD = '_landfall/jobs/bids.json';
const HEARTBEAT = '_landfall/workers/w-1.json';
const DATA = 'bids/dt=2026-11-27/hour=09/bids+0+0-a.jsonl.zst';

const CREATE: Context = { 's3:if-none-match': '*' };
const SWAP: Context = { 's3:if-match': 'etag' };

/** What an administrator with every right may still do. */
function adminMay(name: Example, action: string, key: string, context: Context = {}): boolean {
  const { template } = example(name);
  const everything = { effect: 'Allow' as const, actions: ['s3:*'], resources: ['*'], condition: {} };
  return decide([everything, ...bucketStatements(template)], action, `<${bucketId(template)}.Arn>/${key}`, context);
}

for (const name of EXAMPLES) {
  test(`${name}: not even an administrator deletes from the log`, () => {
    for (const key of [ENTRY, SIDECAR, CHECKPOINT, RECORD]) {
      for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion']) assert.equal(adminMay(name, action, key), false, `${action} ${key}`);
    }
    assert.equal(adminMay(name, 's3:DeleteObject', DATA), true);
    assert.equal(adminMay(name, 's3:DeleteObject', HEARTBEAT), true);
  });

  test(`${name}: nobody writes to the log without a precondition`, () => {
    for (const key of [ENTRY, SIDECAR, CHECKPOINT]) {
      assert.equal(adminMay(name, 's3:PutObject', key), false, key);
      assert.equal(adminMay(name, 's3:PutObject', key, SWAP), false, `${key} replaced`);
      assert.equal(adminMay(name, 's3:PutObject', key, CREATE), true, key);
    }
    assert.equal(adminMay(name, 's3:PutObject', RECORD), false);
    assert.equal(adminMay(name, 's3:PutObject', RECORD, CREATE), true);
    assert.equal(adminMay(name, 's3:PutObject', RECORD, SWAP), true);
  });

  test(`${name}: nothing is read or written without TLS`, () => {
    assert.equal(adminMay(name, 's3:GetObject', DATA, { 'aws:SecureTransport': 'false' }), false);
    assert.equal(adminMay(name, 's3:GetObject', DATA, { 's3:TlsVersion': '1.1' }), false);
    assert.equal(adminMay(name, 's3:GetObject', DATA), true);
  });

  test(`${name}: no lifecycle rule takes an object of the log, as S3 asks no policy`, () => {
    const { template, settings } = example(name);
    const bucket = template.Resources[bucketId(template)]!;
    const rules: Json[] = bucket.Properties.LifecycleConfiguration.Rules;
    for (const rule of rules) {
      const touches = Object.keys(rule).filter((key) => /Expiration|Transition/.test(key));
      if (touches.length === 0) continue;
      const prefix = rule.Prefix ?? '';
      const state = settings.bucket.statePrefix;
      assert.ok(!state.startsWith(prefix) && !prefix.startsWith(state), `${rule.Id} (${touches.join()}) covers ${state}`);
    }
    const aborts = rules.filter((rule) => rule.AbortIncompleteMultipartUpload);
    assert.equal(aborts.length, 1);
    assert.equal(aborts[0].Prefix, undefined);
    assert.ok(aborts[0].AbortIncompleteMultipartUpload.DaysAfterInitiation >= 7, 'an open upload outlives an outage of a week');
  });

  test(`${name}: the bucket outlives its stack, and is open to nobody`, () => {
    const { template } = example(name);
    const bucket = template.Resources[bucketId(template)]!;
    assert.equal(bucket.DeletionPolicy, 'Retain');
    assert.ok(Object.values(bucket.Properties.PublicAccessBlockConfiguration).every((blocked) => blocked === true));
    assert.ok(bucket.Properties.BucketEncryption);
  });

  test(`${name}: a worker lands, and deletes nothing but its probes`, () => {
    const { template, settings } = example(name);
    for (const pool of settings.pools) {
      const may = (action: string, key?: string, context?: Context) => mayOnBucket(template, roleId(template, `Pool${pool.name}`, 'Task'), action, key, context);
      for (const action of ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts']) assert.ok(may(action, DATA), action);
      assert.ok(may('s3:ListBucket') && may('s3:GetLifecycleConfiguration'));
      assert.ok(may('s3:PutObject', ENTRY, CREATE) && may('s3:PutObject', RECORD, SWAP) && may('s3:PutObject', HEARTBEAT));
      for (const key of [DATA, ENTRY, CHECKPOINT, RECORD, HEARTBEAT]) assert.equal(may('s3:DeleteObject', key), false, key);
      assert.ok(may('s3:DeleteObject', '_landfall/probe/x/once.json') && may('s3:DeleteObject', 'bids/_landfall-probe/x/object.json'));
      // The probe tries to delete where a log would be, and is glad that it cannot.
      assert.equal(may('s3:DeleteObject', '_landfall/probe/log/0/delete-me.json'), false);
      for (const action of ['s3:PutBucketPolicy', 's3:PutLifecycleConfiguration', 's3:DeleteBucket']) assert.equal(may(action), false, action);
      assert.equal(may('s3:PutObjectTagging', DATA), settings.bucket.objectTags);
    }
  });

  test(`${name}: the API writes job records and probes, and no data`, () => {
    const { template } = example(name);
    const may = (action: string, key?: string, context?: Context) => mayOnBucket(template, roleId(template, 'Api', 'Task'), action, key, context);
    assert.ok(may('s3:PutObject', RECORD, CREATE) && may('s3:GetObject', ENTRY) && may('s3:PutObject', ENTRY, CREATE));
    assert.ok(may('s3:PutObject', 'bids/_landfall-probe/x/object.json') && may('s3:ListBucket'));
    assert.equal(may('s3:PutObject', DATA), false);
    assert.equal(may('s3:GetObject', DATA), false);
    assert.equal(may('s3:DeleteObject', RECORD), false);
  });

  test(`${name}: the lag Lambda reads state and writes only what it remembers`, () => {
    const { template } = example(name);
    const may = (action: string, key?: string, context?: Context) => mayOnBucket(template, roleId(template, 'Lag'), action, key, context);
    assert.ok(may('s3:GetObject', RECORD) && may('s3:GetObject', HEARTBEAT) && may('s3:PutObject', '_landfall/scaling/shared.json'));
    assert.ok(may('s3:ListBucket', undefined, { 's3:prefix': '_landfall/workers/' }));
    assert.equal(may('s3:ListBucket', undefined, { 's3:prefix': 'bids/' }), false);
    for (const key of [RECORD, HEARTBEAT, ENTRY, DATA]) assert.equal(may('s3:PutObject', key, CREATE), false, key);
    assert.equal(may('s3:GetObject', DATA), false);
  });
}
