import { LOOPBACK_HOSTS } from '../../domain/host.ts';
import type { Deployment } from './deployment.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { judgeTrustedProxies } from './judge-trusted-proxies.ts';

/** Whether the service could start with this environment, and would answer by the names it is asked by. */
export function checkConfiguration(deployment: Deployment): readonly Finding[] {
  const { config, problems, publicUrl, target } = deployment;
  if (config === undefined) return problems.map(toFinding);
  const read = ok('configuration', `can be used; STORAGE=${config.storage.kind}`);
  const off = config.switchedOff.map((variable) =>
    warn('configuration', `${variable}=false`, `Set ${variable}=true when the diagnosis is done`),
  );
  const asked = [publicUrl, new URL(target.url)].flatMap((url) => url?.hostname ?? []);
  return [
    read,
    ...off,
    judgeHosts(config.edge.allowedHosts, asked),
    judgeTrustedProxies(config.trustedProxies),
  ];
}

/** `asked`: the names, as they stand in URLs, that requests come with. */
export function judgeHosts(allowed: 'any' | readonly string[], asked: readonly string[]): Finding {
  if (allowed === 'any') {
    const names = [...new Set(asked)].join(',');
    return warn('allowed hosts', 'any Host is served', `Set ALLOWED_HOSTS=${names}`);
  }
  // Loopback is served to this machine in any case, and asked for from nowhere else.
  const refused = asked.filter((host) => !allowed.includes(host) && !LOOPBACK_HOSTS.has(host));
  if (refused.length === 0) {
    return ok('allowed hosts', [...allowed, 'this machine by its own names'].join(', '));
  }
  return fail(
    'allowed hosts',
    `requests for ${refused.join(', ')} are refused`,
    `Add to ALLOWED_HOSTS: ${refused.join(',')}`,
  );
}

/** Problems name their variable first, and say what it should be instead. */
function toFinding(problem: string): Finding {
  const [variable = 'it'] = problem.split(' ');
  const remedy = `Correct ${variable} in the environment or .env; .env.example says what it may be`;
  return fail('configuration', problem, remedy);
}
