import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { importSamples, readSample, startService, type TestService } from '../support/service.ts';
import { readRaw, sendRaw } from './edge.ts';
import { genuineText, GRAPH_PATHS } from './graph-posts.ts';

interface HandshakeCase {
  readonly name: string;
  readonly rawQuery: string;
  readonly expect: { readonly status: number; readonly body?: string };
}

// The longest there is: much more than all handshakes take on a busy machine.
const ACK_TIMEOUT_MS = 3000;

const handshakes = JSON.parse(readSample('handshake-cases.json')).cases as HandshakeCase[];

/** Byte for byte, as no HTTP client would be talked into. */
async function shakeHands(service: TestService, rawQuery: string, path = '/webhooks/graph') {
  const head = [
    `POST ${path}?${rawQuery} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Length: 0',
    'Connection: close',
  ];
  return readRaw(await sendRaw(service.url, `${head.join('\r\n')}\r\n\r\n`));
}

/** Somebody else holds the write locks of both files, as a disk that hangs would. */
function hangStores({ dataDir }: TestService): () => void {
  const holders = ['inbox.db', 'store.db'].map((file) => {
    const holder = new DatabaseSync(join(dataDir, file), { timeout: 5000 });
    holder.exec('BEGIN IMMEDIATE');
    return holder;
  });
  return () => {
    for (const holder of holders) {
      holder.exec('ROLLBACK');
      holder.close();
    }
  };
}

describe('a handshake', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  it.each(handshakes)('$name', async ({ rawQuery, expect: expected }) => {
    const answer = await shakeHands(service, rawQuery);
    expect(answer.status).toBe(expected.status);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    if (expected.status === 200) {
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(answer.body).toBe(expected.body);
    } else {
      expect(JSON.parse(answer.body).error.code).toBe('VALIDATION_TOKEN');
      expect(answer.body).not.toContain('<script>');
    }
  });

  it('has cases of both kinds', () => {
    expect(new Set(handshakes.map(({ expect: { status } }) => status))).toEqual(
      new Set([200, 400]),
    );
  });

  it.each(GRAPH_PATHS)('answers the same at %s', async (path) => {
    expect(await shakeHands(service, 'validationToken=a+b', path)).toMatchObject({
      status: 200,
      body: 'a b',
    });
  });
});

describe('a handshake while both files hang', () => {
  let service: TestService;
  let release: () => void;

  beforeEach(async () => {
    service = await startService({ env: { ACK_TIMEOUT_MS: String(ACK_TIMEOUT_MS) } });
    await importSamples(service);
    release = hangStores(service);
  });
  afterEach(async () => {
    await service.close();
  });

  it('is answered at once, and /health too, while notifications get their 503 in time', async () => {
    const startedAt = performance.now();
    let answered = 0;
    const posts = Array.from({ length: 20 }, async (_, n) => {
      const answer = await service.post(genuineText(`hung-${n}`));
      answered += 1;
      return answer;
    });
    for (const { rawQuery, expect: expected } of handshakes) {
      expect((await shakeHands(service, rawQuery)).status).toBe(expected.status);
      expect((await fetch(`${service.url}/health`)).status).toBe(200);
    }
    // All of that took less time than one of them had to wait.
    expect(answered).toBe(0);

    const answers = await Promise.all(posts);
    expect(performance.now() - startedAt).toBeLessThan(ACK_TIMEOUT_MS + 2000);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    release();
    expect((await service.post(genuineText('after'))).status).toBe(202);
  });
});
