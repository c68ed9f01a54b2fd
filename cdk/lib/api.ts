/**
 * The HTTP API behind a load balancer: TLS only, port 80 redirects. People sign in at the balancer (OIDC), or callers bring
 * a JWT, which is checked at the balancer and by the service, or a token that the service knows.
 */

import { Duration, SecretValue, Stack, Validations } from 'aws-cdk-lib';
import { Certificate, CertificateValidation, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Peer, Port, type SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { FargateService, PropagatedTagSource, type ICluster } from 'aws-cdk-lib/aws-ecs';
import {
  ApplicationListener, ApplicationLoadBalancer, ApplicationProtocol, ApplicationTargetGroup, CfnListenerRule, ListenerAction,
  SslPolicy, TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { ARecord, HostedZone, RecordTarget, type IHostedZone } from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

import type { Api as Settings, Claims } from './config/api';
import type { DataBucket } from './data-bucket';
import { COMMAND, PORT } from './names';
import type { Network } from './network';
import { grantKafka, logGroup, ProcessTask, TaskRoles, type Fleet } from './process';
import { BY_VARIABLE, fleetVariables, poolNames, type Variables } from './variables';

export interface ApiProps {
  readonly fleet: Fleet;
  readonly cluster: ICluster;
  readonly network: Network;
  readonly group: SecurityGroup;
  readonly bucket: DataBucket;
  readonly logs: IBucket;
}

export class Api extends Construct {
  readonly url: string;
  readonly service: FargateService;
  readonly balancer: ApplicationLoadBalancer;
  readonly targets: ApplicationTargetGroup;
  readonly log: LogGroup;

  constructor(scope: Construct, id: string, private readonly props: ApiProps) {
    super(scope, id);
    const { settings } = props.fleet;
    const { api } = settings;
    this.balancer = this.makeBalancer(api);
    this.log = logGroup(this, `/landfall/${settings.name}/api`, settings.logRetentionDays);
    this.service = this.makeService(api);
    this.targets = new ApplicationTargetGroup(this, 'Targets', {
      vpc: props.network.vpc,
      protocol: ApplicationProtocol.HTTP,
      port: PORT.api,
      targetType: TargetType.IP,
      targets: [this.service],
      healthCheck: { path: '/readyz', interval: Duration.seconds(10), timeout: Duration.seconds(5), healthyThresholdCount: 2 },
      // Less than the task is given to stop, so that no request meets a killed one.
      deregistrationDelay: Duration.seconds(30),
    });
    const zone = api.hostedZone && HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId: api.hostedZone.id, zoneName: api.hostedZone.name });
    const listener = this.listen(api, this.certificate(api, zone));
    this.rules(api, listener);
    if (zone && api.domain) {
      new ARecord(this, 'Name', { zone, recordName: `${api.domain}.`, target: RecordTarget.fromAlias(new LoadBalancerTarget(this.balancer)) });
    }
    this.url = `https://${api.domain ?? this.balancer.loadBalancerDnsName}`;
  }

  private makeBalancer(api: Settings): ApplicationLoadBalancer {
    const { network, logs } = this.props;
    const balancer = new ApplicationLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      internetFacing: api.isPublic,
      ...(!api.isPublic && { vpcSubnets: network.inside }),
      dropInvalidHeaderFields: true,
    });
    balancer.logAccessLogs(logs, 'alb');
    const ranges = api.allowCidrs.length > 0 ? api.allowCidrs : [network.cidr];
    for (const range of ranges) {
      for (const port of [443, 80]) balancer.connections.allowFrom(Peer.ipv4(range), Port.tcp(port));
    }
    if (ranges.includes('0.0.0.0/0')) {
      const reason = 'The YAML opens it to everybody on purpose, which is refused unless people sign in at the balancer.';
      Validations.of(balancer).acknowledge({ id: 'AwsSolutions-EC23', reason });
    }
    return balancer;
  }

  private makeService(api: Settings): FargateService {
    const { fleet, cluster, network, group, bucket } = this.props;
    const { settings } = fleet;
    const roles = new TaskRoles(this, 'Roles');
    bucket.grantApi(roles.task);
    grantKafka(roles.task, settings.clusters, 'set up');
    const task = new ProcessTask(this, 'Task', {
      fleet,
      family: `${settings.name}-api`,
      size: api.size,
      command: COMMAND.api,
      variables: { ...fleetVariables(settings, fleet.bucketName, BY_VARIABLE), ...poolNames(settings), ...this.authVariables(api) },
      log: this.log,
      roles,
    });
    task.container.addPortMappings({ containerPort: PORT.api });
    return new FargateService(this, 'Service', {
      serviceName: 'api',
      cluster,
      taskDefinition: task.definition,
      desiredCount: api.tasks,
      vpcSubnets: network.inside,
      securityGroups: [group],
      assignPublicIp: false,
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE', weight: 1 }],
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { rollback: true },
      enableECSManagedTags: true,
      propagateTags: PropagatedTagSource.SERVICE,
      healthCheckGracePeriod: Duration.seconds(60),
    });
  }

  private authVariables(api: Settings): Variables {
    return { LANDFALL_API__LISTEN: `0.0.0.0:${PORT.api}`, ...this.proof(api) };
  }

  /** What the service believes; docs/auth.md has each of the modes. */
  private proof({ oidc, jwt, tokens }: Settings): Variables {
    if (oidc) {
      // Whose signature on x-amzn-oidc-data counts: any balancer of AWS could sign one.
      const signer = this.balancer.loadBalancerArn;
      const alb = { signer, issuer: oidc.issuer, client: oidc.clientId, ...claimRules(oidc) };
      return { LANDFALL_API__AUTH__MODE: 'alb', LANDFALL_API__AUTH__ALB: Stack.of(this).toJsonString(alb) };
    }
    if (jwt) {
      const issuer = { issuer: jwt.issuer, audience: jwt.audience, jwks_url: jwt.jwksEndpoint, ...claimRules(jwt) };
      return { LANDFALL_API__AUTH__MODE: 'oidc', LANDFALL_API__AUTH__OIDC: JSON.stringify(issuer) };
    }
    return { LANDFALL_API__AUTH__MODE: 'token', LANDFALL_API__AUTH__TOKENS: JSON.stringify(tokens) };
  }

  private certificate(api: Settings, zone: IHostedZone | undefined): ICertificate {
    if (api.certificateArn) return Certificate.fromCertificateArn(this, 'Certificate', api.certificateArn);
    return new Certificate(this, 'Certificate', { domainName: api.domain!, validation: CertificateValidation.fromDns(zone) });
  }

  private listen(api: Settings, certificate: ICertificate): ApplicationListener {
    this.balancer.addRedirect({ open: false });
    const forward = ListenerAction.forward([this.targets]);
    return this.balancer.addListener('Tls', {
      port: 443,
      protocol: ApplicationProtocol.HTTPS,
      certificates: [certificate],
      sslPolicy: SslPolicy.TLS13_RES,
      open: false,
      defaultAction: api.oidc ? signIn(this, api.oidc, forward) : forward,
    });
  }

  /** The L2 rule does not know jwt-validation. */
  private rules(api: Settings, listener: ApplicationListener): void {
    if (!api.jwt) return;
    new CfnListenerRule(this, 'Machines', {
      listenerArn: listener.listenerArn,
      priority: 10,
      conditions: [{ field: 'http-header', httpHeaderConfig: { httpHeaderName: 'Authorization', values: ['Bearer *'] } }],
      actions: [
        { type: 'jwt-validation', order: 1, jwtValidationConfig: { issuer: api.jwt.issuer, jwksEndpoint: api.jwt.jwksEndpoint } },
        { type: 'forward', targetGroupArn: this.targets.targetGroupArn, order: 2 },
      ],
    });
  }
}

/** As the binary's configuration names them. */
function claimRules(claims: Claims) {
  const { viewer, editor, operator } = claims.roles;
  return {
    role_claim: claims.roleClaim,
    roles: { viewer, editor, operator },
    ...(claims.teamClaim !== undefined && { team_claim: claims.teamClaim }),
    ...(claims.nameClaim !== undefined && { name_claim: claims.nameClaim }),
  };
}

function signIn(scope: Construct, oidc: NonNullable<Settings['oidc']>, next: ListenerAction): ListenerAction {
  const secret = Secret.fromSecretCompleteArn(scope, 'ClientSecret', oidc.clientSecretArn);
  return ListenerAction.authenticateOidc({
    issuer: oidc.issuer,
    authorizationEndpoint: oidc.authorizationEndpoint,
    tokenEndpoint: oidc.tokenEndpoint,
    userInfoEndpoint: oidc.userInfoEndpoint,
    clientId: oidc.clientId,
    // A reference that CloudFormation resolves when it deploys; the template holds no secret.
    clientSecret: SecretValue.secretsManager(secret.secretArn),
    scope: oidc.scope,
    sessionTimeout: Duration.hours(8),
    next,
  });
}
