import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import {
  BodyTimeoutError,
  MalformedBodyError,
  PayloadTooLargeError,
  UnsupportedMediaTypeError,
} from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';

/** How long a client that was refused may go on sending before it is cut off. */
const LINGER_MS = 1000;

/** What a body may be, and who counts it. */
export interface BodyBounds {
  readonly maxBytes: number;
  /** Epoch milliseconds. */
  readonly deadline: number;
  readonly clock: Clock;
  /** Called with each piece's length before it is kept; may throw to refuse it. */
  readonly count: (bytes: number) => void;
}

/**
 * Reads a whole body into memory. Rejects with `PayloadTooLargeError`, `BodyTimeoutError` at the
 * deadline, `MalformedBodyError` when the client stops half-way, or with what `count` throws.
 *
 * After a refusal the rest is read and thrown away for a second, because a client that is cut off
 * while it sends seldom gets to see the answer; then the connection ends.
 */
export function readBody(req: IncomingMessage, bounds: BodyBounds): Promise<Buffer> {
  const { clock, deadline, maxBytes } = bounds;
  const announced = Number(req.headers['content-length'] ?? 0);
  const growth = announced > 0 ? { factor: 8, most: announced } : { factor: 2, most: maxBytes };
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0);
    let bytes = 0;
    const cancel = clock.after(Math.max(0, deadline - clock.now()), () =>
      refuse(new BodyTimeoutError('The body did not arrive in time')),
    );

    const onData = (piece: Buffer): void => {
      if (bytes + piece.length > maxBytes) return refuse(tooLarge(maxBytes));
      try {
        bounds.count(piece.length);
      } catch (error) {
        return refuse(error);
      }
      // Copied, not kept: in chunks of one byte each piece would hold some two hundred.
      body = roomFor(body, bytes + piece.length, growth);
      bytes += piece.copy(body, bytes);
    };
    const onEnd = (): void => {
      stop();
      resolve(body.subarray(0, bytes));
    };
    const onClose = (): void => refuse(new MalformedBodyError('The body ended early'));

    function stop(): void {
      cancel();
      req.off('data', onData).off('end', onEnd).off('close', onClose);
    }

    function refuse(reason: unknown): void {
      stop();
      req.resume();
      clock.after(LINGER_MS, () => {
        if (!req.complete) req.destroy();
      });
      reject(reason);
    }

    if (announced > maxBytes) return refuse(tooLarge(maxBytes));
    req.on('data', onData).on('end', onEnd).on('close', onClose);
    // A reset of the connection is told by `close` as well; unheard, it would end the process.
    req.on('error', onClose);
  });
}

/**
 * The same bytes with room for `bytes`: so much more at once that all copies together are linear. Room
 * that is not written to is no memory yet, so where the length is known there are few copies.
 */
function roomFor(
  body: Buffer<ArrayBuffer>,
  bytes: number,
  { factor, most }: { readonly factor: number; readonly most: number },
): Buffer<ArrayBuffer> {
  if (bytes <= body.length) return body;
  const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(most, factor * body.length)));
  body.copy(larger);
  return larger;
}

/** Graph compresses nothing, nobody else needs to, and whoever does may be sending a bomb. */
export function requireUncompressed({ headers }: IncomingMessage): void {
  if (!['', 'identity'].includes((headers['content-encoding'] ?? '').toLowerCase())) {
    throw new UnsupportedMediaTypeError('The body must not be compressed');
  }
}

/** The text of a body. Throws `MalformedBodyError` unless it is UTF-8 (RFC 8259 §8.1). */
export function decodeText(body: Buffer): string {
  // Most bodies are ASCII: a third of the time, and half of the memory, of decoding UTF-8.
  if (isAscii(body)) return body.toString('latin1');
  if (!isUtf8(body)) throw new MalformedBodyError('The body is not UTF-8');
  const text = body.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function tooLarge(maxBytes: number): PayloadTooLargeError {
  return new PayloadTooLargeError(`The body is larger than ${maxBytes} bytes`);
}
