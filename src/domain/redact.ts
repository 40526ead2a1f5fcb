const HIDDEN = '[secret]';
// Shorter ones would be found in words that are no secrets.
const MIN_LENGTH = 8;

/** What looks like a secret, whoever made it: the part before it stays, so that the text can be read. */
const PATTERNS: readonly RegExp[] = [
  // A password in a URL (RFC 3986 §3.2.1), also one with what should have been encoded there, as the
  // errors of parsers quote it; a port and a path are none.
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)(?!\d{1,5}[/?#])[^\s"'<>]{1,256}(?=@)/gi,
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, // RFC 6750, RFC 7617
  /(\bwhsec_)[\w+/=-]+/g, // Standard Webhooks
  /(\beyJ[\w-]*\.)[\w-]+\.[\w-]*/g, // RFC 7519
  /(\bargs beginning with: ).+/gi, // Redis, of a command that it does not know
  /(\bunable to parse ).+(?= with URL)/gi, // the MongoDB driver, of a password with a slash
  /(\bdup key: ).+/gi, // MongoDB, of a value that is there already
  /((?:client_?state|client_?secret|validation_?tokens?|pass(?:word|wd)|secret|token|api[-_]?key|authorization|cookie|signature)["']?\s*[:=]\s*\[?["']?)[^\s"'&,;\]}]+/gi,
];

export type Redact = (text: string) => string;

/** Takes these secrets out of a text, wherever they stand in it. */
export function createRedact(secrets: readonly string[]): Redact {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= MIN_LENGTH);
  // The longest first: one may be part of another.
  known.sort((a, b) => b.length - a.length);
  return (text) => known.reduce((clean, secret) => clean.replaceAll(secret, HIDDEN), text);
}

// Whatever the pattern, what it may cost has an end.
const MAX_LENGTH = 8192;

/**
 * Takes out what looks like a secret, and cuts what is longer than 8,192 characters. For the texts of errors: those of others quote what they were
 * given. Nothing of ours puts a secret into a text.
 */
export function redactGuesses(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return PATTERNS.reduce((clean, pattern) => clean.replace(pattern, `$1${HIDDEN}`), short);
}
