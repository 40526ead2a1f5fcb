/** Fields that may be missing, or `undefined`, which means the same. */
export type Optional<T> = { readonly [Field in keyof T]?: T[Field] | undefined };

/** The fields that have a value. */
export function given<T extends object>(
  fields: T,
): { [Field in keyof T]?: Exclude<T[Field], undefined> } {
  const present: Partial<T> = { ...fields };
  for (const field in present) if (present[field] === undefined) delete present[field];
  return present as { [Field in keyof T]?: Exclude<T[Field], undefined> };
}
