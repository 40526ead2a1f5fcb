import { errors, type Dispatcher } from 'undici';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { SinkAnswer } from '../../ports/notification-sink.ts';
import { BoundedBody } from './bounded-body.ts';
import { ConnectError } from './connect-error.ts';
import { failedTry, judgeStatus, type Failure } from './sink-answer.ts';

const GIVEN_UP = new Error('the try has ended');

/**
 * One try, as undici reports it. Ends with the answer, an error, the time limit or the signal,
 * whichever is first; and once there is a status, that decides, whatever becomes of the body.
 */
export class WebhookTry implements Dispatcher.DispatchHandler {
  readonly answer: Promise<SinkAnswer>;
  readonly #resolve: (answer: SinkAnswer) => void;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #stopTimer: Cancel;
  readonly #onAbort = () => this.#giveUp({ outcome: 'aborted' });
  readonly #body = new BoundedBody();
  #status: number | undefined;
  #retryAfter: string | readonly string[] | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #hasEnded = false;

  constructor(deps: { clock: Clock; timeoutMs: number; signal: AbortSignal }) {
    const { promise, resolve } = Promise.withResolvers<SinkAnswer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#clock = deps.clock;
    this.#signal = deps.signal;
    this.#stopTimer = deps.clock.after(deps.timeoutMs, () => this.#giveUp(failedTry('timeout')));
    deps.signal.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The try may have ended while it waited for a connection: then nothing must be sent any more.
    if (this.#hasEnded) controller.abort(GIVEN_UP);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return; // interim, RFC 9110 §15.2
    this.#status = status;
    this.#retryAfter = headers['retry-after'];
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#body.push(chunk)) this.#giveUp(failedTry('protocol'));
  }

  onResponseEnd(): void {
    this.#end(failedTry('protocol'));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(isClosing(error) ? { outcome: 'aborted' } : failedTry(reasonOf(error)));
  }

  #giveUp(withoutStatus: SinkAnswer): void {
    this.#end(withoutStatus);
    this.#controller?.abort(GIVEN_UP);
  }

  #end(withoutStatus: SinkAnswer): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(this.#judge() ?? withoutStatus);
  }

  #judge(): SinkAnswer | undefined {
    if (this.#status === undefined) return undefined;
    const answer = { status: this.#status, retryAfter: this.#retryAfter, body: this.#body.text() };
    return judgeStatus(answer, this.#clock.now());
  }
}

function isClosing(error: Error): boolean {
  return error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError;
}

function reasonOf(error: Error): Failure {
  if (error instanceof ConnectError) return error.reason;
  if (error instanceof errors.HTTPParserError) return 'protocol';
  if (error instanceof errors.HeadersOverflowError) return 'protocol';
  return 'connection';
}
