import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Secret } from '../domain/secret.ts';
import type { Cast, SimulatedSubscription } from './cast.ts';
import { type ApiAnswer, type AskService, toRefusal } from './service-api.ts';

const CLEAR_WITHIN_MS = 15_000;
const ASK_AGAIN_AFTER_MS = 500;

const Created = z.object({ id: z.string() });

/** What a simulation needs in the service, and takes away again. */
export interface Stage {
  /** Imports the subscriptions and adds the sink; rejects with `SimulationError`, or as the signal says. */
  build(signal: AbortSignal): Promise<void>;
  /** Removes what was built, as far as it was. Never rejects; gives the paths of what is still there. */
  clear(): Promise<readonly string[]>;
}

export function createStage(deps: {
  ask: AskService;
  cast: Cast;
  sink: { readonly url: string; readonly secret: Secret };
}): Stage {
  const { ask, cast } = deps;
  const made: string[] = [];

  async function importSubscription(subscription: SimulatedSubscription): Promise<void> {
    const path = `/api/subscriptions/${subscription.id}`;
    // Noted first: it may be there although the answer got lost.
    made.push(path);
    const answer = await ask('POST', '/api/subscriptions/import', {
      ...subscription,
      clientState: subscription.clientState.reveal(),
      changeType: 'created,updated,deleted',
      description: 'Made by a simulation, which removes it',
    });
    if (answer.status === 201) return;
    made.pop();
    throw toRefusal('import a subscription', answer);
  }

  async function addSink(): Promise<void> {
    const { subscriptions, stranger } = cast;
    const answer = await ask('POST', '/api/sinks', {
      name: 'simulation',
      kind: 'webhook',
      url: deps.sink.url,
      secret: deps.sink.secret.reveal(),
      // The stranger's items must not come; if they did, they would be seen.
      filter: { subscriptionId: [...subscriptions, stranger].map(({ id }) => id) },
      description: 'Made by a simulation, which removes it',
    });
    const { data } = Created.safeParse(answer.body);
    if (answer.status !== 201 || data === undefined) throw toRefusal('add a sink', answer);
    made.push(`/api/sinks/${data.id}`);
  }

  /** Softly first, as nothing is removed for good that was not deleted before. */
  async function remove(path: string, deadline: number): Promise<boolean> {
    return (await isGone(path, deadline)) && (await isGone(`${path}?permanent=true`, deadline));
  }

  async function isGone(path: string, deadline: number): Promise<boolean> {
    const answer = await ask('DELETE', path).catch(() => undefined); // it may be starting again
    // Not there (any more), or nothing that this service can remove.
    if (answer !== undefined && [204, 404, 405].includes(answer.status)) return true;
    const waitMs = waitFor(answer);
    if (waitMs === undefined || performance.now() + waitMs > deadline) return false;
    await sleep(waitMs);
    return isGone(path, deadline);
  }

  return {
    async build(signal) {
      // In between, and not in the middle of a request: nobody would know what it has made.
      for (const subscription of cast.subscriptions) {
        signal.throwIfAborted();
        await importSubscription(subscription);
      }
      signal.throwIfAborted();
      await addSink();
    },

    async clear() {
      const deadline = performance.now() + CLEAR_WITHIN_MS;
      const left: string[] = [];
      // The sink first: nothing is delivered any more then.
      for (const path of made.toReversed()) {
        if (!(await remove(path, deadline))) left.push(path);
      }
      return left;
    },
  };
}

/** When to ask again; `undefined`: it would be in vain. */
function waitFor(answer: ApiAnswer | undefined): number | undefined {
  if (answer === undefined) return ASK_AGAIN_AFTER_MS;
  const { status, retryAfterMs } = answer;
  return status === 429 || status >= 500 ? (retryAfterMs ?? ASK_AGAIN_AFTER_MS) : undefined;
}
