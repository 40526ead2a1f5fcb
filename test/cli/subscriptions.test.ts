import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sampleSubscription } from '../http/graph-posts.ts';
import { startService, toImport, type TestService } from '../support/service.ts';
import { cells, operatorOf } from './command.ts';

const MAIL = toImport(sampleSubscription('mail1'));
const another = (fields: object = {}) => ({ ...MAIL, id: randomUUID(), ...fields });

describe('subscriptions', () => {
  let service: TestService;
  let operator: ReturnType<typeof operatorOf>;
  const importAll = (wanted: unknown, options = '', at = operator) =>
    at.run(`subscriptions import -f -${options}`, { input: JSON.stringify(wanted) });

  beforeAll(async () => {
    service = await startService();
    operator = operatorOf(service);
  });
  afterAll(() => service.close());

  it('imports what it can of a list, and says of the rest what is wrong', async () => {
    const [first, bad, last] = [another(), another({ changeType: 'renamed' }), another()];
    const { id: _, ...nameless } = another();
    const { code, stdout, stderr } = await importAll([first, bad, first, nameless, last]);
    expect(code).toBe(1);
    const [head, ...rows] = cells({ code, stdout, stderr });
    expect(head?.[0]).toBe('ID');
    expect(rows.map(([id]) => id)).toEqual([first.id, last.id]);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(`^${bad.id} \\(entry 2\\): changeType: `),
      expect.stringMatching(`^${first.id}: .*known already.*CONFLICT`),
      expect.stringMatching('^entry 4: id: '),
    ]);
    const again = await importAll([first, last], ' --json');
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toEqual([]);
  });

  it('stops where all would fail, and shows what was imported', async () => {
    const wanted = [another(), another(), another()];
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      const body = asked === 1 ? wanted[0] : {};
      response.writeHead(asked === 1 ? 201 : 401).end(JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const stopped = await importAll(wanted, '', operatorOf({ url: `http://127.0.0.1:${port}` }));
    server.close();
    expect({ asked, code: stopped.code }).toEqual({ asked: 2, code: 4 });
    expect(stopped.stdout).toContain(wanted[0]?.id);
    expect(stopped.stderr).toContain(`sallyport: ${wanted[1]?.id}: The service`);
  });

  it('takes over what Graph answers with, null for what was not chosen', async () => {
    const graphs = another({ includeResourceData: null, encryptionCertificateId: null });
    const imported = await importAll(graphs, ' --json');
    expect(imported).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(imported.stdout)).toMatchObject([
      { id: graphs.id, includeResourceData: false },
    ]);
    const file = { input: JSON.stringify({ subscriptions: [graphs] }) };
    expect((await operator.run('apply -f -', file)).stdout).toBe('Nothing to do\n');
  });

  it('is told of a renewal', async () => {
    const { id } = another();
    await importAll(another({ id }));
    const update = (expires: string) =>
      operator.run(`subscriptions update ${id} --expires ${expires} --json`);
    const updated = await update('2027-01-31T19:00:00+01:00');
    expect(updated.code).toBe(0);
    const renewed = { id, expirationDateTime: '2027-01-31T18:00:00.000Z' };
    expect(JSON.parse(updated.stdout)).toMatchObject(renewed);
    expect(await operator.json(`subscriptions show ${id}`)).toMatchObject(renewed);
    // A length of time would be one ago.
    for (const wrong of ['2h', '2027-01-31', '2027-01-31T18:00:00', 'tomorrow']) {
      expect((await update(wrong)).code).toBe(2);
    }
    expect((await operator.run(`subscriptions update ${id}`)).code).toBe(2);
    const unknown = `subscriptions update ${randomUUID()} --expires 2027-01-31T18:00:00Z`;
    expect((await operator.run(unknown)).code).toBe(5);
  });
});
