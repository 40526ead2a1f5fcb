import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';

const [OLD, NEW] = ['old', 'new'].map((id) => {
  return `${id}:${createHash('sha256').update(`TEST ONLY: ${id}`).digest('hex')}`;
});

let folder: ReturnType<typeof temporaryFolder>;
let service: TestService | undefined;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await stop();
  folder.remove();
});

async function stop(): Promise<void> {
  await service?.close();
  service = undefined;
}

/** In place of the one that runs, on the same data folder. */
async function startWith(env: Record<string, string>): Promise<TestService> {
  await stop();
  const kept = { path: folder.path, remove: () => undefined };
  service = await startService({ folder: kept, env });
  return service;
}

const withRing = (...keys: readonly (string | undefined)[]) =>
  startWith({ ENCRYPTION_KEYS: keys.join(',') });

describe('a key that seals', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  async function addSink(name: string): Promise<{ id: string; secret: string }> {
    const headers = { 'X-Own': `TEST-ONLY-${name}` };
    const sink = { name, kind: 'webhook', url: receiver.url, headers };
    const { status, body } = await (service ?? (await withRing(OLD))).api(
      'POST',
      '/api/sinks',
      sink,
    );
    expect(status).toBe(201);
    return body;
  }

  /** Which needs its secret, to sign with, and its own headers. */
  async function expectDelivery(sink: { id: string }, name: string): Promise<void> {
    const { body } = (await service?.api('POST', `/api/sinks/${sink.id}/test`)) ?? {};
    expect(body).toMatchObject({ outcome: 'delivered' });
    const { headers } = receiver.received.at(-1) ?? {};
    expect(headers).toMatchObject({ 'x-own': `TEST-ONLY-${name}` });
  }

  it('is replaced without a sink that misses its secret at any moment', async () => {
    await withRing(OLD);
    const before = await addSink('before');
    await withRing(OLD, NEW);
    const between = await addSink('between');
    await expectDelivery(before, 'before');
    await withRing(NEW, OLD);
    const after = await addSink('after');
    await expectDelivery(before, 'before');
    await expectDelivery(between, 'between');
    await expectDelivery(after, 'after');

    // Sealed by the new one from the moment that it stands first, and not before.
    for (const { id } of [before, between]) await service?.api('DELETE', `/api/sinks/${id}`);
    for (const { id } of [before, between]) await erase(id);
    await withRing(NEW);
    await expectDelivery(after, 'after');
  });

  it('cannot be taken out while a row needs it: the start says which', async () => {
    await withRing(OLD);
    const sink = await addSink('needy');
    await expect(withRing(NEW)).rejects.toThrow(
      /^ENCRYPTION_KEYS lacks what stored values were sealed with: old\. Put it back/,
    );
    // Also one that is deleted, since it may be restored.
    await withRing(NEW, OLD);
    await service?.api('DELETE', `/api/sinks/${sink.id}`);
    await expect(withRing(NEW)).rejects.toThrow(/sealed with: old\./);
    await withRing(NEW, OLD);
    await erase(sink.id);
    await withRing(NEW);
  });

  it('is needed no more once secret and headers of each sink were made anew', async () => {
    await withRing(OLD);
    const { id } = await addSink('kept');
    await withRing(NEW, OLD);
    const rotated = await service?.api('POST', `/api/sinks/${id}/rotate-secret`);
    expect(rotated?.status).toBe(200);
    await expect(withRing(NEW)).rejects.toThrow(/sealed with: old\./);
    await withRing(NEW, OLD);
    const headers = { 'X-Own': 'TEST-ONLY-anew' };
    expect((await service?.api('PATCH', `/api/sinks/${id}`, { headers }))?.status).toBe(200);
    await withRing(NEW);
    await expectDelivery({ id }, 'anew');
  });

  async function erase(id: string): Promise<void> {
    const { status } = (await service?.api('DELETE', `/api/sinks/${id}?permanent=true`)) ?? {};
    expect(status).toBe(204);
  }
});

describe('the operator key', () => {
  const ANOTHER = 'TEST-ONLY-another-operator-key-51d2e84b06';

  async function statusWith(key: string): Promise<number> {
    const answer = await fetch(`${service?.url}/api/sinks`, { headers: { 'x-api-key': key } });
    await answer.body?.cancel();
    return answer.status;
  }

  it('is replaced by way of both, and the old one is refused then', async () => {
    await startWith({ OPERATOR_API_KEY: OPERATOR_KEY });
    expect(await statusWith(OPERATOR_KEY)).toBe(200);
    expect(await statusWith(ANOTHER)).toBe(401);
    await startWith({ OPERATOR_API_KEY: `${OPERATOR_KEY}, ${ANOTHER}` });
    expect(await statusWith(OPERATOR_KEY)).toBe(200);
    expect(await statusWith(ANOTHER)).toBe(200);
    expect(await statusWith(`${OPERATOR_KEY}, ${ANOTHER}`)).toBe(401);
    expect(await statusWith('')).toBe(401);
    await startWith({ OPERATOR_API_KEY: ANOTHER });
    expect(await statusWith(ANOTHER)).toBe(200);
    expect(await statusWith(OPERATOR_KEY)).toBe(401);
  });
});
