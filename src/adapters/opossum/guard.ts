import type { CircuitBreaker } from '../../ports/circuit-breakers.ts';

/** Names of a port's methods that give a promise. */
export type AsyncMethod<P> = {
  [N in keyof P]-?: P[N] extends (...args: never[]) => Promise<unknown> ? N : never;
}[keyof P];

/** Says that a method is knowingly not called through a breaker. */
export const PAST = 'past';

type Breaker = Pick<CircuitBreaker, 'call'>;

/** How a method is called, whatever with or by what it is called with. */
type Way<A extends never[]> = Breaker | typeof PAST | ((...args: A) => Breaker | typeof PAST);

type ArgumentsOf<M> = M extends (...args: infer A extends never[]) => unknown ? A : never;

/**
 * Which breaker each asynchronous method is called through. All have to be named, so that a method
 * that is new does not go past its breaker because somebody forgot it.
 */
export type Ways<P> = {
  readonly [N in AsyncMethod<P>]: Way<ArgumentsOf<P[N]>>;
};

/** The same port, its methods called as they were, those with a breaker through that. */
export function guard<P extends object>(port: P, ways: Ways<P>): P {
  const wayOf = new Map<string | symbol, unknown>(Object.entries(ways));
  return guardBy(port, (name) => wayOf.get(name));
}

/** A port whose methods all give promises. */
type Asynchronous<P> = { readonly [N in keyof P]: (...args: never[]) => Promise<unknown> };

/** The same port, every method called through one breaker. */
export function guardAll<P extends object & Asynchronous<P>>(port: P, breaker: Breaker): P {
  return guardBy(port, () => breaker);
}

function guardBy<P extends object>(port: P, wayOf: (name: string | symbol) => unknown): P {
  const methods = new Map<string | symbol, unknown>();

  function methodOf(target: P, name: string | symbol): unknown {
    // Called on the port itself: a class with private fields knows no other `this`.
    const call = (...args: unknown[]): unknown => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') throw new TypeError(`no method ${String(name)}`);
      return Reflect.apply(method, target, args);
    };
    const way = wayOf(name);
    return (...args: unknown[]) => {
      const chosen: unknown = typeof way === 'function' ? Reflect.apply(way, undefined, args) : way;
      return isBreaker(chosen) ? chosen.call(async () => call(...args)) : call(...args);
    };
  }

  return new Proxy(port, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = methodOf(target, name);
      methods.set(name, method);
      return method;
    },
  });
}

function isBreaker(way: unknown): way is Breaker {
  return typeof way === 'object' && way !== null && 'call' in way;
}
