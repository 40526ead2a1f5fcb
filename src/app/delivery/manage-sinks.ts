import {
  isSamePlace,
  type Sink,
  type SinkChange,
  type SinkKind,
  type SinkPurpose,
} from '../../domain/delivery/sink.ts';
import { refuseFieldsOfOthers, requireDestination } from '../../domain/delivery/sink-fields.ts';
import { switched, type SinkSwitch } from '../../domain/delivery/sink-switch.ts';
import { checkWebhookSecret } from '../../domain/delivery/webhook-settings.ts';
import { ConflictError, NotFoundError, ValidationError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import { Secret } from '../../domain/secret.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryStore, SinkDepth } from '../../ports/delivery-store.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { recordAct, type Act } from '../audit/record-act.ts';
import { given } from '../given.ts';
import { discardAll } from './discard-all.ts';
import { createSinkSecret, sealSecrets } from './sink-secrets.ts';
import { createSinkSettings, type SinkSettings } from './sink-settings.ts';

/** Kinds that need a server of the operator's, and the variable that says where it is. */
const SERVER_OF: Readonly<Partial<Record<SinkKind, string>>> = {
  'redis-stream': 'SINK_REDIS_URL',
  'mongo-collection': 'SINK_MONGODB_URL',
};

const DEFAULTS = {
  purpose: 'notifications',
  url: null,
  stream: null,
  collection: null,
  previousSecretsUntil: null,
  headers: null,
  filter: {},
  enabled: true,
  disabledReason: null,
  concurrency: 20,
  ratePerSecond: null,
  description: null,
  notes: null,
  failingSince: null,
  deletedAt: null,
} as const;

export interface WantedSink extends SinkSettings {
  readonly name: string;
  readonly kind: SinkKind;
  readonly purpose?: SinkPurpose | undefined;
  /** `whsec_…`; made when it is missing. */
  readonly secret?: string | undefined;
}

export type ManageSinks = ReturnType<typeof createManageSinks>;

/** Where deliveries go. Every change is audited, without addresses and secrets. */
export function createManageSinks(deps: {
  sinks: SinkRepository;
  deliveries: DeliveryStore;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  metrics: Pick<Metrics, 'forgetSink'>;
  production: boolean;
  /** Of the kinds that need a server, those that have one; none when missing. */
  served?: readonly SinkKind[];
  /** Told after each change: what is due may go out now, or no longer. */
  changed: () => void;
}) {
  const { cipher, clock, deliveries, sinks } = deps;
  const toChange = createSinkSettings(deps);

  async function get({ organizationId }: Principal, id: string): Promise<Sink> {
    const found = await sinks.find(organizationId, id);
    if (found === undefined) throw noSuchSink();
    return found;
  }

  async function update(principal: Principal, id: string, change: SinkChange): Promise<Sink> {
    const changed = await sinks.update(principal.organizationId, id, change, clock.now());
    if (changed === undefined) throw noSuchSink();
    return changed;
  }

  async function hasChanged(
    principal: Principal,
    id: string,
    act: Omit<Act, 'resource'>,
  ): Promise<void> {
    await recordAct(deps.audit, principal, { ...act, resource: `sink/${id}` });
    deps.changed();
  }

  function refuseUnserved(kind: SinkKind): void {
    const variable = SERVER_OF[kind];
    if (variable === undefined || deps.served?.includes(kind)) return;
    const message = `A ${kind} needs a server: set ${variable} and start the service again`;
    throw new ValidationError([{ path: 'kind', message }]);
  }

  function chooseSecret(kind: SinkKind, own: string | undefined): Secret | null {
    refuseFieldsOfOthers(kind, { secret: own });
    if (kind !== 'webhook') return null;
    if (own === undefined) return createSinkSecret(deps.digest);
    checkWebhookSecret(own);
    return new Secret(own);
  }

  return {
    /** A sink with what waits for it. */
    async get(principal: Principal, id: string): Promise<{ sink: Sink; depth: SinkDepth }> {
      const sink = await get(principal, id);
      return { sink, depth: await deliveries.depth(id) };
    },

    list(
      { organizationId }: Principal,
      page: PageRequest & { deleted?: boolean | undefined },
    ): Promise<Page<Sink>> {
      return sinks.list(organizationId, page);
    },

    /** Adds a sink. Its secret is given here and never again; `null` for kinds that sign nothing. */
    async add(
      principal: Principal,
      { kind, purpose = DEFAULTS.purpose, secret: own, ...settings }: WantedSink,
    ): Promise<{ sink: Sink; secret: Secret | null }> {
      refuseUnserved(kind);
      requireDestination(kind, settings);
      const id = deps.digest.randomId();
      const now = clock.now();
      const secret = chooseSecret(kind, own);
      const sink: Sink = {
        ...DEFAULTS,
        id,
        organizationId: principal.organizationId,
        name: settings.name,
        kind,
        purpose,
        secrets: secret && sealSecrets(id, [secret], cipher),
        createdAt: now,
        updatedAt: now,
        ...toChange({ id, kind }, settings),
      };
      await sinks.insert(sink);
      await hasChanged(principal, id, {
        eventType: 'ADMIN_SINK_ADDED',
        details: { kind, purpose },
      });
      return { sink, secret };
    },

    async change(principal: Principal, id: string, settings: SinkSettings): Promise<Sink> {
      const sink = await get(principal, id);
      const change = toChange(sink, settings);
      const isMoved = !isSamePlace(sink, { ...sink, ...change });
      // How long its old place had been failing says nothing about the new one.
      const changed = await update(principal, id, {
        ...change,
        ...(isMoved ? { failingSince: null } : {}),
      });
      const fields = Object.keys(given(settings)).join(',');
      await hasChanged(principal, id, { eventType: 'ADMIN_SINK_CHANGED', details: { fields } });
      return changed;
    },

    /** Switches it on or off, as often as one likes. What waits for it stays. */
    async switch(principal: Principal, id: string, to: SinkSwitch): Promise<Sink> {
      const changed = await update(principal, id, switched(to));
      await hasChanged(principal, id, { eventType: `ADMIN_SINK_${to.toUpperCase()}` });
      return changed;
    },

    /** Soft: deliveries that wait for it stay, and can go on if it is restored. */
    async remove(principal: Principal, id: string): Promise<void> {
      if (!(await sinks.softDelete(principal.organizationId, id, clock.now()))) throw noSuchSink();
      await hasChanged(principal, id, { eventType: 'ADMIN_SINK_REMOVED' });
    },

    /** Takes a removal back; one that is not removed is given as it is. */
    async restore(principal: Principal, id: string): Promise<Sink> {
      const restored = await sinks.restore(principal.organizationId, id, clock.now());
      if (restored === undefined) return get(principal, id);
      await hasChanged(principal, id, { eventType: 'ADMIN_SINK_RESTORED' });
      return restored;
    },

    /** Removes for good what was removed before, and gives up what waits for it. */
    async removeForGood(principal: Principal, id: string): Promise<void> {
      const { organizationId } = principal;
      if ((await sinks.findDeleted(organizationId, id)) === undefined) {
        await get(principal, id);
        throw new ConflictError('Only what was deleted before can be deleted for good');
      }
      // Before the sink itself goes: after it nobody would know what is left to do.
      const discarded = await discardAll(deps, id);
      if (!(await sinks.permanentlyDelete(organizationId, id))) throw noSuchSink();
      deps.metrics.forgetSink(id);
      const eventType = 'ADMIN_SINK_REMOVED_FOR_GOOD';
      await hasChanged(principal, id, { eventType, severity: 'HIGH', details: { discarded } });
    },
  };
}

function noSuchSink(): NotFoundError {
  return new NotFoundError('There is no such sink');
}
