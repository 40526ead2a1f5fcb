import { toImport } from '../support/service.ts';
import { sampleSubscription } from './graph-posts.ts';
import { operate, sendTooMuch, tell, type World } from './planted-questions.ts';

const SUBSCRIPTIONS = '/api/subscriptions';
const SINKS = '/api/sinks';

/** Imports the subscription of the samples with a clientState of its own, and gives that. */
export async function importSubscription(world: World): Promise<string> {
  const { harvest } = world;
  const clientState = harvest.plant('client-state');
  const wanted = { ...toImport(sampleSubscription('mail1')), clientState };
  const { status } = await operate(world, ['POST', `${SUBSCRIPTIONS}/import`, wanted]);
  if (status !== 201) throw new Error(`import failed: ${status}`);
  const again = {
    ...wanted,
    clientState: harvest.plant('client-state-again'),
    tenantId: crypto.randomUUID(),
  };
  await operate(world, ['POST', `${SUBSCRIPTIONS}/import`, again]);
  const path = `${SUBSCRIPTIONS}/${sampleSubscription('mail1').id}`;
  await operate(world, ['PATCH', path, { clientState: harvest.plant('client-state-changed') }]);
  await operate(world, ['PATCH', path, { clientState }]);
  return clientState;
}

/** A signing secret of Standard Webhooks, kept under this name. */
function signingSecret({ harvest }: World, name: string): string {
  const secret = `whsec_${Buffer.from(harvest.plant(name)).toString('base64')}`;
  return harvest.watch(name, secret);
}

/** A webhook with secrets wherever it may have one. Its URL the API shows, being no place for secrets. */
export async function addWebhook(world: World, url: string): Promise<string> {
  const { harvest } = world;
  const added = await operate(
    world,
    [
      'POST',
      SINKS,
      {
        name: 'telling',
        kind: 'webhook',
        url: `${url}/${harvest.plant('sink-path')}?code=${harvest.plant('sink-query')}`,
        secret: signingSecret(world, 'sink-secret'),
        headers: {
          authorization: `Bearer ${harvest.plant('sink-header')}`,
          'x-own': harvest.plant('sink-header'),
        },
        filter: { lifecycle: 'also' },
      },
    ],
    'sink-path',
    'sink-query',
    'sink-host',
    'sink-secret',
  );
  if (added.body.id === undefined) throw new Error(`no sink: ${added.status}`);
  return added.body.id;
}

/** Sinks on servers that are away, whose URLs have passwords. */
export async function addServerSinks(world: World): Promise<void> {
  const stream = { name: 'stream', kind: 'redis-stream', stream: 'events' };
  const collection = { name: 'collection', kind: 'mongo-collection', collection: 'events' };
  for (const sink of [stream, collection]) {
    const { body } = await operate(world, ['POST', SINKS, sink]);
    await operate(world, ['POST', `${SINKS}/${body.id}/test`]);
  }
}

/** Settings that are refused: by their values, and by the names of their fields. */
export async function sendBadSettings(world: World): Promise<void> {
  const { harvest } = world;
  const webhook = { name: 'bad', kind: 'webhook', url: 'https://sink.example/' };
  const userinfo = `https://svc:${harvest.plant('sink-userinfo')}@sink.example/`;
  const wrong = () => harvest.plant('wrong-value');
  const bodies = [
    { ...webhook, url: userinfo },
    { ...webhook, url: `ftp://sink.example/${wrong()}` },
    { ...webhook, url: wrong() },
    { ...webhook, url: `https://sink.example/#${wrong()}` },
    { ...webhook, secret: `whsec_${wrong()}` },
    { ...webhook, secret: `${signingSecret(world, 'long-secret')}${'A'.repeat(300)}` },
    { ...webhook, headers: { 'x-own': `${wrong()}\r\nX: y` } },
    { ...webhook, headers: { host: wrong() } },
    { ...webhook, kind: wrong(), purpose: wrong(), concurrency: wrong(), enabled: wrong() },
    { ...webhook, name: wrong().repeat(10), filter: { lifecycle: wrong(), tenantId: [wrong()] } },
    { ...webhook, unknown: wrong() },
    { ...webhook, kind: 'log', headers: { 'x-own': wrong() } },
  ];
  for (const body of bodies) await operate(world, ['POST', SINKS, body]);
  const subscription = { ...toImport(sampleSubscription('mail2')), id: wrong(), tenantId: wrong() };
  await operate(world, ['POST', `${SUBSCRIPTIONS}/import`, subscription]);
  await operate(world, ['GET', `${SINKS}?limit=${wrong()}&cursor=${wrong()}`]);
  await operate(world, ['POST', '/api/dead-letters/redrive', { ids: [wrong()] }]);
  // The name of a field is the client's own text, and `path` has to say which one it was.
  const named = { ...webhook, [harvest.plant('field-name')]: 1 };
  await operate(world, ['POST', SINKS, named], 'field-name');
  await operate(world, ['GET', `${SINKS}?${harvest.plant('field-name')}=1`], 'field-name');
  await sendBadBodies(world);
}

async function sendBadBodies(world: World): Promise<void> {
  const { harvest, key } = world;
  const json = 'application/json';
  const bodies = [
    [json, `{"secret": "${harvest.plant('malformed')}", }`],
    [json, `"${harvest.plant('no-object')}"`],
    ['application/x-www-form-urlencoded', `secret=${harvest.plant('form')}`],
    [`text/${harvest.plant('type')}`, harvest.plant('text')],
  ] as const;
  for (const [type, body] of bodies) {
    const headers = { 'x-api-key': key, 'content-type': type };
    await tell(world, { method: 'POST', path: SINKS, headers, body });
  }
  await sendTooMuch(
    world,
    SINKS,
    JSON.stringify({ secret: harvest.plant('large').repeat(10_000) }),
  );
}
