import type { IncomingHttpHeaders } from 'node:http';
import { fail, type Finding } from './finding.ts';
import type { PublicAnswer } from './public-connection.ts';

const CHALLENGES = new Set([403, 429, 503]);
// Of Cloudflare when it does not reach the tunnel; 530 goes with error 1033.
const NO_TUNNEL = new Set([502, 504, 520, 521, 522, 523, 524, 530]);

const SKIP_RULE = 'http.request.uri.path in {"/webhooks/graph" "/webhooks/graph/lifecycle"}';
const REMEDIES = {
  challenge: `Graph cannot solve challenges: turn Bot Fight Mode off (no rule skips it) or Super Bot Fight Mode, and add a WAF custom rule with the action Skip for ${SKIP_RULE}; see docs/cloudflare-tunnel.md`,
  access:
    'Cloudflare Access asks for a login: give /webhooks/graph an Access application of its own with a Bypass policy for everyone',
  redirect:
    'Graph does not follow redirects: set GRAPH_WEBHOOK_URL to where it leads, or take the path out of the redirect rule',
  noTunnel:
    'Cloudflare does not reach the service: is cloudflared running, and does its ingress lead to where the service listens?',
  html: 'A page stands in front of the service: let the path through to it; what it says is in a browser',
} as const;

/** What answered in place of the service; `undefined` when nothing did. */
export function judgeInFront(check: string, answer: PublicAnswer): Finding | undefined {
  const { status, headers } = answer;
  const type = headers['content-type'] ?? '';
  if (status >= 300 && status < 400) return judgeRedirect(check, status, headers);
  if (headers['cf-mitigated'] !== undefined) {
    return fail(check, `a challenge of Cloudflare (${status})`, REMEDIES.challenge);
  }
  // Errors of the service are JSON, whoever passes them on.
  if (/\bjson\b/i.test(type)) return undefined;
  if (isCloudflare(headers)) {
    if (NO_TUNNEL.has(status)) {
      return fail(check, `an error of Cloudflare (${status})`, REMEDIES.noTunnel);
    }
    if (CHALLENGES.has(status)) {
      return fail(check, `refused by Cloudflare (${status})`, REMEDIES.challenge);
    }
  }
  if (!/\bhtml\b/i.test(type)) return undefined;
  const remedy = isCloudflare(headers) ? REMEDIES.challenge : REMEDIES.html;
  return fail(check, `a page (${status} ${type})`, remedy);
}

export function isCloudflare(headers: IncomingHttpHeaders): boolean {
  return headers['cf-ray'] !== undefined || /^cloudflare\b/i.test(String(headers['server'] ?? ''));
}

function judgeRedirect(check: string, status: number, headers: IncomingHttpHeaders): Finding {
  const { location = 'nowhere' } = headers;
  const target = URL.parse(location);
  // Its query may hold the token, or what a login wants to have back.
  const shown = target === null ? (location.split('?')[0] ?? '') : target.origin + target.pathname;
  const isAccess = target?.hostname.endsWith('.cloudflareaccess.com') === true;
  const remedy = isAccess ? REMEDIES.access : REMEDIES.redirect;
  return fail(check, `a redirect (${status}) to ${shown}`, remedy);
}
