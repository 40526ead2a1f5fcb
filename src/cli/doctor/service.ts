import { z } from 'zod';
import { type Api, createApi } from '../client.ts';
import { type Deployment, withoutKey } from './deployment.ts';
import { examine } from './examine.ts';
import { fail, type Finding, hasFailed, ok, skipped } from './finding.ts';
import { judgeSkew } from './judge-skew.ts';

const Liveness = z.looseObject({ status: z.literal('ok'), timestamp: z.iso.datetime() });
const Readiness = z.looseObject({
  status: z.string(),
  checks: z.record(z.string(), z.looseObject({ status: z.string(), error: z.string().optional() })),
});

const AT_ONCE = { note: () => undefined, maxWaits: 0 };
const OUTSIDE = 'Administrators are not taken from this address';

/** Whether the service runs at --url, can work, and takes the key. */
export async function checkService(deployment: Deployment): Promise<readonly Finding[]> {
  const running = await checkLiveness(deployment);
  if (hasFailed(running)) {
    const away = ['service ready', 'operator key'].map((check) =>
      skipped(check, 'the service does not answer'),
    );
    return [...running, ...away];
  }
  return [...running, ...(await checkReadiness(deployment)), ...(await checkKey(deployment))];
}

function checkLiveness(deployment: Deployment): Promise<readonly Finding[]> {
  const { url } = deployment.target;
  const remedy =
    'Start it by "npx sallyport start", or say by --url where it is; its log says why not';
  return examine(deployment, { check: 'service', remedy }, async (signal) => {
    const askedAt = Date.now();
    const { body } = await apiFor(withoutKey(deployment), signal).ask('GET', '/health');
    const halfway = (askedAt + Date.now()) / 2;
    const { success, data } = Liveness.safeParse(body);
    if (!success) return [fail('service', `what answers at ${url} is no Sallyport`, remedy)];
    const skewMs = Date.parse(data.timestamp) - halfway;
    return [ok('service', `answers at ${url}`), judgeSkew('clock of the service', skewMs)];
  });
}

function checkReadiness(deployment: Deployment): Promise<readonly Finding[]> {
  const check = 'service ready';
  const remedy = 'Its log says why; docs/operations.md says what each outage means';
  return examine(deployment, { check, remedy }, async (signal) => {
    const ready = { expect: [503] };
    const answer = await apiFor(withoutKey(deployment), signal).ask('GET', '/health/ready', ready);
    const { status, checks } = Readiness.parse(answer.body);
    if (answer.status === 200) return [ok(check, status)];
    const unhealthy = Object.entries(checks)
      .filter(([, probe]) => probe.status !== 'healthy')
      .map(([name, { error }]) => (error === undefined ? name : `${name} (${error})`));
    return [fail(check, [status, ...unhealthy].join(', '), remedy)];
  });
}

function checkKey(deployment: Deployment): Promise<readonly Finding[]> {
  const check = 'operator key';
  const { source } = deployment.target.found;
  const remedy = 'Say --key-file, or set OPERATOR_API_KEY to the key of the service';
  return examine(deployment, { check, remedy }, async (signal) => {
    const question = { query: { limit: 1 }, expect: [401, 403] };
    const { status } = await apiFor(deployment, signal).ask('GET', '/api/sinks', question);
    // Not taken from here: the key may be right.
    if (status === 403)
      return [fail(check, OUTSIDE, 'Add the address of this machine to ADMIN_ALLOWED_IPS')];
    return status === 401
      ? [fail(check, `that of ${source} is refused, or there is none`, remedy)]
      : [ok(check, `that of ${source} is accepted`)];
  });
}

/** The service, asked within the time of one check, in which there is none for waiting. */
export function apiFor({ target }: Deployment, signal: AbortSignal): Api {
  return createApi({ ...target, ...AT_ONCE, organization: undefined, signal });
}
