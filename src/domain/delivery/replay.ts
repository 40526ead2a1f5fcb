/** Which notifications are delivered once more; every field that is given must match. */
export interface ReplayFilter {
  readonly subscriptionId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** Those that were chosen for this sink. */
  readonly sinkId?: string | undefined;
  /** Epoch milliseconds, inclusive. */
  readonly receivedFrom?: number | undefined;
  /** Epoch milliseconds, exclusive; never later than the replay itself. */
  readonly receivedBefore: number;
}

/** A job that delivers notifications again, page by page; survives a restart in between. */
export interface Replay {
  readonly id: string;
  readonly organizationId: string;
  readonly filter: ReplayFilter;
  /** The one sink that gets them; `null`: each notification's own sinks. */
  readonly sinkId: string | null;
  readonly state: 'running' | 'done';
  /** Where the search goes on; `null` at the start and at the end. */
  readonly cursor: string | null;
  /** Notifications that were found so far, and deliveries that were made of them. */
  readonly notifications: number;
  readonly deliveries: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

/** The id of the delivery of a replay; told from others by its third part. */
export function replayedDeliveryId(
  notificationId: string,
  sinkId: string,
  replayId: string,
): string {
  return `${notificationId}_${sinkId}_${replayId}`;
}

/** The replay that a delivery belongs to; `undefined` for the first delivery of an event. */
export function replayIdOf(deliveryId: string): string | undefined {
  return deliveryId.split('_')[2];
}
