import type { Sink, SinkChange, SinkFilter } from '../../domain/delivery/sink.ts';
import { switched } from '../../domain/delivery/sink-switch.ts';
import { checkWebhookHeaders, checkedWebhookUrl } from '../../domain/delivery/webhook-settings.ts';
import type { Envelope } from '../../domain/envelope.ts';
import { ValidationError } from '../../domain/errors.ts';
import type { Cipher } from '../../ports/cipher.ts';
import { given } from '../given.ts';

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
  readonly notes?: string | null | undefined;
}

/** Gives settings as they are kept: checked, and sealed where they are secret. */
export function createSinkSettings(deps: { cipher: Cipher; production: boolean }) {
  const urlRule = { plainHttp: !deps.production };

  function sealHeaders(sinkId: string, headers: OwnHeaders | null): Envelope | null {
    if (headers === null || Object.keys(headers).length === 0) return null;
    checkWebhookHeaders(headers);
    return deps.cipher.seal(JSON.stringify(headers), `sink:${sinkId}:headers`);
  }

  return function toChange(sink: Pick<Sink, 'id' | 'kind'>, settings: SinkSettings): SinkChange {
    const { url, headers, enabled, ...plain } = settings;
    if (sink.kind !== 'webhook') refuseWebhookFields({ url, headers });
    return {
      ...given(plain),
      ...(url === undefined ? {} : { url: checkedWebhookUrl(url, urlRule) }),
      ...(headers === undefined ? {} : { headers: sealHeaders(sink.id, headers) }),
      ...(enabled === undefined ? {} : switched(enabled ? 'enabled' : 'disabled')),
    };
  };
}

/** Throws `ValidationError` when one of these has a value. */
export function refuseWebhookFields(fields: Readonly<Record<string, unknown>>): void {
  const details = Object.keys(given(fields)).map((path) => ({
    path,
    message: 'Only webhooks have this',
  }));
  if (details.length > 0) throw new ValidationError(details);
}
