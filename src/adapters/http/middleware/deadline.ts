import type { Middleware } from 'koa';
import { BodyTimeoutError, RequestTimeoutError } from '../../../domain/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { RequestState } from '../request-state.ts';

/**
 * Gives a request up after `limitMs`, and tells whoever works for it by `ctx.state.signal`: what is done
 * in many steps, or waits for somebody else, ends by it. One call of a store has an end anyway. An answer
 * that has begun by then, such as a stream, goes on. A body that has not come in whole is the client's
 * fault and no other's; the connection ends with it, since its rest cannot be told from a request.
 */
export function deadline(deps: { clock: Clock; limitMs: number }): Middleware<RequestState> {
  return async function deadlineMiddleware(ctx, next) {
    const working = new AbortController();
    ctx.state.signal = working.signal;
    await new Promise<void>((resolve, reject) => {
      const cancel = deps.clock.after(deps.limitMs, () => {
        working.abort();
        if (ctx.req.complete) return reject(new RequestTimeoutError());
        ctx.set('Connection', 'close');
        reject(new BodyTimeoutError('The body did not arrive in time'));
      });
      // What it still throws later is heard by nobody: its request has been answered.
      void next().then(resolve, reject).finally(cancel);
    });
  };
}
