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

/** A live server answers at once. */
const TIMEOUT_MS = 5000;

export interface Lease {
  pid: number;
  token: string;
  /** As the server said last. */
  ready: ServerReady;
  /**
   * Resolves when the connection ends: true if the server shut down or this client released it, false after a crash.
   */
  ended: Promise<boolean>;
  /** Closes the connection. */
  release(): void;
}

/**
 * Holds the announced server; undefined if there is none that accepts the token. `onMoved` is called when it computes
 * on another device later.
 */
export function holdServer(
  { pid, port, token }: Announcement,
  onMoved?: (ready: ServerReady) => void,
): Promise<Lease | undefined> {
  // If the server has died, another program may use its port by now.
  if (!isProcessAlive(pid)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const connection = request({
      host: '127.0.0.1',
      port,
      path: '/lease',
      // No connection pool: the connection is the lease.
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    });
    const giveUp = () => {
      connection.destroy();
      resolve(undefined);
    };
    const timer = setTimeout(giveUp, TIMEOUT_MS);
    connection.on('error', giveUp);
    connection.once('response', (response) => {
      if (response.statusCode !== 200) return giveUp();
      let wasExpected = false;
      let lease: Lease | undefined;
      const ended = new Promise<boolean>((end) => response.once('close', () => end(wasExpected)));
      const lines = createInterface({ input: response });
      // The line reader also reports a broken connection; `close` follows.
      for (const source of [response, lines]) source.on('error', () => undefined);
      lines.on('line', (text) => {
        const line = parseLine(lineSchema, text);
        if (!line.ok) return;
        const said = line.value;
        if (said.type === 'ending') wasExpected = true;
        else if (lease) {
          lease.ready = said;
          onMoved?.(said);
        } else {
          clearTimeout(timer);
          const release = () => {
            wasExpected = true;
            connection.destroy();
          };
          lease = { pid, token, ready: said, ended, release };
          resolve(lease);
        }
      });
      void ended.then(giveUp);
    });
    connection.end();
  });
}
