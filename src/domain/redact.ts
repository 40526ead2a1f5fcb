const HIDDEN = '[secret]';
// Shorter ones would be found in words that are no secrets.
const MIN_LENGTH = 8;

/** What looks like a secret, whoever made it: the part before it stays, so that the text can be read. */
const PATTERNS: readonly RegExp[] = [
  // A password in a URL (RFC 3986 §3.2.1), also one with what should have been encoded there, as the
  // errors of parsers quote it; a port and a path are none.
  /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,256}:)(?!\d{1,5}[/?#])[^\s"'<>]{1,256}(?=@)/gi,
  /(\b(?:bearer|basic)\s+)(?=\S*\d|\S{16})[\w.~+/=-]{8,}/gi, // RFC 6750, RFC 7617
  /(\bwhsec_)[\w+/=-]+/g, // Standard Webhooks
  /(\beyJ[\w-]*\.)[\w-]+\.[\w-]*/g, // RFC 7519
  /(\bargs beginning with: ).+/gi, // Redis, of a command that it does not know
  /(\bunable to parse ).+(?= with URL)/gi, // the MongoDB driver, of a password with a slash
  /(\bdup key: ).+/gi, // MongoDB, of a value that is there already
  // A header; a field of JSON or of a query; a word before a colon, where what follows is like no word.
  /((?:authorization|cookie|api[-_]?key)\s*:\s*)[^\s"'&,;\]}]+/gi,
  /((?:client_?state|client_?secret|validation_?tokens?|pass(?:word|wd)|secret|token|api[-_]?key|authorization|cookie|signature)(?:["']\s*:\s*\[?["']?|["']?\s*=\s*\[?["']?))[^\s"'&,;\]}]+/gi,
  /((?:client_?state|client_?secret|validation_?tokens?|pass(?:word|wd)|secret|token|api[-_]?key|authorization|cookie|signature)\s*:\s*)(?=\S*\d|\S{16})[^\s"'&,;\]}]+/gi,
];

export type Redact = (text: string) => string;

/** Takes secrets out of texts, those that it has been told of. */
export interface Redactor {
  hide(secrets: readonly string[]): void;
  readonly clean: Redact;
}

export function createRedactor(secrets: readonly string[] = []): Redactor {
  let known: readonly string[] = [];
  function hide(more: readonly string[]): void {
    const all = [...new Set([...known, ...more])].filter((secret) => secret.length >= MIN_LENGTH);
    // The longest first: one may be part of another.
    known = all.toSorted((a, b) => b.length - a.length);
  }
  hide(secrets);
  return {
    hide,
    clean: (text) => known.reduce((clean, secret) => clean.replaceAll(secret, HIDDEN), text),
  };
}

// Whatever the pattern, what it may cost has an end.
const MAX_LENGTH = 8192;

/**
 * Takes out what looks like a secret, and cuts what is longer than 8,192 characters. For the texts of
 * errors: those of others quote what they were given. Nothing of ours puts a secret into a text.
 */
export function redactGuesses(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return PATTERNS.reduce((clean, pattern) => clean.replace(pattern, `$1${HIDDEN}`), short);
}
