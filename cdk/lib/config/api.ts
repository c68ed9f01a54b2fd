/** The HTTP API: its address, who reaches it, who may use it. */

import { arn, cidr, httpsUrl, matches, whole } from './checks';
import { readTask, type TaskSize } from './pools';
import type { Section } from './section';

export interface Token {
  readonly name: string;
  readonly sha256: string;
  readonly role: 'viewer' | 'editor' | 'operator';
  readonly team?: string;
}

/** How the API reads roles and teams from the claims that a provider signs. */
export interface Claims {
  readonly roleClaim: string;
  readonly roles: { readonly viewer: readonly string[]; readonly editor: readonly string[]; readonly operator: readonly string[] };
  readonly teamClaim: string | undefined;
  readonly nameClaim: string | undefined;
}

export interface Oidc extends Claims {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userInfoEndpoint: string;
  readonly clientId: string;
  readonly clientSecretArn: string;
  readonly scope: string;
}

export interface Jwt extends Claims {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksEndpoint: string;
}

export interface Api {
  readonly certificateArn: string | undefined;
  readonly domain: string | undefined;
  readonly hostedZone: { readonly id: string; readonly name: string } | undefined;
  readonly isPublic: boolean;
  readonly allowCidrs: readonly string[];
  readonly tasks: number;
  readonly size: TaskSize;
  readonly tokens: readonly Token[];
  readonly oidc: Oidc | undefined;
  readonly jwt: Jwt | undefined;
}

const HTTPS_FIX = "write the address that the provider's discovery document tells";

export function readApi(section: Section, hasPublicSubnets: boolean): Api {
  const hostedZone = section.has('hosted_zone') ? readZone(section.section('hosted_zone')) : undefined;
  if (!hostedZone) section.section('hosted_zone');
  const api: Api = {
    certificateArn: section.optionalText('certificate_arn', {
      check: arn('acm', 'certificate/[a-f0-9-]+'),
      fix: 'write arn:aws:acm:REGION:ACCOUNT:certificate/ID',
    }),
    domain: section.optionalText('domain', {
      check: matches(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'is not a host name'),
      fix: 'write one such as landfall.example.com',
    }),
    hostedZone,
    isPublic: section.flag('public', { fallback: false, fix: 'write true or false' }),
    allowCidrs: section.texts('allow_cidrs', { check: cidr, fix: 'write ranges such as 10.0.0.0/8' }),
    tasks: section.number('tasks', { fallback: 2, check: whole(1, 10), fix: 'write 1 to 10' }),
    size: readTask(section, 0.5, '1GiB'),
    tokens: section.sections('tokens', 'write {name: ci, sha256: ..., role: editor}').map(readToken),
    oidc: section.has('oidc') ? readOidc(section.section('oidc')) : undefined,
    jwt: section.has('jwt') ? readJwt(section.section('jwt')) : undefined,
  };
  if (!api.oidc) section.section('oidc');
  if (!api.jwt) section.section('jwt');
  checkApi(section, api, hasPublicSubnets);
  section.finish();
  return api;
}

function checkApi(section: Section, api: Api, hasPublicSubnets: boolean): void {
  if (!api.certificateArn && !(api.domain && api.hostedZone)) {
    const fix = 'write certificate_arn, or domain and hosted_zone, and a certificate is made';
    section.note('certificate_arn', 'is missing, and nobody would be served without TLS', fix);
  }
  if (api.hostedZone && !api.domain) section.note('domain', 'is missing beside hosted_zone', 'write the name to put in the zone');
  if (api.domain && api.hostedZone && !`.${api.domain}`.endsWith(`.${api.hostedZone.name}`)) {
    section.note('domain', `${api.domain} is not in the zone ${api.hostedZone.name}`, 'write a name that ends with the zone');
  }
  if (api.tokens.length === 0 && !api.oidc && !api.jwt) {
    const fix = 'write tokens: [{name: ci, sha256: ..., role: operator}]; printf %s TOKEN | sha256sum prints the digits';
    section.note('tokens', 'is missing, and nobody could use the API', fix);
  }
  // The API believes one kind of proof: it would refuse the settings of another.
  const kinds = [api.tokens.length > 0 && 'tokens', api.oidc && 'oidc', api.jwt && 'jwt'].filter((kind) => typeof kind === 'string');
  if (kinds.length > 1) {
    section.note(kinds[0]!, `stands beside ${kinds.slice(1).join(' and ')}, and the API takes one kind of proof`, 'keep one of them; a second fleet may take the other');
  }
  if (api.isPublic && api.allowCidrs.length === 0) {
    section.note('allow_cidrs', 'is missing while public is true', 'write who may reach it, such as [198.51.100.0/24]');
  }
  if (api.allowCidrs.some((range) => range.endsWith('/0')) && !api.oidc) {
    section.note('allow_cidrs', 'lets everybody in, and oidc is not set', 'write narrower ranges, or set oidc');
  }
  if (api.isPublic && !hasPublicSubnets) {
    section.note('public', 'is true, and the network has no public subnets', 'write network.existing.public_subnets, or public: false');
  }
  const names = api.tokens.map((token) => token.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice) section.note('tokens', `has the name ${twice} twice`, 'name each token once');
}

function readToken(section: Section): Token {
  const team = section.optionalText('team', { fix: 'write the name of a team' });
  const token: Token = {
    name: section.text('name', { fix: 'write whose token it is' }),
    sha256: section.text('sha256', {
      // Somebody may have written the token itself: see the check below, which does not repeat it.
      fix: 'write the 64 hexadecimal digits that printf %s TOKEN | sha256sum prints',
    }),
    role: section.word('role', ['viewer', 'editor', 'operator'], 'viewer'),
    ...(team === undefined ? {} : { team }),
  };
  if (token.sha256 && !/^[0-9a-fA-F]{64}$/.test(token.sha256)) {
    section.note('sha256', 'is not a SHA-256', 'write the 64 hexadecimal digits that printf %s TOKEN | sha256sum prints');
  }
  if (!section.has('role')) section.note('role', 'is missing', 'write viewer, editor or operator');
  if (token.role === 'operator' && team) section.note('team', 'has no meaning with role: operator', 'leave it out');
  section.finish();
  return token;
}

function readZone(section: Section): { id: string; name: string } {
  const zone = {
    id: section.text('id', { check: matches(/^Z[A-Z0-9]{5,31}$/, 'is not the id of a hosted zone'), fix: 'write one such as Z0123456789ABCDEFGHIJ' }),
    name: section.text('name', { check: matches(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'is not a domain'), fix: 'write one such as example.com' }),
  };
  section.finish();
  return zone;
}

function readClaims(section: Section): Claims {
  const roles = section.section('roles');
  const values = (role: string) => roles.texts(role, { fix: `write values of the role claim, such as [landfall-${role}s]` });
  const claims: Claims = {
    roleClaim: section.text('role_claim', { fix: 'write the claim that tells roles, such as groups' }),
    roles: { viewer: values('viewer'), editor: values('editor'), operator: values('operator') },
    teamClaim: section.optionalText('team_claim', { fix: 'write the claim that tells the team' }),
    nameClaim: section.optionalText('name_claim', { fix: 'write the claim that tells the name' }),
  };
  roles.finish();
  const { viewer, editor, operator } = claims.roles;
  const all = [...viewer, ...editor, ...operator];
  if (all.length === 0) section.note('roles', 'gives nobody a role', 'write {editor: [landfall-editors], operator: [landfall-operators]}');
  const twice = all.find((value, at) => all.indexOf(value) !== at);
  if (twice) section.note('roles', `has the value ${twice} twice`, 'give each value one role');
  if (viewer.length + editor.length > 0 && !claims.teamClaim) {
    section.note('team_claim', 'is missing, and viewers and editors are refused without a team', 'name the claim that tells the team');
  }
  return claims;
}

function readOidc(section: Section): Oidc {
  const url = (key: string) => section.text(key, { check: httpsUrl, fix: HTTPS_FIX });
  const oidc: Oidc = {
    issuer: url('issuer'),
    authorizationEndpoint: url('authorization_endpoint'),
    tokenEndpoint: url('token_endpoint'),
    userInfoEndpoint: url('user_info_endpoint'),
    clientId: section.text('client_id', { fix: 'write the id that the provider gave' }),
    clientSecretArn: section.text('client_secret_arn', {
      check: arn('secretsmanager', 'secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}'),
      fix: "write the whole ARN of the secret that holds the client's secret as its text",
    }),
    scope: section.text('scope', { fallback: 'openid email', fix: 'write scopes with spaces between them' }),
    ...readClaims(section),
  };
  section.finish();
  return oidc;
}

function readJwt(section: Section): Jwt {
  const jwt: Jwt = {
    issuer: section.text('issuer', { check: httpsUrl, fix: HTTPS_FIX }),
    audience: section.text('audience', { fix: 'write what must be in the claim aud' }),
    jwksEndpoint: section.text('jwks_endpoint', { check: httpsUrl, fix: HTTPS_FIX }),
    ...readClaims(section),
  };
  section.finish();
  return jwt;
}
