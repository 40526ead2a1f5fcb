import { lookup as dnsLookup } from 'node:dns';
import { Pool } from 'undici';
import { renderCloudEvent, type CloudEvent } from '../../domain/delivery/cloud-event.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NotificationSink, SinkTarget, SinkTry } from '../../ports/notification-sink.ts';
import { createAddressGuard, type LookupAll } from './address-guard.ts';
import { createConnector } from './connector.ts';
import { OriginPools } from './origin-pools.ts';
import { failedTry } from './sink-answer.ts';
import { prepareTarget, type PreparedTarget } from './webhook-target.ts';
import { WebhookTry } from './webhook-try.ts';

export interface WebhookSinkOptions {
  readonly clock: Clock;
  /** CIDR ranges that may be connected to although they are not public. */
  readonly allowedAddresses: readonly string[];
  readonly allowLoopback: boolean;
  /** For a whole try, from the look-up to the end of the answer. */
  readonly timeoutMs?: number;
  readonly lookup?: LookupAll;
  readonly dispatcherOptions?: {
    /** Origins with idle connections; 256. */
    readonly origins?: number;
    /** Trusted authorities (PEM) instead of the usual ones. */
    readonly ca?: string;
  };
}

export interface WebhookSinks {
  /** Never throws: a target that cannot be used answers each try with `bad-target`. */
  open(target: Extract<SinkTarget, { kind: 'webhook' }>): NotificationSink;
  /** Closes all connections; what is under way ends as aborted. */
  close(): Promise<void>;
}

/**
 * Delivers events by POST, signed as Standard Webhooks say. Follows no redirects, connects to
 * allowed addresses only, and reads at most 64 KiB of an answer. Throws when a range is not CIDR.
 */
export function createWebhookSinks(options: WebhookSinkOptions): WebhookSinks {
  const { clock, timeoutMs = 15_000, lookup = dnsLookup, dispatcherOptions = {} } = options;
  const { origins = 256, ca } = dispatcherOptions;
  const guard = createAddressGuard({ ...options, lookup });
  const connector = createConnector({ guard, clock, timeoutMs, ca });
  // undici's own time limits are off: the clock's is for the whole try, and a test can turn it.
  // Nor is there a limit of connections: sinks bound their own tries, and one that hangs must not
  // make the others of its origin wait, their time running out before anything is sent.
  const poolOptions = { headersTimeout: 0, bodyTimeout: 0, connections: null, allowH2: false };
  const pools = new OriginPools({
    limit: origins,
    create: (origin) => new Pool(origin, { ...poolOptions, connect: connector.connect }),
  });
  let isClosed = false;

  function post(target: PreparedTarget, event: CloudEvent, { deliveryId, signal }: SinkTry) {
    const body = Buffer.from(renderCloudEvent(event));
    const timestamp = String(Math.floor(clock.now() / 1000));
    const headers = [
      ...target.headers,
      'webhook-id',
      deliveryId,
      'webhook-timestamp',
      timestamp,
      'webhook-signature',
      target.sign(deliveryId, timestamp, body),
    ];
    return pools.use(target.origin, (pool) => {
      const handler = new WebhookTry({ clock, timeoutMs, signal });
      pool.dispatch({ method: 'POST', path: target.path, headers, body }, handler);
      return handler.answer;
    });
  }

  return {
    open(wanted) {
      const target = prepared(wanted);
      return {
        async deliver(event, attempt) {
          if (isClosed || attempt.signal.aborted) return { outcome: 'aborted' };
          return target === undefined ? failedTry('bad-target') : post(target, event, attempt);
        },
      };
    },

    async close() {
      isClosed = true;
      connector.close();
      await pools.close();
    },
  };
}

// Tried again, not dead: the operator may mend the sink within the hours of the retry schedule.
function prepared(target: Parameters<WebhookSinks['open']>[0]): PreparedTarget | undefined {
  try {
    return prepareTarget(target);
  } catch {
    return undefined;
  }
}
