import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The open connections of a server, each with the answer that it waits for. */
export interface Connections {
  answerOf(connection: Duplex): ServerResponse | undefined;
  /** Whether what comes on it still belongs to a request that has been answered. */
  isAnswered(connection: Duplex): boolean;
  /** Lets the next answer of each connection be its last. */
  endWithNextAnswer(): void;
  /** Ends what waits for no answer, silent ones too: those Node itself counts as busy. */
  endIdle(): void;
  /** Cuts every one off, whatever it waits for, and gives how many there were. */
  cutAll(): number;
}

export function trackConnections(server: Server): Connections {
  const answers = new Map<Duplex, ServerResponse | undefined>();
  const requests = new WeakMap<Duplex, IncomingMessage>();
  server.on('connection', (connection) => {
    answers.set(connection, undefined);
    connection.on('close', () => answers.delete(connection));
  });
  server.on('request', track);
  server.on('checkExpectation', track); // instead of that one

  function track(request: IncomingMessage, answer: ServerResponse): void {
    const { socket } = request;
    requests.set(socket, request);
    answers.set(socket, answer);
    answer.on('close', () => {
      if (answers.get(socket) === answer) answers.set(socket, undefined);
    });
  }

  return {
    answerOf: (connection) => answers.get(connection),
    isAnswered: (connection) =>
      requests.get(connection)?.complete === false && answers.get(connection) === undefined,
    endWithNextAnswer() {
      for (const answer of answers.values()) {
        if (answer?.headersSent === false) answer.setHeader('Connection', 'close');
      }
    },
    cutAll() {
      const open = [...answers.keys()];
      for (const connection of open) connection.destroy();
      return open.length;
    },
    endIdle() {
      for (const [connection, answer] of answers) {
        if (answer === undefined) connection.destroy();
      }
    },
  };
}
