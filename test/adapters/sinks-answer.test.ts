import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { BoundedBody } from '../../src/adapters/sinks/bounded-body.ts';
import { parseRetryAfter } from '../../src/adapters/sinks/retry-after.ts';
import { judgeStatus, refusedTry } from '../../src/adapters/sinks/sink-answer.ts';

const now = Date.UTC(1994, 10, 6, 8, 49, 30);

function judge(status: number) {
  return judgeStatus({ status, retryAfter: '7', body: 'text' }, now);
}

function read(...chunks: Uint8Array[]) {
  const body = new BoundedBody();
  const more = chunks.map((chunk) => body.push(chunk));
  return { text: body.text(), more };
}

describe('refusedTry', () => {
  it('keeps at most the first 1 KiB of what was said, cut between characters', () => {
    const answer = refusedTry('retry', 'redis-oom', `a${'ü'.repeat(1000)}`);
    const body = `a${'ü'.repeat(511)}`;
    const rest = { reason: 'redis-oom', status: null, body };
    expect(answer).toEqual({ outcome: 'retry', retryAfterMs: null, ...rest });
    expect(refusedTry('dead', 'redis-oom', `a${'ü'.repeat(1000)}`)).toEqual({
      outcome: 'dead',
      gone: false,
      ...rest,
    });
  });
});

describe('judgeStatus', () => {
  it.each([200, 201, 202, 204, 226, 299])('takes %i for delivered', (status) => {
    expect(judge(status)).toEqual({ outcome: 'delivered', status, body: 'text' });
  });

  it.each([408, 425, 429, 500, 501, 502, 503, 504, 507, 599])('tries %i again', (status) => {
    const reason = `http-${status}`;
    const retryAfterMs = 7000;
    expect(judge(status)).toEqual({ outcome: 'retry', reason, status, retryAfterMs, body: 'text' });
  });

  it.each([300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 413, 422, 451, 499, 600])(
    'takes %i for dead, but not gone',
    (status) => {
      const reason = `http-${status}`;
      expect(judge(status)).toEqual({ outcome: 'dead', reason, gone: false, status, body: 'text' });
    },
  );

  it('takes 410 for dead and gone', () => {
    expect(judge(410)).toMatchObject({ outcome: 'dead', reason: 'http-410', gone: true });
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['86400', 86_400_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7000],
    ['Sun Nov  6 08:49:37 1994', 7000],
    ['Sun, 06 Nov 1994 08:49:29 GMT', 0],
  ])('reads %j', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    ' 5',
    '5s',
    'soon',
    'Infinity',
    '9'.repeat(400),
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 PST',
    'Sun, 99 Nov 1994 99:49:37 GMT',
    ['1', '2'],
  ])('ignores %j', (value) => {
    expect(parseRetryAfter(value, now)).toBeNull();
  });
});

describe('BoundedBody', () => {
  it('is empty when nothing came', () => {
    expect(read().text).toBe('');
    expect(read(Buffer.alloc(0)).text).toBe('');
  });

  it('keeps a short text whole', () => {
    expect(read(Buffer.from('späße 😀')).text).toBe('späße 😀');
    expect(read(Buffer.from('x'.repeat(1024))).text).toBe('x'.repeat(1024));
  });

  it('cuts at 1 KiB between characters, not in one', () => {
    expect(read(Buffer.from('😀'.repeat(1000))).text).toBe('😀'.repeat(256));
    for (const start of ['x', 'xx', 'xxx']) {
      const { text } = read(Buffer.from(start + '😀'.repeat(1000)));
      expect(text).toBe(start + '😀'.repeat(255));
    }
  });

  it('replaces what is no UTF-8, a character that the sender cut off included', () => {
    expect(read(Buffer.from([0x61, 0xff, 0x62, 0xe2, 0x82])).text).toBe('a\u{fffd}b\u{fffd}');
  });

  it('has at most 1 KiB of UTF-8 even when every byte is replaced', () => {
    const { text } = read(Buffer.alloc(1024, 0xff));
    expect(text).toBe('\u{fffd}'.repeat(341));
  });

  it('reads on to 64 KiB and not further', () => {
    const block = Buffer.alloc(32 * 1024);
    expect(read(block, block, Buffer.alloc(1)).more).toEqual([true, true, false]);
    expect(read(Buffer.alloc(64 * 1024 + 1)).more).toEqual([false]);
  });

  it('is the same however the bytes come in, bounded, and a beginning of the text', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 });
    const texts = fc.string({ unit: 'binary', maxLength: 1500 }).map((text) => Buffer.from(text));
    fc.assert(
      fc.property(fc.oneof(chunks, fc.array(texts, { maxLength: 3 })), (parts) => {
        const whole = Buffer.concat(parts);
        const { text } = read(...parts);
        expect(text).toBe(read(whole).text);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
        expect(whole.toString('utf8').startsWith(text)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
