import { MongoServerError } from 'mongodb';

/**
 * MongoDB cannot be used, so the service does not start. The message is for whoever starts it: it
 * names the servers and what to do, and never a user or a password.
 */
export class MongoOpenError extends Error {
  constructor(servers: string, cause: unknown) {
    const { trouble, remedy } = readTrouble(cause);
    const reason = cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause);
    super(`MongoDB at ${servers} ${trouble}: ${reason}; ${remedy}`, { cause });
    this.name = 'MongoOpenError';
  }
}

// What OpenSSL says of a certificate that nobody has signed whom this process trusts.
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function readTrouble(cause: unknown): { trouble: string; remedy: string } {
  const codes = codesOf(cause);
  if (codes.some((code) => UNTRUSTED.has(code))) {
    return {
      trouble: 'has a certificate that is not trusted',
      remedy: 'name the file with the certificate of its CA in MONGODB_CA_FILE',
    };
  }
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    return {
      trouble: 'has a certificate of another name',
      remedy: 'name it in MONGODB_URL as its certificate does',
    };
  }
  if (cause instanceof MongoServerError) {
    return {
      trouble: 'refuses',
      remedy: 'check the user of MONGODB_URL, and what that user may do',
    };
  }
  return { trouble: 'does not answer', remedy: 'check MONGODB_URL' };
}

/** Of an error and of its causes; the driver wraps those of the network twice. */
function codesOf(error: unknown): readonly unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { code, cause }: { code?: unknown; cause?: unknown } = error;
  return [code, ...codesOf(cause)];
}
