/** What there is to look at. */
export type JobKind = 'expand' | 'deliver';

/** Says "look now", or at `dueAt`, at something the store knows. Losing one costs a sweep. */
export interface Hint {
  readonly kind: JobKind;
  /** Of the receipt, or of the delivery. */
  readonly id: string;
  /** Of the delivery when the hint was made; 0 for receipts. */
  readonly generation: number;
  /** Hints of one lane never take the workers of another; the sink's id, or `receipts`. */
  readonly lane: string;
  /** Epoch milliseconds. Hints of more than 60 s ahead may be dropped: a sweep brings them. */
  readonly dueAt: number;
}

/** What a handler made of a hint. */
export type JobResult = { readonly again: number } | undefined;

/** How much of a lane may run now. */
export interface LaneLimit {
  /** At most so many at once; 0 is none. */
  readonly concurrency: number;
  /** Nothing of the lane begins before this many milliseconds have passed; asked again then. */
  readonly waitMs: number;
}

/** How the hints of one kind are worked. */
export interface Worker {
  /**
   * Looks at what the hint names. Resolves with `{ again }` to be called with the same hint after
   * that many milliseconds. A handler that throws has lost its hint: the sweep finds the row.
   */
  handle(hint: Hint): Promise<JobResult>;

  /** Asked before each start; quick. The one place where lanes are limited, paused or opened. */
  lane(lane: string): LaneLimit;

  /**
   * Called after a lane has run out of hints when some of its hints had been dropped for want of
   * room: there is more in the store. At most once for each time that it runs out.
   */
  drained(lane: string): void;
}

/**
 * Brings hints to workers: at least once, unless they are dropped; one at a time for an id; lanes
 * independent of each other. It may lose everything at any time, and bounds its memory.
 *
 * Nothing here throws into its caller or makes it wait: an acknowledgement may be behind it.
 */
export interface JobQueue {
  /** Adds hints; one whose id and generation are waiting already adds nothing. */
  hint(hints: readonly Hint[]): void;

  /** Begins to work the hints of a kind; once for each kind. */
  work(kind: JobKind, worker: Worker): void;

  /** Asks the lanes of a kind again for their limits, as after a sink was enabled. */
  wake(kind: JobKind): void;

  /** Hints by what they are doing, for each kind. */
  counts(): Readonly<
    Record<JobKind, { readonly waiting: number; readonly active: number; readonly delayed: number }>
  >;

  /** How many hints of a lane are waiting, delayed or active. */
  size(kind: JobKind, lane: string): number;

  /**
   * Whether what is hinted reaches workers, as far as the last seconds tell. While it does not, what
   * cannot wait has to be done without the queue.
   */
  isWorking(): boolean;

  /** Begins nothing more and resolves when what runs has ended. */
  close(): Promise<void>;
}
