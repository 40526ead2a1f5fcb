import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { tokensContext } from '../../src/domain/notifications/receipt.ts';
import { memoryInUse } from '../support/memory.ts';
import { itemOf, openIntake, type Intake } from './intake.ts';

const numbered = (count: number, subscriptionId = 'new') =>
  Array.from({ length: count }, (_, n) => itemOf(subscriptionId, { id: `item-${n}` }));

describe('items of a subscription that is not known yet', () => {
  let intake: Intake;
  const placesOf = () => intake.receipts.map(({ items }) => items.map(({ place }) => place));

  beforeEach(async () => {
    intake = await openIntake();
  });
  afterEach(() => intake.close());

  it('are held aside, their clientState as a digest, and are no backlog', async () => {
    await intake.post(itemOf('NEW', { clientState: 'very secret' }));
    expect(intake.inbox.backlog().receipts).toBe(0);
    const [held] = await intake.inbox.heldOf('new');
    expect(held).toMatchObject({
      subscriptionId: 'new',
      clientStateDigest: intake.digest.sha256('very secret'),
      receivedAt: intake.clock.now(),
    });
    expect(JSON.stringify(held)).not.toContain('very secret');
    expect(await intake.verdicts()).toEqual({ held: 1 });
  });

  it('go on as soon as it is known, one receipt for each POST, in their places', async () => {
    const receivedAt = intake.clock.now();
    await intake.post(itemOf('other'), itemOf('new', { id: '1' }), itemOf('new', { id: '2' }));
    await intake.clock.turn(1000);
    await intake.post(itemOf('new', { id: '3' }));
    await intake.know('new');
    await intake.judgeHeld(['new', 'other']);
    expect(placesOf()).toEqual([[1, 2], [0]]);
    expect(intake.receipts.map((receipt) => receipt.receivedAt)).toEqual([
      receivedAt,
      receivedAt + 1000,
    ]);
    expect(intake.inbox.backlog().receipts).toBe(2);
    expect(await intake.inbox.heldSubscriptions()).toEqual(['other']);
    expect(intake.held.items).toBe(1);
    expect(await intake.verdicts()).toEqual({ held: 4, accepted: 3 });
  });

  it('are the last that are held once they are judged', async () => {
    await intake.post(itemOf('new', { id: '1' }));
    await intake.know('new');
    await intake.judgeHeld(['new']);
    await intake.post(itemOf('new', { id: '2' }));
    expect(await intake.verdicts()).toEqual({ held: 1, accepted: 2 });
  });

  it('all go on where the store shows them in parts', async () => {
    await intake.post(...numbered(5));
    await intake.know('new');
    const all = await intake.inbox.heldOf('new');
    const shown = jest.spyOn(intake.inbox, 'heldOf');
    shown.mockResolvedValueOnce(all.slice(0, 3));
    await intake.judgeHeld(['new']);
    await intake.judgeHeld(['new']);
    shown.mockRestore();
    expect(placesOf()).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(intake.inbox.backlog().receipts).toBe(2);
    expect(await intake.inbox.heldSubscriptions()).toEqual([]);
  });

  it('stay as long as it is unknown', async () => {
    await intake.post(itemOf('new'));
    await intake.judgeHeld(['new']);
    expect(await intake.inbox.heldSubscriptions()).toEqual(['new']);
    expect(intake.held.items).toBe(1);
  });

  it('are refused like all others: wrong ones, those of another tenant, of a deleted one', async () => {
    await intake.post(
      itemOf('new', { id: '1', clientState: 'wrong' }),
      itemOf('new', { id: '2', clientState: undefined }),
      itemOf('new', { id: '3', tenantId: 'another' }),
      itemOf('new', { id: '4' }),
      itemOf('gone'),
    );
    await intake.know('new');
    await intake.know('gone', { deleted: true });
    await intake.judgeHeld(['new', 'gone']);
    expect(placesOf()).toEqual([[3]]);
    expect(intake.held.items).toBe(0);
    expect(await intake.inbox.heldSubscriptions()).toEqual([]);
    expect(await intake.verdicts()).toEqual({
      held: 5,
      accepted: 1,
      'client-state': 2,
      tenant: 1,
      'deleted-subscription': 1,
    });
    expect(await intake.audited()).toMatchObject([
      { resource: 'subscription/new', details: { reason: 'client-state' } },
      { resource: 'subscription/new', details: { reason: 'tenant' } },
      { resource: 'subscription/gone', details: { reason: 'deleted-subscription' } },
    ]);
  });

  it('make the same receipt when they are judged twice at once', async () => {
    await intake.post(...numbered(3));
    await intake.know('new');
    await Promise.all([intake.judgeHeld(['new']), intake.judgeHeld(['new'])]);
    expect(new Set(intake.receipts.map(({ id }) => id)).size).toBe(1);
    expect(await intake.inbox.unsettled({ limit: 9 })).toHaveLength(1);
    expect(intake.held.items).toBe(0);
  });

  it('survive a restart, and so does the count of them', async () => {
    await intake.post(...numbered(20));
    await intake.stop();
    intake = await openIntake(intake.folder);
    expect(intake.held.items).toBe(20);
    await intake.post(itemOf('new', { id: 'one too many' }));
    expect(await intake.verdicts()).toEqual({ 'unknown-subscription': 1 });
    await intake.know('new');
    await intake.judgeHeld(['new']);
    expect(placesOf()).toEqual([Array.from({ length: 20 }, (_, n) => n)]);
  });

  it('are at most 20 for one subscription; the others are dropped and counted', async () => {
    await intake.post(...numbered(21), ...numbered(2, 'second'));
    expect(await intake.inbox.heldOf('new')).toHaveLength(20);
    expect(await intake.inbox.heldOf('second')).toHaveLength(2);
    await intake.post(itemOf('new', { id: 'later' }));
    expect(await intake.verdicts()).toEqual({ held: 22, 'unknown-subscription': 2 });
    expect(await intake.audited()).toMatchObject([{ details: { reason: 'unknown-subscription' } }]);
  });

  it('do not take room from each other once they have been judged', async () => {
    await intake.post(...numbered(20));
    await intake.know('new');
    await intake.judgeHeld(['new']);
    await intake.clock.turn(2000); // that it was unknown is forgotten
    await intake.post(...numbered(20, 'next'));
    expect(await intake.inbox.heldOf('next')).toHaveLength(20);
  });

  it('keep the tokens that open them, sealed for the POST they came with', async () => {
    const value = [itemOf('plain'), itemOf('new', { encryptedContent: { data: 'x' } })];
    await intake.postText(JSON.stringify({ value, validationTokens: ['a.b.c'] }));
    const [plain] = await intake.inbox.heldOf('plain');
    expect(plain?.tokens).toBeNull();
    await intake.know('new');
    await intake.judgeHeld(['new']);
    const { id = '', tokens = null } = intake.receipts[0] ?? {};
    expect(tokens && intake.cipher.open(tokens, tokensContext(id))).toBe('["a.b.c"]');
  });

  it('do not keep the bodies that they came with in memory', async () => {
    const stranger = { ...itemOf('new'), clientState: undefined };
    const text = JSON.stringify({ value: [stranger] });
    const before = memoryInUse();
    for (let n = 0; n < 60; n += 1) {
      await intake.postText(text.replace('"new"', `"new-${n}"`).padEnd(1024 * 1024));
    }
    expect(intake.held.items).toBe(60);
    expect(memoryInUse() - before).toBeLessThan(20 * 1024 * 1024);
  });
});
