import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { generate } from 'selfsigned';
import { openMongo, type MongoOptions } from '../../src/adapters/mongo/database.ts';
import { MongoOpenError } from '../../src/adapters/mongo/open-error.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { mongoOptions } from '../support/mongo.ts';
import { describeOnProcess, startServerProcess, type ServerProcess } from '../support/services.ts';
import { untilHung } from './until-hung.ts';

const PASSWORD = 'planted-pa55word';
const SELECTION_MS = 1000;
// For a server that says what it has against it, on a machine that may be busy.
const ANSWER_MS = 4000;
// Names of the machine itself: 127.0.0.1 and localhost.
const HERE = [
  { type: 7, ip: '127.0.0.1' },
  { type: 2, value: 'localhost' },
] as const;
const ELSEWHERE = [{ type: 2, value: 'mongo.example' }] as const;

type Names = typeof HERE | typeof ELSEWHERE;

/** A CA of the test's own, and servers' certificates by it, in files. */
async function createCa(folder: string) {
  const made = await generate([{ name: 'commonName', value: 'a CA of a test' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const file = join(folder, 'ca.pem');
  writeFileSync(file, made.cert);

  return {
    file,
    async sign(name: string, altNames: Names): Promise<string> {
      const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: made.private, cert: made.cert },
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'subjectAltName', altNames: [...altNames] },
        ],
      });
      const pem = join(folder, `${name}.pem`);
      writeFileSync(pem, `${cert}\n${key}`, { mode: 0o600 });
      return pem;
    },
  };
}

/** The error of an open that has to fail; it tells no password, however it is printed. */
async function failureOf(url: string, changes: Partial<MongoOptions> = {}): Promise<Error> {
  const startedAt = performance.now();
  const { selectionTimeoutMs = SELECTION_MS } = changes;
  const options = mongoOptions(url, { ...changes, selectionTimeoutMs });
  const error: unknown = await openMongo(options).then(
    async (database) => {
      await database.close();
      throw new Error(`${url} was accepted`);
    },
    (failure: unknown) => failure,
  );
  expect(performance.now() - startedAt).toBeLessThan(selectionTimeoutMs + 5000);
  expect(inspect(error, { depth: 20 })).not.toContain(PASSWORD);
  if (!(error instanceof Error)) throw new TypeError('an Error was expected');
  return error;
}

await describeOnProcess('mongodb', 'MongoDB over TLS, and one that cannot be used', (plain) => {
  const folder = temporaryFolder();
  let caFile: string;
  let here: ServerProcess;
  let elsewhere: ServerProcess;

  beforeAll(async () => {
    const ca = await createCa(folder.path);
    caFile = ca.file;
    const start = async (name: string, names: Names) =>
      startServerProcess('mongodb', {
        more: ['--tlsCertificateKeyFile', await ca.sign(name, names)],
      });
    [here, elsewhere] = [await start('here', HERE), await start('elsewhere', ELSEWHERE)];
  });
  afterAll(async () => {
    await here.stop();
    await elsewhere.stop();
    folder.remove();
  });

  const withPassword = (host: string, query = '') =>
    `mongodb://somebody:${PASSWORD}@${host}/sallyport${query}`;

  it.each(['127.0.0.1', 'localhost'])('takes a certificate of the own CA for %s', async (host) => {
    const url = `mongodb://${host}:${here.port}/?tls=true`;
    const database = await openMongo(mongoOptions(url, { caFile }));
    expect(await database.run(() => database.db.command({ ping: 1 }))).toMatchObject({ ok: 1 });
    await database.close();
  });

  it('means TLS by the own CA, although the URL does not say so', async () => {
    const database = await openMongo(mongoOptions(here.url, { caFile }));
    await database.close();
    const { message } = await failureOf(plain.url, { caFile });
    expect(message).toContain(`127.0.0.1:${plain.port}`);
  });

  it('refuses a certificate that nobody signed whom it trusts', async () => {
    const host = `localhost:${here.port}`;
    const { message } = await failureOf(withPassword(host, '?tls=true'), {
      selectionTimeoutMs: ANSWER_MS,
    });
    expect(message).toMatch(
      new RegExp(`^MongoDB at ${host} has a certificate that is not trusted: .*MONGODB_CA_FILE$`),
    );
  });

  it('refuses a certificate of another name', async () => {
    const host = `localhost:${elsewhere.port}`;
    const { message } = await failureOf(withPassword(host, '?tls=true'), {
      caFile,
      selectionTimeoutMs: ANSWER_MS,
    });
    expect(message).toMatch(
      new RegExp(`^MongoDB at ${host} has a certificate of another name: .*mongo\\.example.*URL`),
    );
  });

  it.each(['tls%49nsecure=true', 'tlsAllowInvalidCertificates=true&tlsAllowInvalidHostnames=true'])(
    'verifies it although the URL says %s',
    async (option) => {
      const { message } = await failureOf(`${here.url}?tls=true&${option}`, {
        selectionTimeoutMs: ANSWER_MS,
      });
      expect(message).toContain(' has a certificate that is not trusted: ');
    },
  );

  it('verifies its name although the URL says tlsInsecure=true', async () => {
    const { message } = await failureOf(`${elsewhere.url}?tls=true&tlsInsecure=true`, {
      caFile,
      selectionTimeoutMs: ANSWER_MS,
    });
    expect(message).toContain(' has a certificate of another name: ');
  });

  it('does not speak in clear by its URL to a server whose authority is named', async () => {
    const { message } = await failureOf(`${plain.url}?tls=false`, { caFile });
    expect(message).toMatch(/^MONGODB_URL is not a URL that MongoDB takes: /);
  });

  it('does not speak in clear to a server of TLS', async () => {
    const { message } = await failureOf(withPassword(`127.0.0.1:${here.port}`));
    expect(message).toContain(`MongoDB at 127.0.0.1:${here.port} does not answer: `);
  });

  it('names a server that is not there', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    const error = await failureOf(withPassword(host));
    expect(error).toBeInstanceOf(MongoOpenError);
    expect(error.message).toBe(
      `MongoDB at ${host} does not answer: connect ECONNREFUSED ${host}; check MONGODB_URL`,
    );
  });

  it('names every server of a set that is not there', async () => {
    const hosts = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const { message } = await failureOf(withPassword(hosts.join(',')));
    expect(message).toContain(`MongoDB at ${hosts.join(', ')} does not answer: `);
  });

  it('names a server that hangs', async () => {
    plain.signal('SIGSTOP');
    await untilHung(async () => (await openMongo(mongoOptions(plain.url))).close());
    const { message } = await failureOf(withPassword(`127.0.0.1:${plain.port}`));
    plain.signal('SIGCONT');
    expect(message).toContain(`MongoDB at 127.0.0.1:${plain.port} does not answer: `);
  });

  it('names a server that refuses the login', async () => {
    const { message } = await failureOf(withPassword(`127.0.0.1:${plain.port}`), {
      selectionTimeoutMs: ANSWER_MS,
    });
    expect(message).toMatch(
      new RegExp(
        `^MongoDB at 127\\.0\\.0\\.1:${plain.port} refuses: .*; check the user of MONGODB_URL`,
      ),
    );
  });

  it.each([
    `http://somebody:${PASSWORD}@127.0.0.1/`,
    `mongodb://somebody:a/${PASSWORD}@127.0.0.1/`,
    `mongodb://${PASSWORD}:a:b@127.0.0.1/`,
    `mongodb://${PASSWORD}%:b@127.0.0.1/`,
    `mongodb://somebody:${PASSWORD}@127.0.0.1:99999/`,
    `mongodb://somebody:b@127.0.0.1/?heartbeatFrequencyMS=${PASSWORD}`,
    `mongodb://somebody:b@127.0.0.1/?${PASSWORD}=1`,
  ])('says of a URL that is none which variable has it, and nothing of it: %#', async (url) => {
    const { message } = await failureOf(url);
    expect(message).toMatch(/^MONGODB_URL is not a URL that MongoDB takes: /);
  });

  it('names a file of a CA that is not there', async () => {
    const missing = join(folder.path, 'missing.pem');
    const { message } = await failureOf(here.url, { caFile: missing });
    expect(message).toBe(`MONGODB_CA_FILE names a file that cannot be read: ${missing}`);
  });
});
