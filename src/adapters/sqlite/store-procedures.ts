import { appendAudit, latestAudit, purgeAudit } from './audit-procedures.ts';
import { countDead, deadLetters, deliveriesOf } from './delivery-list-procedures.ts';
import {
  claim,
  due,
  finish,
  insertDeliveries,
  redrive,
  release,
  releaseClaims,
  renew,
} from './delivery-procedures.ts';
import { findNotification, insertNotifications, markExpanded } from './notification-procedures.ts';
import { purgeDeadLetters, purgeNotifications } from './purge-procedure.ts';
import { searchNotifications } from './search-procedure.ts';
import {
  allSinks,
  findSink,
  insertFirstSink,
  insertSink,
  listSinks,
  softDeleteSink,
  updateSink,
} from './sink-procedures.ts';
import {
  findSubscription,
  insertSubscription,
  listSubscriptions,
  lookUpSubscriptions,
} from './subscription-procedures.ts';

/** Everything that can be asked of `store.db`, by the name it is called by. */
export const storeProcedures = {
  insertNotifications,
  markExpanded,
  findNotification,
  searchNotifications,

  insertDeliveries,
  due,
  claim,
  renew,
  finish,
  release,
  releaseClaims,
  redrive,
  deliveriesOf,
  deadLetters,
  countDead,
  purgeDeadLetters,
  purgeNotifications,

  insertSubscription,
  findSubscription,
  listSubscriptions,
  lookUpSubscriptions,

  insertSink,
  insertFirstSink,
  findSink,
  listSinks,
  allSinks,
  updateSink,
  softDeleteSink,

  appendAudit,
  latestAudit,
  purgeAudit,
};
