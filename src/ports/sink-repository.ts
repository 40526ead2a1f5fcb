import type { Sink, SinkChange } from '../domain/delivery/sink.ts';
import type { Page, PageRequest } from '../domain/page.ts';

/**
 * Sinks, by organisation. Reads leave soft-deleted ones out. Errors: `StoreUnavailableError`.
 */
export interface SinkRepository {
  /** Adds a sink; its id is new. */
  insert(sink: Sink): Promise<void>;

  /** Adds a sink unless there has ever been one, deleted ones included; says whether it did. Atomic. */
  insertFirst(sink: Sink): Promise<boolean>;

  find(organizationId: string, id: string): Promise<Sink | undefined>;

  /** The oldest first. */
  list(organizationId: string, page: PageRequest): Promise<Page<Sink>>;

  /** Every sink of every organisation that is not deleted, disabled ones included. */
  all(): Promise<readonly Sink[]>;

  /**
   * Changes the given fields and no others, in one atomic write, and gives the sink as it is then;
   * `undefined` when there is none.
   */
  update(
    organizationId: string,
    id: string,
    change: SinkChange,
    now: number,
  ): Promise<Sink | undefined>;

  /** Soft-deletes; `false` when there is none (any more). */
  softDelete(organizationId: string, id: string, now: number): Promise<boolean>;
}
