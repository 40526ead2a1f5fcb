import type { Page, PageRequest } from '../../domain/page.ts';
import type { Documents } from './documents.ts';

/** What repositories with a soft delete have in common; their ports say what each promises. */
export interface SoftDeletable<T, C> {
  find(organizationId: string, id: string): Promise<T | undefined>;
  list(
    organizationId: string,
    page: PageRequest & { readonly deleted?: boolean | undefined },
  ): Promise<Page<T>>;
  update(organizationId: string, id: string, change: C, now: number): Promise<T | undefined>;
  softDelete(organizationId: string, id: string, now: number): Promise<boolean>;
  restore(organizationId: string, id: string, now: number): Promise<T | undefined>;
}

const IT_LIVES = { deletedAt: null };
const IT_IS_DELETED = { deletedAt: { $ne: null } };

/** Finds the one under an id while it lives. */
export function living(organizationId: string, id: string) {
  return { organizationId, id, ...IT_LIVES };
}

/** Finds the one under an id while it is soft-deleted. */
export function deleted(organizationId: string, id: string) {
  return { organizationId, id, ...IT_IS_DELETED };
}

export function createSoftDeletable<T, C extends object>(
  documents: Documents<T>,
): SoftDeletable<T, C> {
  return {
    find: (organizationId, id) => documents.find(living(organizationId, id)),

    list(organizationId, { deleted: those = false, ...page }) {
      return documents.page({ organizationId, ...(those ? IT_IS_DELETED : IT_LIVES) }, page);
    },

    update(organizationId, id, change, now) {
      return documents.change(living(organizationId, id), { ...change, updatedAt: now });
    },

    async softDelete(organizationId, id, now) {
      const set = { deletedAt: now, updatedAt: now };
      return (await documents.change(living(organizationId, id), set)) !== undefined;
    },

    restore(organizationId, id, now) {
      return documents.change(deleted(organizationId, id), { deletedAt: null, updatedAt: now });
    },
  };
}
