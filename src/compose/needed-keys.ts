import type { SealedValues } from '../ports/sealed-values.ts';

/**
 * Rejects when the ring lacks a key that something stored needs: better said at the start than found
 * out sink by sink, and by whoever has just taken the key out.
 */
export async function demandNeededKeys(
  sealed: SealedValues,
  ring: ReadonlySet<string>,
): Promise<void> {
  const missing = (await sealed.neededKeys()).filter((id) => !ring.has(id)).toSorted();
  if (missing.length === 0) return;
  throw new Error(
    `ENCRYPTION_KEYS lacks what stored values were sealed with: ${missing.join(', ')}. ` +
      'Put it back, behind the key that seals (docs/configuration.md, "Rotating secrets")',
  );
}
