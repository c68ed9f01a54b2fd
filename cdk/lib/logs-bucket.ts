/** Where AWS itself writes: access logs of the data bucket and of the load balancer, refused traffic of the network. */

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export class LogsBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, retentionDays: number) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      // The log services of AWS write with keys of S3 only.
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      lifecycleRules: [{ id: 'expire', expiration: Duration.days(retentionDays) }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It holds the access logs: logging it into itself would never end.',
    });
  }
}
