import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { openMongo } from '../../src/adapters/mongo/database.ts';
import { TurnedClock } from '../support/clock.ts';
import { mongoOptions } from '../support/mongo.ts';

const PASSWORD = 'planted-pa55word';
const SELECTION_MS = 5000;

/** A name server that says nothing until it is let go, and then that it knows no such name. */
async function openSilentNameServer() {
  const socket = createSocket('udp4');
  const asked: (() => void)[] = [];
  let silent = true;
  socket.on('message', (question, { port, address }) => {
    const answer = Buffer.from(question);
    answer.writeUInt16BE(0x81_83, 2); // an answer: there is no such name
    const say = () => socket.send(answer, port, address);
    if (silent) asked.push(say);
    else say();
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked: () => once(socket, 'message'),
    letGo() {
      silent = false;
      for (const say of asked) say();
    },
    close: () => socket.close(),
  };
}

let server: Awaited<ReturnType<typeof openSilentNameServer>>;
const before = dns.promises.getServers();

beforeEach(async () => {
  server = await openSilentNameServer();
  dns.promises.setServers([server.address]);
});
afterEach(() => {
  dns.promises.setServers(before);
  server.close();
});

it('gives up a name server that is silent, and names the server that was looked for', async () => {
  const clock = new TurnedClock();
  const url = `mongodb+srv://somebody:${PASSWORD}@db.example.com/x`;
  const asked = server.asked();
  const opening = openMongo(mongoOptions(url, { clock, selectionTimeoutMs: SELECTION_MS }));
  const failed = opening.catch((error: unknown) => error);
  let ended = false;
  void failed.finally(() => (ended = true));
  await asked;
  await clock.turn(SELECTION_MS);
  expect(ended).toBe(false); // the driver's own limit would say more of what is wrong
  await clock.turn(2000);
  expect(ended).toBe(true);
  const error = await failed;
  expect(error).toMatchObject({
    name: 'MongoOpenError',
    message:
      'MongoDB at db.example.com does not answer: no answer within 7000 ms; check MONGODB_URL',
  });
  expect(inspect(error, { depth: 20 })).not.toContain(PASSWORD);
  server.letGo();
});

it('closes what connects after it was given up', async () => {
  const clock = new TurnedClock();
  const late = Promise.withResolvers<MongoClient>();
  const connect = jest.spyOn(MongoClient.prototype, 'connect').mockReturnValue(late.promise);
  const close = jest.spyOn(MongoClient.prototype, 'close');
  try {
    const opening = openMongo(mongoOptions('mongodb://127.0.0.1', { clock }));
    const failed = expect(opening).rejects.toThrow('no answer within 4000 ms');
    await clock.turn(4000);
    await failed;
    expect(close).toHaveBeenCalledTimes(1);
    late.resolve(new MongoClient('mongodb://127.0.0.1'));
    await clock.turn(0);
    expect(close).toHaveBeenCalledTimes(2);
  } finally {
    connect.mockRestore();
    close.mockRestore();
  }
});

it('says what the name server says', async () => {
  server.letGo();
  const opening = openMongo(mongoOptions('mongodb+srv://db.example.com/x'));
  await expect(opening).rejects.toThrow(
    /^MongoDB at db\.example\.com does not answer: .*querySrv ENOTFOUND .*; check MONGODB_URL$/,
  );
});
