import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { createWebhookSinks, type WebhookSinkOptions } from '../../src/adapters/sinks/webhook.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { SinkAnswer } from '../../src/ports/notification-sink.ts';
import { eventOf, tryOf } from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from './clock.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from './receiver.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 'new').toString('base64')}`;

/** What a try has, and the sink's own limit ends. */
export const TRY_MS = 15_000;

/** A webhook target, but for its URL, in plain text. */
export interface Aim {
  readonly headers?: Record<string, string>;
  readonly secrets?: readonly string[];
}

type OpenOptions = Partial<WebhookSinkOptions> & { readonly clock?: Clock };

/**
 * Receivers, webhook sinks and a clock for the tests of one `describe`; each test gets new ones,
 * and none may leave a timer set.
 */
export function setUpWebhooks() {
  const cleanUps: (() => unknown)[] = [];
  let clock = new CountingClock();

  beforeEach(() => {
    clock = new CountingClock();
  });

  afterEach(async () => {
    const left = clock.timers;
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    expect(left).toBe(0);
  });

  async function receiverOf(options?: ReceiverOptions): Promise<Receiver> {
    const receiver = await startReceiver(options);
    cleanUps.push(() => receiver.close());
    return receiver;
  }

  /** Sinks that may reach loopback, unless the options say otherwise. */
  function sinksOf(options: OpenOptions = {}) {
    const fixed = { clock, allowedAddresses: [], allowLoopback: true };
    const sinks = createWebhookSinks({ ...fixed, ...options });
    cleanUps.push(() => sinks.close());
    return {
      close: () => sinks.close(),
      open: (url: string, aim: Aim = {}) => sinks.open({ kind: 'webhook', url, ...secretly(aim) }),
    };
  }

  /** One try of the event `one`, with sinks of its own. */
  function deliver(url: string, aim?: Aim, signal?: AbortSignal): Promise<SinkAnswer> {
    return sinksOf().open(url, aim).deliver(eventOf('one'), tryOf('one_sink', signal));
  }

  /** A server that speaks no HTTP itself: `reply` is called once a connection has sent something. */
  async function rawServer(reply: (socket: Socket) => void) {
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
      socket.once('data', () => reply(socket));
    });
    cleanUps.push(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { host: `127.0.0.1:${address.port}`, open };
  }

  return { clock: () => clock, receiverOf, sinksOf, deliver, rawServer };
}

/** A clock that knows how many of its timers are set. */
class CountingClock extends TurnedClock {
  timers = 0;

  override after(ms: number, run: () => void): () => void {
    let isSet = true;
    this.timers += 1;
    const unset = () => {
      if (isSet) this.timers -= 1;
      isSet = false;
    };
    const cancel = super.after(ms, () => {
      unset();
      run();
    });
    return () => {
      unset();
      cancel();
    };
  }
}

/** What a look-up gives for these addresses. */
export function addressesOf(...all: readonly string[]) {
  return all.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

/** Lets what is already in the kernel's buffers reach its listeners. */
export async function settledIo(): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A promise, and whether it has come to an end. */
export function watched<T>(answer: Promise<T>) {
  let isOver = false;
  const watch = answer.finally(() => {
    isOver = true;
  });
  return { answer: watch, hasEnded: () => isOver };
}

function secretly({ headers = {}, secrets = [SECRET] }: Aim) {
  const wrapped = Object.entries(headers).map(([name, value]) => [name, new Secret(value)]);
  return {
    headers: Object.fromEntries(wrapped),
    secrets: secrets.map((secret) => new Secret(secret)),
  };
}
