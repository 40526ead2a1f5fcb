import type { Sink, SinkChange, SinkFilter, SinkKind } from '../../domain/delivery/sink.ts';
import {
  checkWebhookHeaders,
  checkWebhookSecret,
  checkedWebhookUrl,
} from '../../domain/delivery/webhook-settings.ts';
import type { Envelope } from '../../domain/envelope.ts';
import { NotFoundError, ValidationError } from '../../domain/errors.ts';
import { actorOf, type Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import { Secret } from '../../domain/secret.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';

const SECRET_BYTES = 32;

const DEFAULTS = {
  url: null,
  headers: null,
  filter: {},
  enabled: true,
  disabledReason: null,
  concurrency: 20,
  ratePerSecond: null,
  description: null,
  failingSince: null,
  deletedAt: null,
};

type OwnHeaders = Readonly<Record<string, string>>;

/** What can be chosen of a sink, and changed later. A field that is missing keeps its value. */
export interface SinkSettings {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  /** `null` for none. */
  readonly headers?: OwnHeaders | null | undefined;
  readonly filter?: SinkFilter | undefined;
  readonly enabled?: boolean | undefined;
  readonly concurrency?: number | undefined;
  readonly ratePerSecond?: number | null | undefined;
  readonly description?: string | null | undefined;
}

export interface WantedSink extends SinkSettings {
  readonly name: string;
  readonly kind: SinkKind;
  /** `whsec_…`; made when it is missing. */
  readonly secret?: string | undefined;
}

export type ManageSinks = ReturnType<typeof createManageSinks>;

/** Where deliveries go. Every change is audited, without addresses and secrets. */
export function createManageSinks(deps: {
  sinks: SinkRepository;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  production: boolean;
  /** Told after each change: what is due may go out now, or no longer. */
  changed: () => void;
}) {
  const urlRule = { plainHttp: !deps.production };

  function record(
    principal: Principal,
    act: 'ADDED' | 'CHANGED' | 'REMOVED',
    sink: { id: string; details?: Record<string, string> },
  ): Promise<boolean> {
    return deps.audit.record({
      ...actorOf(principal),
      eventType: `ADMIN_SINK_${act}`,
      severity: 'MEDIUM',
      outcome: 'SUCCESS',
      resource: `sink/${sink.id}`,
      details: sink.details,
    });
  }

  async function get(principal: Principal, id: string): Promise<Sink> {
    const found = await deps.sinks.find(principal.organizationId, id);
    if (found === undefined) throw noSuchSink();
    return found;
  }

  /** The settings as they are kept: checked, and sealed where they are secret. */
  function toChange({ id, kind }: Pick<Sink, 'id' | 'kind'>, settings: SinkSettings): SinkChange {
    const { url, headers, ...plain } = settings;
    if (kind !== 'webhook') refuseWebhookFields({ url, headers });
    return {
      ...given(plain),
      ...(url === undefined ? {} : { url: checkedWebhookUrl(url, urlRule) }),
      ...(headers === undefined ? {} : { headers: sealHeaders(id, headers) }),
      // Enabled by hand: what the service held against the sink is forgotten.
      ...(plain.enabled === true ? { disabledReason: null, failingSince: null } : {}),
    };
  }

  function sealHeaders(sinkId: string, headers: OwnHeaders | null): Envelope | null {
    if (headers === null || Object.keys(headers).length === 0) return null;
    checkWebhookHeaders(headers);
    return deps.cipher.seal(JSON.stringify(headers), `sink:${sinkId}:headers`);
  }

  function chooseSecret(kind: SinkKind, own: string | undefined): Secret | null {
    if (kind !== 'webhook') {
      refuseWebhookFields({ secret: own });
      return null;
    }
    if (own !== undefined) checkWebhookSecret(own);
    return new Secret(own ?? toWebhookSecret(deps.digest.randomToken(SECRET_BYTES)));
  }

  return {
    get,

    list(principal: Principal, page: PageRequest): Promise<Page<Sink>> {
      return deps.sinks.list(principal.organizationId, page);
    },

    /** Adds a sink. Its secret is given here and never again; `null` for kinds that sign nothing. */
    async add(
      principal: Principal,
      { kind, secret: own, ...settings }: WantedSink,
    ): Promise<{ sink: Sink; secret: Secret | null }> {
      if (kind === 'webhook' && settings.url === undefined) {
        throw new ValidationError([{ path: 'url', message: 'A webhook needs one' }]);
      }
      const id = deps.digest.randomId();
      const now = deps.clock.now();
      const secret = chooseSecret(kind, own);
      const sink: Sink = {
        ...DEFAULTS,
        id,
        organizationId: principal.organizationId,
        name: settings.name,
        kind,
        secrets:
          secret && deps.cipher.seal(JSON.stringify([secret.reveal()]), `sink:${id}:secrets`),
        createdAt: now,
        updatedAt: now,
        ...toChange({ id, kind }, settings),
      };
      await deps.sinks.insert(sink);
      await record(principal, 'ADDED', { id, details: { kind } });
      deps.changed();
      return { sink, secret };
    },

    async change(principal: Principal, id: string, settings: SinkSettings): Promise<Sink> {
      const change = toChange(await get(principal, id), settings);
      const { organizationId } = principal;
      const changed = await deps.sinks.update(organizationId, id, change, deps.clock.now());
      if (changed === undefined) throw noSuchSink(); // removed in between
      const fields = Object.keys(given(settings)).join(',');
      await record(principal, 'CHANGED', { id, details: { fields } });
      deps.changed();
      return changed;
    },

    /** Soft: deliveries that wait for it stay, and can go on if it is restored. */
    async remove(principal: Principal, id: string): Promise<void> {
      const { organizationId } = principal;
      if (!(await deps.sinks.softDelete(organizationId, id, deps.clock.now()))) throw noSuchSink();
      await record(principal, 'REMOVED', { id });
      deps.changed();
    },
  };
}

function noSuchSink(): NotFoundError {
  return new NotFoundError('There is no such sink');
}

function refuseWebhookFields(fields: Readonly<Record<string, unknown>>): void {
  const details = Object.keys(given(fields)).map((path) => ({
    path,
    message: 'Only webhooks have this',
  }));
  if (details.length > 0) throw new ValidationError(details);
}

/** The fields that have a value. */
function given<T extends object>(fields: T): { [Field in keyof T]?: Exclude<T[Field], undefined> } {
  const present: Partial<T> = { ...fields };
  for (const field in present) if (present[field] === undefined) delete present[field];
  return present as { [Field in keyof T]?: Exclude<T[Field], undefined> };
}

function toWebhookSecret(base64url: string): string {
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/');
  return `whsec_${base64.padEnd(Math.ceil(base64.length / 4) * 4, '=')}`;
}
