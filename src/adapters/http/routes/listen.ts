import { PassThrough } from 'node:stream';
import { z } from 'zod';
import type { Listen, Listener } from '../../../app/delivery/listen.ts';
import { renderCloudEvent } from '../../../domain/delivery/cloud-event.ts';
import type { Cancel, Clock } from '../../../ports/clock.ts';
import { parse } from '../parse.ts';
import { idOf, principalOf } from '../request-state.ts';
import { freeText } from '../schemas.ts';
import { SinkFilterBody } from './sinks.ts';
import { createRouter, type Routes } from '../router.ts';

// Below the idle time of common proxies.
const KEEP_ALIVE_MS = 15_000;

// What is kept of a sink's answer; see NotificationSink.
const MAX_BODY_BYTES = 1024;

const Wanted = z.strictObject({
  filter: SinkFilterBody.default({}),
  description: freeText.default(null),
});

const Answers = z.strictObject({
  answers: z
    .array(
      z.strictObject({
        deliveryId: z.string().min(1).max(300),
        status: z.int().min(100).max(599).nullable(),
        body: z
          .string()
          .refine((text) => Buffer.byteLength(text) <= MAX_BODY_BYTES, { error: 'must be 1 KiB' })
          .default(''),
      }),
    )
    .min(1)
    .max(200),
});

/** For who cannot be reached: events go out on a connection that the client has made. */
export function listenRoutes(deps: {
  listen: Listen;
  clock: Clock;
  /** Aborted when the service stops, which waits for its answers. */
  stopping: AbortSignal;
}): Routes {
  const router = createRouter('/api/listen');

  router.post('/', async function listen(ctx) {
    const stream = new PassThrough();
    const wanted = parse(Wanted, ctx.request.body ?? {});
    const send = (message: Message) => {
      // One that has ended is about to be taken away, and its tries with it.
      if (stream.writable) stream.write(toText(message));
    };
    const listener = await deps.listen.begin(principalOf(ctx), wanted, (event, deliveryId) => {
      send({ event: 'delivery', id: deliveryId, data: renderCloudEvent(event) });
    });
    endWith(stream, listener);
    send({ event: 'listening', data: JSON.stringify({ sinkId: listener.sinkId }) });
    ctx.type = 'text/event-stream';
    ctx.set('X-Accel-Buffering', 'no'); // nginx would keep events back until it has many
    ctx.body = stream;
  });

  router.post('/:id/answers', function answerDeliveries(ctx) {
    const { answers } = parse(Answers, ctx.request.body);
    deps.listen.answer(principalOf(ctx), idOf(ctx), answers);
    ctx.status = 204;
  });

  return router;

  /** Koa destroys the stream when the client goes; when the service stops, it ends. */
  function endWith(stream: PassThrough, listener: Listener): void {
    let cancel: Cancel;
    const keepAlive = () => {
      if (stream.writable) stream.write(': still here\n\n');
      cancel = deps.clock.after(KEEP_ALIVE_MS, keepAlive);
    };
    cancel = deps.clock.after(KEEP_ALIVE_MS, keepAlive);
    const stop = () => void stream.end();
    deps.stopping.addEventListener('abort', stop, { once: true });
    stream.once('close', () => {
      cancel();
      deps.stopping.removeEventListener('abort', stop);
      void listener.end();
    });
    if (deps.stopping.aborted) stop();
  }
}

interface Message {
  readonly event: string;
  readonly id?: string;
  readonly data: string;
}

/** Server-sent events (HTML Living Standard §9.2): each line of the data has its field. */
function toText({ event, id, data }: Message): string {
  const idField = id === undefined ? '' : `id: ${id}\n`;
  const lines = data.replaceAll(/\r\n|\r|\n/g, '\ndata: ');
  return `event: ${event}\n${idField}data: ${lines}\n\n`;
}
