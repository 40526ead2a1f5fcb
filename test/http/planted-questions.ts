import { randomUUID } from 'node:crypto';
import { ask, type Question } from './ask.ts';
import { genuineItem } from './graph-posts.ts';
import type { Harvest } from './harvest.ts';
import { converse } from './raw-requests.ts';
import { ALL_ROUTES } from './sweep-questions.ts';

/** A service under test, and where everything that it gives is kept. */
export interface World {
  readonly url: string;
  readonly metricsUrl: string;
  readonly key: string;
  readonly harvest: Harvest;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Asks, and keeps head and body of the answer; `allowed` are the secrets that it is there to give. */
export async function tell(world: World, question: Question, ...allowed: string[]) {
  const { pathname } = new URL(question.path, world.url);
  const answer = await ask(world.url, question);
  const head = JSON.stringify([...answer.headers]);
  const where = `the answer ${answer.status} to ${question.method} ${pathname.split('/', 3).join('/')}`;
  world.harvest.keep(where, `${head}\n${answer.body}`, ...allowed);
  return answer;
}

/** The same as the operator, JSON both ways. */
export async function operate(
  world: World,
  [method, path, body]: readonly [method: string, path: string, body?: object],
  ...allowed: string[]
) {
  const headers = { 'x-api-key': world.key, ...(body && JSON_TYPE) };
  const text = body && { body: JSON.stringify(body) };
  const { status, body: said } = await tell(world, { method, path, headers, ...text }, ...allowed);
  const parsed: { id?: string; data?: { id: string }[]; nextCursor?: string | null } =
    said === '' ? {} : JSON.parse(said);
  return { status, body: parsed };
}

/** Headers with a secret in each that might hold one. */
function heavyHeaders({ harvest }: World): Record<string, string> {
  const basic = `svc:${harvest.plant('basic')}`;
  return {
    authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
    cookie: `session=${harvest.plant('cookie')}; __Host-refresh=${harvest.plant('refresh')}`,
    'x-request-id': harvest.plant('request-id'),
    referer: `https://app.example/?token=${harvest.plant('referer')}`,
    origin: `https://${harvest.plant('origin').toLowerCase()}.example`,
    'x-forwarded-for': harvest.plant('forwarded-for'),
    'x-forwarded-host': harvest.plant('forwarded-host'),
    forwarded: `for="_${harvest.plant('forwarded')}"`,
    'x-organization-id': harvest.plant('organization'),
    'x-unknown': harvest.plant('unknown-header'),
    'access-control-request-headers': harvest.plant('preflight'),
    'access-control-request-method': 'POST',
    'idempotency-key': harvest.plant('idempotency-key'),
    accept: `application/json, x/${harvest.plant('accept')};q=0.1`,
  };
}

/**
 * Every route with secrets in its path and query, with the right key, and then with wrong ones and
 * none: after so many wrong ones from here no key is taken any more.
 */
export async function askEverywhere(world: World): Promise<void> {
  const { harvest } = world;
  const paths = ['/', '/reset-password/', '/api/', '/docs/', '/health/'].map((path) => ({
    method: 'GET',
    pattern: path + harvest.plant('unknown-path'),
  }));
  const routes = [...ALL_ROUTES, ...paths];
  const filled = (pattern: string) =>
    `${pattern.replace(':id', harvest.plant('id'))}?token=${harvest.plant('query')}&code=${harvest.plant('query')}`;
  for (const { method, pattern } of routes) {
    const headers = { 'x-api-key': world.key };
    await tell(world, { method, path: filled(pattern), headers });
  }
  for (const { method, pattern } of routes) {
    const wrong = { 'x-api-key': harvest.plant('wrong-key') };
    const bearer = { authorization: `Bearer ${harvest.plant('bearer')}` };
    const headers = { ...heavyHeaders(world), ...wrong };
    await tell(world, { method, path: filled(pattern), headers });
    await tell(world, { method, path: filled(pattern), headers: bearer });
  }
  for (const method of ['OPTIONS', 'PUT', 'DELETE', 'HEAD']) {
    const path = `/api/sinks/${harvest.plant('id')}?token=${harvest.plant('query')}`;
    await tell(world, { method, path, headers: heavyHeaders(world) });
  }
  const headers = { host: `${harvest.plant('host').toLowerCase()}.example` };
  await tell(world, { method: 'GET', path: '/api/sinks', headers });
}

/** What does not reach the application: refused by the parser, or before anybody looks at it. */
export async function sendBrokenRequests(world: World): Promise<void> {
  const { harvest } = world;
  const host = `Host: 127.0.0.1\r\n`;
  const requests = [
    `${harvest.plant('method')} / HTTP/1.1\r\n${host}\r\n`,
    `TRACE /?token=${harvest.plant('query')} HTTP/1.1\r\n${host}Cookie: a=${harvest.plant('cookie')}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}${harvest.plant('header-name')} : x\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}X: a\u0000${harvest.plant('header-value')}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${host}X: ${harvest.plant('long-header')}${'x'.repeat(20_000)}\r\n\r\n`,
    `GET /${harvest.plant('long-path')}${'x'.repeat(14_000)} HTTP/1.1\r\n${host}\r\n`,
    `GET http://svc:${harvest.plant('userinfo')}@127.0.0.1/ HTTP/1.1\r\n${host}\r\n`,
    `GET /#${harvest.plant('fragment')} HTTP/1.1\r\n${host}\r\n`,
    `CONNECT ${harvest.plant('connect')}:443 HTTP/1.1\r\n${host}\r\n`,
    `POST /webhooks/graph HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nz${harvest.plant('chunk')}\r\n`,
    `POST /webhooks/graph HTTP/1.1\r\n${host}Expect: ${harvest.plant('expect')}\r\nContent-Length: 0\r\n\r\n`,
  ];
  for (const [at, request] of requests.entries()) {
    harvest.keep(
      `the answer to broken request ${at}`,
      await converse(world.url, Buffer.from(request)),
    );
  }
}

/** A body that is refused before it has come whole: the connection may end under it. */
export async function sendTooMuch(world: World, path: string, body: string): Promise<void> {
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `X-API-Key: ${world.key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
  const answer = await converse(world.url, bytes);
  if (!answer.startsWith('HTTP/1.1 413 ')) throw new Error(`not refused: ${answer}`);
  world.harvest.keep(`the answer to a large body at ${path}`, answer);
}

/** What Graph, or somebody who would like to pass for it, posts. */
export async function postNotifications(world: World, clientState: string): Promise<void> {
  const { harvest } = world;
  const post = (path: string, body: string, headers = JSON_TYPE, ...allowed: string[]) =>
    tell(world, { method: 'POST', path, headers, body }, ...allowed);
  const genuine = (id: string) => ({
    ...genuineItem(id),
    clientState,
    tellTale: harvest.plant('unknown-field'),
    resourceData: { id: harvest.plant('resource-data'), '@odata.etag': harvest.plant('etag') },
  });
  const encrypted = {
    ...genuine('encrypted'),
    encryptedContent: {
      data: harvest.plant('encrypted-data'),
      dataSignature: harvest.plant('data-signature'),
      dataKey: harvest.plant('data-key'),
      encryptionCertificateId: harvest.plant('certificate-id'),
      encryptionCertificateThumbprint: harvest.plant('thumbprint'),
    },
  };
  const validationTokens = [`eyJhbGciOiJub25lIn0.${harvest.plant('validation-token')}.c2ln`];
  const value = [
    genuine('one'),
    { ...genuine('forged'), clientState: harvest.plant('wrong-client-state') },
    { ...genuine('strange'), subscriptionId: randomUUID(), clientState: harvest.plant('held') },
    encrypted,
  ];
  const query = `?token=${harvest.plant('query')}`;
  await post(`/webhooks/graph${query}`, JSON.stringify({ value, validationTokens }));
  await post('/webhooks/graph/lifecycle', JSON.stringify({ value: [{ ...genuine('two') }] }));
  await post('/webhooks/graph', `{"value": [{"clientState": "${harvest.plant('malformed')}", }`);
  await post('/webhooks/graph', `{"value": "${harvest.plant('no-list')}"}`);
  await sendTooMuch(world, '/webhooks/graph', harvest.plant('large').repeat(150_000));
  await post('/webhooks/graph', `a=${harvest.plant('form')}`, {
    'content-type': `text/${harvest.plant('type')}`,
  });
  const token = harvest.plant('handshake');
  await post(`/webhooks/graph?validationToken=${token}`, '', JSON_TYPE, 'handshake');
  await post(`/webhooks/graph?validationToken=${harvest.plant('twice')}&validationToken=x`, '');
  await post(`/webhooks/graph?validationToken=%00${harvest.plant('control')}`, '');
}
