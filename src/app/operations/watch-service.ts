import { isWithin } from '../../domain/elapsed.ts';
import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import { alarmsOf, dueAlarms, type Alarm, type Vitals } from '../../domain/operations/alarms.ts';
import type { Subscription } from '../../domain/subscriptions/subscription.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { DeliveryStore } from '../../ports/delivery-store.ts';
import type { Log } from '../../ports/log.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import type { TellOperators } from './tell-operators.ts';

const LOOK_EVERY_MS = 30_000;
// Long enough for somebody to renew it by hand.
const DANGER_MS = 24 * 60 * 60 * 1000;
const MAX_IN_DANGER = 1000;

/** Looks after the service twice a minute, and tells the operators what they should know. */
export interface WatchService {
  start(): void;
  stop(): void;
  /** When it last told that it is alive, epoch milliseconds; 0 before the first time. */
  lastBeatAt(): number;
}

export function createWatchService(deps: {
  vitals: () => Vitals;
  deliveries: DeliveryStore;
  subscriptions: SubscriptionRepository;
  tell: TellOperators;
  clock: Clock;
  log: Log;
  /** 0 is never. */
  heartbeatMs: number;
  version: string;
}): WatchService {
  const { clock, tell } = deps;
  const startedAt = clock.now();
  const toldInDanger = new Map<string, number>();
  const toldAt = new Map<Alarm, number>();
  let deadBefore: number | undefined;
  let lastBeatAt = 0;
  let stopped = false;
  let cancel: Cancel | undefined;

  function look(): void {
    Promise.all([lookAtDeadLetters(), lookAtSubscriptions()])
      .catch((err: unknown) => deps.log.warn({ err }, 'the watch could not ask the store'))
      .finally(() => {
        if (!stopped) cancel = clock.after(LOOK_EVERY_MS, look);
      });
    lookAtVitals();
    beat();
  }

  function tellOfService(type: Alarm | 'Heartbeat' | 'DeadLetters', data: Numbers): void {
    tell({ type, subject: 'service', organizationId: DEFAULT_ORGANIZATION, data });
  }

  function lookAtVitals(): void {
    const vitals = deps.vitals();
    const [holding, now] = [alarmsOf(vitals), clock.now()];
    for (const alarm of toldAt.keys()) if (!holding.has(alarm)) toldAt.delete(alarm);
    for (const alarm of dueAlarms(holding, toldAt, now)) {
      toldAt.set(alarm, now);
      tellOfService(alarm, { ...vitals });
    }
  }

  async function lookAtDeadLetters(): Promise<void> {
    const total = await deps.deliveries.countDead();
    const added = total - (deadBefore ?? total);
    deadBefore = total;
    if (added > 0) tellOfService('DeadLetters', { added, total });
  }

  async function lookAtSubscriptions(): Promise<void> {
    const now = clock.now();
    // Those that have ended were told of; there may be any number of them.
    const range = { from: now, before: now + DANGER_MS };
    const ending = await deps.subscriptions.ending(range, MAX_IN_DANGER);
    const ids = new Set(ending.map(({ id }) => id));
    for (const id of toldInDanger.keys()) if (!ids.has(id)) toldInDanger.delete(id);
    for (const subscription of ending) tellOfDanger(subscription);
  }

  /** Once for each time that it was given. */
  function tellOfDanger({ id, organizationId, expirationAt }: Subscription): void {
    if (toldInDanger.get(id) === expirationAt) return;
    toldInDanger.set(id, expirationAt);
    const endsInSeconds = Math.round((expirationAt - clock.now()) / 1000);
    const data = { expirationDateTime: new Date(expirationAt).toISOString(), endsInSeconds };
    tell({ type: 'SubscriptionInDanger', subject: `subscription/${id}`, organizationId, data });
  }

  function beat(): void {
    const now = clock.now();
    if (deps.heartbeatMs === 0 || isWithin(lastBeatAt, now, deps.heartbeatMs)) return;
    lastBeatAt = now;
    const { backlogReceipts, freeDiskBytes } = deps.vitals();
    tell({
      type: 'Heartbeat',
      subject: 'service',
      organizationId: DEFAULT_ORGANIZATION,
      data: {
        version: deps.version,
        uptimeSeconds: Math.round((now - startedAt) / 1000),
        backlogReceipts,
        freeDiskBytes,
      },
    });
  }

  return {
    start: look,
    stop() {
      stopped = true;
      cancel?.();
    },
    lastBeatAt: () => lastBeatAt,
  };
}

type Numbers = Readonly<Record<string, number>>;
