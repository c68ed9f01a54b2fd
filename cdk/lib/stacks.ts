/** The ready app: a stack for the image's repository, which must be there before anything runs, and one for the fleet. */

import { App, ArnFormat, CfnOutput, Fn, RemovalPolicy, Stack, Tags, Validations, type AppProps, type IPolicyValidationPlugin } from 'aws-cdk-lib';
import { Repository, TagMutability } from 'aws-cdk-lib/aws-ecr';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

import type { Settings } from './config/fleet';
import { FLAGS } from './flags';
import { Landfall } from './landfall';

const KEPT_IMAGES = 50;

export class RegistryStack extends Stack {
  constructor(scope: Construct, settings: Settings) {
    super(scope, `${settings.name}-registry`, { env: environment(settings), description: `The image of Landfall, for ${settings.name}` });
    const repository = new Repository(this, 'Repository', {
      repositoryName: settings.image.repository,
      imageScanOnPush: true,
      // What was tried is what runs, also after a rollback.
      imageTagMutability: TagMutability.IMMUTABLE,
      lifecycleRules: [{ description: 'Enough to roll back to', maxImageCount: KEPT_IMAGES }],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // Lambda fetches images in its own name, and again when a function was idle for long.
    repository.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LambdaFetchesTheImage',
        principals: [new ServicePrincipal('lambda.amazonaws.com')],
        actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
        conditions: { StringLike: { 'aws:sourceArn': this.formatArn({ service: 'lambda', resource: 'function', resourceName: '*', arnFormat: ArnFormat.COLON_RESOURCE_NAME }) } },
      }),
    );
    for (const [key, value] of Object.entries(settings.tags)) Tags.of(this).add(key, value);
    new CfnOutput(this, 'RepositoryUri', { value: repository.repositoryUri, description: 'Where the image is pushed' });
  }
}

export class FleetStack extends Stack {
  readonly fleet: Landfall;

  constructor(scope: Construct, settings: Settings) {
    super(scope, settings.name, { env: environment(settings), description: `Landfall: lands Kafka topics in S3 (${settings.name})` });
    this.fleet = new Landfall(this, 'Landfall', { settings });
  }

  /** Left to CloudFormation, as a synth asks no account for its zones. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((index) => Fn.select(index, Fn.getAzs()));
  }
}

const environment = (settings: Settings) => ({ region: settings.region, ...(settings.account && { account: settings.account }) });

/** An app that behaves as this package expects. */
export const landfallApp = (props: AppProps = {}) =>
  new App({ analyticsReporting: false, ...props, postCliContext: { ...FLAGS, ...props.postCliContext } });

/** Puts the stacks of a fleet into an app; plugins look at it when it is synthesized. */
export function addFleet(app: App, settings: Settings, plugins: IPolicyValidationPlugin[] = []): FleetStack {
  Validations.of(app).addPlugins(...plugins);
  if (settings.image.createRepository) new RegistryStack(app, settings);
  return new FleetStack(app, settings);
}
