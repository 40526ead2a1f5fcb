import { randomUUID } from 'node:crypto';
import { fetchFrom } from './service-api.ts';
import { SimulationError } from './simulation-error.ts';

const PATHS = ['/webhooks/graph', '/webhooks/graph/lifecycle'];

/**
 * Asks as Graph does before it subscribes ("Receive change notifications through webhooks", endpoint
 * validation), in the spellings that receivers are known to stumble over.
 */
export async function checkHandshake(serviceUrl: string): Promise<void> {
  const sentence = `Validation: Testing client application reachability ${randomUUID()}`;
  const sentences = encodeURIComponent(sentence);
  const spellings: readonly { query: string; token: string }[] = [
    { query: `validationToken=${sentences.replaceAll('%20', '+')}`, token: sentence },
    { query: `validationToken=${sentences}`, token: sentence },
    { query: `own=query&validationToken=${sentences}&more=1`, token: sentence },
    { query: 'validationToken=ab%2Bcd%2Fef%3D%3D', token: 'ab+cd/ef==' },
    { query: 'validationToken=%E2%9C%93+%E6%97%A5%E6%9C%AC', token: '✓ 日本' },
  ];
  for (const path of PATHS) {
    for (const spelling of spellings) await checkOne(`${serviceUrl}${path}`, spelling);
  }
}

async function checkOne(url: string, { query, token }: { query: string; token: string }) {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
  const answer = await fetchFrom(`${url}?${query}`, { method: 'POST', headers });
  const type = answer.headers.get('Content-Type') ?? '';
  if (answer.status === 200 && /^text\/plain\b/i.test(type) && answer.text === token) return;
  throw new SimulationError(
    'handshake',
    `The handshake ${new URL(url).pathname}?${query} was answered with ${answer.status} ${type}, ` +
      `${answer.text === token ? 'and' : 'and not with'} the token`,
  );
}
