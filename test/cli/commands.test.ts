import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { genuineText, sampleSubscription } from '../http/graph-posts.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { OPERATOR_KEY, startService, toImport, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { cells, operatorOf, runCommand, startCommand } from './command.ts';

const GUID = /^[0-9a-f-]{36}$/;

describe('the command', () => {
  let service: TestService;
  let receiver: Receiver;
  let operator: ReturnType<typeof operatorOf>;
  const folder = temporaryFolder();
  const MAIL = sampleSubscription('mail1');

  const write = (name: string, value: unknown) => {
    const path = join(folder.path, name);
    writeFileSync(path, JSON.stringify(value));
    return path;
  };
  const post = async (...ids: string[]) => {
    expect((await service.post(genuineText(...ids))).status).toBe(202);
  };
  const received = (id: string) => receiver.received.filter(({ body }) => body.includes(`"${id}"`));

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver();
    operator = operatorOf(service);
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
    folder.remove();
  });

  it('shows its help with examples, whatever is asked about', async () => {
    const { code, stdout } = await runCommand(['--help']);
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name = '']) => name);
    expect(names).toEqual(expect.arrayContaining(['start', 'status', 'apply', 'simulate']));
    const groups = new Set([
      'subscriptions',
      'sinks',
      'notifications',
      'dead-letters',
      'keys',
      'help',
    ]);
    for (const name of names.filter((one) => !groups.has(one))) {
      const help = await runCommand([name, '--help']);
      expect(help.code).toBe(0);
      expect(help.stdout).toContain(`$ npx sallyport ${name}`);
    }
  });

  it('imports subscriptions, from a file or from its input, and shows them', async () => {
    const file = write('mail.json', toImport(MAIL));
    const [imported] = await operator.json(`subscriptions import -f ${file}`);
    expect(imported).toMatchObject({ id: MAIL.id, resource: MAIL.resource });
    expect(imported).not.toHaveProperty('clientState');
    const other = toImport(sampleSubscription('mail2'));
    const yaml = await operator.run('subscriptions import -f -', {
      input: JSON.stringify([other]),
    });
    expect(yaml.code).toBe(0);

    const [head, ...rows] = cells(await operator.run('subscriptions list'));
    expect(head).toEqual(['ID', 'RESOURCE', 'CHANGES', 'TENANT', 'EXPIRES']);
    expect(rows.map(([id]) => id)).toContain(MAIL.id);
    const limited = await operator.run('subscriptions list --limit 1');
    expect(cells(limited)).toHaveLength(2);
    expect(limited.stderr).toContain('There are more');
    expect(await operator.json(`subscriptions show ${MAIL.id}`)).toMatchObject({ id: MAIL.id });
    const again = await operator.run(`subscriptions import -f ${file}`);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('CONFLICT');
  });

  it('deletes subscriptions, restores them, and removes them for good', async () => {
    const { id } = sampleSubscription('mail2');
    expect((await operator.run(`subscriptions delete ${id}`)).code).toBe(0);
    expect((await operator.run(`subscriptions show ${id}`)).code).toBe(5);
    expect(await operator.json('subscriptions list --deleted')).toMatchObject([{ id }]);
    expect(await operator.json(`subscriptions restore ${id}`)).toMatchObject({ id });
    expect((await operator.run(`subscriptions delete ${id} --permanent`)).code).toBe(1);
    await operator.run(`subscriptions delete ${id}`);
    expect((await operator.run(`subscriptions delete ${id} --permanent`)).code).toBe(0);
    expect(await operator.json('subscriptions list --deleted')).toEqual([]);
  });

  it('adds a sink, gives its secret once, and finds it by its name', async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const secretFile = write('secret', secret);
    const headersFile = write('headers.json', { Authorization: 'Bearer clear-secret' });
    const added = await operator.json(
      `sinks add hook --to ${receiver.url}/hook --secret-file ${secretFile} ` +
        `--headers-file ${headersFile} --change created updated --lifecycle also --concurrency 3 --rate 50`,
    );
    expect(added).not.toHaveProperty('secret'); // that was given is not shown
    expect(added).toMatchObject({
      hasHeaders: true,
      filter: { changeType: ['created', 'updated'], lifecycle: 'also' },
      concurrency: 3,
      ratePerSecond: 50,
    });
    const shown = await operator.run('sinks show hook');
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(added.id);
    expect(shown.stdout).not.toContain('secret');
    expect(shown.stdout).toMatch(/^WAITING\t0 due, 0 under way, 0 dead$/m);
    expect((await operator.json(`sinks show ${added.id}`)).queue).toMatchObject({
      due: 0,
      dead: 0,
    });
    const [, ...rows] = cells(await operator.run('sinks list'));
    expect(rows.map(([, name, kind, state]) => [name, kind, state])).toEqual([
      ['log', 'log', 'enabled'],
      ['hook', 'webhook', 'enabled'],
    ]);
  });

  it('shows the secret that it has made, once, and none that it was given', async () => {
    const file = write('given', `whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    const target = `--to ${receiver.url}/other --disabled`;
    const given = await operator.run(`sinks add given ${target} --secret-file ${file}`);
    expect(given).toMatchObject({ code: 0, stderr: '' });
    expect(given.stdout).not.toMatch(/secret|whsec_/i);
    const made = await operator.run(`sinks add made ${target}`);
    expect(made.stdout).toMatch(/^SECRET\twhsec_/m);
    expect(made.stderr).toContain('shown this once');
    for (const name of ['given', 'made']) await operator.run(`sinks delete ${name}`);
  });

  it('says what a sink in Redis or MongoDB needs', async () => {
    for (const [options, variable] of [
      ['--kind redis-stream --stream orders', 'SINK_REDIS_URL'],
      ['--kind mongo-collection --collection orders', 'SINK_MONGODB_URL'],
    ]) {
      const ended = await operator.run(`sinks add orders ${options}`);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(`set ${variable}`);
    }
  });

  it('refuses a name that two sinks have', async () => {
    await operator.json('sinks add twin --kind log');
    await operator.json('sinks add twin --kind log');
    const ended = await operator.run('sinks delete twin');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/More than one sink is named twin: say its id/);
    for (const { id } of (await operator.json('sinks list')).filter(
      (one: { name: string }) => one.name === 'twin',
    )) {
      expect((await operator.run(`sinks delete ${id}`)).code).toBe(0);
    }
  });

  it('tests a sink, and fails when that fails', async () => {
    expect(await operator.json('sinks test hook')).toMatchObject({
      outcome: 'delivered',
      status: 200,
    });
    expect(receiver.received.at(-1)?.body).toContain('Sallyport.Test');
    receiver.answer({ status: 500 });
    const ended = await operator.run('sinks test hook');
    receiver.answer({});
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^OUTCOME\tretry\nREASON\thttp-500$/m);
  });

  it('rotates the secret of a sink', async () => {
    const rotated = await operator.json('sinks rotate-secret hook --overlap 2');
    expect(rotated.secret).toMatch(/^whsec_/);
    const left = Date.parse(rotated.previousSecretsUntil) - Date.now();
    expect(left).toBeGreaterThan(1.9 * 3_600_000);
    expect(left).toBeLessThanOrEqual(2 * 3_600_000);
  });

  it.each([
    ['pause', 'paused', false],
    ['resume', 'enabled', true],
    ['disable', 'disabled', false],
    ['enable', 'enabled', true],
  ])('switches a sink: %s', async (verb, state, enabled) => {
    expect(await operator.json(`sinks ${verb} hook`)).toMatchObject({ enabled });
    const rows = cells(await operator.run('sinks list'));
    expect(rows.find(([, name]) => name === 'hook')?.[3]).toBe(state);
  });

  it('deletes a sink, restores it, and removes it for good', async () => {
    await operator.json('sinks add brief --kind log');
    expect((await operator.run('sinks delete brief')).code).toBe(0);
    expect((await operator.run('sinks show brief')).code).toBe(5);
    expect(await operator.json('sinks restore brief')).toMatchObject({ name: 'brief' });
    await operator.run('sinks delete brief');
    expect((await operator.run('sinks delete brief --permanent')).code).toBe(0);
    expect((await operator.run('sinks restore brief')).code).toBe(5);
  });

  it('lists notifications, and shows one with its deliveries as Graph wrote it', async () => {
    await post('big-number');
    await until(() => received('big-number').length === 1, 'the delivery');
    const [found] = await operator.json(`notifications list --subscription ${MAIL.id} --from 1m`);
    expect(found.subject).toBe('Users/u/Messages/big-number');
    const path = `/api/notifications/${found.id}`;
    await until(async () => {
      const { deliveries } = (await service.api('GET', path)).body;
      return deliveries.every(({ state }: { state: string }) => state === 'delivered');
    }, 'what came of both deliveries');
    expect(await operator.json('notifications list --before 1m')).toEqual([]);
    const ofSink = await operator.json('notifications list --sink hook');
    expect(ofSink).toMatchObject([{ id: found.id }]);
    const nobody = await operator.run('notifications list --sink nobody');
    expect({ code: nobody.code, stdout: nobody.stdout }).toEqual({ code: 5, stdout: '' });
    // What went to a sink that is gone can be looked for by its id.
    expect(await operator.json(`notifications list --sink ${randomUUID()}`)).toEqual([]);
    expect(await operator.json('notifications list --delivery dead')).toEqual([]);
    const table = (await operator.run(`notifications show ${found.id}`)).stdout;
    expect(table).toMatch(/^DELIVERY\tSTATE\tTRIES/m);
    expect(table.match(/\tdelivered\t1\t/g)).toHaveLength(2);
    const whole = await operator.json(`notifications show ${found.id}`);
    expect(whole.deliveries[0].attempts[0]).toMatchObject({ outcome: 'delivered' });
  });

  it('does not round what Graph sent', async () => {
    const body = genuineText('huge').replace(
      '"changeType"',
      '"size":12345678901234567890,"changeType"',
    );
    expect((await service.post(body)).status).toBe(202);
    await until(() => received('huge').length === 1, 'the delivery');
    const [{ id }] = await operator.json('notifications list --limit 1');
    const { stdout } = await operator.run(`notifications show ${id} --json`);
    expect(stdout).toContain('"size":12345678901234567890');
  });

  it('shows texts of others on one line, without what could steer a terminal', async () => {
    const body = genuineText('esc').replace(
      'Users/u/Messages/esc',
      'Users/u/\\u001b[2J\\t\\nMessages/esc',
    );
    expect((await service.post(body)).status).toBe(202);
    await until(async () => {
      const rows = cells(await operator.run('notifications list --limit 1'));
      return rows.some((row) => row[4]?.startsWith('Users/u/ [2J') === true && row.length === 6);
    }, 'the notification');
  });

  it('follows what comes in until it is interrupted', async () => {
    const args = ['notifications', 'tail', '--every', '1s', '--json'];
    const running = startCommand(args, { env: operator.env });
    // It has looked once when it asks for notifications, which nobody sees: a first one proves it.
    await until(async () => {
      await post(`early-${Date.now()}`);
      return running.stdout() !== '';
    }, 'the first line');
    await post('tail-1', 'tail-2');
    await post('tail-1');
    await until(() => running.stdout().includes('Messages/tail-2'), 'the second line');
    const { code, stdout, stderr } = await running.end('SIGINT');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ids = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ['tail-1', 'tail-2']) expect(stdout.split(`Messages/${id}"`)).toHaveLength(2);
  });

  it('follows from a time in the past, oldest first', async () => {
    const args = ['notifications', 'tail', '--since', '1h'];
    const running = startCommand(args, { env: operator.env });
    await until(() => running.stdout().includes('Messages/tail-1'), 'what was there');
    const { stdout } = await running.end('SIGTERM');
    expect(stdout.indexOf('Messages/big-number')).toBeLessThan(stdout.indexOf('Messages/tail-1'));
  });

  it('replays to one sink, and waits until that is done', async () => {
    const other = await startReceiver();
    await operator.json(`sinks add fresh --to ${other.url}/`);
    const replay = await operator.json(
      `notifications replay --to fresh --subscription ${MAIL.id} --from 1h`,
    );
    expect(replay.state).toBe('done');
    expect(replay.deliveries).toBeGreaterThan(3);
    await until(() => other.received.length === replay.deliveries, 'the replayed events');
    expect(other.received[0]?.body).toContain(`"replay":"${replay.id}"`);
    const begun = await operator.json(
      'notifications replay --to fresh --of hook --before 1h --no-wait',
    );
    expect(begun.id).toMatch(GUID);
    await operator.run('sinks delete fresh');
    await other.close();
  });

  it('lists dead letters, redrives and discards them', async () => {
    await until(
      async () => {
        const { queue } = await operator.json('sinks show hook');
        return queue.due + queue.claimed === 0;
      },
      'what came before is delivered, and cannot die',
      30_000,
    );
    receiver.answer({ status: 400 });
    await post('dead-1', 'dead-2', 'dead-3');
    const dead = () => operator.json('dead-letters list --sink hook --reason http-400');
    await until(async () => (await dead()).length === 3, 'the dead letters');
    const [, ...rows] = cells(await operator.run('dead-letters list'));
    expect(rows[0]).toHaveLength(7);

    receiver.answer({});
    const [first] = await dead();
    expect(await operator.json(`dead-letters redrive ${first.id} --comment mended`)).toEqual({
      count: 1,
    });
    await until(async () => (await dead()).length === 2, 'one is redriven');
    const nothing = await operator.json('dead-letters discard --sink hook --before 1h');
    expect(nothing).toEqual({ count: 0 });
    const ended = await operator.run('dead-letters discard --sink hook --from 1h');
    expect(ended.stdout).toBe('2 discarded\n');
    expect(await operator.json('dead-letters redrive --all')).toEqual({ count: 0 });
  });

  it('tells in one look how the service is', async () => {
    const well = await operator.json('status');
    expect(well).toMatchObject({
      status: 'healthy',
      deadLetters: 0,
      services: { store: 'connected' },
    });
    receiver.answer({ status: 503 });
    await post('failing');
    await until(async () => (await operator.run('status')).code === 1, 'a sink is failing');
    const { stdout } = await operator.run('status');
    expect(stdout).toMatch(/^OF THEM FAILING\t1$/m);
    expect(stdout).toMatch(/\thook\twebhook\tfailing since /);
    receiver.answer({});
  });

  it('works in the organisation that is said', async () => {
    expect(await operator.json('sinks list --organization other')).toEqual([]);
    const added = await operator.json('--organization other sinks add theirs --kind log');
    expect(added.name).toBe('theirs');
    expect((await operator.run('sinks show theirs')).code).toBe(5);
  });

  it('plays a simulation and reports', async () => {
    const args =
      'simulate --rate 40 --duration 1s --batch 2 --duplicates 0.2 --forged 0.1 --late 0 --seed 7';
    const report = await operator.json(args);
    expect(report).toMatchObject({
      ok: true,
      seed: 7,
      missing: 0,
      forgedDelivered: 0,
      leftBehind: [],
    });
    expect(report.acknowledged).toBeGreaterThan(50);
  });

  it('makes keys that the service takes, and a ring with one more', async () => {
    const { stdout } = await runCommand(['keys', 'generate', '--env'], { cwd: folder.path });
    expect(stdout).toMatch(
      /^ENCRYPTION_KEYS=[0-9a-f]{8}:[0-9a-f]{64}\nOPERATOR_API_KEY=[0-9a-f]{64}\nREDIS_PASSWORD=[0-9a-f]{64}\n$/,
    );
    const env = Object.fromEntries(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('=')),
    );
    const started = await startService({ env: { NODE_ENV: 'production', ...env } });
    await started.close();

    const rotated = await runCommand(['keys', 'rotate', '--json'], { env });
    const { add, seal } = JSON.parse(rotated.stdout);
    const [old, added] = add.split(',');
    expect(old).toBe(env.ENCRYPTION_KEYS);
    expect(seal).toBe(`${added},${old}`);
    const grown = await startService({
      env: { NODE_ENV: 'production', ...env, ENCRYPTION_KEYS: seal },
    });
    await grown.close();
    const without = await runCommand(['keys', 'rotate'], { cwd: folder.path });
    expect(without.code).toBe(2);
  });

  it('never shows the key that it works with', async () => {
    for (const line of ['status', 'sinks list --json', 'subscriptions list']) {
      const { stdout, stderr } = await operator.run(line);
      expect(stdout + stderr).not.toContain(OPERATOR_KEY);
    }
  });
});
