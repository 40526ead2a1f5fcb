import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

const BYTE_EVERY_MS = 500;

/** A client that takes its time. */
export interface SlowSocket {
  /** Statuses of the answers that it was given. */
  statuses(): number[];
  /** From the connection until the service ended it; `undefined` while it is open. */
  openForMs(): number | undefined;
  cut(): void;
}

/** Sends `head` at once and then a byte every half a second, for as long as somebody listens. */
export async function trickle(url: string, head: string): Promise<SlowSocket> {
  const socket = await open(url);
  const client = watch(socket);
  socket.write(head);
  const bytes = setInterval(() => {
    if (socket.writable) socket.write('a');
  }, BYTE_EVERY_MS);
  socket.on('close', () => clearInterval(bytes));
  return client;
}

/** Asks, and never reads an answer. */
export async function askOnly(url: string, requests: string): Promise<SlowSocket> {
  const socket = await open(url);
  const client = watch(socket);
  socket.pause();
  socket.write(requests);
  return client;
}

async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

function watch(socket: Socket): SlowSocket {
  const openedAt = performance.now();
  let openForMs: number | undefined;
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  // A reset is one of the ends that it may come to.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    openForMs = performance.now() - openedAt;
  });
  return {
    statuses: () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)),
    openForMs: () => openForMs,
    cut: () => void socket.destroy(),
  };
}

/** How many sockets a process has open, as Linux lists them. */
export function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false; // closed since it was listed
  }
}
