import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from 'commander';
import { bareEncryptionKey, type EncryptionKey, readSecrets } from '../configured-secrets.ts';
import { Secret } from '../domain/secret.ts';
import { examples } from './arguments.ts';
import { usageError } from './cli-error.ts';
import type { Cli } from './context.ts';
import { type CliSettings, readSecretFile } from './settings.ts';

/** `keys`: secrets for the service's environment. Nothing here is kept, and no service is asked. */
export function addKeys(program: Command, cli: Cli): void {
  const group = program.command('keys').description('secrets for the service’s environment');

  group
    .command('generate')
    .description('new ones for a new installation, for its .env')
    .option('--env', 'only the lines of an .env file')
    .addHelpText('after', examples('keys generate', 'keys generate --env >> .env'))
    .action(({ env }: { env?: true }) => {
      const secrets = {
        ENCRYPTION_KEYS: toText([newKey()]),
        OPERATOR_API_KEY: randomBytes(32).toString('hex'),
        REDIS_PASSWORD: randomBytes(32).toString('hex'), // for docker-compose.yml
      };
      if (cli.out.json) return cli.out.value(secrets);
      for (const [name, value] of Object.entries(secrets)) cli.out.line(`${name}=${value}`);
      if (env) return;
      cli.out.note(
        'Put these into the .env of a new installation, and keep a copy of ENCRYPTION_KEYS',
      );
      cli.out.note('elsewhere: without it nobody opens what is sealed. They are not kept here.');
    });

  group
    .command('rotate')
    .description('add a key to the present ring; says what to set, and when')
    .addHelpText('after', examples('keys rotate', 'keys rotate --json'))
    .action(async () => {
      const ring = await readRing(cli.settings);
      const key = newKey();
      const steps = { add: toText([...ring, key]), seal: toText([key, ...ring]) };
      if (cli.out.json) return cli.out.value(steps);
      cli.out.note('1. Set this and restart, every instance: the new key opens.');
      cli.out.line(`ENCRYPTION_KEYS=${steps.add}`);
      cli.out.note('2. When all run with it, set this and restart: the new key seals, too.');
      cli.out.line(`ENCRYPTION_KEYS=${steps.seal}`);
      cli.out.note(
        'Keep the old ones in the ring: what they sealed needs them, and a start says so.',
      );
    });
}

/** Its id says nothing about it, and is not chosen twice. */
function newKey(): EncryptionKey {
  return bareEncryptionKey(new Secret(randomBytes(32).toString('hex')));
}

function toText(ring: readonly EncryptionKey[]): string {
  return ring.map(({ id, key }) => `${id}:${key.reveal()}`).join(',');
}

/** As the service finds it: in its environment, else where it keeps what it generated. */
async function readRing(settings: CliSettings): Promise<readonly EncryptionKey[]> {
  const problems: string[] = [];
  const env = {
    ENCRYPTION_KEYS: settings.secret('ENCRYPTION_KEYS'),
    ENCRYPTION_KEY: settings.secret('ENCRYPTION_KEY'),
  };
  const { encryptionKeys } = readSecrets(env, false, (name, problem) => {
    problems.push(`${name} ${problem}`);
  });
  if (problems.length > 0) throw usageError(problems.join('; '));
  if (encryptionKeys !== undefined) return encryptionKeys;
  const path = join(settings.dataDir, 'secrets', 'encryption-key');
  const generated = await readSecretFile(path);
  if (generated !== undefined) return [bareEncryptionKey(new Secret(generated.trim()))];
  throw usageError(
    `There is no key yet: neither $ENCRYPTION_KEYS, nor a file of it, nor ${path}; see "keys generate"`,
  );
}
