/**
 * The app of `cdk synth` and `cdk deploy`:
 *
 *     -c config=landfall.yaml   the fleet
 *     -c tag=0.2.0              another image than its image.tag
 *
 * A mistake in the YAML ends it with code 2 and one line each.
 */

import { readFileSync } from 'node:fs';

import { AwsSolutionsChecks } from 'cdk-nag';

import { parseSettings } from '../lib/config/fleet';
import { ConfigError } from '../lib/config/section';
import { addFleet, landfallApp } from '../lib/stacks';

function main(): void {
  const app = landfallApp();
  const file = String(app.node.tryGetContext('config') ?? 'landfall.yaml');
  const tag = app.node.tryGetContext('tag') as unknown;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [
      { key: '-c config', problem: `cannot be read: ${(error as Error).message}`, fix: 'write -c config=examples/minimal.yaml' },
    ]);
  }
  const settings = parseSettings(text, file, tag === undefined ? undefined : String(tag));
  addFleet(app, settings, [new AwsSolutionsChecks()]);
  app.synth();
}

try {
  main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  // At once: an app without stacks would be synthesized otherwise, and the mistake be followed by another.
  process.exit(2);
}
