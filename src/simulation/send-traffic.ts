import { AckTimes } from './ack-times.ts';
import { createGate } from './gate.ts';
import type { Ledger } from './ledger.ts';
import { pause } from './pause.ts';
import type { PlannedItem, PlannedPost } from './plan-traffic.ts';

const MAX_IN_FLIGHT = 500;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

/**
 * Sends each POST at its time, however long the answers to others take: Graph does not wait for
 * anybody either. What is not answered with 2xx is sent again, after longer and longer waits.
 * Resolves when every POST was acknowledged, or when the signal is aborted.
 */
export async function sendTraffic(deps: {
  url: string;
  posts: readonly PlannedPost[];
  render: (items: readonly PlannedItem[]) => string;
  ledger: Ledger;
  acks: AckTimes;
  signal: AbortSignal;
}): Promise<void> {
  const { url, ledger, acks, signal } = deps;
  const gate = createGate(MAX_IN_FLIGHT);

  async function send(items: readonly PlannedItem[]): Promise<void> {
    const body = deps.render(items);
    ledger.sending(items);
    let waitMs = FIRST_WAIT_MS;
    while (!(await gate(() => isAcknowledged(body)))) {
      await pause(waitMs, signal);
      if (signal.aborted) return;
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
      ledger.retried();
    }
    ledger.acknowledged(items);
  }

  async function isAcknowledged(body: string): Promise<boolean> {
    const limit = AbortSignal.timeout(AckTimes.limitMs);
    const sentAt = performance.now();
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, limit]),
      });
      acks.answered(performance.now() - sentAt, { acknowledged: answer.ok });
      // The status was the answer; the rest is read for the connection's sake.
      await answer.arrayBuffer().catch(() => undefined);
      return answer.ok;
    } catch {
      // Refused, cut off or too slow: whatever it was, Graph sends again.
      if (limit.aborted) acks.unanswered();
      return false;
    }
  }

  const startedAt = performance.now();
  const sending: Promise<void>[] = [];
  for (const { atMs, items } of deps.posts) {
    await pause(Math.max(0, startedAt + atMs - performance.now()), signal);
    if (signal.aborted) break;
    sending.push(send(items));
  }
  await Promise.all(sending);
}
