/** What a value must look like: each answers what is wrong, or nothing. */

import type { Check } from './section';

export const matches =
  (pattern: RegExp, problem: string): Check<string> =>
  (text) =>
    pattern.test(text) ? undefined : problem;

export const whole =
  (least: number, most: number): Check<number> =>
  (value) =>
    Number.isInteger(value) && value >= least && value <= most ? undefined : `is not a whole number from ${least} to ${most}`;

export const between =
  (least: number, most: number): Check<number> =>
  (value) =>
    value >= least && value <= most ? undefined : `is not from ${least} to ${most}`;

export const oneOf =
  (values: readonly number[]): Check<number> =>
  (value) =>
    values.includes(value) ? undefined : `is none of ${values.join(', ')}`;

export const fleetName = matches(/^[a-z][a-z0-9-]{0,27}$/, 'is not 1 to 28 lower-case letters, digits and - after a letter');

/**
 * Names of clusters and pools become part of a variable (LANDFALL_CLUSTERS__MAIN), which cannot hold `-` or `.`, and
 * levels are divided by `__`.
 */
export const variableName = (name: string) =>
  /^[a-z][a-z0-9_]{0,29}$/.test(name) && !name.includes('__') && !name.endsWith('_')
    ? undefined
    : 'is not lower-case letters, digits and single _ after a letter, at most 30';

export const region = matches(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is not a region');
export const accountId = matches(/^\d{12}$/, 'is not 12 digits');
export const cidr = (text: string) => {
  const [address, bits, ...rest] = text.split('/');
  const good = rest.length === 0 && ipv4(address ?? '') === undefined && /^\d{1,2}$/.test(bits ?? '') && Number(bits) <= 32;
  return good ? undefined : 'is not a range of IPv4 addresses';
};
export const ipv4 = (text: string) =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255)
    ? undefined
    : 'is not an IPv4 address';
export const bucketName = matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket');
export const folder = matches(/^([A-Za-z0-9!_.*'()=+@-]+\/)+$/, 'is not a folder that ends in /');
export const httpsUrl = matches(/^https:\/\/[^\s/]+(\/\S*)?$/, 'is not an https address');
export const email = matches(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'is not an address');
export const resourceId = (prefix: string) =>
  matches(new RegExp(`^${prefix}-[0-9a-f]{8,17}$`), `is not an id such as ${prefix}-0123456789abcdef0`);
export const arn = (service: string, rest: string) =>
  matches(new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]*:\\d{12}:${rest}$`), `is not such an ARN`);

/** `#key` picks one key of a secret that is JSON. The six characters at the end are part of a secret's ARN. */
export const secretArn = arn('secretsmanager', 'secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}(#[A-Za-z0-9_.-]+)?');

const UNITS: Record<string, number> = { MiB: 1, GiB: 1024 };

/** A size in MiB, or undefined. */
export function mebibytes(text: string): number | undefined {
  const found = /^(\d+)\s?(MiB|GiB)$/.exec(text);
  return found ? Number(found[1]) * UNITS[found[2]!]! : undefined;
}

export const size: Check<string> = (text) => (mebibytes(text) === undefined ? 'is not a size' : undefined);

/** `host:port`, several divided by commas. */
export const servers: Check<string> = (text) => {
  if (text.includes('@')) return 'holds a user or password';
  return text.split(',').every((server) => /^[A-Za-z0-9.-]+:\d{1,5}$/.test(server.trim())) ? undefined : 'is not host:port';
};
