import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sampleSubscription, genuineText } from '../http/graph-posts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startService, type TestService } from '../support/service.ts';
import { operatorOf } from './command.ts';

const MAIL = sampleSubscription('mail1');
const OTHER = sampleSubscription('mail2');

const FILE = `
subscriptions:
  - id: ${MAIL.id.toUpperCase()}
    tenantId: ${MAIL.tenantId}
    applicationId: ${MAIL.applicationId}
    clientState: \${MAIL_STATE}
    changeType: ${MAIL.changeType}
    resource: ${MAIL.resource}
    expirationDateTime: 2026-12-31T19:00:00+01:00
    description: Mail & <b>more</b> <script>alert(1)</script>
  - id: ${OTHER.id}
    tenantId: ${OTHER.tenantId}
    applicationId: ${OTHER.applicationId}
    clientState: ${OTHER.clientState}
    changeType: created
    resource: ${OTHER.resource}
    expirationDateTime: 2026-12-31T18:00:00Z
sinks:
  - name: crm
    url: https://crm.example
    headers:
      Authorization: \${CRM_TOKEN}
    filter:
      subscriptionId: [${MAIL.id.toUpperCase()}, ${OTHER.id}]
      lifecycle: also
    concurrency: 5
    notes: "  a < b  "
  - name: trail
    kind: log
    enabled: false
`;

describe('apply', () => {
  let service: TestService;
  let operator: ReturnType<typeof operatorOf>;
  const folder = temporaryFolder();
  const path = join(folder.path, 'sallyport.yaml');
  const env = { MAIL_STATE: MAIL.clientState, CRM_TOKEN: 'Bearer clear-secret' };
  const apply = (options = '') => operator.run(`apply -f ${path} ${options}`.trim(), { env });
  const write = (text: string) => writeFileSync(path, text);
  const lines = async (options = '') => {
    const { code, stdout, stderr } = await apply(options);
    if (code !== 0) throw new Error(stderr);
    return stdout.trimEnd().split('\n');
  };

  beforeAll(async () => {
    service = await startService();
    operator = operatorOf(service);
  });
  beforeEach(() => write(FILE));
  afterAll(async () => {
    await service.close();
    folder.remove();
  });

  it('says what it would do, and does nothing, when that is only asked for', async () => {
    const wanted = [
      '+ sink crm',
      '+ sink trail',
      `+ subscription ${MAIL.id}`,
      `+ subscription ${OTHER.id}`,
    ];
    expect(await lines('--dry-run')).toEqual(wanted);
    expect(await lines('--dry-run')).toEqual(wanted);
    expect(await operator.json('subscriptions list')).toEqual([]);
  });

  it('makes what is missing, and then has nothing to do', async () => {
    expect(await lines()).toHaveLength(4);
    expect(await lines()).toEqual(['Nothing to do']);
    expect(await lines('--dry-run --prune')).toEqual(['- sink log']);
    expect(await operator.json('sinks show crm')).toMatchObject({
      hasHeaders: true,
      concurrency: 5,
    });
    // With the clientState of the environment: Graph's notifications are accepted.
    await service.post(genuineText('applied'));
    expect(await service.metric('notifications_total', '{verdict="accepted"}')).toBe(1);
  });

  it('changes what differs, and nothing else', async () => {
    write(
      FILE.replace('concurrency: 5', 'concurrency: 7').replace('enabled: false', 'enabled: true'),
    );
    expect(await lines('--dry-run')).toEqual([
      '~ sink crm: concurrency 5 -> 7',
      '~ sink trail: enabled false -> true',
    ]);
    expect(await lines()).toHaveLength(2);
    expect(await lines()).toEqual(['Nothing to do']);
    expect(await operator.json('sinks show crm')).toMatchObject({
      concurrency: 7,
      hasHeaders: true,
    });
    write(FILE);
    await lines();
  });

  it('sends again what cannot be compared, when that is asked for', async () => {
    const changed = { ...env, MAIL_STATE: 'another-state-of-the-mail' };
    const dry = await operator.run(`apply -f ${path} --secrets --dry-run`, { env: changed });
    expect(dry.stdout).toContain(`~ subscription ${MAIL.id}: clientState (sent again)\n`);
    expect(dry.stdout).toContain('~ sink crm: headers (sent again)\n');
    expect(dry.stdout + dry.stderr).not.toMatch(/another-state|clear-secret/);
    expect((await operator.run(`apply -f ${path} --secrets`, { env: changed })).code).toBe(0);
    const before = await service.metric('notifications_total', '{verdict="accepted"}');
    await service.post(genuineText('old-state'));
    await service.post(genuineText('new-state').replace(MAIL.clientState, changed.MAIL_STATE));
    expect(await service.metric('notifications_total', '{verdict="accepted"}')).toBe(before + 1);
    expect((await apply('--secrets')).code).toBe(0);
  });

  it('takes a deletion back instead of failing at it', async () => {
    await operator.run(`subscriptions delete ${OTHER.id}`);
    expect(await lines()).toEqual([`^ subscription ${OTHER.id}: clientState (sent again)`]);
    expect(await lines()).toEqual(['Nothing to do']);
  });

  it('deletes what the file does not name only when told to, and only in its sections', async () => {
    write('sinks:\n  - name: crm\n    url: https://crm.example\n');
    expect(await lines()).toEqual(['Nothing to do']);
    const { changes } = await operator.json(`apply -f ${path} --prune --yes`, { env });
    expect(changes).toEqual([
      { action: '-', kind: 'sink', name: 'log' },
      { action: '-', kind: 'sink', name: 'trail' },
    ]);
    expect(await operator.json('subscriptions list')).toHaveLength(2);
    write('subscriptions: []\n');
    expect(await lines('--prune')).toHaveLength(2);
    expect(await operator.json('subscriptions list')).toEqual([]);
  });

  it('knows a sink whose name has spaces around it in the file', async () => {
    write('sinks:\n  - name: "  spaced "\n    kind: log\n');
    expect(await lines()).toEqual(['+ sink spaced']);
    expect(await lines()).toEqual(['Nothing to do']);
    const names = (await operator.json('sinks list')).map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name === 'spaced')).toHaveLength(1);
    write('sinks:\n  - { name: twice, kind: log }\n  - { name: "twice ", kind: log }\n');
    expect((await apply()).stderr).toContain('sinks.1.name: is there already');
    await operator.run('sinks delete spaced');
  });

  it('says what it cannot change, before it changes anything', async () => {
    write('sinks:\n  - name: fresh\n    kind: log\n  - name: crm\n    kind: log\n');
    const ended = await apply();
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(
      /^sallyport: sink crm: kind cannot be changed; delete it first\n$/,
    );
    expect((await operator.run('sinks show fresh')).code).toBe(5);
  });

  it('reads sinks of every kind', async () => {
    write(
      'sinks:\n  - name: orders\n    kind: redis-stream\n    stream: orders\n' +
        '  - name: mails\n    kind: mongo-collection\n    collection: mails\n',
    );
    expect(await lines('--dry-run')).toEqual(['+ sink orders', '+ sink mails']);
    expect((await apply()).stderr).toContain('set SINK_REDIS_URL');
  });

  it('stops at what is refused, and keeps what it has done', async () => {
    write('sinks:\n  - name: first\n    kind: log\n  - name: second\n    kind: pigeon\n');
    const ended = await apply();
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe('+ sink first\n');
    expect(ended.stderr).toMatch(/kind/);
    expect((await operator.run('sinks show first')).code).toBe(0);
  });
});
