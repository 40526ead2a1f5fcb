import { type Command, Option } from 'commander';
import type { SimulationProgress, SimulationReport } from '../simulation/report.ts';
import { simulate } from '../simulation/simulate.ts';
import { type SimulationFailure, SimulationError } from '../simulation/simulation-error.ts';
import { duration, examples, number, whole } from './arguments.ts';
import { CliError, EXIT, type ExitCode, usageError } from './cli-error.ts';
import { toRefused } from './client.ts';
import type { Cli } from './context.ts';

const EXITS: Readonly<Record<SimulationFailure, ExitCode>> = {
  options: EXIT.usage,
  unreachable: EXIT.away,
  unauthorized: EXIT.refused,
  handshake: EXIT.failed,
  refused: EXIT.failed,
  listener: EXIT.failed,
};

interface SimulateOptions {
  readonly rate?: number;
  readonly duration?: number;
  readonly batch?: number;
  readonly duplicates?: number;
  readonly shuffled?: number;
  readonly late?: number;
  readonly forged?: number;
  readonly subscriptions?: number;
  readonly seed?: number;
  readonly settle?: number;
  readonly listen?: { host: string; port: number };
  readonly sinkUrl?: string;
}

/** `simulate`: a Graph and a consumer of its own, to see that nothing is lost in between. */
export function addSimulate(program: Command, cli: Cli): void {
  const share = number(0, 1);
  program
    .command('simulate')
    .description('play Graph and a consumer to the service; exit code 1 when anything is missing')
    .addOption(option('--rate <n>', 'POSTs a second (20)', number(0.1, 2000)))
    .addOption(option('--duration <duration>', 'how long (10s)', duration))
    .addOption(option('--batch <n>', 'items a POST (5)', whole(1, 1000)))
    .addOption(option('--duplicates <share>', 'sent twice, 0 to 1 (0.1)', share))
    .addOption(option('--shuffled <share>', 'sent out of order (0.1)', share))
    .addOption(option('--late <share>', 'sent seconds later (0.05)', share))
    .addOption(option('--forged <share>', 'not genuine (0.05)', share))
    .addOption(option('--subscriptions <n>', 'how many (3)', whole(1, 20)))
    .addOption(option('--seed <n>', 'the same gives the same traffic', whole(0, 2 ** 32 - 1)))
    .addOption(option('--settle <duration>', 'how long to wait for stragglers (30s)', duration))
    .addOption(option('--listen <host:port>', 'where its consumer listens', readAddress))
    .option('--sink-url <url>', 'where the service reaches that, when it is elsewhere')
    .addHelpText(
      'after',
      examples('simulate', 'simulate --rate 100 --duration 60s --forged 0.05 --json'),
    )
    .action(async ({ duration: durationMs, settle: settleMs, ...options }: SimulateOptions) => {
      const { url, found } = await cli.target();
      if (found.key === undefined) throw toRefused(url, found);
      const progress = cli.out.progress('Simulating');
      const report = await simulate(
        { ...given(options), ...given({ durationMs, settleMs }), url, operatorKey: found.key },
        { progress: (now) => progress.tell(describe(now)), signal: cli.signal },
      )
        .catch((error: unknown) => {
          throw error instanceof SimulationError
            ? new CliError(EXITS[error.failure], error.message, error)
            : error;
        })
        .finally(() => progress.end());
      showReport(cli, report);
      if (!report.ok) cli.failed();
    });
}

function describe({ step, posts, plannedPosts, delivered, missing }: SimulationProgress): string {
  return `${step}: ${posts} of ${plannedPosts} POSTs, ${delivered} delivered, ${missing} missing`;
}

function showReport(cli: Cli, report: SimulationReport): void {
  cli.out.thing(report, {
    OK: 'ok',
    SEED: 'seed',
    SENT: 'sent',
    ACKNOWLEDGED: 'acknowledged',
    DELIVERED: 'delivered',
    MISSING: 'missing',
    DUPLICATES: 'duplicates',
    'CHANGED IDS': 'changedIds',
    'OUT OF ORDER': 'outOfOrder',
    'FORGED SENT': 'forgedSent',
    'FORGED DELIVERED': 'forgedDelivered',
    UNVERIFIED: 'unverified',
    'ACK P50, MS': ({ ackMs }) => ackMs.p50,
    'ACK P99, MS': ({ ackMs }) => ackMs.p99,
    'OVER 3 S': ({ over3s }) => percent(over3s),
    'OVER 10 S': ({ over10s }) => percent(over10s),
  });
  for (const path of report.leftBehind) cli.out.note(`Left behind, remove it by hand: ${path}`);
}

function readAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined) throw usageError('--listen: say an address and a port, 127.0.0.1:9000');
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

function given<T extends object>(options: T): Partial<T> {
  const present: Partial<T> = { ...options };
  for (const name in present) if (present[name] === undefined) delete present[name];
  return present;
}

function option(flags: string, description: string, read: (text: string) => unknown): Option {
  return new Option(flags, description).argParser(read);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
