/** Which row, of whose; a row of another organisation is never found. */
export interface Where {
  readonly organizationId: string;
  readonly id: string;
}

/** The fields to change, as they are stored. */
export type ChangeValues = Readonly<Record<string, string | number | null>>;

export interface Update {
  readonly where: Where;
  readonly change: ChangeValues;
  readonly now: number;
}

/** A page of a list that goes by `seq`; `deleted`: those that are soft-deleted, and no others. */
export interface ListArgument {
  readonly organizationId: string;
  readonly deleted: boolean;
  readonly from: number;
  readonly limit: number;
}

const IT = 'id = :id AND organization_id = :organizationId';

export const IT_LIVES = `${IT} AND deleted_at IS NULL`;
export const IT_IS_DELETED = `${IT} AND deleted_at IS NOT NULL`;

/** What an update sets that changes the fields that are given and no others. */
export function setOf(columns: Readonly<Record<string, string>>, change: ChangeValues): string {
  return Object.entries(columns)
    .filter(([field]) => Object.hasOwn(change, field))
    .map(([field, column]) => `${column} = :${field}, `)
    .concat('updated_at = :now')
    .join('');
}
