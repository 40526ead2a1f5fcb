import { describe, expect, it } from '@jest/globals';
import { expansionLimit } from '../../../src/domain/notifications/expansion-pace.ts';

describe('how much is expanded', () => {
  it('is a lot at once while hardly anybody waits for an answer, however old the backlog', () => {
    const idle = expansionLimit({ postsInFlight: 0, backlogAgeMs: 60_000 });
    expect(idle).toEqual(expansionLimit({ postsInFlight: 2, backlogAgeMs: 0 }));
    expect(idle.waitMs).toBe(0);
    expect(idle.concurrency).toBeGreaterThan(32);
  });

  it('stands back for a moment while many wait', () => {
    expect(expansionLimit({ postsInFlight: 32, backlogAgeMs: 10 }).waitMs).toBeGreaterThan(0);
  });

  it('goes on, with less at once, when that moment becomes too long', () => {
    const { concurrency, waitMs } = expansionLimit({ postsInFlight: 32, backlogAgeMs: 3000 });
    expect(waitMs).toBe(0);
    expect(concurrency).toBeGreaterThan(0);
    expect(concurrency).toBeLessThan(
      expansionLimit({ postsInFlight: 0, backlogAgeMs: 0 }).concurrency,
    );
  });
});
