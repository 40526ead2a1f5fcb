import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { replayedDeliveryId } from '../../src/domain/delivery/replay.ts';
import type { Notification } from '../../src/domain/notifications/notification.ts';
import type { DeliveryStore, NewDelivery, TryOutcome } from '../../src/ports/delivery-store.ts';
import type { SinkRepository } from '../../src/ports/sink-repository.ts';
import { aDelivery, aNotification, anOutcome, BUILT_AT } from '../support/builders.ts';

export interface DeliveryStoreHarness {
  readonly store: DeliveryStore;
  /** Of the same store. */
  readonly sinks: SinkRepository;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<DeliveryStoreHarness>;
  close(): Promise<void>;
}

export const NOW = BUILT_AT;
export const LEASE = NOW + 15_000;

/** A delivery and its notification, both in the store. */
export interface Stored {
  readonly notification: Notification;
  readonly delivery: NewDelivery;
}

export async function storeDelivery(
  store: DeliveryStore,
  changes: { notification?: Partial<Notification>; sinkId?: string; dueAt?: number } = {},
): Promise<Stored> {
  const notification = aNotification(changes.notification);
  const delivery = aDelivery(notification, changes);
  await store.insertNotifications([notification]);
  await store.insertDeliveries([delivery]);
  return { notification, delivery };
}

/** Claims a delivery that must be there to be claimed; gives the generation of the claim. */
export async function claimOf(store: DeliveryStore, id: string, generation = 0): Promise<number> {
  const claimed = await store.claim(id, generation, LEASE);
  if (claimed === undefined) throw new Error(`${id} could not be claimed`);
  return claimed.delivery.generation;
}

/** One whole try of a delivery that stands at `generation`; gives the generation after it. */
export async function tryOnce(
  store: DeliveryStore,
  id: string,
  { generation = 0, outcome }: { generation?: number; outcome: TryOutcome },
): Promise<number> {
  const claimed = await claimOf(store, id, generation);
  expect(await store.finish(id, claimed, outcome)).toBe(true);
  return claimed + 1;
}

/** Stores a delivery and lets it die at `diedAt`. */
export async function storeDead(
  store: DeliveryStore,
  diedAt: number,
  changes: Parameters<typeof storeDelivery>[1] = {},
): Promise<Stored> {
  const stored = await storeDelivery(store, changes);
  await tryOnce(store, stored.delivery.id, { outcome: anOutcome('dead', diedAt) });
  return stored;
}

/** The delivery that a replay makes of another one. */
export function aReplayOf(delivery: NewDelivery, replayId: string = randomUUID()): NewDelivery {
  const { notificationId, sinkId } = delivery;
  return { ...delivery, id: replayedDeliveryId(notificationId, sinkId, replayId) };
}
