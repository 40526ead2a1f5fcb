import { afterEach, describe, expect, it } from '@jest/globals';
import { AckTimes } from '../../src/simulation/ack-times.ts';
import { createGate } from '../../src/simulation/gate.ts';
import { Ledger } from '../../src/simulation/ledger.ts';
import { sendTraffic } from '../../src/simulation/send-traffic.ts';
import { startReceiver, type AnswerScript, type Receiver } from '../support/receiver.ts';
import { until } from '../support/wait.ts';

const plan = (count: number, everyMs: number) =>
  Array.from({ length: count }, (_, number) => ({
    atMs: number * everyMs,
    items: [{ number, forgery: null }],
  }));

describe('the sender', () => {
  let receiver: Receiver | undefined;
  afterEach(() => receiver?.close());

  async function start(answer: AnswerScript, posts: ReturnType<typeof plan>) {
    receiver = await startReceiver({ answer });
    const stop = new AbortController();
    const ledger = new Ledger();
    const acks = new AckTimes();
    const sent = sendTraffic({
      url: `${receiver.url}/webhooks/graph`,
      posts,
      render: JSON.stringify,
      ledger,
      acks,
      signal: stop.signal,
    });
    return { receiver, stop, ledger, acks, sent };
  }

  it('goes on at its pace when nobody answers', async () => {
    const { receiver, stop, ledger, sent } = await start({ instead: 'hang' }, plan(40, 5));
    await until(() => receiver.received.length === 40, 'all were sent');
    expect(ledger.figures()).toMatchObject({ posts: 40, acknowledged: 0, retries: 0 });
    stop.abort();
    await sent;
    expect(ledger.figures().acknowledged).toBe(0);
  });

  it('sends no POST before its time', async () => {
    const { stop, ledger, sent, receiver } = await start({ status: 202 }, [
      ...plan(1, 1),
      { atMs: 600_000, items: [{ number: 1, forgery: null }] },
    ]);
    await until(() => ledger.figures().acknowledged === 1, 'the first is acknowledged');
    stop.abort();
    await sent;
    expect(receiver.received).toHaveLength(1);
    expect(ledger.figures().sent).toBe(1);
  });

  it.each<[string, AnswerScript]>([
    ['is refused', { status: 401 }],
    ['is led elsewhere', { status: 307, headers: { location: '/elsewhere' } }],
    ['is not stored', { status: 503 }],
    ['is cut off', { instead: 'reset' }],
  ])('sends again, unchanged, what %s', async (_what, failure) => {
    let asked = 0;
    const script: AnswerScript = (request) => {
      asked += 1;
      return asked > 1
        ? { status: 202 }
        : typeof failure === 'function'
          ? failure(request)
          : failure;
    };
    const { receiver, ledger, sent } = await start(script, plan(1, 1));
    await sent;
    expect(ledger.figures()).toMatchObject({ posts: 1, retries: 1, acknowledged: 1 });
    const [first, second] = receiver.received;
    expect(receiver.received).toHaveLength(2);
    expect(second).toMatchObject({ path: '/webhooks/graph', body: first?.body });
  });

  it('counts an acknowledgement whose text is cut short', async () => {
    const { ledger, sent } = await start({ status: 202, body: '{', cutShort: true }, plan(1, 1));
    await sent;
    expect(ledger.figures()).toMatchObject({ retries: 0, acknowledged: 1 });
  });
});

describe('the gate', () => {
  it('lets so many through at once, and everybody in the end', async () => {
    const gate = createGate(3);
    let inside = 0;
    let most = 0;
    const passed = await Promise.allSettled(
      Array.from({ length: 20 }, (_, number) =>
        gate(async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => void setImmediate(resolve));
          inside -= 1;
          if (number % 2 === 0) throw new Error('it failed'); // which must free the place too
          return number;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(passed.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(passed).toHaveLength(20);
  });
});
