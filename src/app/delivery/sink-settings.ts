import type { Sink, SinkChange, SinkFilter } from '../../domain/delivery/sink.ts';
import { switched } from '../../domain/delivery/sink-switch.ts';
import { checkedStoreName, refuseFieldsOfOthers } from '../../domain/delivery/sink-fields.ts';
import { checkWebhookHeaders, checkedWebhookUrl } from '../../domain/delivery/webhook-settings.ts';
import type { Envelope } from '../../domain/envelope.ts';
import type { Cipher } from '../../ports/cipher.ts';
import { given } from '../given.ts';

type OwnHeaders = Readonly<Record<string, string>>;

/** What can be chosen of a sink, and changed later. A field that is missing keeps its value. */
export interface SinkSettings {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  readonly stream?: string | undefined;
  readonly collection?: string | undefined;
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
    const { url, stream, collection, headers, enabled, ...plain } = settings;
    refuseFieldsOfOthers(sink.kind, { url, stream, collection, headers });
    return {
      ...given(plain),
      ...(url === undefined ? {} : { url: checkedWebhookUrl(url, urlRule) }),
      ...(stream === undefined ? {} : { stream: checkedStoreName('stream', stream) }),
      ...(collection === undefined
        ? {}
        : { collection: checkedStoreName('collection', collection) }),
      ...(headers === undefined ? {} : { headers: sealHeaders(sink.id, headers) }),
      ...(enabled === undefined ? {} : switched(enabled ? 'enabled' : 'disabled')),
    };
  };
}
