import type { Notification } from '../notifications/notification.ts';

const OWN_SOURCE = '/sallyport';

/**
 * A CloudEvents 1.0 event in the JSON format, https://github.com/cloudevents/spec (v1.0.2).
 * Close to how Azure Event Grid delivers Graph's events.
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** When the notification was received, or the event happened; RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** This and the next two are of Graph's events; the service's own have none. */
  readonly subscriptionid?: string | undefined;
  readonly tenantid?: string | undefined;
  readonly sequence?: string | undefined;
  /** The replay that brings the event once more. */
  readonly replay?: string | undefined;
  /** JSON text, exactly as Graph wrote it; see `renderCloudEvent`. */
  readonly data: string;
}

/** The event that sinks get for a notification; the same in a replay, but for its mark. */
export function toCloudEvent(
  notification: Notification,
  data: string,
  replay?: string,
): CloudEvent {
  return {
    specversion: '1.0',
    id: notification.id,
    source: sourceOf(notification),
    type: notification.type,
    subject: notification.subject,
    time: new Date(notification.receivedAt).toISOString(),
    datacontenttype: 'application/json',
    ...(isOwn(notification)
      ? {}
      : { subscriptionid: notification.subscriptionId, tenantid: notification.tenantId }),
    sequence: notification.sequence,
    ...(replay === undefined ? {} : { replay }),
    data,
  };
}

/** What the service tells its operators is of no subscription; see `OperationsEvent`. */
function isOwn({ subscriptionId }: Notification): boolean {
  return subscriptionId === '';
}

function sourceOf(notification: Notification): string {
  const { tenantId, applicationId } = notification;
  return isOwn(notification) ? OWN_SOURCE : `/tenants/${tenantId}/applications/${applicationId}`;
}

/** An event of the service itself. `at` is epoch milliseconds, `data` JSON text. */
export function toOwnEvent(
  event: Pick<CloudEvent, 'id' | 'type' | 'subject' | 'data'> & { readonly at: number },
): CloudEvent {
  const { at, data, id, subject, type } = event;
  return {
    specversion: '1.0',
    id,
    source: OWN_SOURCE,
    type,
    subject,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}

/**
 * The event as JSON text. `data` goes in as it stands: parsing and rebuilding it would round
 * integers beyond 2^53 and lose repeated keys.
 */
export function renderCloudEvent(event: CloudEvent): string {
  const { data, ...attributes } = event;
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`;
}
