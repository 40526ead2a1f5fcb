import type { Envelope } from '../envelope.ts';

/** `listen`: a client that is connected, for as long as it is. */
export type SinkKind = 'webhook' | 'log' | 'redis-stream' | 'mongo-collection' | 'listen';

/** Whether a sink gets Graph's notifications or the service's own events; see `operations`. */
export type SinkPurpose = 'notifications' | 'operations';

/** Whether a sink gets lifecycle notifications besides, instead of, or not at all. */
export type LifecycleChoice = 'none' | 'also' | 'only';

/**
 * Which notifications of its organisation a sink gets: AND over the fields, any-of within one; a
 * field that is missing asks nothing.
 */
export interface SinkFilter {
  readonly tenantId?: readonly string[] | undefined;
  readonly subscriptionId?: readonly string[] | undefined;
  /** Prefixes by path segments, letter case aside: `users/a` matches `Users/A/messages/1`. */
  readonly resource?: readonly string[] | undefined;
  readonly changeType?: readonly string[] | undefined;
  /** `none` when missing. */
  readonly lifecycle?: LifecycleChoice | undefined;
}

/** A destination of notifications. */
export interface Sink {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly kind: SinkKind;
  readonly purpose: SinkPurpose;
  /** Of a webhook; `null` for kinds that have none. */
  readonly url: string | null;
  /** Of a redis-stream, the last part of its key; `null` for other kinds. */
  readonly stream: string | null;
  /** Of a mongo-collection, the last part of its name; `null` for other kinds. */
  readonly collection: string | null;
  /**
   * `whsec_…` secrets of a webhook, newest first, sealed as a JSON array of strings under the
   * context `sink:<id>:secrets`; `null` for kinds that sign nothing.
   */
  readonly secrets: Envelope | null;
  /** Until when the secrets after the newest one sign as well; `null` when there is but one. */
  readonly previousSecretsUntil: number | null;
  /** Own headers, sealed as a JSON object under the context `sink:<id>:headers`; `null` for none. */
  readonly headers: Envelope | null;
  readonly filter: SinkFilter;
  /** A disabled sink matches; its deliveries wait until it is enabled. */
  readonly enabled: boolean;
  /** `paused`, or why the service itself disabled it; `null` when somebody simply disabled it. */
  readonly disabledReason: string | null;
  /** Deliveries under way at once, for an instance; 1 to 200. */
  readonly concurrency: number;
  /** Deliveries begun in a second, for an instance; `null` is without limit. */
  readonly ratePerSecond: number | null;
  readonly description: string | null;
  /** The operators' own remarks. */
  readonly notes: string | null;
  /** Since when every try has failed; `null` after a success. */
  readonly failingSince: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
}

/** The fields of a sink that may change, each by itself. */
export type SinkChange = Partial<
  Pick<
    Sink,
    | 'name'
    | 'url'
    | 'stream'
    | 'collection'
    | 'secrets'
    | 'previousSecretsUntil'
    | 'headers'
    | 'filter'
    | 'enabled'
    | 'disabledReason'
    | 'concurrency'
    | 'ratePerSecond'
    | 'description'
    | 'notes'
    | 'failingSince'
  >
>;

/** Whether what is sent to both arrives at one place: what one answers then holds for the other. */
export function isSamePlace(a: Place, b: Place): boolean {
  return a.url === b.url && a.stream === b.stream && a.collection === b.collection;
}

type Place = Pick<Sink, 'url' | 'stream' | 'collection'>;
