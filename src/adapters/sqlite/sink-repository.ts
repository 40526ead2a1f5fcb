import { z } from 'zod';
import type { Sink } from '../../domain/delivery/sink.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { writeEnvelope } from './columns.ts';
import { createCursors, pageOf } from '../stores/cursor.ts';
import { createKnownRows } from '../stores/known-rows.ts';
import {
  AllSinks,
  ListedSinkRows,
  SinkRow,
  SinkText,
  writeSink,
  writeSinkChange,
} from './sink-rows.ts';
import type { StoreThreads } from './store-call.ts';

/** Sinks in `store.db`. */
export function createSqliteSinkRepository({ write, read }: StoreThreads): SinkRepository {
  const cursors = createCursors('sinks', z.tuple([z.int()]));
  const readKnown = createKnownRows((text) => SinkText.parse(text));
  let last: { readonly digest: string; readonly sinks: readonly Sink[] } | undefined;

  return {
    async insert(sink) {
      await write('insertSink', writeSink(sink));
    },

    async insertFirst(sink) {
      return z.boolean().parse(await write('insertFirstSink', writeSink(sink)));
    },

    async find(organizationId, id) {
      return SinkRow.optional().parse(await read('findSink', { organizationId, id }));
    },

    async findDeleted(organizationId, id) {
      return SinkRow.optional().parse(await read('findDeletedSink', { organizationId, id }));
    },

    async list(organizationId, { limit, cursor, deleted = false }) {
      const [from] = cursors.read(cursor, [0]);
      const argument = { organizationId, deleted, from, limit: limit + 1 };
      const rows = ListedSinkRows.parse(await read('listSinks', argument));
      return pageOf(rows, limit, {
        item: ({ seq: _seq, ...sink }) => sink,
        cursor: ({ seq }) => cursors.write([seq]),
      });
    },

    async all() {
      // Answers come in the order of the calls; each is about what its own call knew.
      const known = last;
      const found = AllSinks.parse(await read('allSinks', known?.digest ?? null));
      if (found === null) return known?.sinks ?? [];
      last = { digest: found.digest, sinks: readKnown(found.rows) };
      return last.sinks;
    },

    async update(organizationId, id, change, now) {
      const order = { where: { organizationId, id }, change: writeSinkChange(change), now };
      return SinkRow.optional().parse(await write('updateSink', order));
    },

    async replaceSecrets({ organizationId, id, secrets }, by, now) {
      const reply = await write('replaceSinkSecrets', {
        organizationId,
        id,
        knownIv: secrets?.iv ?? null,
        secrets: writeEnvelope(by.secrets),
        previousSecretsUntil: by.previousSecretsUntil,
        now,
      });
      return SinkRow.optional().parse(reply);
    },

    async softDelete(organizationId, id, now) {
      return z.boolean().parse(await write('softDeleteSink', { organizationId, id, now }));
    },

    async restore(organizationId, id, now) {
      return SinkRow.optional().parse(await write('restoreSink', { organizationId, id, now }));
    },

    async permanentlyDelete(organizationId, id) {
      return z.boolean().parse(await write('removeSink', { organizationId, id }));
    },
  };
}
