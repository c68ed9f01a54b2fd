/**
 * The only way rights are given: a statement that holds a `*` must say why. The reason acknowledges cdk-nag's finding for
 * just this pattern, and stands in the template's metadata, where whoever reviews a deployed stack finds it.
 */

import { Stack, Token, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

export interface Right {
  readonly actions: string[];
  readonly resources: string[];
  readonly conditions?: Record<string, Record<string, unknown>>;
  /** Why a resource has to be a pattern. */
  readonly reason?: string;
}

export const WILDCARDS = 'Landfall::Wildcards';

export function grant(role: Role, ...rights: Right[]): void {
  for (const { actions, resources, conditions, reason } of rights) {
    const open = actions.find((action) => action.includes('*'));
    if (open) throw new Error(`${role.node.path}: ${open} names no action; list the actions`);
    const patterns = resources.map((resource) => flatten(role, resource)).filter((resource) => resource.includes('*'));
    if (patterns.length > 0 && !reason) throw new Error(`${role.node.path}: ${patterns.join(', ')} is a pattern; give a reason`);
    role.addToPrincipalPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources, ...(conditions && { conditions }) }));
    for (const pattern of patterns) explainWildcard(role, pattern, reason ?? '');
  }
}

/** Accounts for a pattern that the CDK itself puts into a role's policy. */
export function explainWildcard(role: IConstruct, pattern: string, reason: string): void {
  Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${pattern}]`, reason });
  const stack = Stack.of(role);
  const known = (stack.templateOptions.metadata?.[WILDCARDS] ?? {}) as Record<string, Record<string, string>>;
  const owner = role.node.path.split('/').slice(1).join('/');
  stack.templateOptions.metadata = {
    ...stack.templateOptions.metadata,
    [WILDCARDS]: { ...known, [owner]: { ...known[owner], [pattern]: reason } },
  };
}

/** A resource as text, with `<LogicalId.Attribute>` for what CloudFormation puts in: the form that cdk-nag names it by. */
export function flatten(scope: IConstruct, value: unknown): string {
  const visit = (node: unknown): string => {
    if (typeof node === 'string') return node;
    const [intrinsic, argument] = Object.entries(node as Record<string, unknown>)[0] ?? [];
    switch (intrinsic) {
      case 'Ref':
        return `<${String(argument)}>`;
      case 'Fn::GetAtt':
        return `<${(argument as string[]).join('.')}>`;
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown[]];
        return parts.map(visit).join(separator);
      }
      default:
        return JSON.stringify(node);
    }
  };
  return visit(Token.isUnresolved(value) ? Stack.of(scope).resolve(value) : value);
}
