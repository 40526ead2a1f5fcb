import type { Attempt, Delivery, DeliveryState } from '../domain/delivery/delivery.ts';
import type { Notification, NotificationState } from '../domain/notifications/notification.ts';
import type { Page, PageRequest } from '../domain/page.ts';

/** What an insert found. */
export interface InsertedNotification {
  /**
   * `new`: it was not there. `own`: it is there with the same receipt and place, so this is
   * unfinished work to go on with. `duplicate`: it is there from another receipt or place.
   */
  readonly found: 'new' | 'own' | 'duplicate';
  /** Whether all deliveries of the row in the store are known to exist. */
  readonly expanded: boolean;
  /** The row in the store; the given one when it is new. */
  readonly sinkIds: readonly string[];
}

/** What a delivery is made of. */
export type NewDelivery = Pick<
  Delivery,
  'id' | 'organizationId' | 'notificationId' | 'sinkId' | 'dueAt' | 'createdAt'
>;

/** A delivery whose time has come. */
export interface DueDelivery {
  readonly id: string;
  readonly generation: number;
  readonly dueAt: number;
  /** It is claimed, and the lease of its holder is over. */
  readonly lapsed: boolean;
  readonly attempt: number;
}

/** A delivery that is now the caller's, with what it delivers. */
export interface ClaimedDelivery {
  /** As it stands after the claim: `generation` is the one to name from now on. */
  readonly delivery: Delivery;
  readonly notification: Notification;
}

/** What to write about a try that ended. */
export interface TryOutcome {
  readonly state: Exclude<DeliveryState, 'claimed' | 'discarded'>;
  /** When it is tried next; of `delivered` and `dead` ones the time it ended. */
  readonly dueAt: number;
  readonly attempt: Omit<Attempt, 'number'>;
}

/** Every field that is given must match. */
export interface NotificationQuery {
  readonly state?: NotificationState | undefined;
  /** Whether some delivery of it is in this state. */
  readonly delivery?: DeliveryState | undefined;
  readonly subscriptionId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** Whether it has a delivery for this sink; with `delivery`, one in that state. */
  readonly sinkId?: string | undefined;
  /** Epoch milliseconds, inclusive. */
  readonly receivedFrom?: number | undefined;
  /** Epoch milliseconds, exclusive. */
  readonly receivedBefore?: number | undefined;
}

export type DeliveryWithAttempts = Delivery & { readonly attempts: readonly Attempt[] };

/** A dead delivery, with what it would have delivered. */
export interface DeadLetter {
  readonly delivery: Delivery;
  readonly notification: Omit<Notification, 'data' | 'sealed'>;
}

/** Every field that is given must match. */
export interface DeadLetterQuery {
  readonly sinkId?: string | undefined;
  readonly subscriptionId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** As the last try gave it, such as `http-400`. */
  readonly reason?: string | undefined;
  /** When it died, epoch milliseconds, inclusive. */
  readonly diedFrom?: number | undefined;
  /** When it died, epoch milliseconds, exclusive. */
  readonly diedBefore?: number | undefined;
}

/** What waits for a sink. */
export interface SinkDepth {
  readonly due: number;
  readonly claimed: number;
  readonly dead: number;
  /** When the longest waiting one was made, epoch ms; `null` when nothing is due. */
  readonly oldestCreatedAt: number | null;
}

/** What a clock that was set back tells from what it showed before. Epoch milliseconds. */
export interface SetBack {
  readonly now: number;
  /** Later than clocks differ: what was written after this was written before the clock was set back. */
  readonly after: number;
  /** No wait that begins by now ends after this. */
  readonly latest: number;
}

/** What a purge removes. */
export interface PurgeOrder {
  /** Notifications received before this without open or dead deliveries, state `accepted`. */
  readonly notificationsBefore: number;
  /** Dead deliveries that ended before this. */
  readonly deadLettersBefore: number;
  /** At most so many notifications and so many dead letters. */
  readonly limit: number;
}

/**
 * Notifications, their deliveries and the tries of these. The rows are the truth about what has
 * to be done and when; queues only hint.
 *
 * Durable: a call that has resolved survives a crash. Each race is decided by one atomic write to
 * one row: a unique insert, or a write that names the generation it expects. There are no
 * transactions over rows; whoever writes several can stop between any two, and does it again.
 *
 * Errors: `StoreUnavailableError` when the store cannot answer within its time limit; whether a
 * write happened is unknown then, and doing it again is safe.
 */
export interface DeliveryStore {
  /**
   * Inserts each notification unless its id is there, and says for each, in the same order, what
   * it found. Ids repeated within one call are found by the later ones. Rows are independent.
   */
  insertNotifications(rows: readonly Notification[]): Promise<readonly InsertedNotification[]>;

  /**
   * Inserts each delivery, `due`, attempt 0, generation 0; one whose id is there stays as it is, and
   * one whose notification is gone is left out.
   */
  insertDeliveries(rows: readonly NewDelivery[]): Promise<void>;

  /** Notes that all deliveries of these notifications exist. */
  markExpanded(notificationIds: readonly string[]): Promise<void>;

  /** Open deliveries of a sink with `dueAt` at most `now`, the longest due first. */
  due(sinkId: string, now: number, limit: number): Promise<readonly DueDelivery[]>;

  /**
   * Takes a delivery for a try: wins when it is `due` and stands at `generation`, and raises that.
   * Of any number of concurrent callers at most one wins; the others get `undefined`.
   */
  claim(id: string, generation: number, leaseUntil: number): Promise<ClaimedDelivery | undefined>;

  /** Lengthens the lease of a claim; `false` when it is no longer the caller's. */
  renew(id: string, generation: number, leaseUntil: number): Promise<boolean>;

  /**
   * Writes what became of a claimed delivery, adds the attempt, of which the latest `KEPT_ATTEMPTS`
   * stay, and raises the generation; `false`, and nothing written, when the delivery has moved on
   * from `generation`.
   */
  finish(id: string, generation: number, outcome: TryOutcome): Promise<boolean>;

  /** Gives a claim back, due at `now`, no try counted; `false` when it was no longer the caller's. */
  release(id: string, generation: number, now: number): Promise<boolean>;

  /**
   * Notifications of an organisation, the latest received first. When hardly anything matches, or
   * the store is slow, a page may end early or be empty; its cursor goes on from there.
   */
  search(
    organizationId: string,
    query: NotificationQuery,
    page: PageRequest,
  ): Promise<Page<Notification>>;

  /** One notification of an organisation. */
  find(organizationId: string, id: string): Promise<Notification | undefined>;

  /** The deliveries of a notification, each with its attempts, in the order they were made. */
  deliveriesOf(notificationId: string): Promise<readonly DeliveryWithAttempts[]>;

  /**
   * Dead deliveries of an organisation, in order of death, the latest first. A page may end early,
   * with a cursor, as that of a search.
   */
  deadLetters(
    organizationId: string,
    query: DeadLetterQuery,
    page: PageRequest,
  ): Promise<Page<DeadLetter>>;

  /** How many deliveries are dead, in all organisations. */
  countDead(): Promise<number>;

  /**
   * Makes those of these deliveries that are dead due at `now`, attempt 0, generation raised; gives
   * them. Others, and those of other organisations, are left alone.
   */
  redrive(
    organizationId: string,
    deliveryIds: readonly string[],
    now: number,
  ): Promise<readonly (DueDelivery & { readonly sinkId: string })[]>;

  /**
   * Gives up those of these deliveries that are dead, for good; gives how many that were. Others, and
   * those of other organisations, are left alone.
   */
  discard(organizationId: string, deliveryIds: readonly string[], now: number): Promise<number>;

  /**
   * Gives up to `limit` open or dead deliveries of a sink that is being removed up for good, claimed
   * ones included: their holder's outcome finds the generation gone. Gives how many that were.
   */
  discardForSink(sinkId: string, now: number, limit: number): Promise<number>;

  /**
   * Brings forward what was written before the clock was set back, and would wait for as long as that
   * was. Up to `limit` deliveries of these sinks with `dueAt` past `after` become due at `now`, their
   * generation raised: those that no failed try made wait, those whose last try began past `after`,
   * and those due past `latest`. Leases that end past `after` end there; a living holder renews its
   * own. Gives how many deliveries it found to bring forward: fewer than `limit` means all.
   */
  bringForward(sinkIds: readonly string[], setBack: SetBack, limit: number): Promise<number>;

  /**
   * The ids of sinks that are gone for good and have open or dead deliveries all the same: what was
   * inserted while its sink was removed. A sink that is soft-deleted is not gone.
   */
  sinksGone(): Promise<readonly string[]>;

  /** What waits for a sink, counted exactly. */
  depth(sinkId: string): Promise<SinkDepth>;

  /**
   * Removes what is too old, notifications with their deliveries and attempts; gives how many rows
   * of each kind went. States `pending` and `waiting` stay, whatever their age. Where much has to
   * stay, a call may end before it has seen everything; the next ones go on from there.
   */
  purge(
    order: PurgeOrder,
  ): Promise<{ readonly notifications: number; readonly deadLetters: number }>;
}
