import { Router } from '@koa/router';
import { z } from 'zod';
import type { ManageSinks } from '../../../app/delivery/manage-sinks.ts';
import type { Sink } from '../../../domain/delivery/sink.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { idOf, principalOf, type RequestState } from '../request-state.ts';
import { description, guid, line, PageQuery } from '../schemas.ts';

/** Any of these; a filter that nothing can pass is a mistake. */
const anyOf = <T extends z.ZodType>(one: T) => z.array(one).min(1).max(100).optional();

const Filter = z.strictObject({
  tenantId: anyOf(guid),
  subscriptionId: anyOf(guid),
  resource: anyOf(line(2048)),
  changeType: anyOf(z.enum(['created', 'updated', 'deleted'])),
  lifecycle: z.enum(['none', 'also', 'only']).optional(),
});

const Settings = z.strictObject({
  name: line(80).optional(),
  url: z.string().max(2048).optional(),
  headers: z.record(z.string(), z.string()).nullable().optional(),
  filter: Filter.optional(),
  enabled: z.boolean().optional(),
  concurrency: z.int().min(1).max(200).optional(),
  ratePerSecond: z.int().min(1).max(10_000).nullable().optional(),
  description: description.optional(),
});

const NewSink = Settings.extend({
  name: line(80),
  kind: z.enum(['webhook', 'log']),
  secret: z.string().max(200).optional(),
});

/** Where deliveries go: list, add, change, remove. */
export function sinkRoutes(deps: { sinks: ManageSinks }): Router<RequestState> {
  const router = new Router<RequestState>({ prefix: '/api/sinks' });

  router.post('/', async function addSink(ctx) {
    const wanted = parse(NewSink, ctx.request.body);
    const { sink, secret } = await deps.sinks.add(principalOf(ctx), wanted);
    ctx.status = 201;
    // The only time that the secret leaves the service.
    ctx.body = { ...presentSink(sink), ...(secret === null ? {} : { secret: secret.reveal() }) };
  });

  router.get('/', async function listSinks(ctx) {
    const found = await deps.sinks.list(principalOf(ctx), parse(PageQuery, ctx.query));
    ctx.body = presentPage(found, presentSink);
  });

  router.get('/:id', async function showSink(ctx) {
    ctx.body = presentSink(await deps.sinks.get(principalOf(ctx), idOf(ctx)));
  });

  router.patch('/:id', async function changeSink(ctx) {
    const settings = parse(Settings, ctx.request.body);
    ctx.body = presentSink(await deps.sinks.change(principalOf(ctx), idOf(ctx), settings));
  });

  router.delete('/:id', async function removeSink(ctx) {
    await deps.sinks.remove(principalOf(ctx), idOf(ctx));
    ctx.status = 204;
  });

  return router;
}

function presentSink(sink: Sink): object {
  return {
    id: sink.id,
    name: sink.name,
    kind: sink.kind,
    url: sink.url,
    hasHeaders: sink.headers !== null,
    filter: sink.filter,
    enabled: sink.enabled,
    disabledReason: sink.disabledReason,
    concurrency: sink.concurrency,
    ratePerSecond: sink.ratePerSecond,
    description: sink.description,
    failingSince: presentTime(sink.failingSince),
    createdAt: presentTime(sink.createdAt),
    updatedAt: presentTime(sink.updatedAt),
  };
}
