import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';

/** One request of test/fixtures/hostile/bodies.json, ready to be posted to /webhooks/graph. */
export interface HostileCase {
  readonly name: string;
  /** One line: what it attacks. */
  readonly attacks: string;
  /** Names in lower case; `content-type` is always among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** `accepted`: how many items are stored and reach a sink. */
  readonly expect: { readonly status: number; readonly accepted: number };
}

/**
 * Gives the `n`th genuine item, from 1: with a clientState, and an id, a resource and a
 * resourceData (its etag included) of its own.
 */
export type GenuineItem = (n: number) => object;

// What each form means stands in test/fixtures/hostile/README.md.
type Body =
  | string
  | { concat: Body[] }
  | { value: Body[] }
  | { repeat: Body; times: number }
  | { pad: Body; toBytes: number }
  | { genuine: number; without?: string[]; rename?: Record<string, string>; add?: Body }
  | { forged: number; of: 'known' | 'unknown' }
  | { base64: string }
  | { utf16: 'le' | 'be'; of: Body }
  | { gzip: Body };

const Body: z.ZodType<Body> = z.lazy(() =>
  z.union([
    z.string(),
    z.strictObject({ concat: z.array(Body) }),
    z.strictObject({ value: z.array(Body) }),
    z.strictObject({ repeat: Body, times: z.int() }),
    z.strictObject({ pad: Body, toBytes: z.int() }),
    z.strictObject({
      genuine: z.int(),
      without: z.array(z.string()).exactOptional(),
      rename: z.record(z.string(), z.string()).exactOptional(),
      add: Body.exactOptional(),
    }),
    z.strictObject({ forged: z.int(), of: z.enum(['known', 'unknown']) }),
    z.strictObject({ base64: z.base64() }),
    z.strictObject({ utf16: z.enum(['le', 'be']), of: Body }),
    z.strictObject({ gzip: Body }),
  ]),
);

const Cases = z.strictObject({
  cases: z.array(
    z.strictObject({
      name: z.string(),
      attacks: z.string(),
      contentType: z.string(),
      headers: z.record(z.string(), z.string()).optional(),
      body: Body,
      expect: z.strictObject({ status: z.int(), accepted: z.int() }),
    }),
  ),
});

const FILE = new URL('../fixtures/hostile/bodies.json', import.meta.url);

const MOST_IN_A_CASE = 100;

/**
 * Every case of the file, its body written out with these genuine items, of which each is asked
 * for in one case only: one service can be sent all of them without meeting duplicates.
 */
export function expandHostileCases(genuineItem: GenuineItem): HostileCase[] {
  const { cases } = Cases.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return cases.map(({ name, attacks, contentType, headers, body, expect }, at) => ({
    name,
    attacks,
    headers: { 'content-type': contentType, ...headers },
    body: expand(body, (n) => genuineItem(at * MOST_IN_A_CASE + n)),
    expect,
  }));
}

function expand(body: Body, genuineItem: GenuineItem): Buffer {
  const inner = (of: Body) => expand(of, genuineItem);
  if (typeof body === 'string') return Buffer.from(body);
  if ('concat' in body) return Buffer.concat(body.concat.map(inner));
  if ('value' in body) {
    return Buffer.from(`{"value":[${body.value.map((item) => inner(item).toString()).join(',')}]}`);
  }
  if ('repeat' in body) return Buffer.from(inner(body.repeat).toString().repeat(body.times));
  if ('pad' in body) return padded(inner(body.pad), body.toBytes);
  if ('genuine' in body) {
    const { genuine, without = [], rename = {}, add } = body;
    const members = Object.entries(genuineItem(genuine))
      .filter(([name]) => !without.includes(name))
      .map(([name, value]) => `"${rename[name] ?? name}":${JSON.stringify(value)}`);
    if (add !== undefined) members.push(inner(add).toString());
    return Buffer.from(`{${members.join(',')}}`);
  }
  if ('forged' in body) return Buffer.from(forgedItems(body, genuineItem(1)));
  if ('base64' in body) return Buffer.from(body.base64, 'base64');
  if ('utf16' in body) return utf16(inner(body.of).toString(), body.utf16);
  return gzipSync(inner(body.gzip));
}

function padded(body: Buffer, toBytes: number): Buffer {
  return Buffer.concat([body, Buffer.alloc(toBytes - body.length, ' ')]);
}

function forgedItems(forged: { forged: number; of: 'known' | 'unknown' }, genuine: object): string {
  const { subscriptionId, tenantId } = z
    .looseObject({ subscriptionId: z.string(), tenantId: z.string() })
    .parse(genuine);
  return Array.from({ length: forged.forged }, (_, n) =>
    JSON.stringify({
      id: `forged-${n}`,
      subscriptionId: forged.of === 'known' ? subscriptionId : `0000-${n}`,
      tenantId,
      clientState: `guess-${n}`,
      changeType: 'created',
      resource: `Users/x/Messages/${n}`,
    }),
  ).join(',');
}

function utf16(text: string, order: 'le' | 'be'): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
}
