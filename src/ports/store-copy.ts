import type { RecordedAuditEntry } from '../domain/audit/audit-entry.ts';
import type { Replay } from '../domain/delivery/replay.ts';
import type { Sink } from '../domain/delivery/sink.ts';
import type { Notification } from '../domain/notifications/notification.ts';
import type { HeldItem, Receipt } from '../domain/notifications/receipt.ts';
import type { Subscription } from '../domain/subscriptions/subscription.ts';
import type { DeliveryWithAttempts } from './delivery-store.ts';

/** Everything durable that a family keeps, by kind; in the order in which it is moved. */
export const ROW_KINDS = [
  'subscriptions',
  'sinks',
  'replays',
  'notifications',
  'deliveries',
  'held',
  'receipts',
  'audit',
] as const;
export type RowKind = (typeof ROW_KINDS)[number];

/** A replay whose `cursor`, which only its own store can read, is said as what it stands for. */
export interface StoredReplay extends Omit<Replay, 'cursor'> {
  /** The last notification that it is done with: when that was received, and its place. */
  readonly cursor: { readonly receivedAt: number; readonly place: string } | null;
}

/** What a row says, by its kind. Sealed values stay sealed; soft-deleted rows are rows like others. */
export interface RowValues {
  readonly subscriptions: Subscription;
  readonly sinks: Sink;
  readonly replays: StoredReplay;
  readonly notifications: Notification & { readonly expanded: boolean };
  readonly deliveries: DeliveryWithAttempts;
  readonly held: HeldItem;
  /** Those that are not settled. */
  readonly receipts: Receipt;
  readonly audit: RecordedAuditEntry;
}

export interface StoredRow<K extends RowKind = RowKind> {
  /**
   * 24 hex digits that rise, within a kind, in the order in which rows were made, and that lie below
   * those of all that any store makes later. `null` for kinds whose ids say their order.
   */
  readonly place: string | null;
  readonly value: RowValues[K];
}

export interface RowPage<K extends RowKind = RowKind> {
  readonly rows: readonly StoredRow<K>[];
  /** Where the next page begins; `null` at the end. Stays valid while rows stay as they are. */
  readonly next: string | null;
}

/**
 * Reads every row of a store that no service works in, and changes nothing.
 *
 * Errors: `StoreUnavailableError`. A row that cannot be read fails its page with a sentence that names
 * it, and says what is wrong with it by its fields: values may be secret.
 */
export interface StoreSource {
  /**
   * Some rows of a kind, each in one page only; from the beginning without `after`. At least one
   * where there are any, at most 500, and no more after some 8 MiB: what is read fits into memory.
   */
  page<K extends RowKind>(kind: K, after?: string): Promise<RowPage<K>>;

  /** Whether a mark stands in it; see `StoreTarget.isReadBy`. */
  hasMark(mark: string): Promise<boolean>;

  close(): Promise<void>;
}

/** What a target notes about what is being moved into it. */
export interface MoveRecord {
  /** Tells the rows of the source, all together, from any others. */
  readonly source: string;
  /** Which run moves them, or has; of several, the one that began last. */
  readonly run: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** When everything was found equal; `null` before. */
  readonly finishedAt: number | null;
  /** Where the next page of a kind begins; `null`: all of it is there. Missing: not begun. */
  readonly reached: Readonly<Partial<Record<RowKind, string | null>>>;
}

/** A store that rows are moved into, as they are. Errors: `StoreUnavailableError`. */
export interface StoreTarget extends StoreSource {
  /**
   * Inserts each row unless its id or place is taken; what is there stays as it is, equal or not.
   * Durable when it resolves. A call with sinks, an empty one too, also sees to it that
   * `SinkRepository.insertFirst` finds that there have been some.
   */
  insert<K extends RowKind>(kind: K, rows: readonly StoredRow<K>[]): Promise<void>;

  /**
   * Whether it is what a source reads, by whatever name: a mark is left here, looked for there and
   * taken away again. It is no row.
   */
  isReadBy(source: StoreSource): Promise<boolean>;

  /** The rows that have these ids; in any order. */
  find<K extends RowKind>(kind: K, ids: readonly string[]): Promise<readonly StoredRow<K>[]>;

  findRecord(): Promise<MoveRecord | undefined>;

  /**
   * Writes a record in the place of the one of the run `over` that is not finished, or, where `over` is
   * `undefined`, in that of none. `false`, and nothing is written, when another stands there. Atomic, and
   * durable when it resolves.
   */
  writeRecord(record: MoveRecord, over: string | undefined): Promise<boolean>;
}
