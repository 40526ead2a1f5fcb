import { codeOf, describeError } from './examine.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { daysLeft } from './judge-pair.ts';

const WARN_DAYS = 14;

const CHAIN =
  'Serve the whole chain, of an authority that everybody knows: Graph trusts no other (--ca-file is for tests)';
/** By the codes of Node and OpenSSL. */
const REMEDIES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'Renew the certificate, and find out why that does not happen by itself',
  CERT_NOT_YET_VALID: 'Look at the clocks of this machine and of what made the certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Have a certificate made for the name in the URL',
  DEPTH_ZERO_SELF_SIGNED_CERT: CHAIN,
  SELF_SIGNED_CERT_IN_CHAIN: CHAIN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CHAIN,
  UNABLE_TO_GET_ISSUER_CERT: CHAIN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CHAIN,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'Let it speak TLS 1.2 or newer',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'Let it speak TLS 1.2 or newer',
  ERR_SSL_WRONG_VERSION_NUMBER: 'What listens there speaks no TLS: is the port right?',
};

/** Judges a connection that was verified; Node makes none below TLS 1.2. */
export function judgeTls(
  check: string,
  { protocol, endsAt }: { readonly protocol: string; readonly endsAt: Date },
  now: number,
): Finding {
  const days = Math.floor(daysLeft(endsAt, now));
  const found = `${protocol}, certificate verified, ends in ${days} days`;
  const remedy = 'Renew the certificate, and find out why that does not happen by itself';
  return days < WARN_DAYS ? warn(check, found, remedy) : ok(check, found);
}

/** What is wrong with a certificate or a protocol; `undefined` for everything else. */
export function remedyForTls(check: string, error: unknown): Finding | undefined {
  const remedy = REMEDIES[codeOf(error) ?? ''];
  return remedy === undefined ? undefined : fail(check, describeError(error), remedy);
}
