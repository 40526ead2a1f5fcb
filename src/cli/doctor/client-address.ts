import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { LimitedError } from '../client.ts';
import type { Deployment } from './deployment.ts';
import { examine } from './examine.ts';
import { type Finding, skipped } from './finding.ts';
import { judgeClientAddress, judgeUnseen } from './judge-client-address.ts';
import { isCloudflare } from './judge-in-front.ts';
import { askCloudflareForCaller, type PublicAnswer } from './public-connection.ts';
import { apiFor } from './service.ts';

const CHECK = 'client address';
// Of the time for the whole check, so that one who does not say leaves a finding.
const CLOUDFLARE_MS = 2000;

const Handshakes = z.object({
  data: z.array(
    z.object({ requestId: z.string(), ipAddress: z.string(), viaTrustedProxy: z.boolean() }),
  ),
});

/** Asks the service whom it took this machine for in the handshake that `headers` answered. */
export async function checkClientAddress(
  deployment: Deployment,
  headers: PublicAnswer['headers'],
): Promise<readonly Finding[]> {
  const requestId = headers['x-request-id'];
  if (requestId === undefined) return [skipped(CHECK, 'the public answer has no X-Request-Id')];
  const remedy = 'See what is found of the service';
  return examine(deployment, { check: CHECK, remedy }, async (signal) => {
    const handshakes = await askForHandshakes(deployment, signal);
    if (handshakes === undefined) return [skipped(CHECK, 'the service does not tell')];
    const seen = handshakes.find((one) => one.requestId === requestId);
    if (seen === undefined) return [judgeUnseen(deployment.config?.instances)];
    const atCloudflare = isCloudflare(headers)
      ? await findCaller(deployment, seen.ipAddress, signal)
      : undefined;
    return [judgeClientAddress(seen, headers, { ownAddresses: ownAddresses(), atCloudflare })];
  });
}

/** `undefined` when it is away or refuses, which other checks tell. */
async function askForHandshakes(deployment: Deployment, signal: AbortSignal) {
  try {
    const { body } = await apiFor(deployment, signal).ask('GET', '/api/handshakes');
    return Handshakes.parse(body).data;
  } catch (error) {
    if (error instanceof CliError && !(error instanceof LimitedError)) return undefined;
    throw error;
  }
}

/** `undefined` when Cloudflare does not say, or not in time, which is judged as such. */
async function findCaller(
  { publicUrl, ca }: Deployment,
  ipAddress: string,
  wholeCheck: AbortSignal,
): Promise<string | undefined> {
  if (publicUrl === undefined) return undefined;
  const signal = AbortSignal.any([wholeCheck, AbortSignal.timeout(CLOUDFLARE_MS)]);
  // A machine with both families has a public address of each, and came by one of them.
  const family = isIPv6(ipAddress) ? 6 : 4;
  return askCloudflareForCaller(publicUrl, family, { ca, signal }).catch(() => undefined);
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(
    (addresses) => addresses?.map(({ address }) => address) ?? [],
  );
}
