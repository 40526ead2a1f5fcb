import { NOTIFICATION } from './notification-procedures.ts';
import type { Database } from './thread.ts';
import { conditionsOf, walk, type WalkStep } from './walk-procedure.ts';

/** What to search for; fields that are missing ask nothing. */
export interface SearchArgument {
  readonly organizationId: string;
  readonly match: Readonly<Partial<Record<keyof typeof CONDITIONS, string>>>;
  readonly delivery: Readonly<Partial<Record<keyof typeof DELIVERY_CONDITIONS, string>>>;
  readonly receivedFrom: number;
  readonly step: WalkStep;
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

const READ = `SELECT ${NOTIFICATION} FROM notifications WHERE seq = ?`;

/** Walks the notifications of an organisation; of a subscription, if it is given. */
export function searchNotifications(db: Database, search: SearchArgument) {
  const { organizationId, match, delivery, receivedFrom } = search;
  const parameters = { organizationId, ...match, ...delivery, receivedFrom };
  return walk(db, search.step, { statement: statementFor(search), parameters, read: READ });
}

/** One of a few dozen texts: it depends on which fields are given, not on their values. */
function statementFor({ match, delivery }: SearchArgument): string {
  const by = match.subscriptionId === undefined ? 'organization' : 'subscription';
  return `
    SELECT seq, received_at AS at, (${allOf(match, delivery).join(' AND ')}) AS matches
    FROM notifications INDEXED BY notifications_of_${by}
    WHERE ${by}_id = :${by}Id AND received_at >= :receivedFrom AND (received_at, seq) < (:at, :seq)
    ORDER BY received_at DESC, seq DESC`;
}

function allOf(match: SearchArgument['match'], delivery: SearchArgument['delivery']): string[] {
  const conditions = ['organization_id = :organizationId', ...conditionsOf(CONDITIONS, match)];
  const ofDelivery = conditionsOf(DELIVERY_CONDITIONS, delivery);
  if (ofDelivery.length === 0) return conditions;
  const asked = ['notification_seq = notifications.seq', ...ofDelivery].join(' AND ');
  return [...conditions, `EXISTS (SELECT 1 FROM deliveries WHERE ${asked})`];
}
