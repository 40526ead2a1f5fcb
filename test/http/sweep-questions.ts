import { importSamples, OPERATOR_KEY, type TestService, toImport } from '../support/service.ts';
import { until } from '../support/wait.ts';
import type { Question } from './ask.ts';
import { genuineText, sampleSubscription } from './graph-posts.ts';

export const KEY = { 'x-api-key': OPERATOR_KEY };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Things that a service has, one of each kind, by their ids. */
export interface Things {
  readonly sink: string;
  readonly subscription: string;
  readonly notification: string;
  readonly replay: string;
  readonly listener: string;
}

/** What a route is asked so that it succeeds: the status, what `:id` is, and the body. */
interface Success {
  readonly status: number;
  readonly id?: keyof Things;
  readonly body?: object;
}

const { id: _id, ...otherSubscription } = sampleSubscription('mail1');
const NEW_SUBSCRIPTION = {
  ...toImport({ ...otherSubscription, id: '00000000-0000-4000-8000-0000000000aa' }),
};
const ANSWERS = { answers: [{ deliveryId: 'none', status: 200 }] };

/** Every route there is. In this order, since what is deleted is restored after that. */
export const SUCCESSES: Readonly<Record<string, Success>> = {
  'GET /health': { status: 200 },
  'GET /health/ready': { status: 200 },
  'GET /health/circuit-breakers': { status: 200 },
  'GET /api/health': { status: 200 },
  'GET /api/handshakes': { status: 200 },
  'POST /webhooks/graph': { status: 202, body: JSON.parse(genuineText('a')) },
  'POST /webhooks/graph/lifecycle': { status: 202, body: JSON.parse(genuineText('b')) },
  'GET /api/subscriptions': { status: 200 },
  'POST /api/subscriptions/import': { status: 201, body: NEW_SUBSCRIPTION },
  'GET /api/subscriptions/:id': { status: 200, id: 'subscription' },
  'PATCH /api/subscriptions/:id': { status: 200, id: 'subscription', body: { notes: 'a' } },
  'DELETE /api/subscriptions/:id': { status: 204, id: 'subscription' },
  'POST /api/subscriptions/:id/restore': { status: 200, id: 'subscription' },
  'GET /api/sinks': { status: 200 },
  'POST /api/sinks': { status: 201, body: { name: 'new', kind: 'log' } },
  'GET /api/sinks/:id': { status: 200, id: 'sink' },
  'PATCH /api/sinks/:id': { status: 200, id: 'sink', body: { notes: 'a' } },
  'DELETE /api/sinks/:id': { status: 204, id: 'sink' },
  'POST /api/sinks/:id/restore': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/enable': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/disable': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/resume': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/pause': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/test': { status: 200, id: 'sink' },
  'POST /api/sinks/:id/rotate-secret': { status: 200, id: 'sink' },
  'GET /api/notifications': { status: 200 },
  'GET /api/notifications/:id': { status: 200, id: 'notification' },
  'POST /api/notifications/replay': { status: 202, body: {} },
  'GET /api/notifications/replays': { status: 200 },
  'GET /api/notifications/replays/:id': { status: 200, id: 'replay' },
  'GET /api/dead-letters': { status: 200 },
  'POST /api/dead-letters/redrive': { status: 200, body: { filter: {} } },
  'POST /api/dead-letters/discard': { status: 200, body: { filter: {} } },
  'POST /api/listen': { status: 200, body: {} },
  'POST /api/listen/:id/answers': { status: 204, id: 'listener', body: ANSWERS },
  'GET /api/audit': { status: 200 },
};

/** One route, to be asked in several ways. */
export interface Route {
  readonly name: string;
  readonly method: string;
  readonly pattern: string;
  readonly success: Success;
}

export const ALL_ROUTES: readonly Route[] = Object.entries(SUCCESSES).map(([name, success]) => {
  const [method = '', pattern = ''] = name.split(' ');
  return { name, method, pattern, success };
});

const isHealth = ({ pattern }: Route) => /^\/(?:health(?:\/ready)?|api\/health)$/.test(pattern);
const isWebhook = ({ pattern }: Route) => pattern.startsWith('/webhooks');
const takesBody = ({ method }: Route) => method === 'POST' || method === 'PATCH';

export const HEALTH_ROUTES = ALL_ROUTES.filter(isHealth);
export const WEBHOOK_ROUTES = ALL_ROUTES.filter(isWebhook);
/** Behind the credential. */
export const API_ROUTES = ALL_ROUTES.filter((route) => !isHealth(route) && !isWebhook(route));
export const API_BODY_ROUTES = API_ROUTES.filter(takesBody);

const NOBODY = 'aaaaaaaa-0000-4000-8000-000000000000';

/** The question that succeeds, or that asks for what nobody has. */
export function questionFor(route: Route, things?: Things): Question {
  const { id, body } = route.success;
  const path = route.pattern.replace(':id', (id && things?.[id]) ?? NOBODY);
  const headers = isWebhook(route) ? JSON_TYPE : { ...KEY, ...(body && JSON_TYPE) };
  const text = body && { body: JSON.stringify(body) };
  return { method: route.method, path, headers, ...text };
}

/** Lets a service have one of everything; the listener stays until `service` stops. */
export async function fill(service: TestService): Promise<Things> {
  await importSamples(service);
  const url = 'http://127.0.0.1:9/'; // where nothing listens
  const sink = await service.api('POST', '/api/sinks', { name: 'a', kind: 'webhook', url });
  await service.post(genuineText('one'));
  const listed = () => service.api('GET', '/api/notifications');
  await until(async () => (await listed()).body.data.length > 0, 'the notification');
  const replay = await service.api('POST', '/api/notifications/replay', {});
  return {
    sink: sink.body.id,
    subscription: sampleSubscription('mail1').id,
    notification: (await listed()).body.data[0].id,
    replay: replay.body.id,
    listener: await listen(service.url),
  };
}

async function listen(url: string): Promise<string> {
  const headers = { ...KEY, ...JSON_TYPE };
  const stream = await fetch(`${url}/api/listen`, { method: 'POST', headers, body: '{}' });
  const first = await stream.body?.getReader().read();
  const [, id = ''] = /"sinkId":"([^"]+)"/.exec(new TextDecoder().decode(first?.value)) ?? [];
  return id;
}
