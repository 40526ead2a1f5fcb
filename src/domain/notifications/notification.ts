import type { Envelope } from '../envelope.ts';

/**
 * `accepted`: genuine, on its way to its sinks. `pending`: a lifecycle notification that
 * subscription management has not done with. `waiting`: encrypted and not judged yet; never
 * delivered while it waits.
 */
export type NotificationState = 'accepted' | 'pending' | 'waiting';

/** One accepted item of a receipt, under its own id. */
export interface Notification {
  /** 40 hex digits of the dedupe key's SHA-256; of a waiting one `<receiptId>_<place>`. */
  readonly id: string;
  readonly organizationId: string;
  /** Empty, as the next two, when it is the service's own; see `OperationsEvent`. */
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly applicationId: string;
  readonly state: NotificationState;
  /** Of the CloudEvent, such as `Microsoft.Graph.MessageCreated`. */
  readonly type: string;
  /** Of the CloudEvent: the path of what changed. */
  readonly subject: string;
  readonly sequence: string;
  readonly receivedAt: number;
  readonly receiptId: string;
  readonly place: number;
  /** The sinks that were chosen when it was expanded; each gets one delivery. */
  readonly sinkIds: readonly string[];
  /** JSON text of Graph's item without `clientState` and `encryptedContent`; `null` while waiting. */
  readonly data: string | null;
  /**
   * While waiting: JSON of `{ item, receiptId, tokens }` (Graph's item as text, and the envelope of
   * the validation tokens of its receipt), sealed under the context `notification:<id>`; else `null`.
   */
  readonly sealed: Envelope | null;
}
