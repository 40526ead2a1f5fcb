import type { Settings } from './settings.ts';

const FORGERIES = ['client-state', 'tenant', 'subscription'] as const;

/** What is wrong with a forged item. */
export type Forgery = (typeof FORGERIES)[number];

export interface PlannedItem {
  /** Which change it tells of, from 0; what is sent twice has the same number twice. */
  readonly number: number;
  /** `null`: it is genuine. */
  readonly forgery: Forgery | null;
}

export interface PlannedPost {
  /** Milliseconds after the start. */
  readonly atMs: number;
  /** At least one. */
  readonly items: readonly PlannedItem[];
}

export type TrafficShape = Pick<
  Settings,
  'rate' | 'durationMs' | 'batch' | 'duplicates' | 'shuffled' | 'late' | 'lateMs' | 'forged'
>;

/**
 * Decides what is sent when. A forged item tells of the change that the next genuine one tells of,
 * so it mostly comes before that: if it were believed even for a moment, the genuine one would be
 * taken for its repeat, and be lost.
 */
export function planTraffic(shape: TrafficShape, random: () => number): readonly PlannedPost[] {
  const slots = new Map<number, PlannedItem[]>();
  const slotsIn = (ms: number) => Math.max(1, Math.round((shape.rate * ms) / 1000));
  const chance = (share: number) => random() < share;
  /** From 1. */
  const upTo = (most: number) => 1 + Math.floor(random() * most);

  function put(slot: number, item: PlannedItem): void {
    const items = slots.get(slot);
    if (items === undefined) slots.set(slot, [item]);
    else items.push(item);
  }

  function delay(): number {
    if (chance(shape.late)) return slotsIn(shape.lateMs * (0.5 + random() / 2));
    return chance(shape.shuffled) ? upTo(slotsIn(1000)) : 0;
  }

  let number = 0;
  for (let slot = 0; slot < slotsIn(shape.durationMs); slot += 1) {
    for (let place = 0; place < shape.batch; place += 1) {
      if (chance(shape.forged)) {
        put(slot, { number, forgery: FORGERIES[upTo(FORGERIES.length) - 1] ?? 'client-state' });
        continue;
      }
      const item = { number, forgery: null };
      const at = slot + delay();
      put(at, item);
      // Graph repeats within one POST as well.
      if (chance(shape.duplicates)) put(at + upTo(slotsIn(1000) + 1) - 1, item);
      number += 1;
    }
  }
  return [...slots]
    .toSorted(([a], [b]) => a - b)
    .map(([slot, items]) => ({ atMs: (slot * 1000) / shape.rate, items }));
}
