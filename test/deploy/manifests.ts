import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const FOLDER = new URL('../../deploy/k8s/', import.meta.url).pathname;

const labels = z.record(z.string(), z.string());
const selector = z.object({ matchLabels: labels });

const Probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const Variable = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .object({
      secretKeyRef: z.object({
        name: z.string(),
        key: z.string(),
        optional: z.boolean().default(false),
      }),
    })
    .optional(),
});
const Container = z.object({
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })),
  env: z.array(Variable),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
});
const PodSpec = z.object({
  terminationGracePeriodSeconds: z.int(),
  securityContext: z.object({ runAsUser: z.int(), runAsGroup: z.int() }),
  topologySpreadConstraints: z.array(z.object({ labelSelector: selector })),
  containers: z.tuple([Container]),
});

export const Deployment = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector,
    template: z.object({ metadata: z.object({ labels }), spec: PodSpec }),
  }),
});
export const Service = z.object({
  metadata: z.object({ name: z.string(), labels }),
  spec: z.object({
    selector: labels,
    ports: z.array(z.object({ name: z.string(), port: z.int(), targetPort: z.string() })),
  }),
});
export const Autoscaler = z.object({
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: z.int(),
    maxReplicas: z.int(),
  }),
});
export const DisruptionBudget = z.object({ spec: z.object({ selector }) });
export const NetworkPolicy = z.object({
  spec: z.object({
    podSelector: selector,
    ingress: z.array(z.object({ ports: z.array(z.object({ port: z.string() })) })).default([]),
    egress: z.array(
      z.object({
        to: z.array(z.object({ ipBlock: z.object({ cidr: z.string() }).optional() })),
        ports: z.array(z.object({ port: z.int() })),
      }),
    ),
  }),
});
export const ServiceMonitor = z.object({
  spec: z.object({
    selector,
    endpoints: z.array(z.object({ port: z.string(), path: z.string() })),
  }),
});
const Backend = z.object({
  service: z.object({ name: z.string(), port: z.object({ name: z.string() }) }),
});
export const Ingress = z.object({
  spec: z.object({
    ingressClassName: z.string(),
    rules: z.array(
      z.object({
        host: z.string(),
        http: z.object({ paths: z.array(z.object({ path: z.string(), backend: Backend })) }),
      }),
    ),
  }),
});
export const Overlay = z.object({
  configMapGenerator: z.array(z.object({ literals: z.array(z.string()) })),
});

/** The text of a file of `deploy/k8s`. */
export function readText(path: string): string {
  return readFileSync(join(FOLDER, path), 'utf8');
}

/** A manifest of `deploy/k8s`, as far as `schema` looks into it; the rest is the API server's to judge. */
export function readManifest<T>(path: string, schema: z.ZodType<T>): T {
  return schema.parse(parse(readText(path)));
}
