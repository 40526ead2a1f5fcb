/** As far as it is used here; the package brings no types of its own. */
declare module 'koa-ratelimit' {
  import type { Middleware, ParameterizedContext } from 'koa';

  interface Driver {
    /** Gives what remained before this hit, the reset in epoch seconds, and the maximum. */
    ratelimiter(
      key: string,
      now: number,
      durationMs: number,
      max: number,
    ): Promise<[remaining: number, resetSeconds: number, max: number]>;
  }

  interface Options<State> {
    readonly driver: 'redis';
    readonly db: Driver;
    readonly namespace: string;
    readonly max: number;
    /** Milliseconds. */
    readonly duration: number;
    readonly id: (ctx: ParameterizedContext<State>) => string;
    readonly onLimited: (ctx: ParameterizedContext<State>) => void;
    readonly disableHeader: boolean;
    readonly throw: boolean;
  }

  export default function ratelimit<State>(options: Options<State>): Middleware<State>;
}
