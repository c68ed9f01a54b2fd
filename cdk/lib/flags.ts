/**
 * Behaviour of the CDK that this package is written for. It stands here and not in cdk.json, so that tests and an app
 * that only uses the construct get the same templates.
 */
export const FLAGS: Record<string, boolean> = {
  // One statement where several would say the same: smaller policies, and each right is read once.
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/aws-ecs:arnFormatIncludesClusterName': true,
  '@aws-cdk/aws-ecs:disableExplicitDeploymentControllerForCircuitBreaker': true,
  '@aws-cdk/aws-s3:createDefaultLoggingPolicy': true,
  // Access logs are let in by a bucket policy, as ACLs are off.
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  '@aws-cdk/core:checkSecretUsage': true,
};
