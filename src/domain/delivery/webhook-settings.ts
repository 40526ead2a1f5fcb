import { type ErrorDetail, ValidationError } from '../errors.ts';

const MAX_URL = 2048;
const MAX_HEADERS = 20;
const MAX_HEADER_VALUE = 1024;
const [MIN_SECRET_BYTES, MAX_SECRET_BYTES] = [24, 64];

// Those that frame the message or the connection (RFC 9110 §7.6.1, RFC 9112 §6), and those that
// say what is delivered and by whom.
const RESERVED_HEADER =
  /^(content-length|content-type|host|connection|transfer-encoding|te|upgrade|trailer|keep-alive|expect|proxy-.*|webhook-.*)$/;

/** Checks where a webhook goes and gives it as it is kept; throws `ValidationError`. */
export function checkedWebhookUrl(text: string, allowed: { plainHttp: boolean }): string {
  const url = URL.parse(text);
  if (url === null || text.length > MAX_URL) {
    throw invalid('url', `must be a URL of at most ${MAX_URL} characters`);
  }
  const schemes = allowed.plainHttp ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(url.protocol)) {
    throw invalid('url', allowed.plainHttp ? 'must be http or https' : 'must be https');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('url', 'must not carry a user or password: use an own header');
  }
  if (url.hash !== '') throw invalid('url', 'must not have a fragment');
  return url.href;
}

/** Checks a signing secret; throws `ValidationError`. Form: Standard Webhooks, "Symmetric". */
export function checkWebhookSecret(secret: string): void {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const bytes = (base64.length / 4) * 3 - (base64.length - base64.replaceAll('=', '').length);
  if (base64.length % 4 !== 0 || bytes < MIN_SECRET_BYTES || bytes > MAX_SECRET_BYTES) {
    throw invalid(
      'secret',
      `must be whsec_ and ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes in base64`,
    );
  }
}

/** Checks the own headers of a webhook; throws `ValidationError`. */
export function checkWebhookHeaders(headers: Readonly<Record<string, string>>): void {
  const entries = Object.entries(headers);
  const names = new Set(entries.map(([name]) => name.toLowerCase()));
  const details = entries.flatMap(([name, value]) => {
    const message = problemOf(name, value);
    return message === undefined ? [] : [{ path: `headers.${name.slice(0, 100)}`, message }];
  });
  if (names.size < entries.length) details.push({ path: 'headers', message: 'repeats a name' });
  if (entries.length > MAX_HEADERS) {
    details.push({ path: 'headers', message: `must be at most ${MAX_HEADERS}` });
  }
  if (details.length > 0) throw new ValidationError(details);
}

function problemOf(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name)) return 'is no name of a header';
  if (RESERVED_HEADER.test(name.toLowerCase())) return 'is not for own headers';
  // No control characters: a line break would begin another header.
  if (!/^[\x20-\x7e]*$/.test(value)) return 'must be visible ASCII';
  return value.length > MAX_HEADER_VALUE ? `must be at most ${MAX_HEADER_VALUE} bytes` : undefined;
}

function invalid(path: string, message: string): ValidationError {
  const detail: ErrorDetail = { path, message };
  return new ValidationError([detail]);
}
