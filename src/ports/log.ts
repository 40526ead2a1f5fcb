/**
 * What operators read. Fields are flat values and `err`; never a secret, a token, a clientState, a
 * body or a mail address: an adapter serialises what it is given and cannot tell.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogFields =
  | Readonly<Record<string, string | number | boolean | null | undefined> & { err?: never }>
  | Readonly<{ err: unknown; [field: string]: unknown }>;
