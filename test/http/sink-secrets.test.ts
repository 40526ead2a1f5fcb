import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import { startService, type TestService } from '../support/service.ts';
import { SettlingClock } from '../support/settling-clock.ts';

const HOUR = 3_600_000;
const STORE_TIMEOUT_MS = 59_000;
const TRY_MS = 15_000;

describe('POST /api/sinks/:id/rotate-secret', () => {
  let clock: SettlingClock;
  let service: TestService;
  let receiver: Receiver;
  let path: string;
  let first: string;

  beforeEach(async () => {
    clock = new SettlingClock([STORE_TIMEOUT_MS, TRY_MS]);
    service = await startService({ clock, env: { STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS) } });
    receiver = await startReceiver();
    const sink = { name: 'rotated', kind: 'webhook', url: receiver.url };
    const { body } = await service.api('POST', '/api/sinks', sink);
    path = `/api/sinks/${body.id}`;
    first = body.secret;
  });
  afterEach(async () => {
    await receiver.close();
    await service.close();
  });

  const rotate = (body?: unknown) => service.api('POST', `${path}/rotate-secret`, body);
  const read = async () => (await service.api('GET', path)).body;

  /** Which of these secrets the sink signs with now, in the order of their signatures. */
  async function signingOf(secrets: Record<string, string>): Promise<(string | undefined)[]> {
    expect((await service.api('POST', `${path}/test`)).body.outcome).toBe('delivered');
    const request = receiver.received.at(-1);
    if (request === undefined) throw new Error('nothing came');
    const made = new Map(
      Object.entries(secrets).map(([name, secret]) => [sign(secret, request), name]),
    );
    return String(request.headers['webhook-signature'])
      .split(' ')
      .map((signature) => made.get(signature));
  }

  it('gives a new secret once, and signs with both until the overlap is over', async () => {
    expect(await signingOf({ first })).toEqual(['first']);
    const { status, body } = await rotate();
    expect(status).toBe(200);
    const { secret: second, previousSecretsUntil } = body;
    expect(body).toEqual({ secret: expect.stringMatching(/^whsec_/), previousSecretsUntil });
    expect(second).not.toBe(first);
    expect(Date.parse(previousSecretsUntil)).toBe(clock.now() + 24 * HOUR);
    expect(await signingOf({ first, second })).toEqual(['second', 'first']);
    expect(await read()).toMatchObject({ previousSecretsUntil });
    expect(JSON.stringify(await read())).not.toContain(second.slice(6));

    await clock.pass(24 * HOUR - 1, HOUR);
    expect(await signingOf({ first, second })).toEqual(['second', 'first']);
    await clock.pass(1);
    expect(await signingOf({ first, second })).toEqual(['second']);
    // A sweep later it is not even kept.
    await clock.pass(5000);
    expect(await read()).toMatchObject({ previousSecretsUntil: null });
    expect(await signingOf({ first, second })).toEqual(['second']);
  });

  it('drops what was before at once when there is no overlap', async () => {
    const { body } = await rotate({ overlapHours: 0 });
    expect(body.previousSecretsUntil).toBeNull();
    expect(await signingOf({ first, second: body.secret })).toEqual(['second']);
  });

  it('rotated twice lets both of those before sign', async () => {
    const second = (await rotate({ overlapHours: 1 })).body.secret;
    const third = (await rotate({ overlapHours: 1 })).body.secret;
    expect(await signingOf({ first, second, third })).toEqual(['third', 'second', 'first']);
  });

  it('rotated twice at once gives no secret that does not sign', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => rotate({ overlapHours: 1 })));
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeGreaterThan(0);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const secrets = Object.fromEntries(good.map(({ body }, at) => [String(at), body.secret]));
    const signing = await signingOf({ ...secrets, first });
    expect(signing).toEqual(expect.arrayContaining(Object.keys(secrets).slice(-3)));
    expect(signing).not.toContain(undefined);
  });

  it.each<[string, unknown, string]>([
    ['169 hours', { overlapHours: 169 }, 'overlapHours'],
    ['less than none', { overlapHours: -1 }, 'overlapHours'],
    ['a text', { overlapHours: '1' }, 'overlapHours'],
    ['a secret of its own', { secret: 'whsec_x' }, 'secret'],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await rotate(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([{ path: field, message: expect.any(String) }]);
    expect(await signingOf({ first })).toEqual(['first']);
  });

  it('is not for sinks that sign nothing', async () => {
    const { body } = await service.api('GET', '/api/sinks');
    const log = body.data.find(({ kind }: { kind: string }) => kind === 'log');
    const answer = await service.api('POST', `/api/sinks/${log.id}/rotate-secret`);
    expect(answer.status).toBe(409);
  });

  it('is written into the audit, without the secret', async () => {
    const { secret } = (await rotate({ overlapHours: 2 })).body;
    const { body, text } = await service.api(
      'GET',
      '/api/audit?eventType=ADMIN_SINK_SECRET_ROTATED',
    );
    expect(body.data).toMatchObject([{ userId: 'operator', details: { overlapMs: 2 * HOUR } }]);
    expect(text).not.toContain(secret.slice(6));
  });
});

function sign(secret: string, { headers, body }: ReceivedRequest): string {
  const sentAt = new Date(Number(headers['webhook-timestamp']) * 1000);
  return new Webhook(secret).sign(String(headers['webhook-id']), sentAt, body);
}
