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

  /** One that is soft-deleted; `undefined` when there is none, or when it is not deleted. */
  findDeleted(organizationId: string, id: string): Promise<Sink | undefined>;

  /** The oldest first; with `deleted` those that are soft-deleted, and no others. */
  list(
    organizationId: string,
    page: PageRequest & { readonly deleted?: boolean | undefined },
  ): Promise<Page<Sink>>;

  /**
   * Every sink of every organisation that is not deleted, disabled ones included, as it stands in the
   * store. One that has not changed since the last call is given as the same object, so that asking
   * for each receipt is cheap where there are thousands.
   */
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

  /**
   * Puts other secrets in the place of those that the given sink has, in one atomic write, and gives
   * the sink as it is then; `undefined`, and nothing written, when there is none (any more) or when
   * it has other secrets by now: no two envelopes share their `iv`.
   */
  replaceSecrets(
    sink: Pick<Sink, 'organizationId' | 'id' | 'secrets'>,
    by: Pick<Sink, 'secrets' | 'previousSecretsUntil'>,
    now: number,
  ): Promise<Sink | undefined>;

  /** Soft-deletes; `false` when there is none (any more). */
  softDelete(organizationId: string, id: string, now: number): Promise<boolean>;

  /** Takes a soft delete back; gives the sink, `undefined` when none is deleted under this id. */
  restore(organizationId: string, id: string, now: number): Promise<Sink | undefined>;

  /**
   * Removes for good what is soft-deleted; `false` when nothing under this id is. Its deliveries are
   * the caller's to discard, before.
   */
  permanentlyDelete(organizationId: string, id: string): Promise<boolean>;
}
