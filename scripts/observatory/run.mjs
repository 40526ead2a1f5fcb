#!/usr/bin/env node
// Scores the service's headers by the rules of MDN's HTTP Observatory, without asking the network.
// First, once: npm --prefix scripts/observatory ci --ignore-scripts
// Ends with 1 when a score is below 100.
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { ALL_TESTS } from '@mdn/mdn-http-observatory/src/constants.js';
import { MINIMUM_SCORE_FOR_EXTRA_CREDIT } from '@mdn/mdn-http-observatory/src/grader/charts.js';
import { getGradeForScore, getScoreModifier } from '@mdn/mdn-http-observatory/src/grader/grader.js';
import { retrieve } from '@mdn/mdn-http-observatory/src/retriever/retriever.js';
import { generate } from 'selfsigned';
import { ALL_HEADERS, pageHeaders, setAll } from '../../src/adapters/http/security-headers.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { compose } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { createRedactor } from '../../src/domain/redact.ts';

const WANTED = 100;
const PATHS = ['/', '/api/sinks', '/page'];
const ASSUMED = `Assumed: a proxy ends TLS with a certificate that is trusted, and sends plain http to https.
"/page" is a page of this script's own, with the headers that the service gives to its pages.
No host counts as preloaded for HSTS.
`;

/** What the package would download when it is installed: here, lists without entries. */
function writeLists() {
  const scanner = import.meta.resolve('@mdn/mdn-http-observatory/src/scan.js');
  writeFileSync(new URL('../conf/hsts-preload.json', scanner), '{}');
  writeFileSync(new URL('../conf/tld-list.json', scanner), '[]');
}

async function startService(dataDir) {
  const config = readConfig({
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    METRICS_ENABLED: 'false',
    DATA_DIR: dataDir,
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('hex')}`,
    OPERATOR_API_KEY: randomBytes(32).toString('hex'),
    MIN_FREE_DISK_MB: '0',
  });
  const log = { debug() {}, info() {}, warn() {}, error: console.error };
  return compose(config, {
    clock: systemClock,
    log,
    redactor: createRedactor(),
  });
}

/** What stands between a browser and the service: TLS, and a redirection to it. */
async function startProxy(serviceUrl) {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  tls.setDefaultCACertificates([cert]);
  const secure = https.createServer({ key, cert }, (req, res) => {
    if (req.url === '/page') answerPage(res);
    else forward(serviceUrl, req, res);
  });
  const httpsPort = await listen(secure);
  const plain = http.createServer((req, res) => {
    res.writeHead(308, { Location: `https://localhost:${httpsPort}${req.url}` }).end();
  });
  const httpPort = await listen(plain);
  const close = () => {
    for (const server of [secure, plain]) server.close().closeAllConnections();
  };
  return { httpPort, httpsPort, close };
}

async function listen(server) {
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return server.address().port;
}

function forward(serviceUrl, req, res) {
  const { method, headers, url } = req;
  const onward = http.request(new URL(url, serviceUrl), { method, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  req.pipe(onward);
}

function answerPage(res) {
  const nonce = randomUUID();
  setAll(res, pageHeaders(ALL_HEADERS, nonce));
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.end(`<!doctype html><link rel="stylesheet" href="/a.css"><script nonce="${nonce}"></script>`);
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 100);

/** The sum as the package's own scanner makes it, which cannot be told ports. */
function score(results) {
  const modifiers = results.map(({ result }) => getScoreModifier(result));
  const withoutExtra = sum(modifiers.filter((one) => one < 0));
  const earnsExtra = withoutExtra >= MINIMUM_SCORE_FOR_EXTRA_CREDIT;
  return getGradeForScore(earnsExtra ? sum(modifiers) : withoutExtra);
}

async function scorePath(path, { httpPort, httpsPort }) {
  const retrieved = await retrieve('localhost', { httpPort, httpsPort, path });
  if (!retrieved.responses.auto) throw new Error(`no answer at ${path}`);
  const results = ALL_TESTS.map((test) => test(retrieved));
  const graded = score(results);
  console.log(`${path} (${retrieved.responses.auto.status}): ${graded.score}, ${graded.grade}`);
  for (const { constructor, pass, result } of results) {
    console.log(`  ${pass ? 'pass' : 'FAIL'}  ${constructor.name}: ${result}`);
  }
  return graded.score;
}

console.log(ASSUMED);
writeLists();
const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-observatory-'));
const service = await startService(dataDir);
const proxy = await startProxy(service.url);
try {
  const scores = [];
  for (const path of PATHS) scores.push(await scorePath(path, proxy));
  if (Math.min(...scores) < WANTED) process.exitCode = 1;
} finally {
  proxy.close();
  await service.stop({ drainDelayMs: 0, graceMs: 0, cutAfterMs: 5000 });
  rmSync(dataDir, { recursive: true });
}
