import { ValidationTokenError } from '../errors.ts';

const MAX_TOKEN_BYTES = 2048;
// Graph sends a plain sentence; markup or control characters can only be somebody's attack on
// whoever reads the echo.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f<>\u2028\u2029]/u;

/**
 * The token of Graph's endpoint validation request, decoded as a form (`+` is a space), from the raw
 * query; `undefined` when this is no such request. Throws `ValidationTokenError` when it is one
 * whose token may not be echoed: empty, repeated, not decodable, too long, or with markup.
 *
 * Graph: "Microsoft Graph endpoint validation", change-notifications-delivery-webhooks.
 */
export function readValidationToken(rawQuery: string): string | undefined {
  if (!/validationtoken/i.test(rawQuery)) return undefined;
  const values = rawQuery
    .split('&')
    .map((pair) => pair.split('='))
    .map(([name = '', ...rest]) => ({ name: decode(name), value: rest.join('=') }))
    .filter(({ name }) => /^validationtoken/i.test(name));
  const [first, ...more] = values;
  if (first === undefined) return undefined;
  if (more.length > 0) throw new ValidationTokenError('validationToken must be given once');
  if (first.name !== 'validationToken') {
    throw new ValidationTokenError('the parameter is called validationToken');
  }
  return checked(decode(first.value));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new ValidationTokenError('the query is not valid percent-encoded UTF-8');
  }
}

function checked(token: string): string {
  if (token === '') throw new ValidationTokenError('validationToken is empty');
  // A code unit is at least one byte of UTF-8: quick, and exact enough for a bound.
  if (token.length > MAX_TOKEN_BYTES) throw new ValidationTokenError('validationToken is too long');
  if (FORBIDDEN.test(token)) {
    throw new ValidationTokenError('validationToken holds characters that are not echoed');
  }
  return token;
}
