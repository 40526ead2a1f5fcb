import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { hostOf } from '../../domain/host.ts';
import { checkClientAddress } from './client-address.ts';
import type { Deployment } from './deployment.ts';
import { examine } from './examine.ts';
import { fail, type Finding, hasFailed, ok, skipped, warn } from './finding.ts';
import { judgeHandshake, newToken } from './judge-handshake.ts';
import { judgeHeaders } from './judge-headers.ts';
import { judgeInFront } from './judge-in-front.ts';
import { judgeSkew } from './judge-skew.ts';
import { judgeTls, remedyForTls } from './judge-tls.ts';
import { openTls, postHandshake, type PublicAnswer } from './public-connection.ts';

const CHECK = 'public URL';
const HANDSHAKE = 'handshake';
const LIFECYCLE = 'lifecycle handshake';
// RFC 6052 §2.1. In any other prefix the IPv4 address may stand elsewhere, and be private.
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

/** What Graph will meet, as far as it can be seen from here: name, certificate, handshake, headers. */
export async function checkPublicUrl(deployment: Deployment): Promise<readonly Finding[]> {
  const { publicUrl: url } = deployment;
  if (url === undefined) {
    return [skipped(CHECK, 'neither GRAPH_WEBHOOK_URL nor --public-url says it')];
  }
  const findings = [judgeUrl(url)];
  for (const step of [checkName, checkTls]) {
    if (!hasFailed(findings)) findings.push(...(await step(deployment, url)));
  }
  if (hasFailed(findings)) {
    return [...findings, skipped(HANDSHAKE, 'there is no connection that Graph would take')];
  }
  const lifecycleUrl = new URL(`${url.pathname.replace(/\/$/, '')}/lifecycle`, url);
  const [first, second] = await Promise.all([
    shakeHands(deployment, url, HANDSHAKE),
    shakeHands(deployment, lifecycleUrl, LIFECYCLE),
  ]);
  const seen = first.answer === undefined ? [] : await judgeAnswer(deployment, first.answer);
  return [...findings, ...first.findings, ...second.findings, ...seen];
}

function judgeUrl(url: URL): Finding {
  const shown = url.origin + url.pathname;
  if (url.protocol !== 'https:') {
    return fail(CHECK, `${shown} is not https`, 'Graph sends to https only: set GRAPH_WEBHOOK_URL');
  }
  if (/\/webhooks\/graph\/?$/.test(url.pathname)) return ok(CHECK, shown);
  const remedy = 'Let it end in /webhooks/graph, unless a proxy rewrites the path';
  return warn(CHECK, shown, remedy);
}

function checkName(deployment: Deployment, url: URL): Promise<readonly Finding[]> {
  const check = 'name';
  const remedy = `Make a DNS record for ${url.hostname} (cloudflared tunnel route dns); it may take minutes to be seen`;
  return examine(deployment, { check, remedy }, async () => {
    const found = await lookup(hostOf(url), { all: true });
    return [
      judgeAddresses(
        check,
        found.map(({ address }) => address),
      ),
    ];
  });
}

/** Judges what the name of the public URL means here. */
export function judgeAddresses(check: string, addresses: readonly string[]): Finding {
  const shown = addresses.join(', ');
  const hidden = addresses.filter((address) => !isPublic(ipaddr.process(address)));
  if (hidden.length === 0) return ok(check, shown);
  const remedy = 'Graph does not reach private addresses: see that the world gets public ones only';
  const which = hidden.length === addresses.length ? 'it' : hidden.join(', ');
  return warn(check, `${shown}: seen from here ${which} is private`, remedy);
}

/** Behind NAT64 a resolver makes IPv6 addresses of public IPv4 ones: those stand in their last 32 bits. */
function isPublic(address: ReturnType<typeof ipaddr.process>): boolean {
  if (address.kind() === 'ipv6' && address.match(NAT64)) {
    return ipaddr.fromByteArray(address.toByteArray().slice(-4)).range() === 'unicast';
  }
  return address.range() === 'unicast';
}

async function checkTls(deployment: Deployment, url: URL): Promise<readonly Finding[]> {
  const check = 'TLS';
  const remedy = 'Is the tunnel or proxy up, and does it listen on that port?';
  return examine(deployment, { check, remedy }, async (signal) => {
    try {
      const opened = await openTls(url, { ca: deployment.ca, signal });
      return [judgeTls(check, opened, Date.now())];
    } catch (error) {
      const known = remedyForTls(check, error);
      if (known === undefined) throw error;
      return [known];
    }
  });
}

async function shakeHands(deployment: Deployment, url: URL, check: string) {
  const answers: PublicAnswer[] = [];
  const remedy =
    'Is the service up, and what stands in front of it? Ask the same with curl: docs/cloudflare-tunnel.md';
  const findings = await examine(deployment, { check, remedy }, async (signal) => {
    const token = newToken();
    const answer = await postHandshake(url, token, { ca: deployment.ca, signal });
    answers.push(answer);
    return [judgeHandshake(check, answer, token)];
  });
  return { findings, answer: answers[0] };
}

function notOurs(check: string): Finding {
  return skipped(check, 'it is not the service that answers');
}

/** What else the answer to the handshake shows. */
async function judgeAnswer(
  deployment: Deployment,
  answer: PublicAnswer,
): Promise<readonly Finding[]> {
  const inFront = judgeInFront('nothing in front', answer);
  const { headers, skewMs } = answer;
  return [
    inFront ?? ok('nothing in front', 'no challenge, no redirect, no page'),
    ...(inFront === undefined ? judgeHeaders(headers) : [notOurs('security headers')]),
    skewMs === undefined
      ? skipped('clock of the public URL', 'its answer has no Date')
      : judgeSkew('clock of the public URL', skewMs),
    ...(inFront === undefined
      ? await checkClientAddress(deployment, headers)
      : [notOurs('client address')]),
  ];
}
