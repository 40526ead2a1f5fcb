import { MalformedBodyError } from '../errors.ts';
import { endOfValue, sliceArray, sliceObject, withoutMembers } from './slice.ts';
import type { ArraySlice, ObjectSlice } from './slice.ts';

/** One well-formed item of a POST, not yet judged. */
export interface ReceivedItem {
  /** Index in `value`, from 0. */
  readonly place: number;
  /** Lower case; at most 128 characters as sent. */
  readonly subscriptionId: string;
  /** Lower case; at most 128 characters as sent. */
  readonly tenantId: string;
  /** `null` when it is absent or not a string. */
  readonly clientState: string | null;
  /** Whether `encryptedContent` is there and not `null`. */
  readonly encrypted: boolean;
  /** JSON text as sent, without `clientState`, and without `encryptedContent` when that is `null`. */
  readonly text: string;
}

/** What one POST of Graph brought: a changeNotificationCollection, judged by its form alone. */
export interface Collection {
  readonly items: readonly ReceivedItem[];
  /** How many elements of `value` are no well-formed items; with `items` they are all of it. */
  readonly malformed: number;
  readonly validationTokens: readonly string[];
}

/** What expansion needs of one item. Texts are not empty; what is missing or of another type is `null`. */
export interface ItemFacts {
  readonly id: string | null;
  readonly changeType: string | null;
  readonly resource: string | null;
  readonly etag: string | null;
  readonly odataType: string | null;
  /** Not `null` makes it a lifecycle notification. */
  readonly lifecycleEvent: string | null;
  /** Lower case. */
  readonly tenantId: string;
  readonly encrypted: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;

const MAX_ID_LENGTH = 128;
const CLIENT_STATE = new Set(['clientState']);
const CLIENT_STATE_AND_NO_CONTENT = new Set(['clientState', 'encryptedContent']);

/**
 * Reads the body of a notification POST. Lenient about values, so that nothing Graph may come to
 * say is lost; strict about types. One bad item is counted and does not touch its neighbours.
 *
 * Throws `MalformedBodyError` when the text is not JSON, not a changeNotificationCollection, gives
 * `value` or `validationTokens` twice, or has items of which none is an object that names a
 * subscription. `{"value":[]}` is an empty collection.
 */
export function readCollection(text: string): Collection {
  const body = parseJson(text);
  if (!isObject(body)) throw new MalformedBodyError('The body is not a JSON object');
  const value = body['value'];
  if (!isArray(value)) throw new MalformedBodyError('"value" is not an array');
  const items: ReceivedItem[] = [];
  // A body of nothing but rubbish must not cost more than to read past it.
  const slices = sliceItems(text, (place) => isWellFormed(value[place]));
  for (const [place, slice] of slices.entries()) {
    const item = slice === null ? undefined : readReceived(text, slice, value[place], place);
    if (item !== undefined) items.push(item);
  }
  if (items.length === 0 && value.length > 0 && !value.some(namesSubscription)) {
    throw new MalformedBodyError('No item of "value" names a subscription');
  }
  const tokens = body['validationTokens'];
  return {
    items,
    malformed: value.length - items.length,
    validationTokens: isArray(tokens) ? tokens.filter((token) => typeof token === 'string') : [],
  };
}

/** Reads an item that `readCollection` found well-formed, from its `text`. */
export function readItem(text: string): ItemFacts {
  const parsed = parseJson(text);
  const item = isObject(parsed) ? parsed : {};
  const data = isObject(item['resourceData']) ? item['resourceData'] : {};
  return {
    id: textOrNull(item['id']),
    changeType: textOrNull(item['changeType']),
    resource: textOrNull(item['resource']),
    etag: textOrNull(data['@odata.etag']),
    odataType: textOrNull(data['@odata.type']),
    lifecycleEvent: textOrNull(item['lifecycleEvent']),
    tenantId: (textOrNull(item['tenantId']) ?? '').toLowerCase(),
    encrypted: isEncrypted(item),
  };
}

function readReceived(
  text: string,
  slice: ObjectSlice,
  item: unknown,
  place: number,
): ReceivedItem | undefined {
  // Of a repeated key each reader takes another value, so a forger could show us one and a sink
  // the other.
  if (slice.repeatsKey || !isObject(item)) return undefined;
  const subscriptionId = idOrNull(item['subscriptionId']);
  const tenantId = idOrNull(item['tenantId']);
  if (subscriptionId === null || tenantId === null || !saysWhatHappened(item)) return undefined;
  const clientState = item['clientState'];
  const unsent = item['encryptedContent'] === null ? CLIENT_STATE_AND_NO_CONTENT : CLIENT_STATE;
  return {
    place,
    subscriptionId: subscriptionId.toLowerCase(),
    tenantId: tenantId.toLowerCase(),
    clientState: typeof clientState === 'string' ? clientState : null,
    encrypted: isEncrypted(item),
    text: withoutMembers(text, slice, unsent),
  };
}

function isWellFormed(item: unknown): boolean {
  return (
    isObject(item) &&
    idOrNull(item['subscriptionId']) !== null &&
    idOrNull(item['tenantId']) !== null &&
    saysWhatHappened(item)
  );
}

function saysWhatHappened(item: JsonObject): boolean {
  if (textOrNull(item['lifecycleEvent']) !== null) return true;
  return textOrNull(item['changeType']) !== null && textOrNull(item['resource']) !== null;
}

/** Where the wanted items stand; the parsed value alone would hide that a key is there twice. */
function sliceItems(text: string, isWanted: (place: number) => boolean): ArraySlice['elements'] {
  const seen: string[] = [];
  let elements: ArraySlice['elements'] = [];
  sliceObject(text, 0, (name, at) => {
    if (name === 'value' || name === 'validationTokens') {
      if (seen.includes(name)) throw new MalformedBodyError(`"${name}" is given twice`);
      seen.push(name);
    }
    // Of two values the first may be anything: only an array may be walked as one.
    if (name !== 'value' || text[at] !== '[') return endOfValue(text, at);
    const array = sliceArray(text, at, isWanted);
    elements = array.elements;
    return array.end;
  });
  return elements;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without its cause: that quotes the body, which holds client states.
    throw new MalformedBodyError('The body is not JSON');
  }
}

function namesSubscription(item: unknown): boolean {
  return isObject(item) && textOrNull(item['subscriptionId']) !== null;
}

function isEncrypted(item: JsonObject): boolean {
  const content = item['encryptedContent'];
  return typeof content === 'object' && content !== null;
}

function idOrNull(value: unknown): string | null {
  const id = textOrNull(value);
  return id !== null && id.length <= MAX_ID_LENGTH ? id : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
