import type { Page, PageRequest } from '../domain/page.ts';
import type { Replay } from '../domain/delivery/replay.ts';

/** Replays, by organisation. Errors: `StoreUnavailableError`. */
export interface ReplayRepository {
  /** Adds a replay; its id is new. */
  insert(replay: Replay): Promise<void>;

  find(organizationId: string, id: string): Promise<Replay | undefined>;

  /** The latest first. */
  list(organizationId: string, page: PageRequest): Promise<Page<Replay>>;

  /** Those of all organisations that are running, the oldest first. */
  running(): Promise<readonly Replay[]>;

  /**
   * Writes how far a replay has come; `false`, and nothing written, when it no longer runs or no
   * longer stands at `cursor`: somebody else has done that page.
   */
  advance(
    id: string,
    cursor: string | null,
    to: Pick<Replay, 'state' | 'cursor' | 'notifications' | 'deliveries' | 'finishedAt'>,
  ): Promise<boolean>;
}
