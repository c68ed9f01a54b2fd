/** What the tests share: each example synthesized once, and looks into its template. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseSettings, type Settings } from '../lib/config/fleet';
import { addFleet, landfallApp } from '../lib/stacks';
import { AwsSolutionsChecks } from 'cdk-nag';

export const ROOT = join(__dirname, '..', '..');
export const EXAMPLES = ['minimal', 'production', 'existing-network', 'msk-iam'] as const;
export type Example = (typeof EXAMPLES)[number];

// Templates are read by people here, not by a compiler: the tests look at plain JSON.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DeletionPolicy?: string;
}

export interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, Json>;
  readonly Metadata?: Json;
}

export interface Violation {
  readonly plugin: string;
  readonly rule: string;
  readonly where: string[];
}

export interface Synthesis {
  readonly settings: Settings;
  readonly templates: Record<string, Template>;
  /** The fleet's own, without the registry's. */
  readonly template: Template;
  readonly violations: Violation[];
}

export const exampleText = (name: Example) => readFileSync(join(ROOT, 'examples', `${name}.yaml`), 'utf8');

const known = new Map<string, Synthesis>();

export function example(name: Example): Synthesis {
  const found = known.get(name);
  if (found) return found;
  const made = synthesize(exampleText(name), name);
  known.set(name, made);
  return made;
}

export function synthesize(text: string, source = 'test.yaml'): Synthesis {
  const settings = parseSettings(text, source);
  const outdir = mkdtempSync(join(tmpdir(), 'landfall-cdk-'));
  try {
    const app = landfallApp({ outdir });
    addFleet(app, settings, [new AwsSolutionsChecks()]);
    try {
      app.synth();
    } catch (error) {
      // The templates and the report are there all the same; what the report says is for the tests to judge.
      if (!String(error).includes('Validation failed')) throw error;
    }
    const names = readdirSync(outdir).filter((file) => file.endsWith('.template.json'));
    const templates = Object.fromEntries(
      names.map((file) => [file.replace('.template.json', ''), JSON.parse(readFileSync(join(outdir, file), 'utf8')) as Template]),
    );
    return { settings, templates, template: templates[settings.name]!, violations: readViolations(outdir) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
    // A violation sets it; the tests tell themselves what they think of one.
    process.exitCode = undefined;
  }
}

/** The template alone, without validation and aspects: for tests that look at many. */
export function quickly(text: string): Template {
  const stack = addFleet(landfallApp(), parseSettings(text, 'test.yaml'));
  return stack.resolve((stack as unknown as { _toCloudFormation(): object })._toCloudFormation()) as Template;
}

function readViolations(outdir: string): Violation[] {
  const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as Json;
  return report.pluginReports.flatMap((plugin: Json) =>
    plugin.violations.map((violation: Json) => ({
      plugin: plugin.pluginName,
      rule: violation.ruleName,
      where: violation.violatingConstructs.map((construct: Json) => construct.constructPath ?? construct.cloudFormationResource?.logicalId),
    })),
  );
}

export function ofType(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** The resource of a type whose logical id holds a word. */
export function one(template: Template, type: string, word = ''): Resource {
  const found = ofType(template, type).filter(([id]) => id.includes(word));
  if (found.length !== 1) throw new Error(`${found.length} resources of ${type} with ${word} in their id, not one: ${found.map(([id]) => id).join(', ')}`);
  return found[0]![1];
}

export const list = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

/** A value with `<LogicalId.Attribute>` where CloudFormation puts something in. */
export function flat(value: Json): string {
  if (typeof value === 'string') return value;
  if (value?.Ref) return `<${value.Ref}>`;
  if (value?.['Fn::GetAtt']) return `<${value['Fn::GetAtt'].join('.')}>`;
  if (value?.['Fn::Join']) return value['Fn::Join'][1].map(flat).join(value['Fn::Join'][0]);
  if (value?.['Fn::Sub']) {
    const [text, variables] = value['Fn::Sub'] as [string, Record<string, string>];
    return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => variables[name] ?? `<${name}>`);
  }
  return JSON.stringify(value);
}
