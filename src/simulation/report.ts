import type { AckFigures } from './ack-times.ts';
import type { LedgerFigures } from './ledger.ts';

/** What a simulation found. */
export interface SimulationReport extends LedgerFigures, AckFigures {
  /** Every promise was kept, and there was something to keep it about. */
  readonly ok: boolean;
  readonly seed: number;
  /** Paths of what could not be removed from the service. */
  readonly leftBehind: readonly string[];
}

/** What a simulation is doing, told at each step and four times a second in between. */
export interface SimulationProgress extends LedgerFigures {
  readonly step: 'handshake' | 'setup' | 'traffic' | 'settling' | 'cleanup';
  /** POSTs that there will be. */
  readonly plannedPosts: number;
  readonly seed: number;
  /** Paths of what could not be removed from the service; known when the cleanup has ended. */
  readonly leftBehind: readonly string[];
}

export function createReport(found: {
  seed: number;
  ledger: LedgerFigures;
  acks: AckFigures;
  leftBehind: readonly string[];
}): SimulationReport {
  const { seed, ledger, acks, leftBehind } = found;
  return { ok: keepsItsPromises(ledger), seed, ...ledger, ...acks, leftBehind };
}

/** A service that acknowledges nothing has lost nothing either, and is of no use. */
function keepsItsPromises(figures: LedgerFigures): boolean {
  const { acknowledged, missing, changedIds, forgedDelivered, unverified } = figures;
  return acknowledged > 0 && missing + changedIds + forgedDelivered + unverified === 0;
}
