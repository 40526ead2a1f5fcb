import { once } from 'node:events';
import { connect } from 'node:net';
import { readRaw } from './edge.ts';

/** A POST to Graph's endpoint on a connection of its own, gone on with by hand. */
export type SlowClient = Awaited<ReturnType<typeof beginPost>>;

/** Sends the head, with these headers besides the usual ones. */
export async function beginPost(url: string, ...headers: readonly string[]) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const answered = Promise.withResolvers<ReturnType<typeof readRaw>>();
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (more: string) => {
    text += more;
    const answer = readRaw(text);
    const length = answer.headers.get('content-length');
    if (length !== null && Buffer.byteLength(answer.body) >= Number(length)) {
      answered.resolve(answer);
    }
  });
  // A connection that is reset is one of the ends that it may come to.
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => resolve()).on('close', () => resolve());
  });
  socket.write(
    [
      'POST /webhooks/graph HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      ...headers,
      '\r\n',
    ].join('\r\n'),
  );

  return {
    /** Resolves once the bytes are on their way. */
    send: (bytes: string | Uint8Array) =>
      new Promise<void>((resolve) => {
        socket.write(bytes, () => resolve());
      }),
    /** The first answer, whole. */
    answered: answered.promise,
    closed,
    /** Says that nothing more comes, and goes on reading. */
    halfClose: () => void socket.end(),
    cut: () => void socket.destroy(),
  };
}
