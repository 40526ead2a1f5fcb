const HIDDEN = '[secret]';
// Shorter ones would be found in words that are no secrets.
const MIN_LENGTH = 8;

/** What looks like a secret, whoever made it: the part before it stays, so that the text can be read. */
const PATTERNS: readonly RegExp[] = [
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/gi, // a password in a URL (RFC 3986 §3.2.1)
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, // RFC 6750, RFC 7617
  /(\bwhsec_)[\w+/=-]+/g, // Standard Webhooks
  /(\beyJ[\w-]*\.)[\w-]+\.[\w-]*/g, // RFC 7519
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

/**
 * Takes out what looks like a secret. For the texts of errors: those of others quote what they were
 * given. Nothing of ours puts a secret into a text.
 */
export function redactGuesses(text: string): string {
  return PATTERNS.reduce((clean, pattern) => clean.replace(pattern, `$1${HIDDEN}`), text);
}
