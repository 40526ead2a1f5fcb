import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  OPERATOR_KEY,
  startService,
  type ApiAnswer,
  type TestService,
} from '../support/service.ts';
import { until } from '../support/wait.ts';

const TENANT = randomUUID();

function subscriptionsOf({ received }: Receiver): string[] {
  return received.map(({ body }) => JSON.parse(body).subscriptionid);
}

describe('X-Organization-Id', () => {
  let service: TestService;
  let ofDefault: Receiver;
  let ofOther: Receiver;
  beforeAll(async () => {
    service = await startService();
    ofDefault = await startReceiver();
    ofOther = await startReceiver();
  });
  afterAll(async () => {
    await Promise.all([ofDefault.close(), ofOther.close()]);
    await service.close();
  });

  async function ask(
    organization: string | undefined,
    path: string,
    body?: object,
  ): Promise<Pick<ApiAnswer, 'status' | 'body'>> {
    const answer = await fetch(`${service.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'X-API-Key': OPERATOR_KEY,
        'Content-Type': 'application/json',
        ...(organization === undefined ? {} : { 'X-Organization-Id': organization }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  async function subscribe(organization: string | undefined): Promise<string> {
    const id = randomUUID();
    const answer = await ask(organization, '/api/subscriptions/import', {
      id,
      tenantId: TENANT,
      applicationId: randomUUID(),
      clientState: 'TEST-ONLY-state',
      changeType: 'created',
      resource: '/users/a/messages',
      expirationDateTime: '2099-01-01T00:00:00Z',
    });
    expect(answer.status).toBe(201);
    return id;
  }

  async function notify(subscriptionIds: readonly string[]): Promise<void> {
    const value = subscriptionIds.map((subscriptionId) => ({
      id: randomUUID(),
      subscriptionId,
      tenantId: TENANT,
      clientState: 'TEST-ONLY-state',
      changeType: 'created',
      resource: 'Users/a/Messages/b',
    }));
    expect((await service.post(JSON.stringify({ value }))).status).toBe(202);
  }

  const idsAt = async (organization: string | undefined, path: string) =>
    (await ask(organization, path)).body.data.map(({ id }: { id: string }) => id);

  it('keeps the events, lists and things of one from all others', async () => {
    for (const [organization, { url }] of [
      [undefined, ofDefault],
      ['simulation', ofOther],
    ] as const) {
      const sink = { name: 'all of it', kind: 'webhook', url };
      expect((await ask(organization, '/api/sinks', sink)).status).toBe(201);
    }
    const [mine, theirs] = [await subscribe('default'), await subscribe('simulation')];
    // In one POST, and then each after the other: what went astray would have come by then.
    await notify([mine, theirs]);
    await notify([theirs]);
    await notify([mine]);
    const arrived = () => ofDefault.received.length + ofOther.received.length;
    await until(() => arrived() >= 4, 'all four arrive');
    await until(async () => (await openDeliveries()) === 0, 'nothing is under way');
    expect(subscriptionsOf(ofDefault)).toEqual([mine, mine]);
    expect(subscriptionsOf(ofOther)).toEqual([theirs, theirs]);

    expect(await idsAt(undefined, '/api/subscriptions')).toEqual([mine]);
    expect(await idsAt('simulation', '/api/subscriptions')).toEqual([theirs]);
    expect(await idsAt('simulation', '/api/sinks')).toHaveLength(1);
    expect(await idsAt('simulation', '/api/notifications')).toHaveLength(2);
    expect(await idsAt('nobody', '/api/notifications')).toEqual([]);
    expect((await ask('nobody', `/api/subscriptions/${theirs}`)).status).toBe(404);
    expect((await ask('simulation', `/api/subscriptions/${theirs}`)).status).toBe(200);
  });

  async function openDeliveries(): Promise<number> {
    const lists = ['default', 'simulation'].flatMap((organization) =>
      ['due', 'claimed'].map((state) =>
        idsAt(organization, `/api/notifications?delivery=${state}`),
      ),
    );
    return (await Promise.all(lists)).flat().length;
  }

  it.each(['Simulation', 'a b', 'a/b', 'x'.repeat(65), 'simulation, default'])(
    'refuses %j, which is no name of one',
    async (name) => {
      const { status, body } = await ask(name, '/api/sinks');
      expect(status).toBe(400);
      expect(body.error.details).toEqual([expect.objectContaining({ path: 'X-Organization-Id' })]);
    },
  );

  it('means nothing to whoever has no key', async () => {
    const headers = { 'X-Organization-Id': 'Simulation' };
    expect((await fetch(`${service.url}/api/sinks`, { headers })).status).toBe(401);
  });
});
