import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MalformedBodyError, UnavailableError } from '../../src/domain/errors.ts';
import { tokensContext } from '../../src/domain/notifications/receipt.ts';
import { until } from '../support/wait.ts';
import { itemOf, openIntake, TENANT, type Intake } from './intake.ts';

const forged = (count: number, more: object) =>
  Array.from({ length: count }, (_, n) => itemOf('a', { id: `forged-${n}`, ...more }));

describe('accepting a POST', () => {
  let intake: Intake;
  const placesOf = (at: number) => intake.receipts.at(at)?.items.map(({ place }) => place);

  beforeEach(async () => {
    intake = await openIntake();
    await intake.know('a');
    await intake.know('b', { clientState: 'right too' });
  });
  afterEach(() => intake.close());

  it('makes one receipt of what is genuine, durable before it resolves', async () => {
    await intake.post(
      itemOf('a'),
      itemOf('a', { clientState: 'wrong' }),
      itemOf('b', { clientState: 'right too' }),
    );
    expect(placesOf(-1)).toEqual([0, 2]);
    const [receipt] = intake.receipts;
    expect(await intake.inbox.read(receipt?.id ?? '')).toEqual(receipt);
    expect(JSON.stringify(receipt)).not.toContain('right');
    expect(await intake.verdicts()).toEqual({ accepted: 2, 'client-state': 1 });
  });

  it('compares with the digest in each POST, and never with what another one sent', async () => {
    const same = jest.spyOn(intake.digest, 'same');
    await intake.post(itemOf('a', { id: '1' }), itemOf('a', { id: '2' }));
    const first = same.mock.calls.length;
    expect(first).toBeGreaterThanOrEqual(1);
    await intake.post(itemOf('a', { id: '3' }), itemOf('a', { id: '4' }));
    expect(same.mock.calls.length - first).toBe(1);
  });

  it('compares ids without their case, and tells the sinks what was sent', async () => {
    await intake.post(itemOf('A', { tenantId: TENANT.toUpperCase() }));
    expect(intake.receipts[0]?.items[0]).toMatchObject({ subscriptionId: 'a' });
    expect(intake.receipts[0]?.items[0]?.text).toContain('"subscriptionId":"A"');
  });

  it('stores nothing of a POST without a genuine item', async () => {
    await intake.know('gone', { deleted: true });
    await intake.post(
      itemOf('a', { clientState: 'wrong' }),
      itemOf('a', { clientState: undefined }),
      itemOf('a', { tenantId: 'another' }),
      itemOf('gone'),
      itemOf('a', { changeType: undefined }),
    );
    expect(intake.inbox.backlog().receipts).toBe(0);
    expect(await intake.inbox.unsettled({ limit: 9 })).toEqual([]);
    expect(await intake.verdicts()).toEqual({
      'client-state': 2,
      tenant: 1,
      'deleted-subscription': 1,
      malformed: 1,
    });
  });

  it('needs no inbox for a POST with nothing to store', async () => {
    const release = intake.hangInbox();
    await intake.post(itemOf('a', { clientState: 'wrong' }));
    release();
  });

  it('throws for what is no collection, before anything is asked', async () => {
    await expect(intake.postText('{"value":{}}')).rejects.toThrow(MalformedBodyError);
    expect(intake.lookUps.queries).toEqual([]);
  });

  it('asks the store once for what it does not know yet, and then not at all', async () => {
    await intake.post(itemOf('a'), itemOf('b', { clientState: 'right too' }), itemOf('c'));
    expect(intake.lookUps.queries).toEqual([['a', 'b', 'c']]);
    await intake.post(itemOf('a'), itemOf('b', { clientState: 'right too' }), itemOf('c'));
    expect(intake.lookUps.queries).toHaveLength(1);
  });

  it.each([
    ['guesses at a clientState', forged(10_000, { clientState: 'wrong' })],
    ['items of another tenant', forged(10_000, { tenantId: 'another' })],
    [
      'unknown subscriptions',
      Array.from({ length: 10_000 }, (_, n) => itemOf(`unknown-${n}`, { clientState: `${n}` })),
    ],
  ])('asks once about 10,000 %s, and takes the neighbours', async (_, strangers) => {
    await intake.post(itemOf('a', { id: 'warms the cache' }));
    const before = intake.lookUps.queries.length;
    await intake.post(itemOf('a', { id: '1' }), ...strangers, itemOf('a', { id: '2' }));
    expect(intake.lookUps.queries.length - before).toBe(1);
    expect(placesOf(-1)).toEqual([0, 10_001]);
  });

  it('asks far less often than forgers post at once', async () => {
    const posts = Array.from({ length: 200 }, (_, n) =>
      intake.post(itemOf('a', { clientState: `guess ${n}` }), itemOf(`unknown-${n}`)),
    );
    await Promise.all(posts);
    expect(intake.lookUps.queries.length).toBeLessThanOrEqual(4);
    expect(await intake.verdicts()).toEqual({ 'client-state': 200, held: 200 });
  });

  it('believes a clientState that was changed a moment ago, for a mismatch asks the store', async () => {
    await intake.post(itemOf('a'));
    intake.change('a', { clientState: 'new' });
    await intake.post(itemOf('a', { clientState: 'new' }));
    expect(intake.receipts).toHaveLength(2);
    await intake.post(itemOf('a'));
    expect(intake.receipts).toHaveLength(2);
  });

  it('believes the one before for 5 s at most', async () => {
    await intake.post(itemOf('a'));
    intake.change('a', { clientState: 'new' });
    await intake.clock.turn(2499);
    await intake.post(itemOf('a'));
    expect(intake.receipts).toHaveLength(2);
    await intake.clock.turn(2501);
    await intake.post(itemOf('a'));
    expect(intake.receipts).toHaveLength(2);
  });

  it('takes nothing for a subscription that was deleted 5 s ago', async () => {
    await intake.post(itemOf('a'));
    intake.change('a', 'deleted');
    await intake.clock.turn(5000);
    await intake.post(itemOf('a'));
    expect(intake.receipts).toHaveLength(1);
    expect(await intake.verdicts()).toEqual({ accepted: 1, 'deleted-subscription': 1 });
  });

  it('keeps validation tokens for encrypted items only, and those sealed', async () => {
    const validationTokens = ['secret.token', 7, 'another'];
    for (const encryptedContent of [undefined, { data: 'x' }]) {
      const value = [itemOf('a', { encryptedContent })];
      await intake.postText(JSON.stringify({ value, validationTokens }));
    }
    const [plain, encrypted] = intake.receipts;
    expect(plain?.tokens).toBeNull();
    expect(JSON.stringify(encrypted)).not.toContain('secret.token');
    const { tokens = null, id = '' } = encrypted ?? {};
    expect(tokens && intake.cipher.open(tokens, tokensContext(id))).toBe(
      '["secret.token","another"]',
    );
  });

  it('holds no more validation tokens of strangers than there is room for', async () => {
    const encryptedContent = { data: 'x' };
    const value = Array.from({ length: 1000 }, (_, n) => itemOf(`u-${n}`, { encryptedContent }));
    const validationTokens = ['t'.repeat(1024 * 1024)];
    await intake.postText(JSON.stringify({ value, validationTokens }));
    // Sealed and in hex each copy has 2 MiB, and all that is held may have 16.
    expect(await intake.verdicts()).toEqual({ held: 7, 'unknown-subscription': 993 });
  });

  it('fails when the inbox has not answered by the deadline, and tells nobody of a receipt', async () => {
    await intake.post(itemOf('a'));
    const release = intake.hangInbox();
    const posted = intake.post(itemOf('a', { id: '2' }), itemOf('unknown'));
    const refused = expect(posted).rejects.toThrow(UnavailableError);
    await intake.clock.turn(2000);
    await refused;
    expect(intake.receipts).toHaveLength(1);
    expect(intake.held.items).toBe(0);
    expect(await intake.verdicts()).toEqual({ accepted: 1 });
    release();
    await intake.post(itemOf('a', { id: '2' }));
    expect(intake.receipts).toHaveLength(2);
  });

  it('counts what became durable after it has failed', async () => {
    const release = intake.hangInbox();
    const posted = intake.post(itemOf('unknown'), itemOf('unknown', { id: '2' }));
    const refused = expect(posted).rejects.toThrow(UnavailableError);
    await until(() => intake.held.items === 2, 'their room is taken');
    await intake.clock.turn(0); // the write begins
    await intake.clock.turn(2000);
    await refused;
    expect(intake.held.items).toBe(0);
    release();
    await until(() => intake.held.items === 2, 'what became durable is counted');
    expect(await intake.inbox.heldOf('unknown')).toHaveLength(2);
    await intake.know('unknown');
    await intake.judgeHeld(['unknown']);
    expect(intake.held.items).toBe(0);
  });

  it('fails when the store has not answered by the deadline', async () => {
    intake.lookUps.hold();
    const refused = expect(intake.post(itemOf('a'))).rejects.toThrow(UnavailableError);
    await intake.clock.turn(2000);
    await refused;
    intake.lookUps.letGo();
  });

  it('numbers receipts so that they rise, also when the clock is set back', async () => {
    await intake.post(itemOf('a'), itemOf('a', { id: '2' }));
    await intake.post(itemOf('a', { id: '3' }));
    await intake.clock.turn(-60_000);
    await intake.post(itemOf('a', { id: '4' }));
    const ids = intake.receipts.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(3);
  });
});
