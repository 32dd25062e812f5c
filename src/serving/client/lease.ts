/** The client's side of `/lease`: a connection that keeps a server alive and shows when it ends. */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { parseLine } from '../../platform/files/lines.ts';
import {
  serverEndingSchema,
  serverReadySchema,
  type Announcement,
  type ServerReady,
} from '../../protocol/server.ts';
import { isProcessAlive } from '../../runs/index.ts';

const lineSchema = z.union([serverReadySchema, serverEndingSchema]);

/** Limit of waiting: a living server answers at once. */
const ANSWER_MS = 5000;

export interface Lease {
  pid: number;
  token: string;
  ready: ServerReady;
  /** Resolves when the connection ends: true if the server ended by itself or this client released it, else false. */
  ended: Promise<boolean>;
  /** Closes the connection. */
  release(): void;
}

/** Holds the announced server; undefined if there is none that accepts the token. */
export function holdServer({ pid, port, token }: Announcement): Promise<Lease | undefined> {
  // If the server has died, another program may have its port: do not ask that one.
  if (!isProcessAlive(pid)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/lease',
      // No connection pool: the connection is the lease.
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    });
    const giveUp = () => {
      asked.destroy();
      resolve(undefined);
    };
    const timer = setTimeout(giveUp, ANSWER_MS);
    asked.on('error', giveUp);
    asked.once('response', (response) => {
      if (response.statusCode !== 200) return giveUp();
      let byItself = false;
      const ended = new Promise<boolean>((end) => response.once('close', () => end(byItself)));
      const lines = createInterface({ input: response });
      // The line reader also reports a broken connection; `close` follows.
      for (const source of [response, lines]) source.on('error', () => undefined);
      lines.on('line', (text) => {
        const line = parseLine(lineSchema, text);
        if (line.ok && line.value.type === 'ending') byItself = true;
        else if (line.ok && line.value.type === 'ready') {
          clearTimeout(timer);
          const release = () => {
            byItself = true;
            asked.destroy();
          };
          resolve({ pid, token, ready: line.value, ended, release });
        }
      });
      void ended.then(giveUp);
    });
    asked.end();
  });
}
