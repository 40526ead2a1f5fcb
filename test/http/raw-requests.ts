import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { z } from 'zod';
import { OPERATOR_KEY } from '../support/service.ts';

/** One request of test/fixtures/hostile/requests.json, its bytes written out. */
export interface RawRequest {
  readonly name: string;
  readonly bytes: Buffer;
  /** Each answer's must be one of these. */
  readonly statuses: readonly number[];
  /** More must not come back on its connection. */
  readonly answers: number;
  /** What an answer to the request that is hidden in it would hold. */
  readonly mark: string;
}

const Cases = z.strictObject({
  cases: z.array(
    z.strictObject({
      class: z.string(),
      name: z.string(),
      bytes: z.string(),
      statuses: z.array(z.int()).min(1),
      answers: z.int().min(1),
    }),
  ),
});

const FILE = new URL('../fixtures/hostile/requests.json', import.meta.url);
const KILOBYTES = 20_000;

export function readRawRequests(): RawRequest[] {
  const { cases } = Cases.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return cases.map(({ class: attack, name, bytes, statuses, answers }, at) => {
    const mark = `smuggled-${at}-end`;
    return { name: `${attack}: ${name}`, bytes: expand(bytes, mark), statuses, answers, mark };
  });
}

/** A handshake, since anybody may have one and its answer repeats what it was asked. */
export function handshakeFor(mark: string): string {
  return `POST /webhooks/graph?validationToken=${mark} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`;
}

// What each stands for is told in test/fixtures/hostile/README.md.
function expand(text: string, mark: string): Buffer {
  const smuggled = handshakeFor(mark);
  const bodyLength = text.includes('\r\n0\r\n\r\n{smuggled}')
    ? smuggled.length + 5
    : smuggled.length;
  const values: Readonly<Record<string, string>> = {
    smuggled,
    length: String(bodyLength),
    hexLength: smuggled.length.toString(16),
    zeros: '0'.repeat(20),
    key: OPERATOR_KEY,
    kilobytes: 'x'.repeat(KILOBYTES),
    segments: 'a/'.repeat(4000),
    manyHeaders: 'X: a\r\n'.repeat(3000),
  };
  const written = text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  return Buffer.from(written, 'latin1');
}

const QUIET_MS = 100;
const AT_MOST_MS = 10_000;

/**
 * Sends bytes and gives all that comes back until the connection ends. When nothing has come for a
 * while, the service is told that this was everything, and ends it behind its last answer.
 */
export async function converse(url: string, bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let text = '';
  const ended = new Promise<void>((resolve) => {
    // A reset is one of the ends that a refused connection may come to.
    socket.on('error', () => resolve()).on('close', () => resolve());
    let quiet = setTimeout(() => socket.end(), 4 * QUIET_MS);
    const cut = setTimeout(() => socket.destroy(), AT_MOST_MS);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.end(), QUIET_MS);
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      clearTimeout(cut);
    });
  });
  socket.write(bytes);
  await ended;
  return text;
}
