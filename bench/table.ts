import type { Figures } from './load.ts';

/** One line of a result: a figure and, where there is one, what it should be. */
export interface Row {
  readonly what: string;
  readonly left: string;
  readonly right?: string;
  readonly value: number;
  readonly aim?: number;
  /** Lower is better. */
  readonly atMost?: boolean;
}

/** Prints a row; says whether its aim is met. */
export function show({ what, left, right = '', value, aim, atMost }: Row): boolean {
  const met = aim === undefined || (atMost === true ? value <= aim : value >= aim);
  const mark = aim === undefined ? '' : met ? 'met' : 'MISSED';
  const goal = aim === undefined ? '' : `${atMost === true ? '≤' : '≥'} ${aim}`;
  console.log(`| ${what} | ${left} | ${right} | ${value.toFixed(2)} | ${goal} | ${mark} |`);
  return met;
}

export function showRate({ perSecond, p99 }: Figures): string {
  return `${perSecond.toFixed(0)}/s, p99 ${p99.toFixed(1)} ms`;
}
