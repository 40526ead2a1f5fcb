import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { renderCloudEvent, toCloudEvent } from '../../../src/domain/delivery/cloud-event.ts';
import { jsonValue } from '../../support/json-text.ts';

const NOTIFICATION = {
  id: 'n',
  organizationId: 'default',
  subscriptionId: 's',
  tenantId: 't',
  applicationId: 'a',
  state: 'accepted',
  type: 'Microsoft.Graph.MessageCreated',
  subject: 'Users/A/Messages/B',
  sequence: '001763733600123-00042-a1',
  receivedAt: Date.UTC(2026, 10, 22, 1, 2, 3, 4),
  receiptId: 'r',
  place: 0,
  sinkIds: [],
  data: '{"b":1}',
  sealed: null,
} as const;

describe('the event that sinks get', () => {
  it('is a CloudEvent of the notification', () => {
    const event = toCloudEvent(NOTIFICATION, '{"changeType":"created"}');
    expect(JSON.parse(renderCloudEvent(event))).toEqual({
      specversion: '1.0',
      id: 'n',
      source: '/tenants/t/applications/a',
      type: 'Microsoft.Graph.MessageCreated',
      subject: 'Users/A/Messages/B',
      time: '2026-11-22T01:02:03.004Z',
      datacontenttype: 'application/json',
      subscriptionid: 's',
      tenantid: 't',
      sequence: '001763733600123-00042-a1',
      data: { changeType: 'created' },
    });
  });

  it('carries the data byte for byte, as its last member, whatever the attributes hold', () => {
    fc.assert(
      fc.property(jsonValue, fc.string({ unit: 'binary' }), (data, subject) => {
        const text = renderCloudEvent(toCloudEvent({ ...NOTIFICATION, subject }, data));
        expect(text.endsWith(`,"data":${data}}`)).toBe(true);
        const parsed: unknown = JSON.parse(text);
        expect(parsed).toHaveProperty('subject', subject);
        expect(JSON.stringify(parsed)).toContain(`,"data":${JSON.stringify(JSON.parse(data))}}`);
        expect(text.slice(0, -data.length).isWellFormed()).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
