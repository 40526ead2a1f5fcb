import type { ReceivedRequest, Receiver } from '../support/receiver.ts';
import { SUBSCRIPTIONS, type SampleSubscription, type TestService } from '../support/service.ts';

/** Where Graph may post; all the same. */
export const GRAPH_PATHS = ['/webhooks/graph', '/webhooks/graph/lifecycle', '/webhooks/graph/'];

/** A subscription of the samples by its key. */
export function sampleSubscription(key: string): SampleSubscription {
  const found = SUBSCRIPTIONS.find((one) => one.key === key);
  if (found === undefined) throw new Error(`there is no subscription ${key}`);
  return found;
}

/** An item of a sample's subscription as Graph would send it, with an id and an etag of its own. */
export function genuineItem(id: string, key = 'mail1') {
  const { id: subscriptionId, clientState, tenantId } = sampleSubscription(key);
  return {
    id,
    subscriptionId,
    subscriptionExpirationDateTime: '2026-12-31T18:00:00Z',
    clientState,
    tenantId,
    changeType: 'created',
    resource: `Users/u/Messages/${encodeURIComponent(id)}`,
    resourceData: { '@odata.type': '#Microsoft.Graph.Message', '@odata.etag': `W/"${id}"` },
  };
}

/** The body of a POST with such items. */
export function genuineText(...ids: readonly string[]): string {
  return JSON.stringify({ value: ids.map((id) => genuineItem(id)) });
}

/** Lets a receiver have everything, lifecycle notifications included. */
export async function watchSink(service: TestService, receiver: Receiver): Promise<void> {
  const answer = await service.api('POST', '/api/sinks', {
    name: 'all',
    kind: 'webhook',
    url: `${receiver.url}/events`,
    filter: { lifecycle: 'also' },
  });
  if (answer.status !== 201) throw new Error(`no sink: ${answer.text}`);
}

/** The data of a delivered event as it came, not parsed. */
export function dataOf({ body }: ReceivedRequest): string {
  return body.slice(body.indexOf('"data":') + '"data":'.length, -1);
}
