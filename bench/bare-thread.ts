import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

// The least that a durable acknowledgement costs: one table, one transaction for all that waits.
const db = new DatabaseSync(workerData as string);
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
db.exec('CREATE TABLE bodies (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT');
const insert = db.prepare('INSERT INTO bodies (body) VALUES (?)');

parentPort?.on('message', (bodies: readonly string[]) => {
  db.exec('BEGIN IMMEDIATE');
  for (const body of bodies) insert.run(body);
  db.exec('COMMIT');
  parentPort?.postMessage(bodies.length);
});
