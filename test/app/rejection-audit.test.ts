import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRejectionAudit } from '../../src/app/notifications/rejection-audit.ts';
import type { AuditEntry } from '../../src/domain/audit/audit-entry.ts';
import { TurnedClock } from '../support/clock.ts';
import { itemOf, openIntake, type Intake } from './intake.ts';

const known = {
  id: 'a',
  organizationId: 'an organisation',
  tenantId: 't',
  applicationId: 'p',
  clientStateDigest: 'd',
  deletedAt: null,
};

describe('what the audit is told of refused items', () => {
  let intake: Intake;
  const refusals = async () =>
    (await intake.audited()).map(({ resource, details }) => [resource, details?.['reason']]);

  beforeEach(async () => {
    intake = await openIntake();
    await intake.know('a');
  });
  afterEach(() => intake.close());

  it('is one entry for each subscription, reason and minute', async () => {
    const wrong = itemOf('a', { clientState: 'very secret guess' });
    const another = itemOf('a', { tenantId: 'another' });
    const firstMinute = [
      ['subscription/a', 'client-state'],
      ['subscription/a', 'tenant'],
    ];
    await intake.post(wrong, wrong, another);
    expect(await refusals()).toEqual(firstMinute);
    await intake.clock.turn(59_999);
    await intake.post(wrong);
    expect(await refusals()).toEqual(firstMinute);
    await intake.clock.turn(1);
    await intake.post(wrong, wrong);
    expect(await refusals()).toEqual([...firstMinute, firstMinute[0]]);
  });

  it('names no stranger, however many there are', async () => {
    const strangers = Array.from({ length: 30 }, (_, n) => itemOf(`x${n % 3}`, { id: `${n}` }));
    const more = Array.from({ length: 21 }, () => itemOf('full'));
    await intake.post(...strangers, ...more, itemOf('a', { changeType: 7 }));
    await intake.post(itemOf('full'), itemOf('full', { changeType: 7 }));
    expect(await refusals()).toEqual([
      [undefined, 'unknown-subscription'],
      [undefined, 'malformed'],
    ]);
  });

  it('holds nothing that was sent', async () => {
    await intake.post(
      itemOf('a', { clientState: 'very secret guess', resource: 'Users/somebody' }),
    );
    const [entry] = await intake.audited();
    expect(entry).toEqual({
      id: expect.any(String),
      timestamp: intake.clock.now(),
      eventType: 'SECURITY_NOTIFICATION_REJECTED',
      severity: 'MEDIUM',
      outcome: 'FAILURE',
      organizationId: 'default',
      resource: 'subscription/a',
      details: { reason: 'client-state' },
    });
  });
});

/** On an audit that hangs: nobody may wait for it. */
function openAlone() {
  const entries: AuditEntry[] = [];
  const clock = new TurnedClock();
  const audit = {
    record(entry: AuditEntry) {
      entries.push(entry);
      return new Promise<boolean>(() => undefined);
    },
    search: () => Promise.resolve({ data: [], nextCursor: null }),
    purge: () => Promise.resolve(0),
  };
  return { entries, clock, rejections: createRejectionAudit({ audit, clock }) };
}

describe('an audit that is told of refused items', () => {
  it('is told by organisation', () => {
    const { entries, rejections } = openAlone();
    rejections.note(known, 'client-state');
    rejections.note(undefined, 'malformed');
    expect(entries.map(({ organizationId }) => organizationId)).toEqual([
      'an organisation',
      'default',
    ]);
  });

  it('gets a thousand entries a minute at most, and then one for each reason', async () => {
    const { entries, clock, rejections } = openAlone();
    const flood = () => {
      for (let n = 0; n < 5000; n += 1) rejections.note({ ...known, id: `${n}` }, 'client-state');
    };
    flood();
    flood();
    expect(entries).toHaveLength(1001);
    expect(entries.at(-1)?.resource).toBeUndefined();
    await clock.turn(60_000);
    rejections.note({ ...known, id: '1' }, 'client-state');
    expect(entries.at(-1)?.resource).toBe('subscription/1');
  });
});
