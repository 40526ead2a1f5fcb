// Words of samples, and values that are a short piece said again and again.
const SAMPLE = /change-?_?me|example|sample|placeholder|your[-_]|password|^(.{1,16})\1+$/i;

const MIN_BITS = 80;
const MAX_STEPS_SHARE = 0.75;

/** A value that documentation and templates show, and so everybody knows. */
export function isSample(value: string): boolean {
  return SAMPLE.test(value);
}

/**
 * Whether a value is too regular to be the outcome of chance: few different characters, a walk along
 * the alphabet, or a piece said again and again. Judged by what can be seen in it: an unlucky secret of 128 random bits fails
 * about never, and one that a person made up may pass (NIST SP 800-63B §5.1.1 has no better test).
 */
export function isPredictable(value: string): boolean {
  return shannonBits(value) < MIN_BITS || stepsShare(value) > MAX_STEPS_SHARE || isRepeated(value);
}

/** Bits that the frequencies of the characters account for. */
function shannonBits(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits += count * Math.log2(value.length / count);
  return bits;
}

/** How many characters are the next, the one before or the same as theirs before: 0 to 1. */
function stepsShare(value: string): number {
  let steps = 0;
  for (let at = 1; at < value.length; at += 1) {
    if (Math.abs(value.charCodeAt(at) - value.charCodeAt(at - 1)) <= 1) steps += 1;
  }
  return value.length > 1 ? steps / (value.length - 1) : 0;
}

/** Whether it is one piece, said at least three times; the last time may be cut. */
function isRepeated(value: string): boolean {
  for (let period = 1; period <= value.length / 3; period += 1) {
    if (value.startsWith(value.slice(period))) return true;
  }
  return false;
}
