import assert from 'node:assert/strict';
import { test } from 'node:test';

import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';

import { EXAMPLES, example } from './support';

for (const name of EXAMPLES) {
  test(`${name}: cdk-nag and CloudFormation's own rules find nothing that is not acknowledged`, () => {
    assert.deepEqual(example(name).violations, []);
  });
}

test('cdk-nag is really asked: a bare bucket does not pass', () => {
  const app = new App({ analyticsReporting: false });
  Validations.of(app).addPlugins(new AwsSolutionsChecks());
  new Bucket(new Stack(app, 'Bare'), 'Bucket');
  try {
    assert.throws(() => app.synth(), /Validation failed/);
  } finally {
    process.exitCode = undefined;
  }
});
