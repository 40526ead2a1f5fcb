import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { SinkTarget } from '../../ports/notification-sink.ts';
import { createSigner, type Signer } from './signature.ts';

/** A webhook made ready: everything that is the same for each try. */
export interface PreparedTarget {
  readonly origin: string;
  readonly path: string;
  /** Names and values, alternating, as undici takes them fastest. */
  readonly headers: readonly string[];
  readonly sign: Signer;
}

const OURS = ['content-type', 'application/cloudevents+json', 'user-agent', 'Sallyport'];

// An own header may neither pose as a signature nor change where a message ends, to whom it goes
// or how long the connection lives.
const NOT_OWN = new Set([
  'content-type',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'host',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'expect',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
]);

/**
 * Throws when the URL is not http or https or holds a password, a secret is not `whsec_…`, or a
 * header cannot be sent.
 */
export function prepareTarget(target: Extract<SinkTarget, { kind: 'webhook' }>): PreparedTarget {
  const url = new URL(target.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('not an HTTP URL');
  if (url.username !== '' || url.password !== '') throw new Error('a URL holds no credentials');
  const headers = [...OURS];
  for (const [name, value] of Object.entries(target.headers)) {
    if (NOT_OWN.has(name.toLowerCase())) continue;
    validateHeaderName(name);
    validateHeaderValue(name, value.reveal());
    headers.push(name, value.reveal());
  }
  const path = url.pathname + url.search;
  return { origin: url.origin, path, headers, sign: createSigner(target.secrets) };
}
