import { z } from 'zod';

/** Fields that the service keeps and never shows: whether they differ cannot be told. */
export const HIDDEN: readonly string[] = ['clientState', 'secret', 'headers'];

const guid = z.guid().transform((text) => text.toLowerCase());
const text = z.string().min(1);
const anyOf = z.array(text).min(1).optional();

const Subscription = z.strictObject({
  id: guid,
  tenantId: guid,
  applicationId: guid,
  clientState: text,
  changeType: text,
  resource: text,
  expirationDateTime: z.iso.datetime({ offset: true }),
  includeResourceData: z
    .boolean()
    .nullish()
    .transform((given) => given ?? undefined), // Graph writes null for what was not chosen
  encryptionCertificateId: z.string().nullable().optional(),
  description: z.string().nullable().optional(),
  notes: z.string().nullable().optional(),
});

const Sink = z.strictObject({
  name: z.string().trim().min(1), // as the service does, or it would never be found there
  kind: text.default('webhook'),
  purpose: text.optional(),
  url: text.optional(),
  stream: text.optional(),
  collection: text.optional(),
  secret: text.optional(),
  headers: z.record(z.string(), z.string()).optional(),
  filter: z
    .strictObject({
      tenantId: anyOf,
      subscriptionId: anyOf,
      resource: anyOf,
      changeType: anyOf,
      lifecycle: text.optional(),
    })
    .optional(),
  enabled: z.boolean().optional(),
  concurrency: z.int().optional(),
  ratePerSecond: z.int().nullable().optional(),
  description: z.string().nullable().optional(),
  notes: z.string().nullable().optional(),
});

/** What there should be. A section that is missing is not looked at; nor is a field. */
export const Desired = z.strictObject({
  subscriptions: z.array(Subscription).check(unique('id')).optional(),
  sinks: z.array(Sink).check(unique('name')).optional(),
});
export type Desired = z.output<typeof Desired>;

function unique<K extends string>(key: K): z.core.CheckFn<Record<K, string>[]> {
  return ({ value, issues }) => {
    const keys = value.map((one) => one[key]);
    for (const [at, one] of keys.entries()) {
      if (keys.indexOf(one) === at) continue;
      issues.push({ code: 'custom', input: value, path: [at, key], message: 'is there already' });
    }
  };
}
