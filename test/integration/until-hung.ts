import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/wait.ts';

const SILENT = Symbol('silent');

/**
 * Resolves once a server leaves a question unanswered. A process of many threads stops only when
 * one of them has seen the signal; on a busy machine the others go on answering until then.
 */
export async function untilHung(ask: () => Promise<unknown>): Promise<void> {
  const isSilent = async () => {
    const answered = ask().catch(() => undefined);
    return (await Promise.race([answered, sleep(300, SILENT)])) === SILENT;
  };
  await until(isSilent, 'it hangs');
}
