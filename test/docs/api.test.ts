import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existingRoutes } from '../support/existing-routes.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { readSample, startService, type ApiAnswer, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { readBlocks, shows } from './blocks.ts';

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const text = source('docs/api.md');
const SINK_URL = 'http://127.0.0.1:3000';

const sorted = (texts: Iterable<string>) =>
  [...new Set(texts)].toSorted((a, b) => a.localeCompare(b));

/** A request of the documentation with the answer that it promises. */
const exchanges = readBlocks(text)
  .filter(({ language }) => language === 'http')
  .map(({ heading, text: block }) => {
    const [request = '', answer = ''] = block.split('\n\n');
    const [line = '', ...body] = request.split('\n');
    const [status = '', ...shown] = answer.split('\n');
    return {
      heading,
      line,
      body: body.join('\n'),
      status: Number(status),
      shown: shown.join('\n'),
    };
  });

describe('docs/api.md', () => {
  let service: TestService;
  let receiver: Receiver;
  let lastId = '';

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver();
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  it('has every route, and no other', async () => {
    const documented = [...text.matchAll(/^\| `([A-Z]+ \/[^ ?`]*)`/gm)].map(
      ([, route = '']) => route,
    );
    expect(sorted(documented)).toEqual(await existingRoutes());
    expect(documented).toHaveLength(new Set(documented).size);
  });

  it('has every code of an error, and no other', () => {
    const files = ['src/domain/errors.ts', 'src/adapters/http/refusals.ts'];
    const code = /\bcode(?:: string)?(?: =|:) '([A-Z_]+)'/g;
    const real = [...files, 'src/adapters/http/present-error.ts'].flatMap((file) =>
      [...source(file).matchAll(code)].map(([, found = '']) => found),
    );
    const documented = [...text.matchAll(/^\| `([A-Z_]+)` +\| \d{3}/gm)].map(
      ([, found = '']) => found,
    );
    expect(sorted(documented)).toEqual(sorted(real));
  });

  /** What has to have happened before the first exchange of a chapter. */
  async function prepare(heading: string): Promise<void> {
    const count = async (query: string) => (await service.api('GET', query)).body.data.length;
    if (heading === 'Notifications') {
      await service.post(readSample('01-message-created.json'));
      const due = ['due', 'claimed'].map((state) => `/api/notifications?delivery=${state}`);
      await until(() => receiver.received.length === 2, 'it is delivered'); // one was the test
      await until(async () => (await Promise.all(due.map(count))).every((n) => n === 0), 'settled');
    }
    if (heading === 'Dead letters') {
      await until(() => receiver.received.length === 3, 'it is delivered again');
      receiver.answer({ status: 400 });
      await service.post(readSample('03-message-deleted.json'));
      await until(async () => (await count('/api/dead-letters')) === 1, 'it is dead');
    }
  }

  async function ask(line: string, body: string): Promise<ApiAnswer> {
    const [method = '', path = ''] = line.replace(':id', lastId).split(' ');
    const sent = body.replaceAll(SINK_URL, receiver.url);
    return service.api(method, path, sent === '' ? undefined : JSON.parse(sent));
  }

  it('has exchanges from every chapter that is about more than one route', () => {
    expect(sorted(exchanges.map(({ heading }) => heading))).toEqual([
      'Audit',
      'Dead letters',
      'Notifications',
      'Sinks',
      'Subscriptions',
    ]);
  });

  it.each(exchanges)('keeps its word: $line', async ({ heading, line, body, status, shown }) => {
    const at = exchanges.findIndex((one) => one.line === line && one.body === body);
    if (exchanges[at - 1]?.heading !== heading) await prepare(heading);
    const answer = await ask(line, body);
    const real = answer.text.replaceAll(receiver.url, SINK_URL);
    expect(answer.status).toBe(status);
    expect(shows(real, shown) ? shown : real).toBe(shown);
    lastId = answer.body.id ?? answer.body.data?.[0]?.id ?? lastId;
  });
});
