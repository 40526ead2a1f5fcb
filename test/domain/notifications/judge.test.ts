import { describe, expect, it } from '@jest/globals';
import { judge } from '../../../src/domain/notifications/judge.ts';

const item = {
  place: 0,
  subscriptionId: 's',
  tenantId: 't',
  clientState: 'secret',
  encrypted: false,
  text: '{}',
};
const known = {
  id: 's',
  organizationId: 'default',
  tenantId: 't',
  applicationId: 'a',
  clientStateDigest: 'digest of secret',
  deletedAt: null,
};
const same = (text: string, digest: string) => digest === `digest of ${text}`;

describe('judging an item', () => {
  it('accepts one of a known subscription, its tenant and its clientState', () => {
    expect(judge(item, known, same)).toBe('accepted');
  });

  it('says why it does not accept', () => {
    expect(judge(item, undefined, same)).toBe('unknown-subscription');
    expect(judge(item, { ...known, deletedAt: 1 }, same)).toBe('deleted-subscription');
    expect(judge({ ...item, tenantId: 'other' }, known, same)).toBe('tenant');
    expect(judge({ ...item, clientState: 'secrets' }, known, same)).toBe('client-state');
  });

  it('never takes a missing clientState for an empty one', () => {
    const empty = { ...known, clientStateDigest: 'digest of ' };
    expect(judge({ ...item, clientState: '' }, empty, same)).toBe('accepted');
    expect(judge({ ...item, clientState: null }, empty, same)).toBe('client-state');
  });

  it('compares something for a missing clientState too, which takes the same time', () => {
    const compared: string[] = [];
    judge({ ...item, clientState: null }, known, (text) => compared.push(text) > 1);
    expect(compared).toEqual(['']);
  });
});
