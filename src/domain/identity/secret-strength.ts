const SAMPLE_WORDS = /change-?_?me|example|sample|placeholder|your[-_]|password/i;
const LONGEST_SAMPLE_PIECE = 16;

// Whose password it is, or what a hand finds on the keyboard; with digits behind it or not.
const GUESSED_FIRST =
  /^(?:admin(?:istrator)?|default|guest|letmein|mongo(?:db)?|qwerty(?:uiop)?|redis|root|sallyport|secret|user|welcome)[\d!]*$/i;
/** NIST SP 800-63B §5.1.1.1. */
export const MIN_PASSWORD = 8;

const MIN_BITS = 80;
const MAX_STEPS_SHARE = 0.75;

/** A value that documentation and templates show, and so everybody knows: its words, or a short piece over and over. */
export function isSample(value: string): boolean {
  const period = periodOf(value);
  const isShortPiece =
    period < value.length && period <= LONGEST_SAMPLE_PIECE && value.length % period === 0;
  return isShortPiece || SAMPLE_WORDS.test(value);
}

/** A password of a server that does not withstand the first guesses. */
export function isGuessable(value: string): boolean {
  return (
    value.length < MIN_PASSWORD || GUESSED_FIRST.test(value) || stepsShare(value) > MAX_STEPS_SHARE
  );
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
  return periodOf(value) <= value.length / 3;
}

/** The length of the piece that a value says at least twice, the last time maybe cut; else its own. */
function periodOf(value: string): number {
  for (let period = 1; period <= value.length / 2; period += 1) {
    if (value.startsWith(value.slice(period))) return period;
  }
  return value.length;
}
