import { describe, expect, it } from '@jest/globals';
import { wants } from '../../../src/domain/delivery/route.ts';
import { aSink } from '../../support/builders.ts';

const ITEM = { organizationId: 'default', subscriptionId: 's' };
const FACTS = { tenantId: 't', resource: 'users/a', changeType: 'created', lifecycleEvent: null };

describe('which sinks get an item', () => {
  it('is decided by organisation, purpose and filter', () => {
    expect(wants(aSink(), ITEM, FACTS)).toBe(true);
    expect(wants(aSink({ organizationId: 'other' }), ITEM, FACTS)).toBe(false);
    expect(wants(aSink({ purpose: 'operations' }), ITEM, FACTS)).toBe(false);
    expect(wants(aSink({ filter: { changeType: ['deleted'] } }), ITEM, FACTS)).toBe(false);
    expect(wants(aSink({ filter: { subscriptionId: ['other'] } }), ITEM, FACTS)).toBe(false);
  });

  it('takes no notice of a sink being disabled: what it should get waits', () => {
    expect(wants(aSink({ enabled: false }), ITEM, FACTS)).toBe(true);
  });

  it('sends lifecycle notifications where they are asked for', () => {
    const facts = { ...FACTS, lifecycleEvent: 'missed', resource: null, changeType: null };
    expect(wants(aSink(), ITEM, facts)).toBe(false);
    expect(wants(aSink({ filter: { lifecycle: 'only' } }), ITEM, facts)).toBe(true);
    expect(wants(aSink({ filter: { lifecycle: 'only' } }), ITEM, FACTS)).toBe(false);
  });
});
