import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { fail, type Finding, ok, warn } from './finding.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = 30;
const MIN_RSA_BITS = 2048;
const REPLACE =
  'Add a new pair under a new id, renew the subscriptions with it, and keep this one until nothing needs it';

/** Judges a certificate and its key (PEM). Graph encrypts for RSA keys only. */
export function judgePair(
  check: string,
  pem: { readonly certificate: string; readonly key: string },
  now: number,
): Finding {
  const certificate = attempt(() => new X509Certificate(pem.certificate));
  if (certificate === undefined) {
    return fail(check, 'the certificate cannot be read', 'Write it as PEM: -----BEGIN CERTIFICATE');
  }
  const key = attempt(() => createPrivateKey(pem.key));
  if (key === undefined) {
    const remedy = 'Write it as PEM without a passphrase: openssl pkey -in old.pem -out new.pem';
    return fail(check, 'the key cannot be read', remedy);
  }
  if (!certificate.checkPrivateKey(key)) {
    return fail(check, 'the key belongs to another certificate', 'Put the right pair in place');
  }
  const weakness = weaknessOf(certificate.publicKey);
  if (weakness !== undefined) {
    const remedy = 'Make another: openssl req -x509 -newkey rsa:3072 -nodes -days 730';
    return fail(check, weakness, remedy);
  }
  return judgeTimes(check, certificate, now);
}

/** Judges when a certificate is valid. */
export function judgeTimes(
  check: string,
  { validFromDate, validToDate }: Pick<X509Certificate, 'validFromDate' | 'validToDate'>,
  now: number,
): Finding {
  const found = `valid until ${validToDate.toISOString().slice(0, 10)}`;
  const days = daysLeft(validToDate, now);
  if (days < 0) return fail(check, `expired: ${found}`, REPLACE);
  if (validFromDate.getTime() > now) {
    const remedy = 'Look at the clock of this machine, and at the certificate';
    return fail(check, `not valid before ${validFromDate.toISOString()}`, remedy);
  }
  return days < WARN_DAYS ? warn(check, found, REPLACE) : ok(check, found);
}

export function daysLeft(end: Date, now: number): number {
  return (end.getTime() - now) / DAY_MS;
}

function weaknessOf(key: KeyObject): string | undefined {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa') return `its key is ${key.asymmetricKeyType}, not RSA`;
  return bits < MIN_RSA_BITS ? `its key has ${bits} bits` : undefined;
}

/** The errors of the parsers would quote what they read. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined; // told by the caller as what cannot be read
  }
}
