import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { afterTry, MAX_TRIES } from '../../src/domain/delivery/retry-schedule.ts';
import { startReceiver } from '../support/receiver.ts';
import { importSamples, readSample, startService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { readBlocks, shows } from './blocks.ts';

const text = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8');

const UNIT_MS = { s: 1000, min: 60_000, h: 3_600_000 };
const NO_SPREAD = 0.5;

describe('docs/delivery.md', () => {
  it('shows the event that a sink gets', async () => {
    const [service, receiver] = [await startService(), await startReceiver()];
    try {
      await importSamples(service);
      const sink = { name: 'docs', kind: 'webhook', url: `${receiver.url}/` };
      expect((await service.api('POST', '/api/sinks', sink)).status).toBe(201);
      await service.post(readSample('01-message-created.json'));
      await until(() => receiver.received.length === 1, 'the event');
      const shown = readBlocks(text).find(({ language }) => language === 'json')?.text ?? '';
      const body = receiver.received[0]?.body ?? '';
      expect(shows(body, shown) ? shown : body).toBe(shown);
    } finally {
      await service.close();
      await receiver.close();
    }
  });

  it('tells the waits between tries as they are', () => {
    const rows = [...text.matchAll(/^\| (\d+) +\| (\d+) (s|min|h) +\|$/gm)];
    const told = rows.map(([, tries, amount, unit]) => [
      Number(tries),
      Number(amount) * (UNIT_MS[unit as keyof typeof UNIT_MS] ?? Number.NaN),
    ]);
    const real = Array.from({ length: MAX_TRIES - 1 }, (_, at) => [
      at + 1,
      afterTry({ outcome: 'retry' }, 0, at + 1, NO_SPREAD).dueAt,
    ]);
    expect(told).toEqual(real);
    expect(text).toMatch(new RegExp(`^\\| ${MAX_TRIES} +\\| never: a dead letter`, 'm'));
  });
});
