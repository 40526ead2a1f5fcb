import { z } from 'zod';
import type { ManageSinks } from '../../../app/delivery/manage-sinks.ts';
import type { RotateSecrets } from '../../../app/delivery/rotate-secrets.ts';
import type { TestSink } from '../../../app/delivery/test-sink.ts';
import type { Sink } from '../../../domain/delivery/sink.ts';
import type { SinkSwitch } from '../../../domain/delivery/sink-switch.ts';
import type { SinkDepth } from '../../../ports/delivery-store.ts';
import type { Limiters } from '../middleware/limiters.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { idOf, principalOf } from '../request-state.ts';
import { DeletablePageQuery, freeText, guid, line, NoBody, RemovalQuery } from '../schemas.ts';
import { createRouter, type Routes } from '../router.ts';

const HOUR_MS = 3_600_000;

/** Any of these; a filter that nothing can pass is a mistake. */
const anyOf = <T extends z.ZodType>(one: T) => z.array(one).min(1).max(100).optional();

/** Which events a sink gets. */
export const SinkFilterBody = z.strictObject({
  tenantId: anyOf(guid),
  subscriptionId: anyOf(guid),
  resource: anyOf(line(2048)),
  changeType: anyOf(z.enum(['created', 'updated', 'deleted'])),
  lifecycle: z.enum(['none', 'also', 'only']).optional(),
});

const Settings = z.strictObject({
  name: line(80).optional(),
  url: z.string().max(2048).optional(),
  stream: z.string().optional(),
  collection: z.string().optional(),
  headers: z.record(z.string(), z.string()).nullable().optional(),
  filter: SinkFilterBody.optional(),
  enabled: z.boolean().optional(),
  concurrency: z.int().min(1).max(200).optional(),
  ratePerSecond: z.int().min(1).max(10_000).nullable().optional(),
  description: freeText.optional(),
  notes: freeText.optional(),
});

const NewSink = Settings.extend({
  name: line(80),
  kind: z.enum(['webhook', 'log', 'redis-stream', 'mongo-collection']),
  purpose: z.enum(['notifications', 'operations']).optional(),
  secret: z.string().max(200).optional(),
});

const Rotation = z.strictObject({ overlapHours: z.number().min(0).max(168).default(24) });

/** What can be done to a sink at `POST /:id/<act>`, and what it is then. */
const SWITCHES: Readonly<Record<string, SinkSwitch>> = {
  enable: 'enabled',
  disable: 'disabled',
  pause: 'paused',
  resume: 'enabled',
};

/** Where deliveries go. */
export function sinkRoutes(deps: {
  sinks: ManageSinks;
  secrets: RotateSecrets;
  testSink: TestSink;
  limiters: Pick<Limiters, 'strict'>;
}): Routes {
  const { sinks } = deps;
  const router = createRouter('/api/sinks');

  router.post('/', async function addSink(ctx) {
    const wanted = parse(NewSink, ctx.request.body);
    const { sink, secret } = await sinks.add(principalOf(ctx), wanted);
    ctx.status = 201;
    // The only time that the secret leaves the service.
    ctx.body = { ...presentSink(sink), ...(secret === null ? {} : { secret: secret.reveal() }) };
  });

  router.get('/', async function listSinks(ctx) {
    const page = parse(DeletablePageQuery, ctx.query);
    ctx.body = presentPage(await sinks.list(principalOf(ctx), page), presentSink);
  });

  router.get('/:id', async function showSink(ctx) {
    const { sink, depth } = await sinks.get(principalOf(ctx), idOf(ctx));
    ctx.body = { ...presentSink(sink), queue: presentDepth(depth) };
  });

  router.patch('/:id', async function changeSink(ctx) {
    const settings = parse(Settings, ctx.request.body);
    ctx.body = presentSink(await sinks.change(principalOf(ctx), idOf(ctx), settings));
  });

  router.delete('/:id', async function removeSink(ctx) {
    const { permanent } = parse(RemovalQuery, ctx.query);
    const remove = permanent ? sinks.removeForGood : sinks.remove;
    await remove(principalOf(ctx), idOf(ctx));
    ctx.status = 204;
  });

  router.post('/:id/restore', async function restoreSink(ctx) {
    parse(NoBody, ctx.request.body ?? {});
    ctx.body = presentSink(await sinks.restore(principalOf(ctx), idOf(ctx)));
  });

  for (const [act, to] of Object.entries(SWITCHES)) {
    router.post(`/:id/${act}`, async function switchSink(ctx) {
      parse(NoBody, ctx.request.body ?? {});
      ctx.body = presentSink(await sinks.switch(principalOf(ctx), idOf(ctx), to));
    });
  }

  router.post('/:id/test', async function testSink(ctx) {
    parse(NoBody, ctx.request.body ?? {});
    ctx.body = await deps.testSink(principalOf(ctx), idOf(ctx), ctx.state.signal);
  });

  router.post('/:id/rotate-secret', deps.limiters.strict, async function rotateSecret(ctx) {
    const { overlapHours } = parse(Rotation, ctx.request.body ?? {});
    const overlap = { overlapMs: Math.round(overlapHours * HOUR_MS) };
    const rotated = await deps.secrets.rotate(principalOf(ctx), idOf(ctx), overlap);
    ctx.body = {
      secret: rotated.secret.reveal(),
      previousSecretsUntil: presentTime(rotated.previousSecretsUntil),
    };
  });

  return router;
}

function presentSink(sink: Sink): object {
  return {
    id: sink.id,
    name: sink.name,
    kind: sink.kind,
    purpose: sink.purpose,
    url: sink.url,
    stream: sink.stream,
    collection: sink.collection,
    hasHeaders: sink.headers !== null,
    previousSecretsUntil: presentTime(sink.previousSecretsUntil),
    filter: sink.filter,
    enabled: sink.enabled,
    disabledReason: sink.disabledReason,
    concurrency: sink.concurrency,
    ratePerSecond: sink.ratePerSecond,
    description: sink.description,
    notes: sink.notes,
    failingSince: presentTime(sink.failingSince),
    createdAt: presentTime(sink.createdAt),
    updatedAt: presentTime(sink.updatedAt),
    deletedAt: presentTime(sink.deletedAt),
  };
}

function presentDepth({ due, claimed, dead, oldestCreatedAt }: SinkDepth): object {
  return { due, claimed, dead, oldestAt: presentTime(oldestCreatedAt) };
}
