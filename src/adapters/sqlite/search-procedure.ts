import { DELIVERIES_OF_IT } from './delivery-procedures.ts';
import { readNotification } from './notification-procedures.ts';
import type { Database } from './thread.ts';

/** What to search for; fields that are missing ask nothing. */
export interface SearchArgument {
  readonly organizationId: string;
  readonly match: Readonly<Partial<Record<keyof typeof CONDITIONS, string>>>;
  readonly delivery: Readonly<Partial<Record<keyof typeof DELIVERY_CONDITIONS, string>>>;
  readonly receivedFrom: number;
  /** Where the list goes on: `received_at` and `seq` of the last row that was seen. */
  readonly after: readonly [receivedAt: number, seq: number];
  /** How many rows are wanted, and how many are looked at for that. */
  readonly limit: number;
  readonly lookAt: number;
}

const CONDITIONS = {
  state: 'state = :state',
  subscriptionId: 'subscription_id = :subscriptionId',
  tenantId: 'tenant_id = :tenantId',
};

const DELIVERY_CONDITIONS = {
  sinkId: 'deliveries.sink_id = :sinkId',
  deliveryState: 'deliveries.state = :deliveryState',
};

/**
 * Walks the notifications of an organisation (of a subscription, if it is given), the latest
 * first. Looks at no more than `lookAt` rows: a filter that hardly anything matches must not keep
 * the thread from those who wait for a look-up.
 */
export function searchNotifications(db: Database, search: SearchArgument) {
  const { organizationId, match, delivery, receivedFrom, limit, lookAt } = search;
  const [receivedAt, seq] = search.after;
  const found: { seq: number; row: unknown }[] = [];
  let seen = 0;

  const parameters = { organizationId, ...match, ...delivery, receivedFrom, receivedAt, seq };
  for (const row of db.prepare(statementFor(search)).iterate(parameters)) {
    const stoppedAt = [Number(row['received_at']), Number(row['seq'])] as const;
    seen += 1;
    if (row['matches'] === 1) {
      found.push({ seq: stoppedAt[1], row: readNotification(db, stoppedAt[1]) });
    }
    if (found.length >= limit || seen >= lookAt) return { rows: found, stoppedAt };
  }
  return { rows: found, stoppedAt: null };
}

/** One of a few dozen texts: it depends on which fields are given, not on their values. */
export function statementFor({
  match,
  delivery,
}: Pick<SearchArgument, 'match' | 'delivery'>): string {
  const by = match.subscriptionId === undefined ? 'organization' : 'subscription';
  return `
    SELECT seq, received_at, (${conditionsFor(match, delivery).join(' AND ')}) AS matches
    FROM notifications INDEXED BY notifications_of_${by}
    WHERE ${by}_id = :${by}Id AND received_at >= :receivedFrom
      AND (received_at, seq) < (:receivedAt, :seq)
    ORDER BY received_at DESC, seq DESC`;
}

function conditionsFor(match: SearchArgument['match'], delivery: SearchArgument['delivery']) {
  const conditions = ['organization_id = :organizationId', ...pick(CONDITIONS, match)];
  const ofDelivery = pick(DELIVERY_CONDITIONS, delivery);
  if (ofDelivery.length === 0) return conditions;
  const asked = [DELIVERIES_OF_IT, ...ofDelivery].join(' AND ');
  return [...conditions, `EXISTS (SELECT 1 FROM deliveries WHERE ${asked})`];
}

function pick<K extends string>(
  conditions: Readonly<Record<K, string>>,
  given: Readonly<Partial<Record<K, string>>>,
): string[] {
  return Object.entries<string>(conditions)
    .filter(([field]) => Object.hasOwn(given, field))
    .map(([, condition]) => condition);
}
