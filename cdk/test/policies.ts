/**
 * A small model of how AWS decides: the statements of a role and of the bucket against one request. A deny wins, then an
 * allow is needed. It knows the conditions that the templates use, and fails on any other.
 */

import { flat, list, ofType, type Json, type Template } from './support';

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: string[];
  readonly resources: string[];
  readonly condition: Json;
}

/** Condition keys of a request; one that is absent is null. */
export type Context = Record<string, string | null>;

export const bucketId = (template: Template) => ofType(template, 'AWS::S3::Bucket').find(([id]) => id.includes('Data'))![0];

export function bucketStatements(template: Template): Statement[] {
  const id = bucketId(template);
  const policies = ofType(template, 'AWS::S3::BucketPolicy').filter(([, policy]) => policy.Properties.Bucket.Ref === id);
  return policies.flatMap(([, policy]) => statements(policy.Properties.PolicyDocument));
}

export const roles = (template: Template) => ofType(template, 'AWS::IAM::Role').map(([id]) => id);

export function roleId(template: Template, ...words: string[]): string {
  const found = roles(template).filter((id) => words.every((word) => id.includes(word)));
  if (found.length !== 1) throw new Error(`${found.length} roles with ${words.join(' and ')}: ${found.join(', ')}`);
  return found[0]!;
}

export function roleStatements(template: Template, id: string): Statement[] {
  const attached = ofType(template, 'AWS::IAM::Policy').filter(([, policy]) => policy.Properties.Roles.some((role: Json) => role.Ref === id));
  return attached.flatMap(([, policy]) => statements(policy.Properties.PolicyDocument));
}

const statements = (document: Json): Statement[] =>
  document.Statement.map((statement: Json) => ({
    effect: statement.Effect,
    actions: list<string>(statement.Action),
    resources: list(statement.Resource).map(flat),
    condition: statement.Condition ?? {},
  }));

/** May this role do that to the data bucket? */
export function mayOnBucket(template: Template, role: string, action: string, key: string | undefined, context: Context = {}): boolean {
  const bucket = `<${bucketId(template)}.Arn>`;
  const resource = key === undefined ? bucket : `${bucket}/${key}`;
  return decide([...roleStatements(template, role), ...bucketStatements(template)], action, resource, context);
}

export function decide(all: Statement[], action: string, resource: string, context: Context): boolean {
  const full: Context = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3', ...context };
  const matching = all.filter(
    (statement) =>
      statement.actions.some((pattern) => glob(pattern, action)) &&
      statement.resources.some((pattern) => glob(pattern, resource)) &&
      holds(statement.condition, full),
  );
  return !matching.some(({ effect }) => effect === 'Deny') && matching.some(({ effect }) => effect === 'Allow');
}

function holds(condition: Json, context: Context): boolean {
  return Object.entries(condition).every(([operator, keys]) =>
    Object.entries(keys as Json).every(([key, wanted]) => {
      const value = context[key] ?? null;
      const values = list(wanted as Json).map(flat);
      switch (operator) {
        case 'Null':
          return String(value === null) === values[0];
        case 'Bool':
        case 'StringEquals':
          return value !== null && values.includes(value);
        case 'StringLike':
        case 'ArnEquals':
          return value !== null && values.some((pattern) => glob(pattern, value));
        case 'NumericLessThan':
          return value !== null && Number(value) < Number(values[0]);
        default:
          throw new Error(`the model of conditions does not know ${operator}: teach it`);
      }
    }),
  );
}

const glob = (pattern: string, text: string) =>
  new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\<>]/g, '\\$&')).join('.*')}$`).test(text);
