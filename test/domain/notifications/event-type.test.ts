import { describe, expect, it } from '@jest/globals';
import { eventTypeOf, subjectOf } from '../../../src/domain/notifications/event-type.ts';

const FACTS = {
  id: null,
  changeType: 'created',
  resource: 'Users/A/things/B',
  etag: null,
  odataType: null,
  lifecycleEvent: null,
  tenantId: 't',
  encrypted: false,
};
const lifecycle = (lifecycleEvent: string) =>
  eventTypeOf({ ...FACTS, changeType: null, resource: null, lifecycleEvent });

describe('the type of an event', () => {
  it.each([
    ['#Microsoft.Graph.Message', 'created', 'MessageCreated'],
    ['#microsoft.graph.chatMessage', 'updated', 'ChatMessageUpdated'],
    ['Message', 'deleted', 'MessageDeleted'],
    ['#Microsoft.Graph.Message', 'renamed', 'MessageRenamed'],
    ['#Microsoft.Graph.Message', 'no name\n', 'MessageChanged'],
    ['#Microsoft.Graph.Message', 'x'.repeat(65), 'MessageChanged'],
    [`#Microsoft.Graph.${'x'.repeat(65)}`, 'created', 'ResourceCreated'],
    ['Collection(Microsoft.Graph.Message)', 'created', 'ResourceCreated'],
    ['#Microsoft.Graph.', 'created', 'ResourceCreated'],
  ])('is told from %j and %j', (odataType, changeType, type) => {
    expect(eventTypeOf({ ...FACTS, odataType, changeType })).toBe(`Microsoft.Graph.${type}`);
  });

  it.each([
    ['Users/A/Messages/B', 'MessageUpdated'],
    ["/users/A/mailFolders('inbox')/messages('B')", 'MessageUpdated'],
    ['drives/b!5TGZ/root', 'DriveItemUpdated'],
    ['users/a/drive/root', 'DriveItemUpdated'],
    ['users/a/events/b', 'ResourceUpdated'],
    ['constructor/__proto__', 'ResourceUpdated'],
  ])('is told from the path %j where there is no type', (resource, type) => {
    expect(eventTypeOf({ ...FACTS, changeType: 'updated', resource })).toBe(
      `Microsoft.Graph.${type}`,
    );
  });

  it('names lifecycle events, those that Graph may add included', () => {
    expect(lifecycle('reauthorizationRequired')).toBe(
      'Microsoft.Graph.SubscriptionReauthorizationRequired',
    );
    expect(lifecycle('subscriptionRemoved')).toBe('Microsoft.Graph.SubscriptionRemoved');
    expect(lifecycle('missed')).toBe('Microsoft.Graph.NotificationsMissed');
    expect(lifecycle('paused')).toBe('Microsoft.Graph.SubscriptionPaused');
    expect(lifecycle('toString')).toBe('Microsoft.Graph.SubscriptionToString');
    expect(lifecycle('\u0000')).toBe('Microsoft.Graph.SubscriptionLifecycle');
  });
});

describe('the subject of an event', () => {
  it('is the resource as Graph spelt it, or the subscription', () => {
    expect(subjectOf(FACTS, 'ab-1')).toBe('Users/A/things/B');
    expect(subjectOf({ ...FACTS, resource: null }, 'ab-1')).toBe('subscriptions/ab-1');
  });
});
