import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Answer } from './every-answer.ts';

export interface Question {
  readonly method: string;
  readonly path: string;
  /** `Host` among them, which `fetch` does not let anybody choose. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface WholeAnswer extends Answer {
  /** Names in lower case, each as often as it came. */
  readonly names: readonly string[];
}

/** Asks on a connection of its own. Of a stream it waits for the head alone, and ends it. */
export async function ask(url: string, { method, path, headers, body }: Question) {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = request(new URL(url), {
    method,
    path,
    agent: false,
    headers: { ...length, ...headers },
  });
  // Refused before it has sent all: the answer has come by then.
  sent.on('error', () => undefined);
  const answered = once(sent, 'response');
  sent.end(body);
  const [answer]: IncomingMessage[] = await answered;
  if (answer === undefined) throw new Error('no answer');
  return readAnswer(answer);
}

async function readAnswer(answer: IncomingMessage): Promise<WholeAnswer> {
  const pairs = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
  const names = answer.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const isStream = answer.headers['content-type']?.startsWith('text/event-stream') === true;
  const body = isStream ? '' : await text(answer);
  answer.destroy();
  return {
    status: answer.statusCode ?? 0,
    headers: new Headers(Object.fromEntries(pairs)),
    names,
    body,
  };
}
