// Scans a running service with wapiti (Debian: apt-get install wapiti), and exits with 1 when it finds
// something: node scripts/scan/wapiti.mjs
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const KEY = 'TEST-ONLY-scanned-4f1b7d93a2c85e60';
const SAMPLES = new URL('../../test/fixtures/graph/', import.meta.url);
const ROOT = new URL('../../', import.meta.url).pathname;
// All but those that ask servers on the internet (nikto, wapp, ssrf, xxe) and those for pages with
// forms to log in (brute_login_form).
const MODULES =
  'backup,blindsql,buster,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss';
const SECONDS = Number(process.env['SCAN_SECONDS'] ?? 600);

const folder = mkdtempSync(join(tmpdir(), 'sallyport-scan-'));
const service = spawn(process.execPath, ['src/main.ts'], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    PATH: process.env['PATH'],
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: join(folder, 'data'),
    OPERATOR_API_KEY: KEY,
    MIN_FREE_DISK_MB: '0',
    // The scanner asks more often than anybody may.
    RATE_LIMIT_MAX: '1000000000',
    RATE_LIMIT_API_MAX: '1000000000',
  },
});

try {
  const { url, statuses } = await whenListening();
  const { notification, sink, subscription } = await fill(url);
  const report = await scan(url, [
    '',
    'health',
    'health/ready',
    'health/circuit-breakers',
    'api/health',
    'api/handshakes',
    'webhooks/graph?validationToken=abc',
    `api/subscriptions?limit=10&cursor=a&deleted=true`,
    `api/subscriptions/${subscription}`,
    `api/sinks?limit=10&cursor=a&deleted=true`,
    `api/sinks/${sink}`,
    `api/notifications?limit=10&state=expanded&tenantId=a&subscriptionId=b&from=2026-01-01T00:00:00Z`,
    `api/notifications/${notification}`,
    `api/notifications/replays?limit=10`,
    `api/dead-letters?limit=10&sinkId=a&reason=b`,
    `api/audit?limit=10&eventType=a&userId=b&resource=c`,
  ]);
  const findings = Object.entries(report.vulnerabilities).concat(Object.entries(report.anomalies));
  const found = findings.filter(([, list]) => list.length > 0);
  for (const [kind, list] of found) {
    process.stdout.write(`${kind}: ${list.length}\n`);
    for (const { info, method, path } of list)
      process.stdout.write(`  ${method} ${path} ${info}\n`);
  }
  const answers = statuses();
  const failures = Object.keys(answers).filter((code) => code >= '500');
  process.stdout.write(
    `${report.infos.version}: ${MODULES.split(',').length} modules, ${found.length} kinds of findings; ` +
      `answers of 400 and above: ${JSON.stringify(answers)}\n`,
  );
  process.exitCode = found.length === 0 && failures.length === 0 ? 0 : 1;
} finally {
  service.kill('SIGTERM');
  await once(service, 'exit');
  rmSync(folder, { recursive: true });
}

async function whenListening() {
  const lines = createInterface({ input: service.stdout });
  const counts = {};
  const listening = new Promise((resolve) => {
    lines.on('line', (line) => {
      const entry = JSON.parse(line);
      if (entry.url) resolve(entry);
      if (entry.status) counts[entry.status] = (counts[entry.status] ?? 0) + 1;
    });
  });
  const { url } = await listening;
  // Those below 400 are not in the log at its usual level.
  return { url: `${url}/`, statuses: () => counts };
}

/** Something to find: a sink, a subscription, and a notification for it. */
async function fill(url) {
  const headers = { 'Content-Type': 'application/json', 'X-API-Key': KEY };
  const post = async (path, body) => {
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return answer.json();
  };
  const [{ key: _key, ...sample }] = JSON.parse(
    readFileSync(new URL('subscriptions.json', SAMPLES), 'utf8'),
  ).subscriptions;
  const wanted = Object.entries(sample).filter(([, value]) => value !== null);
  await post('api/subscriptions/import', Object.fromEntries(wanted));
  const sink = await post('api/sinks', { name: 'log', kind: 'log' });
  const item = {
    id: 'n-1',
    subscriptionId: sample.id,
    subscriptionExpirationDateTime: '2026-12-31T18:00:00Z',
    clientState: sample.clientState,
    tenantId: sample.tenantId,
    changeType: 'created',
    resource: 'Users/u/Messages/m',
    resourceData: { '@odata.type': '#Microsoft.Graph.Message', id: 'm' },
  };
  await post('webhooks/graph', { value: [item] });
  for (;;) {
    const { data } = await (await fetch(`${url}api/notifications`, { headers })).json();
    if (data[0]) return { subscription: sample.id, sink: sink.id, notification: data[0].id };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function scan(url, paths) {
  const output = join(folder, 'report.json');
  const args = ['-u', url, '--scope', 'domain', '-m', MODULES, '-f', 'json', '-o', output];
  args.push('-H', `X-API-Key: ${KEY}`, '--flush-session', '--no-bugreport', '-v', '0');
  args.push('--store-session', join(folder, 'session'), '--max-scan-time', String(SECONDS));
  args.push('--store-config', join(folder, 'config'), '-l', '2', '-S', 'normal');
  for (const path of paths) args.push('-s', url + path);
  process.stdout.write('Scanning; this takes a minute or two\n');
  const wapiti = spawn('wapiti', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(wapiti, 'exit');
  if (code !== 0) throw new Error(`wapiti ended with ${code}`);
  return JSON.parse(readFileSync(output, 'utf8'));
}
