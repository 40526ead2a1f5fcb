import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createIntakeGate, type IntakeLimits } from '../../src/app/notifications/intake-gate.ts';
import { OverloadedError } from '../../src/domain/errors.ts';
import { silentLog } from '../support/silent-log.ts';
import { itemOf, openIntake, type Intake } from './intake.ts';

const LIMITS: IntakeLimits = { maxBytesInFlight: 100, maxBacklogReceipts: 2, minFreeBytes: 1000 };

describe('the gate of the intake', () => {
  let intake: Intake;
  /** Answers to the questions about the disk, the latest last. */
  let asked: PromiseWithResolvers<number>[];

  const open = (limits: Partial<IntakeLimits> = {}) => {
    asked = [];
    const disk = {
      freeBytes() {
        const question = Promise.withResolvers<number>();
        asked.push(question);
        return question.promise;
      },
    };
    return createIntakeGate({ ...intake, disk, log: silentLog, limits: { ...LIMITS, ...limits } });
  };
  const answer = async (bytes: number) => {
    asked.at(-1)?.resolve(bytes);
    await intake.clock.turn(0);
  };

  beforeEach(async () => {
    intake = await openIntake();
    await intake.know('a');
  });
  afterEach(() => intake.close());

  it('lets in as many bytes as fit, and more when others have left', () => {
    const gate = open();
    const [first, second] = [gate.enter(), gate.enter()];
    first.add(60);
    second.add(40);
    expect(() => second.add(1)).toThrow(OverloadedError);
    expect(() => gate.enter().add(1)).toThrow(OverloadedError);
    first.leave();
    second.add(60);
    expect(() => second.add(1)).toThrow(OverloadedError);
  });

  it('gives back once what a POST had, refused pieces left out', () => {
    const gate = open();
    const pass = gate.enter();
    pass.add(100);
    expect(() => pass.add(50)).toThrow(OverloadedError);
    pass.leave();
    pass.leave();
    gate.enter().add(100);
    expect(() => gate.enter().add(1)).toThrow(OverloadedError);
  });

  describe('judging an eighth of what may be in flight at once', () => {
    type Pass = ReturnType<ReturnType<typeof open>['enter']>;
    let begun: string[];

    const post = (gate: ReturnType<typeof open>, name: string, bytes: number, withinMs = 2000) => {
      const pass: Pass = gate.enter();
      pass.add(bytes);
      const turn = pass.turn(intake.clock.now() + withinMs).then(() => void begun.push(name));
      turn.catch(() => undefined); // looked at later
      return { pass, turn };
    };
    const settle = () => intake.clock.turn(0);

    beforeEach(() => {
      begun = [];
    });

    it('lets the next ones begin in the order of their coming, when others have left', async () => {
      const gate = open({ maxBytesInFlight: 200 });
      const first = post(gate, 'first', 15);
      const second = post(gate, 'second', 10);
      post(gate, 'third', 20);
      post(gate, 'small, but after it', 1);
      await settle();
      expect(begun).toEqual(['first', 'second']);
      first.pass.leave();
      first.pass.leave();
      await settle();
      expect(begun).toEqual(['first', 'second']);
      second.pass.leave();
      await settle();
      expect(begun).toEqual(['first', 'second', 'third', 'small, but after it']);
    });

    it('lets one that is larger begin alone', async () => {
      const gate = open({ maxBytesInFlight: 200 });
      const large = post(gate, 'large', 60);
      post(gate, 'next', 1);
      await settle();
      expect(begun).toEqual(['large']);
      large.pass.leave();
      await settle();
      expect(begun).toEqual(['large', 'next']);
    });

    it('lets timers and sockets come between two of them', async () => {
      const gate = open({ maxBytesInFlight: 200 });
      const first = post(gate, 'first', 20);
      const second = post(gate, 'second', 20);
      await first.turn;
      first.pass.leave();
      for (let step = 0; step < 20; step += 1) await Promise.resolve();
      expect(begun).toEqual(['first']);
      await settle();
      expect(begun).toEqual(['first', 'second']);
      second.pass.leave();
    });

    it('gives up at the deadline, and does not keep those behind waiting', async () => {
      const gate = open({ maxBytesInFlight: 200 });
      post(gate, 'first', 20);
      const late = post(gate, 'late', 10, 500);
      post(gate, 'behind', 5);
      await intake.clock.turn(500);
      await expect(late.turn).rejects.toMatchObject({ kind: 'unavailable' });
      late.pass.leave();
      await settle();
      expect(begun).toEqual(['first', 'behind']);
    });
  });

  it('tells a sender to come back after some seconds', () => {
    const gate = open({ maxBytesInFlight: 0 });
    expect(() => gate.enter().add(1)).toThrow(
      expect.objectContaining({ kind: 'unavailable', retryAfterMs: 5000 }),
    );
  });

  it('is shut while too many receipts wait to be expanded', async () => {
    const gate = open();
    await intake.post(itemOf('a', { id: '1' }));
    gate.enter().leave();
    await intake.post(itemOf('a', { id: '2' }));
    expect(() => gate.enter()).toThrow(OverloadedError);
    intake.inbox.settle(intake.receipts[0]?.id ?? '');
    gate.enter().leave();
  });

  it('is shut while the disk is almost full, to the last byte', async () => {
    const gate = open();
    gate.enter().leave(); // nothing is known yet
    await answer(999);
    expect(() => gate.enter()).toThrow(OverloadedError);
    expect(gate.freeDiskBytes()).toBe(999);
    await intake.clock.turn(1000);
    await answer(1000);
    gate.enter().leave();
  });

  it('asks the disk once a second, and no second question before the first is answered', async () => {
    const gate = open();
    await intake.clock.turn(60_000);
    expect(asked).toHaveLength(1);
    await answer(500);
    await intake.clock.turn(999);
    expect(asked).toHaveLength(1);
    await intake.clock.turn(1);
    expect(asked).toHaveLength(2);
    // The disk hangs: what it said last stands.
    await intake.clock.turn(60_000);
    expect(asked).toHaveLength(2);
    expect(gate.freeDiskBytes()).toBe(500);
  });

  it('goes on asking a disk that cannot tell', async () => {
    const gate = open();
    await answer(2000);
    await intake.clock.turn(1000);
    asked.at(-1)?.reject(new Error('ESTALE'));
    await intake.clock.turn(0);
    expect(gate.freeDiskBytes()).toBe(2000);
    await intake.clock.turn(1000);
    await answer(3000);
    expect(gate.freeDiskBytes()).toBe(3000);
  });
});
