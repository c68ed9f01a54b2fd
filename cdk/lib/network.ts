/** The VPC, its ways to AWS and to Kafka, and the security groups of what runs in it. */

import { Fn } from 'aws-cdk-lib';
import {
  CfnEIP, FlowLogDestination, FlowLogTrafficType, GatewayVpcEndpointAwsService, InterfaceVpcEndpointAwsService,
  IpAddresses, Peer, Port, SecurityGroup, SubnetType, Vpc, type IVpc, type SubnetSelection, type VpnConnectionOptions,
} from 'aws-cdk-lib/aws-ec2';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

import type { KafkaCluster } from './config/clusters';
import type { Actuator } from './config/pools';
import type { Network as Settings, OwnNetwork, Vpn } from './config/network';

export class Network extends Construct {
  readonly vpc: IVpc;
  /** The subnets that tasks and the Lambda run in. */
  readonly inside: SubnetSelection;
  readonly cidr: string;
  /** What a supplier puts on its list: the addresses that traffic comes from. */
  readonly egressAddresses: string[] = [];
  private readonly brokerGroups = new Map<string, SecurityGroup>();

  constructor(scope: Construct, id: string, settings: Settings, actuator: Actuator, logs: IBucket) {
    super(scope, id);
    this.cidr = settings.cidr;
    if (settings.kind === 'existing') {
      this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
        vpcId: settings.vpcId,
        availabilityZones: [...settings.zones],
        vpcCidrBlock: settings.cidr,
        privateSubnetIds: [...settings.privateSubnets],
        ...(settings.publicSubnets.length > 0 && { publicSubnetIds: [...settings.publicSubnets] }),
      });
      this.inside = { subnetType: SubnetType.PRIVATE_WITH_EGRESS };
      return;
    }
    const insideType = settings.natGateways > 0 ? SubnetType.PRIVATE_WITH_EGRESS : SubnetType.PRIVATE_ISOLATED;
    this.inside = { subnetType: insideType };
    const vpc = this.makeVpc(settings, insideType, logs);
    if (settings.interfaceEndpoints) this.addEndpoints(vpc, actuator);
    for (const subnet of vpc.publicSubnets) {
      const address = subnet.node.tryFindChild('EIP');
      if (address instanceof CfnEIP) this.egressAddresses.push(address.ref);
    }
    this.vpc = vpc;
  }

  /** A group for what talks to Kafka and AWS, and to nobody else. */
  clientGroup(scope: Construct, id: string, clusters: readonly KafkaCluster[], description: string): SecurityGroup {
    const group = new SecurityGroup(scope, id, { vpc: this.vpc, description, allowAllOutbound: false });
    // S3, the log, secrets, KMS, MSK's token: addresses of AWS that change, reached with TLS only.
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'AWS APIs');
    for (const cluster of clusters) {
      // Brokers are learnt from metadata at run time; where their ranges are known, nothing else is open.
      const peers = cluster.cidrs.length > 0 ? cluster.cidrs.map((range) => Peer.ipv4(range)) : [Peer.anyIpv4()];
      for (const port of cluster.ports) {
        for (const peer of peers) group.addEgressRule(peer, Port.tcp(port), `Kafka ${cluster.name}`);
        if (cluster.securityGroup) {
          this.brokers(cluster.securityGroup).addIngressRule(group, Port.tcp(port), `Landfall ${scope.node.id}`);
        }
      }
    }
    return group;
  }

  private brokers(id: string): SecurityGroup {
    const known = this.brokerGroups.get(id);
    if (known) return known;
    const group = SecurityGroup.fromSecurityGroupId(this, `Brokers-${id}`, id) as SecurityGroup;
    this.brokerGroups.set(id, group);
    return group;
  }

  private makeVpc(settings: OwnNetwork, insideType: SubnetType, logs: IBucket): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(settings.cidr),
      // Told by CloudFormation when it deploys, so that a synth asks no account.
      availabilityZones: Array.from({ length: settings.zones }, (_, index) => Fn.select(index, Fn.getAzs())),
      natGateways: settings.natGateways,
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false, cidrMask: 27 },
        { name: 'inside', subnetType: insideType },
      ],
      // Parts and log entries go this way, for nothing and not through NAT.
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
      ...(settings.vpn.length > 0 && { vpnConnections: Object.fromEntries(settings.vpn.map((vpn) => [vpn.name, connection(vpn)])) }),
    });
    if (settings.flowLogs) {
      vpc.addFlowLog('Refused', { destination: FlowLogDestination.toS3(logs, 'vpc/'), trafficType: FlowLogTrafficType.REJECT });
    }
    return vpc;
  }

  private addEndpoints(vpc: Vpc, actuator: Actuator): void {
    const { ECR, ECR_DOCKER, CLOUDWATCH_LOGS, CLOUDWATCH_MONITORING, SECRETS_MANAGER, KMS, STS, ECS } = InterfaceVpcEndpointAwsService;
    const group = new SecurityGroup(this, 'EndpointGroup', { vpc, description: 'Interface endpoints', allowAllOutbound: false });
    group.addIngressRule(Peer.ipv4(this.cidr), Port.tcp(443), 'From within the VPC');
    const services = {
      EcrApi: ECR, EcrDocker: ECR_DOCKER, Logs: CLOUDWATCH_LOGS, Metrics: CLOUDWATCH_MONITORING, Secrets: SECRETS_MANAGER, Kms: KMS, Sts: STS,
      ...(actuator === 'ecs' && { Ecs: ECS }),
    };
    for (const [name, service] of Object.entries(services)) {
      vpc.addInterfaceEndpoint(name, { service, subnets: this.inside, securityGroups: [group], open: false });
    }
  }
}

const connection = (vpn: Vpn): VpnConnectionOptions => ({
  ip: vpn.gatewayIp,
  asn: vpn.asn,
  ...(vpn.routes.length > 0 && { staticRoutes: [...vpn.routes] }),
});
