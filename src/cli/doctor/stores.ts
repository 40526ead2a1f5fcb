import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { Deployment } from './deployment.ts';
import { codeOf, examine } from './examine.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';
import { apiFor } from './service.ts';

const MB = 1024 * 1024;
// NFS, SMB, CIFS and SMB2, as statfs(2) knows them.
const NETWORK_FILE_SYSTEMS = new Set([0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42]);

const Overview = z.looseObject({ services: z.record(z.string(), z.string()).optional() });

/** The stores as the service sees them, and the data folder as this machine does. */
export async function checkStores(deployment: Deployment): Promise<readonly Finding[]> {
  const seen = await examine(
    deployment,
    { check: 'stores', remedy: 'See what is found of the service' },
    async (signal) => {
      const { body } = await apiFor(deployment, signal).ask('GET', '/api/health', {
        expect: [503],
      });
      return judgeServices(Overview.safeParse(body).data?.services);
    },
  );
  const { config } = deployment;
  if (config?.storage.kind === 'servers') return seen;
  return [...seen, ...(await checkFolder(deployment))];
}

export function judgeServices(
  services: Readonly<Record<string, string>> | undefined,
): readonly Finding[] {
  if (services === undefined) return [skipped('stores', 'the service tells only operators')];
  return Object.entries(services).map(([name, state]) =>
    state === 'connected'
      ? ok(`store ${name}`, state)
      : fail(
          `store ${name}`,
          state,
          'Is it running, is its URL right, is its disk full? The log of the service says why',
        ),
  );
}

function checkFolder(deployment: Deployment): Promise<readonly Finding[]> {
  const { config, dataDir } = deployment;
  const check = 'data folder';
  const remedy = `Give ${dataDir} to the user that the service runs as, and run this as that user`;
  return examine(deployment, { check, remedy }, async () => {
    try {
      await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      return [skipped(check, `there is no ${dataDir} here: run this where the service runs`)];
    }
    return [ok(check, `${dataDir} can be written to`), ...judgeDisk(await statfs(dataDir), config)];
  });
}

export function judgeDisk(
  { type, bavail, bsize }: { type: number; bavail: number; bsize: number },
  config: Pick<Config, 'minFreeDiskBytes'> | undefined,
): readonly Finding[] {
  const freeMb = Math.floor((bavail * bsize) / MB);
  const minMb = (config?.minFreeDiskBytes ?? 0) / MB;
  const found = `${freeMb} MiB free; below ${minMb} nothing is accepted`;
  const remedy = 'Make room, or lower RETENTION_DAYS; MIN_FREE_DISK_MB is where it refuses';
  const onNetwork = warn(
    'data folder',
    'on a network file system',
    'Move DATA_DIR to a local disk: the locks and syncs of others are not to be trusted',
  );
  return [
    freeMb < minMb
      ? fail('free disk', found, remedy)
      : freeMb < 2 * minMb
        ? warn('free disk', found, remedy)
        : ok('free disk', found),
    ...(NETWORK_FILE_SYSTEMS.has(type) ? [onNetwork] : []),
  ];
}
