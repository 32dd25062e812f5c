/** A client's side of `/lease`: a connection that keeps a server alive, and tells when it ends. */
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { parseLine } from '../../protocol/lines.ts';
import {
  serverEndingSchema,
  serverReadySchema,
  type Announcement,
  type ServerReady,
} from '../../protocol/server.ts';
import { isProcessAlive } from '../../runs/index.ts';

const lineSchema = z.union([serverReadySchema, serverEndingSchema]);

/** A server that lives answers at once. */
const ANSWER_MS = 5000;

export interface Lease {
  pid: number;
  token: string;
  ready: ServerReady;
  /** Resolves when the connection is gone: true where the server ended by itself, or this client let it go. */
  ended: Promise<boolean>;
  /** Gives it up. */
  release(): void;
}

/** Holds the server that was announced; undefined where there is none that takes the token any more. */
export function holdServer({ pid, port, token }: Announcement): Promise<Lease | undefined> {
  // Another program may have its port by now: that is not asked.
  if (!isProcessAlive(pid)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/lease',
      // No pool: the connection is the lease.
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
      // The reader tells of a connection that broke, too; `close` comes after it.
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
