import type { ClosePatience } from './adapters/http/server.ts';
import type { Config } from './config.ts';
import { createCircuitBreakers } from './adapters/opossum/circuit-breakers.ts';
import { createMetrics } from './adapters/telemetry/metrics.ts';
import { createBasics, type Ambient, type Basics, type Surroundings } from './compose/basics.ts';
import { createCore, type Core } from './compose/core.ts';
import { openEmbeddedStores } from './compose/embedded-stores.ts';
import { openListeners } from './compose/listeners.ts';
import { demandNeededKeys } from './compose/needed-keys.ts';
import { NO_SINK_SERVERS, type SinkServers } from './compose/no-sink-servers.ts';
import type { Stores } from './compose/stores.ts';
import type { CircuitBreakers } from './ports/circuit-breakers.ts';

/** How a service stops. Durations in milliseconds. */
export type StopOptions = { readonly drainDelayMs: number } & ClosePatience;

/** A service that runs. */
export interface Service {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  /** Where the operator's key stands when it was generated. */
  readonly operatorKeyFile: string | undefined;
  /** Whether a thread is at its disk: should that hang, the process cannot even exit by itself. */
  isBusy(): boolean;
  /**
   * Stops as design §8 says: drains for `drainDelayMs`, answers what is in flight, closes. Of what is
   * in flight then it waits as long as its patience lasts.
   */
  stop(options: StopOptions): Promise<void>;
}

/** Chooses the adapters and joins them to the use cases: what lies here and in `compose/` knows both sides. */
export async function compose(config: Config, ambient: Ambient): Promise<Service> {
  const { log } = ambient;
  const opened = new AsyncDisposableStack();
  try {
    const around = { ...ambient, metrics: createMetrics() };
    const breakers = createCircuitBreakers({ ...config.circuitBreakers, ...around });
    opened.defer(() => breakers.close());
    const stores = await openStores(config, around, breakers);
    opened.defer(() => stores.close());
    log.info({ storage: config.storage.kind }, 'stores are open');
    const sinkServers = await openSinks(config, ambient);
    opened.defer(() => sinkServers.close());
    const basics = await createBasics(config, around);
    await demandNeededKeys(stores.sealed, basics.keyIds);
    const core = createCore(config, { basics, stores, sinkServers });
    const listeners = await startAll(config, basics, stores, core);
    return {
      ...listeners.urls,
      operatorKeyFile:
        config.operatorApiKeys === undefined
          ? `${config.dataDir}/secrets/operator-api-key`
          : undefined,
      isBusy: () => stores.isBusy(),
      async stop({ drainDelayMs, ...patience }) {
        log.info({ drainDelayMs }, 'draining');
        await listeners.drain(drainDelayMs);
        const cut = await listeners.close(patience);
        if (cut > 0) log.warn({ connections: cut }, 'clients that did not end were cut off');
        log.info({}, 'what was in flight is answered');
        await core.stop();
        log.info({}, 'workers have stopped');
        await listeners.closeMetrics();
        await opened.disposeAsync();
        log.info({}, 'stores are closed');
      },
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openStores(
  config: Config,
  around: Surroundings,
  breakers: CircuitBreakers,
): Promise<Stores> {
  const { storage } = config;
  if (storage.kind === 'embedded') return openEmbeddedStores(config, { ...around, breakers });
  // Only where they are wanted: the servers' packages take as long to load as all the rest.
  const { openServerStores } = await import('./compose/server-stores.ts');
  return openServerStores(config, storage, { ...around, breakers });
}

async function openSinks(config: Config, ambient: Ambient): Promise<SinkServers> {
  const { mongodbUrl, redisUrl } = config.sinkServers;
  if (mongodbUrl === undefined && redisUrl === undefined) return NO_SINK_SERVERS;
  const { openSinkServers } = await import('./compose/sink-servers.ts');
  return openSinkServers(config, ambient);
}

/** Workers first, so that nothing is accepted that nobody would go on with. */
async function startAll(config: Config, basics: Basics, stores: Stores, core: Core) {
  try {
    await core.start();
    basics.log.info({}, 'workers have started');
    return await openListeners(config, basics, stores, core);
  } catch (error) {
    await core.stop();
    throw error;
  }
}
