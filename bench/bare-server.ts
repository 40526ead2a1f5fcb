// A bare node:http server to compare with. `parse` reads and parses the body and stores nothing;
// `commit` besides commits it to SQLite in a thread, all that waits in one synced transaction.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';

const [kind = 'parse', file = ''] = process.argv.slice(2);

function createCommit(): (body: string) => Promise<void> {
  const worker = new Worker(new URL('./bare-thread.ts', import.meta.url), { workerData: file });
  let gathered: { body: string; done: () => void }[] = [];
  let inFlight: typeof gathered | undefined;
  let flushing = false;

  function flush(): void {
    flushing = false;
    if (inFlight !== undefined || gathered.length === 0) return;
    [inFlight, gathered] = [gathered, []];
    worker.postMessage(inFlight.map(({ body }) => body));
  }
  worker.on('message', () => {
    const done = inFlight ?? [];
    inFlight = undefined;
    flush();
    for (const one of done) one.done();
  });
  return (body) =>
    new Promise((done) => {
      gathered.push({ body, done });
      if (!flushing) setImmediate(flush);
      flushing = true;
    });
}

const store = kind === 'commit' ? createCommit() : () => Promise.resolve();

function answer(req: IncomingMessage, res: ServerResponse): void {
  const pieces: Buffer[] = [];
  req.on('data', (piece: Buffer) => pieces.push(piece));
  req.on('end', () => {
    const body = Buffer.concat(pieces).toString();
    if (body !== '') JSON.parse(body);
    void store(body).then(() => {
      res.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"accepted"}');
    });
  });
}

const server = createServer(answer).listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
