import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMetricsApp } from '../../src/adapters/http/metrics-server.ts';
import { type HttpListener, openHttpServer } from '../../src/adapters/http/server.ts';
import { ALL_HEADERS } from '../../src/adapters/http/security-headers.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { readRaw, sendRaw } from './edge.ts';
import { silentLog } from '../support/silent-log.ts';

describe('metrics listener', () => {
  let listener: HttpListener;
  beforeAll(async () => {
    const metrics = createMetrics();
    const parts = { log: silentLog, metrics, clock: systemClock, digest: createDigest() };
    const app = createMetricsApp({
      ...parts,
      production: true,
      redact: (text) => text,
      securityHeaders: ALL_HEADERS,
      allowedHosts: ['metrics.example.com'],
      render: () => metrics.render(),
    });
    const handle = app.callback();
    listener = await openHttpServer({
      ...parts,
      handler: (req, res) => void handle(req, res),
      host: '127.0.0.1',
      port: 0,
    });
  });
  afterAll(() => listener.close());

  it.each([
    ['sallyport:9090', 200],
    ['10.1.2.3:9090', 200],
    ['[fd00::1]:9090', 200],
    ['metrics.example.com', 200],
    ['rebound.example', 421],
  ])('is asked for by %s: %d', async (host, status) => {
    const head = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    expect(readRaw(await sendRaw(listener.url, head)).status).toBe(status);
  });

  it('gives the metrics as text', async () => {
    const response = await fetch(`${listener.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toMatch(/^process_cpu_seconds_total \d/m);
  });

  it.each([
    ['/', 'GET', 404],
    ['/health', 'GET', 404],
    ['/webhooks/graph', 'POST', 404],
    ['/metrics', 'POST', 405],
  ])('has nothing else: %s %s is %d', async (path, method, status) => {
    const response = await fetch(listener.url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(JSON.parse(await response.text()).error.status).toBe(status);
  });
});
