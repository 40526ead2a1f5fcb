import type { Context } from 'koa';
import type { AcceptPost } from '../../../app/notifications/accept-post.ts';
import type { IntakeGate, IntakePass } from '../../../app/notifications/intake-gate.ts';
import type { RecentHandshakes } from '../../../app/notifications/recent-handshakes.ts';
import type { AckWindow } from '../../../domain/notifications/ack-window.ts';
import { UnsupportedMediaTypeError } from '../../../domain/errors.ts';
import { readValidationToken } from '../../../domain/notifications/handshake.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { decodeText, readBody, requireUncompressed } from '../read-body.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';
import { createRouter, type Routes } from '../router.ts';

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const ACCEPTED = '{"status":"accepted"}';
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/**
 * Where Graph posts: the handshake, change notifications and lifecycle notifications alike.
 * Nothing here asks the network, and the handshake does not even ask a store.
 */
export function graphWebhookRoutes(deps: {
  acceptPost: AcceptPost;
  gate: IntakeGate;
  acks: AckWindow;
  handshakes: Pick<RecentHandshakes, 'note'>;
  proxies: TrustedProxies;
  clock: Clock;
  metrics: Metrics;
  ackTimeoutMs: number;
}): Routes {
  const { clock } = deps;
  const router = createRouter();

  router.post(['/webhooks/graph', '/webhooks/graph/lifecycle'], async function graphWebhook(ctx) {
    const startedAt = clock.now();
    const token = readValidationToken(ctx.querystring);
    if (token === undefined) {
      await accept(ctx, startedAt + deps.ackTimeoutMs).finally(() =>
        measure(startedAt, 'notifications'),
      );
    } else {
      ctx.type = 'text/plain; charset=utf-8';
      ctx.body = token;
      deps.handshakes.note({
        at: startedAt,
        requestId: ctx.state.requestId,
        ipAddress: deps.proxies.clientOf(ctx.req),
        viaTrustedProxy: deps.proxies.sent(ctx.req),
      });
      measure(startedAt, 'handshake');
    }
  });
  return router;

  async function accept(ctx: Context, deadline: number): Promise<void> {
    const pass = deps.gate.enter();
    try {
      requirePlainJson(ctx);
      await deps.acceptPost(await receive(ctx, pass, deadline), deadline);
    } finally {
      pass.leave();
    }
    ctx.status = 202;
    ctx.type = 'application/json';
    ctx.body = ACCEPTED;
  }

  /** In a function of its own, so that the bytes are not kept for as long as the text. */
  async function receive(ctx: Context, pass: IntakePass, deadline: number): Promise<string> {
    const body = await readBody(ctx.req, {
      maxBytes: MAX_BODY_BYTES,
      deadline,
      clock,
      count: (bytes) => pass.add(bytes),
    });
    await pass.turn(deadline);
    return decodeText(body);
  }

  /**
   * Until there is an answer. When it is out depends on who reads, too: Graph does so at once, but a
   * stranger who reads nothing would pass for a service that is slow.
   */
  function measure(startedAt: number, kind: 'handshake' | 'notifications'): void {
    const now = clock.now();
    const seconds = Math.max(0, now - startedAt) / 1000;
    deps.metrics.observe('graph_ack_duration_seconds', { kind }, seconds);
    deps.acks.add(seconds, now);
  }
}

function requirePlainJson(ctx: Context): void {
  if (!JSON_TYPE.test(ctx.get('Content-Type'))) {
    throw new UnsupportedMediaTypeError('The body must be application/json');
  }
  requireUncompressed(ctx.req);
}
