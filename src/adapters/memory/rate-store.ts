import { randomUUID } from 'node:crypto';
import type { Clock } from '../../ports/clock.ts';
import type { RateStore, RateTicket, RateWindow } from '../../ports/rate-store.ts';

const MS_BETWEEN_DROPS = 1000;

interface Window {
  readonly number: number;
  readonly lengthMs: number;
  endsAt: number;
  hits: number;
}

/** The windows of one policy, and the one that its new keys share while there is no room. */
interface Room {
  readonly windows: Map<string, Window>;
  overflow: Window | undefined;
  droppedAt: number;
}

/**
 * Keeps windows in this process: exact for one instance, forgotten at exit. What was counted in an
 * overflow window belongs to many keys, so clearing one of them leaves it as it is.
 */
export function createMemoryRateStore(deps: { clock: Clock; maxKeysPerPolicy: number }): RateStore {
  const storeId = randomUUID(); // so that a ticket of another store is not taken for one of ours
  const rooms = new Map<string, Room>();
  let opened = 0;

  function roomOf(key: string): Room {
    const colon = key.indexOf(':');
    const policy = colon === -1 ? key : key.slice(0, colon);
    const room = rooms.get(policy);
    if (room !== undefined) return room;
    const fresh = { windows: new Map(), overflow: undefined, droppedAt: -Infinity };
    rooms.set(policy, fresh);
    return fresh;
  }

  /** Whether a key has, or could be given, a window of its own. An ended one leaves its place to it. */
  function hasPlace({ windows }: Room, key: string): boolean {
    return windows.size < deps.maxKeysPerPolicy || windows.has(key);
  }

  function openWindow(room: Room, key: string, now: number): Window | undefined {
    const own = hasPlace(room, key);
    const window = own ? room.windows.get(key) : room.overflow;
    return isOpen(window, now) ? window : undefined;
  }

  function newWindow(room: Room, key: string, endsAt: number, lengthMs: number): Window {
    opened += 1;
    const window = { number: opened, lengthMs, endsAt, hits: 0 };
    if (hasPlace(room, key)) room.windows.set(key, window);
    else room.overflow = window;
    return window;
  }

  return {
    async hit(key, windowMs, cost = 1): Promise<RateWindow> {
      const now = deps.clock.now();
      const room = roomOf(key);
      if (!hasPlace(room, key)) dropEnded(room, now);
      const window = openWindow(room, key, now) ?? newWindow(room, key, now + windowMs, windowMs);
      window.hits += cost;
      const ticket = { key, windowId: `${storeId}.${window.number}`, cost, degraded: false };
      return { hits: window.hits, resetsInMs: window.endsAt - now, degraded: false, ticket };
    },

    async undo({ key, windowId, cost }: RateTicket) {
      const now = deps.clock.now();
      const { windows, overflow } = roomOf(key);
      for (const window of [windows.get(key), overflow]) {
        const isOurs = isOpen(window, now) && windowId === `${storeId}.${window.number}`;
        if (isOurs) window.hits = Math.max(0, window.hits - cost);
      }
    },

    async read(key) {
      const now = deps.clock.now();
      const window = roomOf(key).windows.get(key);
      if (!isOpen(window, now)) return undefined;
      return { hits: window.hits, resetsInMs: window.endsAt - now, degraded: false };
    },

    async clear(key) {
      roomOf(key).windows.delete(key);
    },
  };
}

function isOpen(window: Window | undefined, now: number): window is Window {
  if (window === undefined || window.endsAt <= now) return false;
  // A clock that was set back must not lock anybody out for longer than a window.
  window.endsAt = Math.min(window.endsAt, now + window.lengthMs);
  return true;
}

/** Looks at every window, so not for every key of a flood. */
function dropEnded(room: Room, now: number): void {
  if (Math.abs(now - room.droppedAt) < MS_BETWEEN_DROPS) return;
  room.droppedAt = now;
  for (const [key, window] of room.windows) {
    if (!isOpen(window, now)) room.windows.delete(key);
  }
}
