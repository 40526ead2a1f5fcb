import { randomBytes } from 'node:crypto';

const HEX_BYTES = 12;
const HALF = 12;

/** Plants secrets, keeps everything that a service gave, and tells where one of them shows. */
export class Harvest {
  /** What gives a secret away, and which one. */
  readonly #signs = new Map<string, string>();
  readonly #planted = new Map<string, string>();
  readonly #kept: { readonly where: string; readonly text: string; readonly allowed: string[] }[] =
    [];

  /** The secret of that name, new at the first time; any half of its digits gives it away. */
  plant(name: string): string {
    const known = this.#planted.get(name);
    if (known !== undefined) return known;
    const secret = `TEST-ONLY-${name}-${randomBytes(HEX_BYTES).toString('hex')}`;
    this.#planted.set(name, secret);
    return this.watch(name, secret);
  }

  /** Takes a secret of another form, whose last 24 characters are the outcome of chance. */
  watch(name: string, secret: string): string {
    const end = secret.toLowerCase().slice(-2 * HALF);
    for (const half of [end.slice(0, HALF), end.slice(HALF)]) {
      this.#signs.set(half, name);
      for (const sign of inBase64(half)) this.#signs.set(sign, name);
    }
    return secret;
  }

  /** Keeps a text that came out. `allowed` are the secrets that it is there to give, by name. */
  keep(where: string, text: string, ...allowed: string[]): void {
    this.#kept.push({ where, text: text.toLowerCase(), allowed });
  }

  /** As `secret in place`, each once. */
  found(): string[] {
    const found = this.#kept.flatMap(({ where, text, allowed }) =>
      [...this.#signs]
        .filter(([sign, name]) => !allowed.includes(name) && text.includes(sign))
        .map(([, name]) => `${name} in ${where}`),
    );
    return [...new Set(found)].toSorted((a, b) => a.localeCompare(b));
  }
}

/** As it shows inside of longer base64, wherever in that it begins; without the edges. */
function inBase64(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.from('-'.repeat(before) + text).toString('base64');
    return whole.slice(before === 0 ? 0 : 4, before === 0 ? undefined : -4).toLowerCase();
  });
}
