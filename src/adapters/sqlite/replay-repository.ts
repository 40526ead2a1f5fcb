import { z } from 'zod';
import type { ReplayRepository } from '../../ports/replay-repository.ts';
import { createCursors, pageOf } from '../stores/cursor.ts';
import {
  ListedReplayRows,
  ReplayRow,
  ReplayRows,
  writeAdvance,
  writeReplay,
} from './replay-rows.ts';
import type { StoreThreads } from './store-call.ts';

/** Replays in `store.db`. */
export function createSqliteReplayRepository({ write, read }: StoreThreads): ReplayRepository {
  const cursors = createCursors('replays', z.tuple([z.int()]));

  return {
    async insert(replay) {
      await write('insertReplay', writeReplay(replay));
    },

    async find(organizationId, id) {
      return ReplayRow.optional().parse(await read('findReplay', { organizationId, id }));
    },

    async list(organizationId, { limit, cursor }) {
      const [from] = cursors.read(cursor, [Number.MAX_SAFE_INTEGER]);
      const argument = { organizationId, from, limit: limit + 1 };
      const rows = ListedReplayRows.parse(await read('listReplays', argument));
      return pageOf(rows, limit, {
        item: ({ seq: _seq, ...replay }) => replay,
        cursor: ({ seq }) => cursors.write([seq]),
      });
    },

    async running() {
      return ReplayRows.parse(await read('runningReplays', null));
    },

    async advance(id, cursor, to) {
      return z.boolean().parse(await write('advanceReplay', writeAdvance(id, cursor, to)));
    },
  };
}
