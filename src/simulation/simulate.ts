import { randomBytes } from 'node:crypto';
import { Secret } from '../domain/secret.ts';
import { AckTimes } from './ack-times.ts';
import { createCast, type Cast } from './cast.ts';
import { checkHandshake } from './check-handshake.ts';
import { Ledger } from './ledger.ts';
import { pause } from './pause.ts';
import { planTraffic, type PlannedPost } from './plan-traffic.ts';
import { createRandom } from './random.ts';
import { renderPost } from './render-post.ts';
import { createReport, type SimulationProgress, type SimulationReport } from './report.ts';
import { createAskService } from './service-api.ts';
import { readSettings, type Settings, type SimulationOptions } from './settings.ts';
import { openSinkListener } from './sink-listener.ts';
import { createStage } from './stage.ts';
import { sendTraffic } from './send-traffic.ts';

const TELL_EVERY_MS = 250;
const LOOK_EVERY_MS = 50;
// What must not come, such as forgeries, has so long to come after all that had to.
const QUIET_MS = 500;

interface Play {
  readonly settings: Settings;
  readonly posts: readonly PlannedPost[];
  readonly cast: Cast;
  readonly ledger: Ledger;
  readonly acks: AckTimes;
}

/**
 * Plays Graph and a consumer to a running service, and compares what it acknowledged with what it
 * delivered. Survives the service being killed and started again, and removes what it made, however
 * it ends. Rejects with `SimulationError` when it cannot be done, and with the signal's reason when
 * that was aborted.
 */
export async function simulate(
  options: SimulationOptions,
  run: { progress: (progress: SimulationProgress) => void; signal?: AbortSignal },
): Promise<SimulationReport> {
  const play = createPlay(options);
  const { settings, cast, ledger, acks } = play;
  const { seed } = settings;
  const { signal = new AbortController().signal } = run;
  let leftBehind: readonly string[] = [];
  const tell = createTell(run.progress, () => {
    return { seed, plannedPosts: play.posts.length, ...ledger.figures(), leftBehind };
  });

  signal.throwIfAborted();
  tell('handshake');
  await checkHandshake(settings.url);
  const secret = new Secret(`whsec_${randomBytes(32).toString('base64')}`);
  const listener = await openSinkListener({ ...settings, secret, ledger });
  const sink = { url: listener.url, secret };
  const stage = createStage({ ask: createAskService(settings), cast, sink });
  const ticker = setInterval(tell, TELL_EVERY_MS);
  try {
    tell('setup');
    await stage.build(signal);
    await perform(play, { signal, tell });
  } finally {
    tell('cleanup');
    leftBehind = await stage.clear();
    await listener.close();
    clearInterval(ticker);
    tell();
  }
  return createReport({ seed, ledger: ledger.figures(), acks: acks.figures(), leftBehind });
}

function createPlay(options: SimulationOptions): Play {
  const settings = readSettings(options);
  return {
    settings,
    posts: planTraffic(settings, createRandom(settings.seed)),
    cast: createCast(settings.subscriptions),
    ledger: new Ledger(),
    acks: new AckTimes(),
  };
}

async function perform(
  { settings, posts, cast, ledger, acks }: Play,
  { signal, tell }: { signal: AbortSignal; tell: Tell },
): Promise<void> {
  tell('traffic');
  const lastAtMs = Math.ceil(posts.at(-1)?.atMs ?? 0);
  await sendTraffic({
    url: `${settings.url}/webhooks/graph`,
    posts,
    render: (items) => renderPost(items, cast),
    ledger,
    acks,
    signal: AbortSignal.any([signal, AbortSignal.timeout(lastAtMs + settings.settleMs)]),
  });
  signal.throwIfAborted();
  tell('settling');
  await settle(ledger, AbortSignal.any([signal, AbortSignal.timeout(settings.settleMs)]));
  signal.throwIfAborted();
}

/** Until nothing is missing and nothing more comes, or the signal is aborted. */
async function settle(ledger: Ledger, signal: AbortSignal): Promise<void> {
  let quietSince = performance.now();
  let { arrivals } = ledger;
  while (!signal.aborted) {
    if (ledger.arrivals !== arrivals) {
      ({ arrivals } = ledger);
      quietSince = performance.now();
    }
    const isQuiet = performance.now() - quietSince >= QUIET_MS;
    if (isQuiet && ledger.figures().missing === 0) return;
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** Tells which step has begun; without one, how the present step goes on. */
type Tell = (next?: SimulationProgress['step']) => void;

function createTell(
  progress: (progress: SimulationProgress) => void,
  figures: () => Omit<SimulationProgress, 'step'>,
): Tell {
  let step: SimulationProgress['step'] = 'handshake';
  return function tell(next = step) {
    step = next;
    progress({ step, ...figures() });
  };
}
