import { StringDecoder } from 'node:string_decoder';

const KEPT_BYTES = 1024;
const READ_BYTES = 64 * 1024;

/** The beginning of an answer, however long it is. */
export class BoundedBody {
  #chunks: Uint8Array[] = [];
  #kept = 0;
  #read = 0;

  /** Takes the next bytes; `false` once more than 64 KiB came, and nothing more should be read. */
  push(chunk: Uint8Array): boolean {
    if (this.#kept < KEPT_BYTES) {
      const part = chunk.subarray(0, KEPT_BYTES - this.#kept);
      this.#chunks.push(part);
      this.#kept += part.length;
    }
    this.#read += chunk.length;
    return this.#read <= READ_BYTES;
  }

  /** The first 1 KiB as text, cut between characters; bytes that are no UTF-8 are replaced. */
  text(): string {
    if (this.#read === 0) return '';
    const bytes = Buffer.concat(this.#chunks);
    const decoder = new StringDecoder('utf8');
    // `write` leaves out a character that is cut off by our own limit; `end` replaces it.
    const text = this.#read > KEPT_BYTES ? decoder.write(bytes) : decoder.end(bytes);
    return fitted(text);
  }
}

// A replacement character has three bytes where there was one.
function fitted(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(KEPT_BYTES));
  return text.slice(0, read);
}
