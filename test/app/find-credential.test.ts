import { describe, expect, it } from '@jest/globals';
import { createMemoryRateStore } from '../../src/adapters/memory/rate-store.ts';
import { createFindCredential } from '../../src/app/identity/find-credential.ts';
import { POLICIES } from '../../src/domain/limits/policies.ts';
import type { RateStore } from '../../src/ports/rate-store.ts';
import { TurnedClock } from '../support/clock.ts';

const KEY = 'TEST-ONLY-the-key';

describe('finding a credential', () => {
  function create({ degraded = false, isLimited = true } = {}) {
    const clock = new TurnedClock();
    const memory = createMemoryRateStore({ clock, maxKeysPerPolicy: 10 });
    const store: RateStore = {
      ...memory,
      hit: async (...asked) => ({ ...(await memory.hit(...asked)), degraded }),
      read: async (key) => {
        const window = await memory.read(key);
        return window && { ...window, degraded };
      },
    };
    const looked: string[] = [];
    const counted: string[] = [];
    const find = createFindCredential({
      isOperatorKey: (key) => looked.push(key) > 0 && key === KEY,
      isAdminAddress: (address) => address.startsWith('192.0.2.'),
      limits: isLimited ? { store, policies: POLICIES, instances: 4 } : undefined,
      metrics: { count: (_name, labels) => void counted.push(Object.values(labels).join(' ')) },
    });
    const show = async (key: string, address = '192.0.2.1') =>
      (await find({ key, address, network: address })).kind;
    return { show, looked, counted, clock };
  }

  async function guess(show: (key: string) => Promise<string>, times: number): Promise<string[]> {
    const kinds: string[] = [];
    for (let at = 0; at < times; at += 1) kinds.push(await show('a guess'));
    return kinds;
  }

  const times = (kind: string, count: number) => Array.from({ length: count }, () => kind);

  it('knows the operator, who shows none, and who shows a wrong one', async () => {
    const { show, counted } = create();
    expect([await show(KEY), await show(''), await show('other')]).toEqual([
      'valid',
      'none',
      'wrong',
    ]);
    expect(counted).toEqual(['operator-key valid', 'operator-key wrong']);
  });

  it('does not look at a key from where no administrator is taken, good or not', async () => {
    const { show, looked, counted } = create();
    expect([await show(KEY, '198.51.100.1'), await show('a guess', '198.51.100.1')]).toEqual([
      'outside',
      'outside',
    ]);
    expect(looked).toEqual([]);
    expect(new Set(counted)).toEqual(new Set(['operator-key outside']));
  });

  it('does not look at a key after 20 wrong ones from that network, until their window ends', async () => {
    const { show, looked, clock } = create();
    expect(await guess(show, 21)).toEqual([...times('wrong', 20), 'refused']);
    looked.length = 0;
    expect(await show(KEY)).toBe('refused');
    expect(looked).toEqual([]);
    expect(await show(KEY, '192.0.2.2')).toBe('valid');
    await clock.turn(POLICIES.credential.windowMs);
    expect(await show(KEY)).toBe('valid');
  });

  it('lets the operator in who comes from elsewhere while more networks guess than are counted', async () => {
    const { show } = create();
    const networks = Array.from({ length: 40 }, (_none, at) => `192.0.2.${at + 10}`);
    for (const network of networks) await show('a guess', network);
    expect(await show('a guess', '192.0.2.200')).toBe('refused');
    expect(await show(KEY, '192.0.2.201')).toBe('valid');
  });

  it('takes a good one for a guess when it comes at once with more than may be wrong', async () => {
    const { show } = create();
    const guesses = Array.from({ length: 199 }, (_none, at) => show(`guess ${at}`));
    const kinds = await Promise.all([...guesses, show(KEY), show(KEY, '192.0.2.2')]);
    expect(kinds.slice(0, 199).filter((kind) => kind === 'wrong')).toHaveLength(20);
    expect(kinds.slice(199)).toEqual(['refused', 'valid']);
  });

  it('serves a good one that comes at once with some wrong ones, and many good ones', async () => {
    const { show } = create();
    const few = Array.from({ length: 5 }, () => show('a guess'));
    const many = Array.from({ length: 50 }, () => show(KEY));
    expect(new Set(await Promise.all(many))).toEqual(new Set(['valid']));
    expect(new Set(await Promise.all(few))).toEqual(new Set(['wrong']));
  });

  it('lets an instance that counts for itself allow its share of the guesses', async () => {
    const { show } = create({ degraded: true });
    expect(await guess(show, 7)).toEqual([...times('wrong', 5), ...times('refused', 2)]);
  });

  it('counts nothing where nothing is limited', async () => {
    const { show } = create({ isLimited: false });
    expect(await guess(show, 30)).toEqual(times('wrong', 30));
    expect(await show(KEY)).toBe('valid');
  });
});
