import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The open connections of a server, each with the answer that it waits for. */
export interface Connections {
  answerOf(connection: Duplex): ServerResponse | undefined;
  /** Lets the next answer of each connection be its last. */
  endWithNextAnswer(): void;
  /** Ends what waits for no answer, silent ones too: those Node itself counts as busy. */
  endIdle(): void;
}

export function trackConnections(server: Server): Connections {
  const answers = new Map<Duplex, ServerResponse | undefined>();
  server.on('connection', (connection) => {
    answers.set(connection, undefined);
    connection.on('close', () => answers.delete(connection));
  });
  server.on('request', ({ socket }, answer) => {
    answers.set(socket, answer);
    answer.on('close', () => {
      if (answers.get(socket) === answer) answers.set(socket, undefined);
    });
  });

  return {
    answerOf: (connection) => answers.get(connection),
    endWithNextAnswer() {
      for (const answer of answers.values()) {
        if (answer?.headersSent === false) answer.setHeader('Connection', 'close');
      }
    },
    endIdle() {
      for (const [connection, answer] of answers) {
        if (answer === undefined) connection.destroy();
      }
    },
  };
}
