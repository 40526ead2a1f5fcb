import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/domain/secret.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { OPERATOR_KEY } from '../support/service.ts';

const SECONDS = Number(process.env['SIMULATE_SECONDS'] ?? 8);
const KILLS = SECONDS >= 60 ? [0, 1, 5] : [1];

describe(`a simulation of ${SECONDS} s at 100 POST/s`, () => {
  it.each(KILLS)(
    'misses nothing when the service is killed %d times',
    async (kills) => {
      const folder = temporaryFolder();
      let child = await startChild({ dataDir: folder.path });
      const { url } = child;
      const env = { PORT: new URL(url).port };

      async function killInTheMiddle(): Promise<void> {
        for (let kill = 0; kill < kills; kill += 1) {
          await sleep((SECONDS * 1000) / (kills + 1));
          await child.end('SIGKILL');
          child = await startChild({ dataDir: folder.path, env });
        }
      }

      const [report] = await Promise.all([
        simulate(
          {
            url,
            operatorKey: new Secret(OPERATOR_KEY),
            rate: 100,
            durationMs: SECONDS * 1000,
            duplicates: 0.1,
            forged: 0.05,
          },
          { progress: () => undefined },
        ),
        killInTheMiddle(),
      ]);
      process.stdout.write(`simulate, killed ${kills} times: ${JSON.stringify(report)}\n`);
      expect(report).toMatchObject({
        ok: true,
        missing: 0,
        changedIds: 0,
        forgedDelivered: 0,
        unverified: 0,
        leftBehind: [],
      });
      // It was there to be killed, all that was refused came again, and all kinds were among it.
      expect(report.retries > 0).toBe(kills > 0);
      expect(report.acknowledged).toBe(report.sent);
      expect(report.sent + report.forgedSent).toBe(SECONDS * 100 * 5);
      expect(report.forgedSent).toBeGreaterThan(SECONDS * 10);
      expect(report.repeated).toBeGreaterThan(SECONDS * 20);
      await child.end('SIGTERM');
      folder.remove();
    },
    SECONDS * 1000 + 120_000,
  );
});
