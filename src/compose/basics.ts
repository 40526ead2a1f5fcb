import { createCipher } from '../adapters/crypto/cipher.ts';
import { createDigest } from '../adapters/crypto/digest.ts';
import type { createMetrics } from '../adapters/telemetry/metrics.ts';
import { createOperatorCheck } from '../app/identity/operator-key.ts';
import type { Config } from '../config.ts';
import { bareEncryptionKey } from '../configured-secrets.ts';
import type { Redactor } from '../domain/redact.ts';
import { loadOrGenerateSecrets } from '../generated-secrets.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { secretsIn } from '../secrets-in.ts';

/** What surrounds the service and is not configuration. */
export interface Ambient {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the log, so that it comes to know what is generated. */
  readonly redactor: Redactor;
}

/** The same with what counts. */
export type Surroundings = Ambient & { readonly metrics: ReturnType<typeof createMetrics> };

/** What everything needs and that stands on no store. */
export type Basics = Awaited<ReturnType<typeof createBasics>>;

export async function createBasics(config: Config, around: Surroundings) {
  const missing = [
    ...(config.encryptionKeys === undefined ? (['encryption-key'] as const) : []),
    ...(config.operatorApiKeys === undefined ? (['operator-api-key'] as const) : []),
  ];
  const generated = await loadOrGenerateSecrets(config.dataDir, missing);
  const generatedKey = generated.get('encryption-key');
  const keys = config.encryptionKeys ?? (generatedKey ? [bareEncryptionKey(generatedKey)] : []);
  const generatedOperator = generated.get('operator-api-key');
  const operatorKeys = config.operatorApiKeys ?? (generatedOperator ? [generatedOperator] : []);

  const digest = createDigest();
  const cipher = createCipher({ keys: keys.map(({ id, key }) => ({ id, key: key.reveal() })) });
  const isOperatorKey = createOperatorCheck({
    digest,
    keyDigests: operatorKeys.map((key) => digest.sha256(key.reveal())),
  });
  const keyIds: ReadonlySet<string> = new Set(keys.map(({ id }) => id));
  // Those that were generated, too.
  around.redactor.hide(secretsIn([config, keys, operatorKeys]));
  return { ...around, cipher, keyIds, digest, isOperatorKey, redact: around.redactor.clean };
}
