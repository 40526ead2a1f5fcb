import type { Clock } from '../../ports/clock.ts';
import type { storeProcedures } from './store-procedures.ts';
import type { Database } from './thread.ts';

type Procedures = typeof storeProcedures;

/** Calls a procedure of `store.db` in its thread. What comes back has yet to be parsed. */
export type StoreCall = <N extends keyof Procedures>(
  name: N,
  argument: ArgumentOf<Procedures[N]>,
) => Promise<unknown>;

type ArgumentOf<P> = P extends (db: Database, argument: infer A) => unknown ? A : never;

/** The two threads of `store.db`; `read` sees whatever a resolved `write` has written. */
export interface StoreThreads {
  readonly write: StoreCall;
  readonly read: StoreCall;
  readonly clock: Clock;
}
