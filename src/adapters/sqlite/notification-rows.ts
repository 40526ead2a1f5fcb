import type { Notification, NotificationState } from '../../domain/notifications/notification.ts';
import type { InsertedNotification } from '../../ports/delivery-store.ts';
import { EnvelopeColumn, writeEnvelope } from './columns.ts';
import {
  readColumns,
  readInteger,
  readNullable,
  readText,
  readTexts,
  readWord,
  type Columns,
} from './row.ts';

const STATES: readonly NotificationState[] = ['accepted', 'pending', 'waiting'];

export type BareNotification = Omit<Notification, 'data' | 'sealed'>;

/** Reads the columns of `BARE_NOTIFICATION`. */
export function readBareNotification(columns: Columns): BareNotification {
  return {
    id: readText(columns[0]),
    organizationId: readText(columns[1]),
    subscriptionId: readText(columns[2]),
    tenantId: readText(columns[3]),
    applicationId: readText(columns[4]),
    state: readWord(STATES, columns[5]),
    type: readText(columns[6]),
    subject: readText(columns[7]),
    sequence: readText(columns[8]),
    receivedAt: readInteger(columns[9]),
    receiptId: readText(columns[10]),
    place: readInteger(columns[11]),
    sinkIds: readTexts(columns[12]),
  };
}

/** Reads the columns of `NOTIFICATION`. */
export function readNotification(columns: Columns): Notification {
  return {
    ...readBareNotification(columns),
    data: readNullable(readText, columns[13]),
    sealed: EnvelopeColumn.parse(columns[14]),
  };
}

/** What an insert found; `null` is the given row, which is new. */
export function readInserted(
  found: unknown,
  { sinkIds }: Pick<Notification, 'sinkIds'>,
): InsertedNotification {
  if (found === null) return { found: 'new', expanded: false, sinkIds };
  const [kind, expanded, kept] = readColumns(found);
  return {
    found: readWord(['own', 'duplicate'], kind),
    expanded: readInteger(expanded) === 1,
    sinkIds: readTexts(kept),
  };
}

export type NotificationValues = ReturnType<typeof writeNotification>;

/** The columns of a notification in the order of its insert. */
export function writeNotification(notification: Notification) {
  return [
    notification.id,
    notification.organizationId,
    notification.subscriptionId,
    notification.tenantId,
    notification.applicationId,
    notification.state,
    notification.type,
    notification.subject,
    notification.sequence,
    notification.receivedAt,
    notification.receiptId,
    notification.place,
    JSON.stringify(notification.sinkIds),
    notification.data,
    writeEnvelope(notification.sealed),
  ] as const;
}
