import { appendAudit, purgeAudit, searchAudit } from './audit-procedures.ts';
import {
  countDead,
  deadLetters,
  discard,
  discardForSink,
  redrive,
} from './dead-letter-procedures.ts';
import { deliveriesOf, sinkDepth, sinksGone } from './delivery-list-procedures.ts';
import {
  bringForward,
  claim,
  due,
  finish,
  insertDeliveries,
  release,
  releaseClaims,
  renew,
} from './delivery-procedures.ts';
import { findNotification, insertNotifications, markExpanded } from './notification-procedures.ts';
import { purgeDeadLetters, purgeNotifications } from './purge-procedure.ts';
import {
  advanceReplay,
  findReplay,
  insertReplay,
  listReplays,
  runningReplays,
} from './replay-procedures.ts';
import { neededKeys } from './sealed-procedures.ts';
import { searchNotifications } from './search-procedure.ts';
import {
  allSinks,
  findDeletedSink,
  findSink,
  insertFirstSink,
  insertSink,
  listSinks,
  removeSink,
  replaceSinkSecrets,
  restoreSink,
  softDeleteSink,
  updateSink,
} from './sink-procedures.ts';
import {
  findSubscription,
  insertSubscription,
  listSubscriptions,
  lookUpSubscriptions,
  removeSubscription,
  restoreSubscription,
  softDeleteSubscription,
  subscriptionsEnding,
  updateSubscription,
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
  bringForward,
  deliveriesOf,
  sinkDepth,
  sinksGone,

  deadLetters,
  countDead,
  redrive,
  discard,
  discardForSink,

  purgeDeadLetters,
  purgeNotifications,

  insertSubscription,
  findSubscription,
  listSubscriptions,
  updateSubscription,
  softDeleteSubscription,
  restoreSubscription,
  removeSubscription,
  subscriptionsEnding,
  lookUpSubscriptions,

  insertSink,
  insertFirstSink,
  findSink,
  findDeletedSink,
  listSinks,
  allSinks,
  updateSink,
  replaceSinkSecrets,
  softDeleteSink,
  restoreSink,
  removeSink,

  insertReplay,
  findReplay,
  listReplays,
  runningReplays,
  advanceReplay,

  appendAudit,
  searchAudit,
  purgeAudit,

  neededKeys,
};
