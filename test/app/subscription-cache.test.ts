import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailableError, UnavailableError } from '../../src/domain/errors.ts';
import { until } from '../support/wait.ts';
import { openIntake, type Intake } from './intake.ts';

const HOUR = 3_600_000;

describe('what is remembered of subscriptions', () => {
  let intake: Intake;
  const ask = (...ids: string[]) => intake.cache.ask(ids, intake.clock.now() + 2000);
  const stateOf = (id: string) => intake.cache.peek(id)?.clientStateDigest;

  beforeEach(async () => {
    intake = await openIntake();
    await intake.know('a', { clientState: 'old' });
  });
  afterEach(() => intake.close());

  it('is nothing until the store was asked, and then who is known and who is not', async () => {
    expect(intake.cache.peek('a')).toBeUndefined();
    await ask('a', 'b');
    expect(intake.cache.peek('a')).toMatchObject({ id: 'a', organizationId: 'default' });
    expect(intake.cache.peek('b')).toBeNull();
    expect(intake.lookUps.queries).toEqual([['a', 'b']]);
  });

  it('is never older than 5 s', async () => {
    await ask('a');
    await intake.clock.turn(5000);
    expect(intake.cache.peek('a')).toBeUndefined();
  });

  it('forgets a stranger after 2 s', async () => {
    await ask('b');
    await intake.clock.turn(1999);
    expect(intake.cache.peek('b')).toBeNull();
    await intake.clock.turn(1);
    expect(intake.cache.peek('b')).toBeUndefined();
    expect(intake.lookUps.queries).toHaveLength(1);
  });

  it('is asked for again before it is too old, so that nobody has to wait', async () => {
    const renewed = intake.digest.sha256('new');
    await ask('a');
    intake.change('a', { clientState: 'new' });
    await intake.clock.turn(2499);
    expect(stateOf('a')).toBe(intake.digest.sha256('old'));
    expect(intake.lookUps.queries).toHaveLength(1);
    await intake.clock.turn(1);
    expect(stateOf('a')).toBe(intake.digest.sha256('old'));
    await until(() => stateOf('a') === renewed, 'the answer to the refresh');
    // Its age counts from the refresh.
    await intake.clock.turn(4999);
    expect(stateOf('a')).toBe(renewed);
  });

  it('stays usable until it is too old when the store does not answer the refresh', async () => {
    await ask('a');
    await intake.clock.turn(2500);
    intake.lookUps.hold();
    expect(stateOf('a')).toBeDefined();
    await until(() => intake.lookUps.queries.length === 2, 'the refresh');
    intake.lookUps.letGo(new StoreUnavailableError('store'));
    await intake.clock.turn(2499);
    expect(stateOf('a')).toBeDefined();
    await intake.clock.turn(1);
    expect(stateOf('a')).toBeUndefined();
    await ask('a');
    expect(stateOf('a')).toBeDefined();
  });

  it('costs one query at a time, and one more for all who ask meanwhile', async () => {
    intake.lookUps.hold();
    const asking = [ask('a'), ...Array.from({ length: 200 }, (_, n) => ask('a', `b${n}`))];
    await until(() => intake.lookUps.queries.length === 1, 'the first query');
    const more = ask('c');
    intake.lookUps.letGo();
    await Promise.all([...asking, more]);
    expect(intake.lookUps.mostInFlight).toBe(1);
    expect(intake.lookUps.queries.length).toBeLessThanOrEqual(2);
    expect(new Set(intake.lookUps.queries.flat()).size).toBe(202);
    expect(intake.cache.peek('b199')).toBeNull();
  });

  it('is never the answer to a question that was asked before', async () => {
    intake.lookUps.hold();
    const early = ask('a');
    await until(() => intake.lookUps.queries.length === 1, 'the first query');
    const late = ask('z');
    await intake.know('z');
    intake.lookUps.letGo();
    await Promise.all([early, late]);
    expect(intake.cache.peek('z')).toMatchObject({ id: 'z' });
  });

  it('is waited for until the deadline, and remembered when it comes later', async () => {
    intake.lookUps.hold();
    const asking = ask('a');
    const refused = expect(asking).rejects.toThrow(UnavailableError);
    await until(() => intake.lookUps.queries.length === 1, 'the query');
    await intake.clock.turn(2000);
    await refused;
    intake.lookUps.letGo();
    await until(() => intake.cache.peek('a') !== undefined, 'the late answer');
  });

  it('is asked for anew after a failure, which all who waited are told of', async () => {
    intake.lookUps.hold();
    const asking = [ask('a'), ask('b')];
    const refused = asking.map((one) => expect(one).rejects.toThrow(StoreUnavailableError));
    await until(() => intake.lookUps.queries.length === 1, 'the query');
    intake.lookUps.letGo(new StoreUnavailableError('store'));
    await Promise.all(refused);
    await ask('a');
    expect(intake.cache.peek('a')).toBeDefined();
  });

  it('is forgotten on request, known or not', async () => {
    await ask('a', 'b');
    intake.cache.forget('a');
    intake.cache.forget('b');
    expect([intake.cache.peek('a'), intake.cache.peek('b')]).toEqual([undefined, undefined]);
  });

  it('is asked for again after the clock was set back, known or not', async () => {
    await ask('a', 'b');
    await intake.know('b');
    await intake.clock.turn(-3 * HOUR);
    expect([intake.cache.peek('a'), intake.cache.peek('b')]).toEqual([undefined, undefined]);
    await ask('a', 'b');
    expect([intake.cache.peek('a')?.id, intake.cache.peek('b')?.id]).toEqual(['a', 'b']);
  });

  it('is fresh for those who wait for it while the clock is set back', async () => {
    intake.lookUps.hold();
    const asking = ask('a');
    await until(() => intake.lookUps.queries.length === 1, 'the query');
    await intake.clock.turn(-HOUR);
    intake.lookUps.letGo();
    await asking;
    expect(intake.cache.peek('a')).toBeDefined();
  });

  it('is never older than a change that it was told of while it was asked for', async () => {
    const letGo = intake.lookUps.holdAnswers();
    const asking = ask('a', 'b');
    await until(() => intake.lookUps.answered === 1, 'the answer of the store');
    intake.change('a', { clientState: 'new' });
    await intake.know('b');
    intake.cache.forget('a');
    intake.cache.forget('b');
    letGo();
    await asking;
    expect(stateOf('a')).toBe(intake.digest.sha256('new'));
    expect(intake.cache.peek('b')).toMatchObject({ id: 'b' });
    expect(intake.lookUps.mostInFlight).toBe(1);
  });

  it('turns from unknown to known and back as the store does', async () => {
    await ask('b');
    await intake.know('b');
    await ask('b');
    expect(intake.cache.peek('b')).toMatchObject({ id: 'b', deletedAt: null });
    intake.change('b', 'deleted');
    await ask('b');
    expect(intake.cache.peek('b')).toMatchObject({ id: 'b', deletedAt: 1 });
  });

  it('is bounded for strangers, of whom the latest are remembered', async () => {
    const ids = Array.from({ length: 45_000 }, (_, n) => `stranger-${n}`);
    await ask(...ids);
    const remembered = ids.filter((id) => intake.cache.peek(id) === null);
    expect(remembered.length).toBeLessThanOrEqual(20_000);
    expect(remembered.length).toBeGreaterThanOrEqual(18_000);
    expect(remembered.at(-1)).toBe('stranger-44999');
  });
});
