/** Where the fleet runs: a network of its own, or one that is there. */

import { cidr, ipv4, matches, resourceId, whole } from './checks';
import type { Section } from './section';

export interface Vpn {
  readonly name: string;
  readonly gatewayIp: string;
  readonly asn: number;
  /** Empty: routes come by BGP. */
  readonly routes: readonly string[];
}

export interface OwnNetwork {
  readonly kind: 'own';
  readonly cidr: string;
  readonly zones: number;
  readonly natGateways: number;
  readonly interfaceEndpoints: boolean;
  readonly flowLogs: boolean;
  readonly vpn: readonly Vpn[];
}

export interface ExistingNetwork {
  readonly kind: 'existing';
  readonly vpcId: string;
  readonly cidr: string;
  readonly zones: readonly string[];
  readonly privateSubnets: readonly string[];
  readonly publicSubnets: readonly string[];
}

export type Network = OwnNetwork | ExistingNetwork;

const CIDR_FIX = 'write one such as 10.40.0.0/16';
const SUBNET_FIX = 'write one id a zone, in the order of network.existing.zones';

export function readNetwork(section: Section): Network {
  if (section.has('existing')) {
    const existing = readExisting(section.section('existing'));
    // Asked for, so that each is told apart from a misspelt key.
    for (const key of ['cidr', 'zones', 'nat_gateways', 'interface_endpoints', 'flow_logs', 'vpn']) {
      if (section.has(key)) {
        section.note(key, 'belongs to a network of its own, and network.existing is given', 'leave one of them out');
      }
    }
    readOwn(section);
    section.finish();
    return existing;
  }
  section.section('existing');
  const own = readOwn(section);
  if (own.natGateways > own.zones) {
    section.note('nat_gateways', `is ${own.natGateways}, and there are ${own.zones} zones`, 'write at most one a zone');
  }
  if (own.natGateways === 0 && !own.interfaceEndpoints) {
    const problem = 'is false while nat_gateways is 0: no task could fetch its image';
    section.note('interface_endpoints', problem, 'write true, or nat_gateways: 1');
  }
  section.finish();
  return own;
}

function readOwn(section: Section): OwnNetwork {
  const natGateways = section.number('nat_gateways', { fallback: 1, check: whole(0, 3), fix: 'write 0 to 3' });
  return {
    kind: 'own',
    cidr: section.text('cidr', { fallback: '10.40.0.0/16', check: ownCidr, fix: CIDR_FIX }),
    zones: section.number('zones', { fallback: 2, check: whole(2, 3), fix: 'write 2 or 3' }),
    natGateways,
    // Without NAT there is no other way to the registry, the log and the secrets.
    interfaceEndpoints: section.flag('interface_endpoints', { fallback: natGateways === 0, fix: 'write true or false' }),
    flowLogs: section.flag('flow_logs', { fallback: true, fix: 'write true or false' }),
    vpn: readVpn(section),
  };
}

/** A VPC has between /16 and /28; below /24 its subnets would be too small for three zones. */
const ownCidr = (text: string) => {
  const bits = Number(text.split('/')[1]);
  return cidr(text) ?? (bits >= 16 && bits <= 24 ? undefined : 'is not between /16 and /24');
};

function readVpn(section: Section): Vpn[] {
  const name = matches(/^[a-z][a-z0-9-]{0,29}$/, 'is not lower-case letters, digits and - after a letter');
  return [...section.named('vpn', name, 'rename it')].map(([vpnName, inner]) => {
    const vpn = {
      name: vpnName,
      gatewayIp: inner.text('gateway_ip', { check: ipv4, fix: "write the public address of the supplier's gateway" }),
      asn: inner.number('asn', { fallback: 65000, check: whole(1, 4294967294), fix: "write the supplier's BGP number" }),
      routes: inner.texts('routes', { check: cidr, fix: 'write ranges behind the gateway, such as 10.200.0.0/16' }),
    };
    inner.finish();
    return vpn;
  });
}

function readExisting(section: Section): ExistingNetwork {
  const zones = section.texts('zones', {
    check: matches(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'is not an availability zone'),
    fix: 'write zones such as eu-west-1a',
  });
  const subnets = (key: string) => section.texts(key, { check: resourceId('subnet'), fix: SUBNET_FIX });
  const network: ExistingNetwork = {
    kind: 'existing',
    vpcId: section.text('vpc_id', { check: resourceId('vpc'), fix: 'write the id of the VPC' }),
    cidr: section.text('cidr', { check: cidr, fix: CIDR_FIX }),
    zones,
    privateSubnets: subnets('private_subnets'),
    publicSubnets: subnets('public_subnets'),
  };
  if (zones.length < 2) section.note('zones', 'has fewer than two zones, and a load balancer needs two', 'write at least two');
  if (network.privateSubnets.length !== zones.length) {
    section.note('private_subnets', `has ${network.privateSubnets.length} ids for ${zones.length} zones`, SUBNET_FIX);
  }
  if (network.publicSubnets.length !== 0 && network.publicSubnets.length !== zones.length) {
    section.note('public_subnets', `has ${network.publicSubnets.length} ids for ${zones.length} zones`, SUBNET_FIX);
  }
  section.finish();
  return network;
}
