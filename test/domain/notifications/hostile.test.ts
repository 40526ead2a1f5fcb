import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { MalformedBodyError } from '../../../src/domain/errors.ts';
import { judge } from '../../../src/domain/notifications/judge.ts';
import { readCollection, readItem } from '../../../src/domain/notifications/read-collection.ts';
import { expandHostileCases } from '../../support/hostile-bodies.ts';

const MAX_BODY_BYTES = 4 * 1024 * 1024;

const Known = z.object({
  id: z.string(),
  tenantId: z.string(),
  applicationId: z.string(),
  clientState: z.string(),
});
const fixture = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../fixtures/graph/${path}`, import.meta.url), 'utf8'));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const [mail1] = z
  .object({ subscriptions: z.tuple([Known], Known) })
  .parse(fixture('subscriptions.json')).subscriptions;
const known = {
  id: mail1.id,
  organizationId: 'default',
  tenantId: mail1.tenantId,
  applicationId: mail1.applicationId,
  clientStateDigest: sha256(mail1.clientState),
  deletedAt: null,
};

function genuineItem(n: number): object {
  return {
    id: `genuine-${n}`,
    subscriptionId: mail1.id,
    clientState: mail1.clientState,
    tenantId: mail1.tenantId,
    changeType: 'created',
    resource: `Users/a/Messages/${n}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.Message', '@odata.etag': `W/"${n}"` },
  };
}

/** What the edge does: refuses what is not UTF-8 and ignores a byte order mark. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new MalformedBodyError('not UTF-8');
  }
}

function accept(body: Buffer) {
  return readCollection(decode(body)).items.filter((item) => {
    const found = item.subscriptionId === known.id ? known : undefined;
    return judge(item, found, (text, digest) => sha256(text) === digest) === 'accepted';
  });
}

describe('hostile bodies', () => {
  const cases = expandHostileCases(genuineItem);
  const expecting = (...statuses: number[]) =>
    cases.filter(({ expect }) => statuses.includes(expect.status));

  it('has distinct names, and only statuses that are looked at below', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    expect(expecting(202, 400, 413, 415)).toHaveLength(cases.length);
  });

  it.each(expecting(202))('takes what is genuine: $name', ({ body, expect: { accepted } }) => {
    expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
    const items = accept(body);
    expect(items).toHaveLength(accepted);
    for (const { text } of items) {
      expect(text).not.toContain(mail1.clientState);
      expect(body.includes(text.slice(1, 50))).toBe(true);
      expect(readItem(text).tenantId).toBe(mail1.tenantId);
    }
  });

  it.each(expecting(400))('refuses the whole body: $name', ({ body }) => {
    expect(() => accept(body)).toThrow(MalformedBodyError);
  });

  it.each(expecting(413))('is over the limit: $name', ({ body }) => {
    expect(body.length).toBeGreaterThan(MAX_BODY_BYTES);
  });

  it.each(expecting(415))('says by its headers that it is not taken: $name', ({ headers }) => {
    const plainJson = headers['content-type'] === 'application/json';
    expect(plainJson && headers['content-encoding'] === undefined).toBe(false);
  });

  it('leaves the prototype of objects alone', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('bodies that are no collections', () => {
  const { cases } = z
    .object({
      cases: z.array(
        z.object({
          name: z.string(),
          rawBody: z.string(),
          expect: z.object({ status: z.int() }),
        }),
      ),
    })
    .parse(fixture('malformed-bodies.json'));

  it.each(cases.filter(({ expect }) => expect.status === 400))('$name', ({ rawBody }) => {
    expect(() => readCollection(rawBody)).toThrow(MalformedBodyError);
  });

  it('reads the one with nothing in it', () => {
    expect(readCollection('{"value":[]}')).toEqual({
      items: [],
      malformed: 0,
      validationTokens: [],
    });
  });
});
