import { z } from 'zod';
import type { SealedValues } from '../../ports/sealed-values.ts';

const KeyRows = z.array(z.object({ keyId: z.string() }));

/** What lies sealed in one database, as its procedure `neededKeys` tells. */
export function createSqliteSealedValues(ask: () => Promise<unknown>): SealedValues {
  return {
    neededKeys: async () => KeyRows.parse(await ask()).map(({ keyId }) => keyId),
  };
}

/** The same for the two databases of a data folder. */
export function joinSealedValues(parts: readonly SealedValues[]): SealedValues {
  return {
    async neededKeys() {
      const found = await Promise.all(parts.map((part) => part.neededKeys()));
      return [...new Set(found.flat())];
    },
  };
}
