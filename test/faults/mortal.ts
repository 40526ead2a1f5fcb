import type { AuditTrail } from '../../src/ports/audit-trail.ts';
import type { DeliveryStore } from '../../src/ports/delivery-store.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import type { SinkRepository } from '../../src/ports/sink-repository.ts';

/**
 * What a process does to the world, step by step, until it dies: the last step is done, but nobody
 * hears of it, and nothing comes after.
 */
export class Life {
  readonly steps: string[] = [];
  readonly #most: number;
  readonly #died = Promise.withResolvers<void>();

  constructor(most = Infinity) {
    this.#most = most;
  }

  /** Does a piece of work until its end or death, whichever is first; says whether it ended. */
  async live(work: () => Promise<void>): Promise<boolean> {
    return Promise.race([work().then(() => true), this.#died.promise.then(() => false)]);
  }

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (!this.#isAlive()) return silence();
    const result = await work();
    this.steps.push(name);
    return this.#isAlive() ? result : silence();
  }

  /** The same for what does not wait. */
  stepAtOnce(name: string, work: () => void): void {
    if (!this.#isAlive()) return;
    work();
    this.steps.push(name);
    this.#isAlive();
  }

  #isAlive(): boolean {
    const alive = this.steps.length < this.#most;
    if (!alive) this.#died.resolve();
    return alive;
  }
}

function silence(): Promise<never> {
  return new Promise<never>(() => undefined);
}

export function mortalInbox(inbox: Inbox, life: Life): Inbox {
  return {
    ...inbox,
    append: (entry, deadline) => life.step('append', () => inbox.append(entry, deadline)),
    settle: (id) => life.stepAtOnce('settle', () => inbox.settle(id)),
  };
}

export function mortalDeliveries(store: DeliveryStore, life: Life): DeliveryStore {
  return {
    ...store,
    insertNotifications: (rows) =>
      life.step('insertNotifications', () => store.insertNotifications(rows)),
    insertDeliveries: (rows) => life.step('insertDeliveries', () => store.insertDeliveries(rows)),
    markExpanded: (ids) => life.step('markExpanded', () => store.markExpanded(ids)),
    claim: (...claim) => life.step('claim', () => store.claim(...claim)),
    renew: (...claim) => life.step('renew', () => store.renew(...claim)),
    release: (...claim) => life.step('release', () => store.release(...claim)),
    finish: (...outcome) => life.step('finish', () => store.finish(...outcome)),
    redrive: (...order) => life.step('redrive', () => store.redrive(...order)),
  };
}

export function mortalSinks(sinks: SinkRepository, life: Life): SinkRepository {
  return {
    ...sinks,
    update: (...change) => life.step('updateSink', () => sinks.update(...change)),
  };
}

export function mortalAudit(audit: AuditTrail, life: Life): AuditTrail {
  return { ...audit, record: (entry) => life.step('audit', () => audit.record(entry)) };
}
