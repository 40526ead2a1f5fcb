import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig, VARIABLES } from '../../src/config.ts';
import { startService, type TestService } from '../support/service.ts';
import * as manifests from './manifests.ts';
import { readManifest, readText } from './manifests.ts';

const deployment = readManifest('base/deployment.yaml', manifests.Deployment);
const service = readManifest('base/service.yaml', manifests.Service);
const autoscaler = readManifest('base/horizontal-pod-autoscaler.yaml', manifests.Autoscaler);
const policies = ['base', 'overlays/production'].map((folder) =>
  readManifest(`${folder}/network-policy.yaml`, manifests.NetworkPolicy),
);
const monitor = readManifest(
  'components/service-monitor/service-monitor.yaml',
  manifests.ServiceMonitor,
);
const webhooks = readManifest('components/ingress/webhooks.yaml', manifests.Ingress);
const api = readManifest('components/ingress/api.yaml', manifests.Ingress);
const overlay = readManifest('overlays/production/kustomization.yaml', manifests.Overlay);

const guide = readFileSync(new URL('../../docs/kubernetes.md', import.meta.url), 'utf8');

const pod = deployment.spec.template.spec;
const [container] = pod.containers;
const secrets = container.env.flatMap(({ name, valueFrom }) =>
  valueFrom ? [{ name, from: valueFrom.secretKeyRef }] : [],
);
const required = secrets.flatMap(({ from }) => (from.optional ? [] : [from.key]));

const SECRET_VALUES: Readonly<Record<string, string>> = {
  ENCRYPTION_KEYS: `a:${createHash('sha256').update('TEST ONLY: key').digest('hex')}`,
  OPERATOR_API_KEY: createHash('sha256').update('TEST ONLY: operator').digest('hex'),
  MONGODB_URL: 'mongodb://mongodb.databases/sallyport',
  REDIS_URL: 'redis://redis.databases',
  SINK_MONGODB_URL: 'mongodb://mongodb.databases/sinks',
  SINK_REDIS_URL: 'redis://redis.databases/1',
};

/** What is not secret in a pod's environment: of the base, or with what the overlay adds. */
const inBase = {
  ...parseEnv(readText('base/sallyport.env')),
  ...Object.fromEntries(container.env.flatMap(({ name, value }) => (value ? [[name, value]] : []))),
};
const inProduction = {
  ...inBase,
  ...parseEnv(overlay.configMapGenerator.flatMap(({ literals }) => literals).join('\n')),
};

/** The environment of a pod whose Secret has these keys. */
function environment(plain: NodeJS.Dict<string>, keys: readonly string[]) {
  const given = secrets.filter(({ from }) => keys.includes(from.key));
  return {
    ...plain,
    ...Object.fromEntries(given.map(({ name, from }) => [name, SECRET_VALUES[from.key]])),
  };
}

describe('the environment of a pod', () => {
  it('has no variable that the service does not read', () => {
    const names = [...Object.keys(inProduction), ...container.env.map(({ name }) => name)];
    const inGuide = guide.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    expect([...names, ...inGuide].filter((name) => !VARIABLES.includes(name))).toEqual([]);
  });

  it.each([
    ['the base', inBase],
    ['the production overlay', inProduction],
  ])('starts the server family in %s', (_, plain) => {
    const config = readConfig(environment(plain, required));
    expect(config).toMatchObject({ production: true, storage: { kind: 'servers' } });
    // Inside a pod nobody could ask a loopback address.
    expect([config.http.host, config.metrics?.host]).toEqual(['0.0.0.0', '0.0.0.0']);
  });

  it('takes every secret from the Secret, under its own name', () => {
    expect(secrets.map(({ name, from }) => [name, from.key, from.name])).toEqual(
      Object.keys(SECRET_VALUES).map((name) => [name, name, 'sallyport']),
    );
    expect(Object.keys(inProduction).filter((name) => name in SECRET_VALUES)).toEqual([]);
  });

  it.each(required)('demands %s, without which the service would not start', (missing) => {
    const rest = required.filter((key) => key !== missing);
    expect(() => readConfig(environment(inBase, rest))).toThrow(missing);
  });

  it('says how many pods there are at most', () => {
    expect(readConfig(environment(inBase, required)).instances).toBe(autoscaler.spec.maxReplicas);
    expect(autoscaler.spec.minReplicas).toBeGreaterThanOrEqual(2);
  });

  it('gives the service its time to drain and to stop', () => {
    const config = readConfig(environment(inProduction, required));
    expect(config.drainDelayMs).toBeGreaterThanOrEqual(5000);
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(
      config.drainDelayMs + config.shutdownTimeoutMs + 5000,
    );
  });
});

describe('what refers to each other', () => {
  const { labels } = deployment.spec.template.metadata;
  const portNames = container.ports.map(({ name }) => name);

  it('ports are those that the service listens on', () => {
    expect(container.ports).toEqual([
      { name: 'http', containerPort: Number(inProduction['PORT']) },
      { name: 'metrics', containerPort: Number(inProduction['METRICS_PORT']) },
    ]);
    expect(service.spec.ports.map(({ targetPort }) => targetPort)).toEqual(portNames);
    expect(policies.flatMap(({ spec }) => spec.ingress.flatMap(({ ports }) => ports))).toEqual(
      portNames.map((port) => ({ port })),
    );
  });

  it('selectors find the pods', () => {
    const budget = readManifest('base/pod-disruption-budget.yaml', manifests.DisruptionBudget);
    const found = [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
      ...policies.map(({ spec }) => spec.podSelector.matchLabels),
      ...pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels),
    ];
    expect(found).toEqual(found.map(() => labels));
    expect(autoscaler.spec.scaleTargetRef).toMatchObject({
      kind: 'Deployment',
      name: deployment.metadata.name,
    });
  });

  it('the user is the one of the image', () => {
    const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
    const { runAsUser, runAsGroup } = pod.securityContext;
    expect(/^USER (.*)$/m.exec(dockerfile)?.[1]).toBe(`${runAsUser}:${runAsGroup}`);
  });

  it('names are asked of a cache on the node, too, which no selector finds', () => {
    const [base] = policies;
    const dns =
      base?.spec.egress.filter(({ ports }) => ports.some(({ port }) => port === 53)) ?? [];
    const addresses = dns.flatMap(({ to }) => to.map(({ ipBlock }) => ipBlock?.cidr));
    expect(addresses).toContain('169.254.20.10/32');
  });

  it('only the webhooks are public', () => {
    const paths = [webhooks, api].map(({ spec }) => ({
      className: spec.ingressClassName,
      paths: spec.rules.flatMap(({ http }) => http.paths.map(({ path }) => path)),
    }));
    expect(paths).toEqual([
      { className: 'public', paths: ['/webhooks/graph'] },
      { className: 'internal', paths: ['/api'] },
    ]);
    for (const { spec } of [webhooks, api]) {
      for (const { backend } of spec.rules.flatMap(({ http }) => http.paths)) {
        expect(backend.service).toEqual({ name: service.metadata.name, port: { name: 'http' } });
      }
    }
  });
});

describe('what is asked of a pod', () => {
  let running: TestService;
  beforeAll(async () => {
    running = await startService();
  });
  afterAll(() => running.close());

  it.each(['startupProbe', 'livenessProbe', 'readinessProbe'] as const)(
    'the service answers its %s',
    async (probe) => {
      const { path, port } = container[probe].httpGet;
      expect(port).toBe('http');
      expect((await fetch(running.url + path)).status).toBe(200);
    },
  );

  it('only its readiness asks the stores', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect(startupProbe.httpGet.path).toBe('/health');
    expect(livenessProbe.httpGet.path).toBe('/health');
    expect(readinessProbe.httpGet.path).toBe('/health/ready');
  });

  it('Prometheus finds the metrics', async () => {
    expect(monitor.spec.selector.matchLabels).toEqual(service.metadata.labels);
    const [endpoint] = monitor.spec.endpoints;
    expect(service.spec.ports.map(({ name }) => name)).toContain(endpoint?.port);
    const answer = await fetch(new URL(endpoint?.path ?? '', running.metricsUrl));
    const shown = await answer.text();
    // docs/kubernetes.md says which of them to watch.
    const watched = [...guide.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].flatMap(([, name = '']) =>
      name.startsWith('kube_') ? [] : [name],
    );
    expect(watched).toContain('dead_letters');
    expect(watched.filter((name) => !shown.includes(`\n${name} `))).toEqual([]);
  });
});
