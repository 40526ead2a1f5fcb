import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';
import { ask } from './ask.ts';
import { expectEveryHeader } from './every-answer.ts';
import { type HostileJson, hostileJson, PLANTED } from './hostile-json.ts';
import {
  API_BODY_ROUTES,
  fill,
  KEY,
  questionFor,
  type Route,
  type Things,
  WEBHOOK_ROUTES,
} from './sweep-questions.ts';

const routes = [...API_BODY_ROUTES, ...WEBHOOK_ROUTES];

describe('hostile bodies, at each route that takes one', () => {
  let service: TestService;
  let things: Things;
  let sent = 0;

  beforeAll(async () => {
    service = await startService();
    things = await fill(service);
  });
  afterAll(async () => {
    await service.close();
    process.stdout.write(`hostile bodies: ${routes.length} routes, ${sent} bodies\n`);
  });

  it.each(routes.map((route) => [route.name, route] as const))('%s', async (_, route) => {
    for (const hostile of hostileJson(route.success.body ?? {}))
      await expectHarmless(route, hostile);
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
  });

  it('leave nothing behind', async () => {
    const metrics = await (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(metrics).not.toMatch(/^http_requests_total\{.*status_code="5/m);
    expect({}).not.toHaveProperty('polluted');
    expect({}).not.toHaveProperty('role');
  });

  /** Refused, or answered as a body that is well: nothing else, and never quoted in a refusal. */
  async function expectHarmless(route: Route, { name, body, headers }: HostileJson): Promise<void> {
    const question = { ...questionFor(route, things), body, headers: { ...KEY, ...headers } };
    const answer = await ask(service.url, question);
    sent += 1;
    const isFine = answer.status === route.success.status;
    const isRefused = answer.status >= 400 && answer.status < 500;
    expect([name, answer.status, isFine || isRefused]).toEqual([name, answer.status, true]);
    expectEveryHeader(answer);
    if (isRefused)
      expect([name, answer.body]).toEqual([name, expect.not.stringContaining(PLANTED)]);
  }
});
