import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { connectForCommands, reachRedis } from '../../src/adapters/redis/connect.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { describeOnProcess, type ServerProcess, startServerProcess } from '../support/services.ts';

const PASSWORD = 'hunter2-and-more';
const LIMIT_MS = 2000;
// For a server that answers, however busy the machine is.
const REACH_MS = 10_000;

/** Files of a CA and of what it signed for `localhost`, a name that is not `127.0.0.1`. */
async function writeCertificates(folder: string) {
  const ca = await generate([{ name: 'commonName', value: 'Test CA' }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    ca: { key: ca.private, cert: ca.cert },
  });
  const write = (name: string, pem: string) => {
    const path = join(folder, name);
    writeFileSync(path, pem);
    return path;
  };
  return {
    ca: write('ca.pem', ca.cert),
    certificate: write('server.pem', leaf.cert),
    key: write('server.key', leaf.private),
  };
}

// For whether there is a server at all; the one that speaks TLS is started with its certificates.
await describeOnProcess('redis', 'a Redis with TLS', () => {
  const folder = temporaryFolder();
  let server: ServerProcess;
  let caFile: string;
  let tlsPort: number;

  beforeAll(async () => {
    const files = await writeCertificates(folder.path);
    tlsPort = await freePort();
    caFile = files.ca;
    const options = {
      'tls-port': `${tlsPort}`,
      'tls-cert-file': files.certificate,
      'tls-key-file': files.key,
      'tls-ca-cert-file': files.ca,
      'tls-auth-clients': 'no',
      requirepass: PASSWORD,
    };
    server = await startServerProcess('redis', {
      more: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    });
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });

  async function reach(host: string, caFile?: string, limitMs = LIMIT_MS) {
    const url = new Secret(`rediss://:${PASSWORD}@${host}:${tlsPort}`);
    const client = connectForCommands({ url, caFile, connectTimeoutMs: 1000 }, 1000);
    await reachRedis(client, systemClock, limitMs);
    return client;
  }

  it('is reached when its CA is trusted', async () => {
    const client = await reach('localhost', caFile, REACH_MS);
    expect(client.stream).toMatchObject({ encrypted: true, authorized: true });
    expect(await client.set('a', '1')).toBe('OK');
    client.disconnect();
  });

  it('is refused when nobody vouches for its certificate', async () => {
    await expect(reach('localhost')).rejects.toThrow(
      /^Redis at localhost:\d+ does not answer: (self-signed|unable to verify).* certificate.*; check REDIS_URL$/,
    );
  });

  it('is refused when its certificate is for another name', async () => {
    const refused = reach('127.0.0.1', caFile);
    await expect(refused).rejects.toThrow(
      /^Redis at 127\.0\.0\.1:\d+ does not answer: Hostname\/IP does not match certificate's altnames: .*; check REDIS_URL$/,
    );
    await expect(refused).rejects.not.toThrow(PASSWORD);
  });
});
