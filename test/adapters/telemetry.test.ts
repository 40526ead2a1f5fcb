import { describe, expect, it } from '@jest/globals';
import { createLog } from '../../src/adapters/telemetry/log.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { createRedactor } from '../../src/domain/redact.ts';
import { Secret } from '../../src/domain/secret.ts';

const HOSTILE =
  'x\n{"level":"error","msg":"forged"}\r\u001b[2J\u009b31m\u2028forged\u0000\u202egorf';

function open(options: { pretty?: boolean; level?: 'debug' | 'info' } = {}) {
  const lines: string[] = [];
  const { pretty = false, level = 'debug' } = options;
  const stream = { write: (line: string) => void lines.push(line) };
  return { log: createLog({ level, pretty, stream }), written: () => lines.join('') };
}

describe('log', () => {
  it('writes one JSON line an event, with time, level and message', () => {
    const { log, written } = open();
    log.info({ receipt: 'r1', items: 3, late: false, sink: null }, 'receipt expanded');
    const line = JSON.parse(written());
    expect(written().endsWith('\n')).toBe(true);
    expect(line).toMatchObject({ level: 'info', receipt: 'r1', items: 3, late: false, sink: null });
    expect(line.msg).toBe('receipt expanded');
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it('leaves out what is below its level', () => {
    const { log, written } = open({ level: 'info' });
    log.debug({}, 'quiet');
    log.warn({}, 'loud');
    expect(written()).not.toContain('quiet');
    expect(written()).toContain('loud');
  });

  it('tells of an error its name, code, stack and causes, and nothing else', () => {
    const cause = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new Error('outer', { cause }), {
      headers: { authorization: 'planted-4711' },
      code: 'E_OUTER',
    });
    const { log, written } = open();
    log.error({ err: error, requestId: '1' }, 'failed');
    const { err } = JSON.parse(written());
    expect(err).toMatchObject({ type: 'Error', message: 'outer', code: 'E_OUTER' });
    expect(err.stack).toContain('telemetry.test.ts');
    expect(err.cause).toMatchObject({ type: 'TypeError', message: 'inner', code: 'ECONNREFUSED' });
    expect(written()).not.toContain('planted');
  });

  it('tells of what is thrown and is no error only its text, or its kind', () => {
    const planted = { url: 'https://svc:planted@host', headers: { authorization: 'planted-4711' } };
    const { log, written } = open();
    const code = { planted };
    log.error({ err: Object.assign(new Error('x', { cause: planted }), { code }) }, 'failed');
    log.error({ err: planted }, 'failed');
    log.error({ err: new AggregateError(['mongodb://svc:planted@host', [planted], 7]) }, 'failed');
    const told = written()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).err);
    expect(told).toMatchObject([
      { message: 'x', code: { type: 'Object' }, cause: { type: 'Object' } },
      { type: 'Object' },
      { errors: ['mongodb://svc:[secret]@host', { type: 'Array' }, 7] },
    ]);
    expect(written()).not.toContain('planted');
  });

  it('ends with errors that are their own cause', () => {
    const error = new Error('snake');
    error.cause = new AggregateError([error], 'tail');
    const { log, written } = open();
    log.error({ err: error }, 'failed');
    expect(JSON.parse(written()).err.cause.type).toBe('AggregateError');
  });

  it.each([false, true])('never prints a secret, pretty %s', (pretty) => {
    const secret = new Secret('planted-4711');
    const { log, written } = open({ pretty });
    log.error(
      { err: new Error('no'), secret, nested: { deep: [secret] } },
      `with ${String(secret)}`,
    );
    expect(written()).toContain('[secret]');
    expect(written()).not.toContain('planted');
  });

  it.each([false, true])('takes known secrets out wherever they stand, pretty %s', (pretty) => {
    const planted = 'TEST-ONLY-4b1d9f70c2a8';
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const redact = createRedactor([planted]).clean;
    const log = createLog({ level: 'debug', pretty, stream, redact });
    const cause = Object.assign(new Error(`inner ${planted}`), { code: planted });
    const error = new AggregateError([new Error(`one ${planted}`)], `outer ${planted}`, { cause });
    error.name = planted;
    log.error({ err: error, field: `a ${planted} b` }, `message ${planted}`);
    log.warn({ err: planted }, 'thrown as it is');
    log.warn({ err: { inner: [planted] }, field: { inner: planted } }, 'in what is thrown');
    const circular: Record<string, unknown> = { inner: planted };
    circular['itself'] = circular;
    log.warn({ err: circular }, 'without an end');
    const written = lines.join('');
    for (const kept of ['message [secret]', 'a [secret] b', 'outer [secret]', 'inner [secret]'])
      expect(written).toContain(kept);
    expect(written).toContain('one [secret]');
    expect(written).toContain('telemetry.test.ts'); // the stacks are there
    expect(written).not.toContain(planted);
  });

  it('names the store that was unavailable, which no client is told', () => {
    const { log, written } = open();
    const failure = new StoreUnavailableError('inbox', new Error('disk I/O error'));
    log.error({ err: failure }, 'request failed');
    expect(JSON.parse(written()).err).toMatchObject({
      type: 'StoreUnavailableError',
      store: 'inbox',
      cause: { message: 'disk I/O error' },
    });
    expect(failure.message).not.toContain('inbox');
  });

  it('cannot be made to write two lines', () => {
    const { log, written } = open();
    log.warn({ field: HOSTILE }, HOSTILE);
    const cause = { inner: [HOSTILE] };
    log.error({ err: new Error(HOSTILE, { cause }), field: { inner: HOSTILE } }, 'failed');
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    expect(written()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(
      written()
        .split('\n')
        .map((line) => line && JSON.parse(line).level),
    ).toEqual(['warn', 'error', '']);
  });

  it('cannot be made to control a terminal, or to begin a line of its own there', () => {
    const { log, written } = open({ pretty: true });
    log.warn({ field: HOSTILE }, HOSTILE);
    const cause = { inner: [HOSTILE] };
    log.error({ err: new Error(HOSTILE, { cause }), field: { inner: HOSTILE } }, 'failed');
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    expect(written()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
    for (const line of written().split('\n'))
      expect(line).toMatch(/^(\[[\d:.]+\] [A-Z]+: | {4}|$)/);
  });
});

describe('metrics', () => {
  it('counts, observes, and speaks the Prometheus text format', async () => {
    const metrics = createMetrics();
    metrics.count('notifications_total', { verdict: 'accepted' }, 3);
    metrics.count('notifications_total', { verdict: 'accepted' });
    metrics.count('deliveries_total', { sink: 's1', outcome: 'retry' });
    metrics.observe('graph_ack_duration_seconds', { kind: 'handshake' }, 0.2);
    metrics.observe('delivery_duration_seconds', { sink: 's1' }, 14);
    const { contentType, text } = await metrics.render();
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain('notifications_total{verdict="accepted"} 4\n');
    expect(text).toContain('deliveries_total{sink="s1",outcome="retry"} 1\n');
    expect(text).toContain('graph_ack_duration_seconds_bucket{le="0.1",kind="handshake"} 0\n');
    expect(text).toContain('graph_ack_duration_seconds_bucket{le="0.25",kind="handshake"} 1\n');
    expect(text).toMatch(/graph_ack_duration_seconds_bucket\{le="3",kind="handshake"\} 1\n/);
    expect(text).toMatch(/graph_ack_duration_seconds_bucket\{le="10",kind="handshake"\} 1\n/);
    expect(text).toContain('delivery_duration_seconds_bucket{le="15",sink="s1"} 1\n');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('reads gauges when it is asked, and leaves out those that fail, neighbours untouched', async () => {
    const metrics = createMetrics();
    let dead = 1;
    metrics.gauge('dead_letters', async () => {
      if (dead < 0) throw new Error('store is away');
      return dead;
    });
    metrics.gauge('held_items', () => 7);
    expect((await metrics.render()).text).toContain('dead_letters 1\n');
    dead = -1;
    const { text } = await metrics.render();
    expect(text).not.toMatch(/^dead_letters \d/m);
    expect(text).toContain('held_items 7\n');
    dead = 2;
    expect((await metrics.render()).text).toContain('dead_letters 2\n');
  });

  it('reads gauges with labels when it is asked, and forgets values that are gone', async () => {
    const metrics = createMetrics();
    const states = new Map([
      ['inbox', 2],
      ['store', 0],
    ]);
    metrics.gaugeOf('circuit_breaker_state', () =>
      [...states].map(([name, value]) => ({ labels: { breaker_name: name }, value })),
    );
    const { text } = await metrics.render();
    expect(text).toContain('circuit_breaker_state{breaker_name="inbox"} 2\n');
    expect(text).toContain('circuit_breaker_state{breaker_name="store"} 0\n');
    states.delete('inbox');
    expect((await metrics.render()).text).not.toContain('breaker_name="inbox"');
  });

  it('keeps the registries of two services apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.count('notifications_total', { verdict: 'accepted' });
    expect((await other.render()).text).not.toContain('verdict="accepted"');
  });
});
